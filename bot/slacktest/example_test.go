package slacktest_test

import (
	"context"
	"fmt"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// echo is the bot under test: it answers each command in the channel.
func echo(ctx context.Context, api *slack.Client) {
	client := socketmode.New(api)
	go func() { _ = client.RunContext(ctx) }()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-client.Events:
			if command, ok := e.Data.(slack.SlashCommand); ok {
				_ = client.Ack(*e.Request)
				_, _, _ = client.PostMessageContext(ctx, command.ChannelID, slack.MsgOptionText("You said: "+command.Text, false))
			}
		}
	}
}

func Example() {
	s := slacktest.NewServer()
	defer s.Close()
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	go echo(ctx, slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(s.URL())))

	// Someone types a command once the bot is connected.
	_ = s.WaitFor(ctx, func() bool { return s.Connections() > 0 })
	delivery, _ := s.Slash(slacktest.Ada, slacktest.General, "/echo hello").Wait(ctx)
	fmt.Println(delivery.State)

	// Everyone in the channel can read the answer.
	_ = s.WaitFor(ctx, func() bool { return len(s.History(slacktest.General)) > 0 })
	fmt.Println(s.History(slacktest.General)[0].Text)
	// Output:
	// acknowledged
	// You said: hello
}

func ExampleServer_Slash() {
	s := slacktest.NewServer()
	defer s.Close()
	ctx := context.Background()

	// No connection is open, so Slack cannot deliver the command.
	failed, _ := s.Slash(slacktest.Ada, slacktest.General, "/echo hello").Wait(ctx)
	fmt.Println(failed.State)

	// A member of another organisation can't even type it.
	refused, _ := s.Slash(slacktest.Foreign, slacktest.General, "/echo hello").Wait(ctx)
	fmt.Println(refused.State)
	// Output:
	// dispatch_failed
	// not_offered
}

func ExampleServer_View() {
	s := slacktest.NewServer()
	defer s.Close()
	api := slack.New(slacktest.BotToken, slack.OptionAPIURL(s.URL()))

	s.Say(slacktest.Grace, slacktest.General, "Who cancelled it?")
	_, _, _ = api.PostMessage(slacktest.General, slack.MsgOptionText("<@U0ADA> did", false))
	_, _ = api.PostEphemeral(slacktest.General, slacktest.Ada, slack.MsgOptionText("You can undo it", false))

	name := func(id string) string { u, _ := s.User(id); return u.Name }
	for _, m := range s.View(slacktest.Ada, slacktest.General) {
		fmt.Printf("%s: %s\n", name(m.Author), slacktest.Plain(m, name, time.UTC))
	}
	fmt.Println(len(s.View(slacktest.Grace, slacktest.General)), "for Grace")
	// Output:
	// grace: Who cancelled it?
	// cancelbot: @ada did
	// cancelbot: You can undo it
	// 2 for Grace
}

func ExampleServer_Break() {
	s := slacktest.NewServer()
	defer s.Close()
	api := slack.New(slacktest.BotToken, slack.OptionAPIURL(s.URL()))

	// The message is posted, but its answer is lost.
	s.Break(slacktest.Fault{Method: "chat.postMessage", Times: 1, Cut: true, AfterEffect: true})
	_, _, err := api.PostMessage(slacktest.General, slack.MsgOptionText("once", false))
	fmt.Println(err != nil, len(s.History(slacktest.General)))

	// Everything is answered with a 503, until the fault is cleared.
	s.Break(slacktest.Fault{Status: 503})
	_, err = api.AuthTest()
	fmt.Println(err)
	s.ClearFaults()
	who, _ := api.AuthTest()
	fmt.Println(who.Team)
	for _, c := range s.Calls() {
		fmt.Println(c.Method, c.Answer)
	}
	// Output:
	// true 1
	// slack server error: 503 Service Unavailable
	// Acme
	// chat.postMessage cut
	// auth.test 503
	// auth.test ok
}

func ExampleValidateBlocks() {
	blocks := `[{"type":"section","text":{"type":"mrkdwn","text":"hello","emoji":true}}]`
	for _, p := range slacktest.ValidateBlocks([]byte(blocks), slacktest.InMessage) {
		fmt.Println(p)
	}
	// Output: /0/text/emoji: unknown field: emoji
}

func ExampleFormatDate() {
	now := time.Date(2026, 3, 1, 21, 40, 0, 0, time.UTC)
	fmt.Println(slacktest.FormatDate(now.Add(-9*time.Minute), "{date_short_pretty} at {time}", now))
	fmt.Println(slacktest.FormatDate(now.AddDate(0, 0, -9), "{date_short_pretty} at {time}", now))
	// Output:
	// Today at 9:31 PM
	// Feb 20, 2026 at 9:40 PM
}
