// Package sandbox lets a person try the bot without Slack and Chamelio: it
// starts both stand-ins and the real bot against them, over loopback. A page
// in the browser (web.go) or a terminal (terminal.go) shows what people in
// Slack would see.
package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Bot makes the command that runs the bot as a process of its own, so that it
// can be killed like one. The bot takes its configuration from the environment
// that the engine adds, and ends in good order when its standard input does.
type Bot func() (*exec.Cmd, error)

// Engine is the two stand-ins and a bot between them. Fronts act on and read
// from the stand-ins only.
type Engine struct {
	Slack    *slacktest.Server
	Chamelio *chameliotest.Server

	dir     string
	command Bot

	mu      sync.Mutex
	running *process // nil while there is none
	policy  []string // the environment of the policy that is tried
}

// process is one life of the bot.
type process struct {
	cmd   *exec.Cmd
	input io.Closer
	ended chan struct{}
	err   error // once ended
}

const (
	startLimit = 15 * time.Second
	stopLimit  = 10 * time.Second
)

// Start starts everything and returns once the bot is connected. Close it.
func Start(ctx context.Context, command Bot) (*Engine, error) {
	dir, err := os.MkdirTemp("", "cancelbot-sandbox-")
	if err != nil {
		return nil, fmt.Errorf("making room for the journal: %w", err)
	}
	e := &Engine{Slack: slacktest.NewServer(), Chamelio: chameliotest.NewServer(), dir: dir, command: command}
	e.Slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read")
	if err := e.StartBot(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// StartBot starts the bot, unless it runs, and waits until it is connected.
func (e *Engine) StartBot(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alive() {
		return nil
	}
	cmd, err := e.command()
	if err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	cmd.Env = append(cmd.Env,
		"SLACK_API_URL="+e.Slack.URL(), "SLACK_APP_TOKEN="+slacktest.AppToken, "SLACK_BOT_TOKEN="+slacktest.BotToken,
		"CHAMELIO_BASE_URL="+e.Chamelio.URL(), "CHAMELIO_API_KEY="+chameliotest.Key, "CHAMELIO_TIMEOUT=5s",
		"DATABASE_URL=sqlite:"+filepath.Join(e.dir, "cancelbot.db"), "LOG_LEVEL=warn", "SHUTDOWN_GRACE=5s", "COMMANDS_PER_MINUTE=1000",
	)
	cmd.Env = append(cmd.Env, e.policy...)
	var said bytes.Buffer
	cmd.Stderr = &said
	input, err := cmd.StdinPipe()
	if err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	p := &process{cmd: cmd, input: input, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		if err := cmd.Wait(); err != nil {
			p.err = fmt.Errorf("the bot ended: %w\n%s", err, lastLines(said.String(), 5))
		}
	}()
	e.running = p
	waiting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	before := e.Slack.Opened()
	stop := context.AfterFunc(ctx, func() { _ = input.Close() })
	defer stop()
	for {
		changed := e.Slack.Changed()
		if e.Slack.Opened() > before {
			return nil
		}
		select {
		case <-changed:
		case <-p.ended:
			return p.err
		case <-waiting.Done():
			return fmt.Errorf("the bot does not connect: %w", waiting.Err())
		}
	}
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// alive reports whether the bot runs. Called with mu held.
func (e *Engine) alive() bool {
	if e.running == nil {
		return false
	}
	select {
	case <-e.running.ended:
		return false
	default:
		return true
	}
}

// Alive reports whether the bot runs.
func (e *Engine) Alive() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.alive()
}

// Ended is closed when the bot that runs now has ended.
func (e *Engine) Ended() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.running.ended
}

// Kill ends the bot as kill -9 does.
func (e *Engine) Kill() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.alive() {
		_ = e.running.cmd.Process.Kill()
		<-e.running.ended
	}
}

// SetPolicy restarts the bot, in good order, under another policy.
func (e *Engine) SetPolicy(ctx context.Context, environment ...string) error {
	_ = e.stop()
	e.mu.Lock()
	e.policy = environment
	e.mu.Unlock()
	return e.StartBot(ctx)
}

// stop ends the bot in good order and returns its last word.
func (e *Engine) stop() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running == nil {
		return nil
	}
	_ = e.running.input.Close()
	timer := time.AfterFunc(stopLimit, func() { _ = e.running.cmd.Process.Kill() })
	defer timer.Stop()
	<-e.running.ended
	return e.running.err
}

// Close stops the bot, then the stand-ins, and returns the bot's last word.
func (e *Engine) Close() error {
	err := e.stop()
	e.Slack.Close()
	e.Chamelio.Close()
	_ = os.RemoveAll(e.dir)
	return err
}
