// Package sandbox lets a person try the bot without Slack and Chamelio: it
// starts both stand-ins and the real bot against them, over loopback.
package sandbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Settings are what the bot needs to run against the stand-ins.
type Settings struct {
	SlackAPIURL, SlackAppToken, SlackBotToken string
	ChamelioURL, ChamelioAPIKey               string
	DatabaseURL                               string
	Log                                       *slog.Logger
}

// Serve runs the bot until ctx ends.
type Serve func(context.Context, Settings) error

// Engine is the two stand-ins and a bot between them. Fronts (the terminal)
// act on and read from the stand-ins only.
type Engine struct {
	Slack    *slacktest.Server
	Chamelio *chameliotest.Server

	dir   string
	serve Serve
	stop  context.CancelFunc
	ended chan error
}

// Start starts everything and returns once the bot is connected. Close it.
func Start(ctx context.Context, serve Serve) (*Engine, error) {
	dir, err := os.MkdirTemp("", "cancelbot-sandbox-")
	if err != nil {
		return nil, fmt.Errorf("making room for the journal: %w", err)
	}
	e := &Engine{Slack: slacktest.NewServer(), Chamelio: chameliotest.NewServer(), dir: dir, serve: serve}
	e.startBot(ctx)
	waiting, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	if err := e.Slack.WaitFor(waiting, func() bool { return e.Slack.Connections() > 0 || len(e.ended) > 0 }); err != nil || len(e.ended) > 0 {
		return nil, fmt.Errorf("starting the bot: %w", e.Close())
	}
	return e, nil
}

func (e *Engine) startBot(ctx context.Context) {
	ctx, e.stop = context.WithCancel(ctx)
	e.ended = make(chan error, 1)
	go func() {
		e.ended <- e.serve(ctx, Settings{
			SlackAPIURL: e.Slack.URL(), SlackAppToken: slacktest.AppToken, SlackBotToken: slacktest.BotToken,
			ChamelioURL: e.Chamelio.URL(), ChamelioAPIKey: chameliotest.Key,
			DatabaseURL: "sqlite:" + filepath.Join(e.dir, "cancelbot.db"),
			Log:         slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
	}()
}

// Close stops the bot, then the stand-ins, and returns the bot's last word.
func (e *Engine) Close() error {
	e.stop()
	err := <-e.ended
	e.Slack.Close()
	e.Chamelio.Close()
	_ = os.RemoveAll(e.dir)
	return err
}
