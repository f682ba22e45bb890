package socketmode_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

func Example() {
	slack := slacktest.NewServer() // in place of Slack
	defer slack.Close()

	client, err := socketmode.New(socketmode.Options{
		AppToken: slacktest.AppToken,
		APIURL:   slack.URL(),
		Handler: socketmode.HandlerFunc(func(e socketmode.Envelope) (any, func()) {
			return map[string]string{"text": "On it!"}, func() { fmt.Println("working on a command of type", e.Type) }
		}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- client.Run(ctx) }()

	if err := slack.WaitFor(ctx, func() bool { return client.Open() > 0 }); err != nil {
		fmt.Println(err)
	}
	delivery, _ := slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345").Wait(ctx)
	fmt.Println(delivery.State)

	cancel()
	fmt.Println(<-ended)
	// Unordered output:
	// working on a command of type slash_commands
	// acknowledged
	// <nil>
}

func ExampleCheckToken() {
	slack := slacktest.NewServer()
	defer slack.Close()

	err := socketmode.CheckToken(context.Background(), socketmode.Options{AppToken: "xapp-1-mistyped", APIURL: slack.URL()})
	if errors.Is(err, socketmode.ErrTokenRefused) {
		fmt.Println(err)
	}
	// Output: Slack refuses the app-level token: apps.connections.open: invalid_auth
}

func ExampleProbe() {
	slack := slacktest.NewServer()
	defer slack.Close()

	seen, err := socketmode.Probe(context.Background(), socketmode.Options{AppToken: slacktest.AppToken, APIURL: slack.URL()})
	fmt.Println(seen.Hello.AppID, err)
	// Output: A012CANCEL <nil>
}

func ExampleClassify() {
	for _, code := range []string{"token_revoked", "missing_scope", "internal_error", "channel_not_found"} {
		fmt.Println(code, "→", socketmode.Classify(code))
	}
	// Output:
	// token_revoked → token refused
	// missing_scope → configuration
	// internal_error → transient
	// channel_not_found → other
}
