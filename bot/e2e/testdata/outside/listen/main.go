// Listens to an app's slash commands and answers each "got it".
package main

import (
	"context"
	"log"
	"os"
	"os/signal"

	"github.com/cancelbot/cancelbot/bot/socketmode"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	client, err := socketmode.New(socketmode.Options{
		APIURL:   os.Getenv("SLACK_API_URL"),
		AppToken: os.Getenv("SLACK_APP_TOKEN"),
		Handler: socketmode.HandlerFunc(func(e socketmode.Envelope) (any, func()) {
			return map[string]string{"text": "got it"}, func() { log.Printf("%s: %s", e.Type, e.Payload) }
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := client.Run(ctx); err != nil {
		log.Fatal(err)
	}
}
