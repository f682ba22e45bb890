// Package sandbox lets a person try the bot without Slack and Chamelio: it
// starts a fake of each, and the real bot against them, over loopback. A page
// in the browser (web.go) or a terminal (terminal.go) shows what people in
// Slack would see.
package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Bot makes the command that runs the bot as a process that can be killed. The bot takes its configuration from the environment
// that the engine adds, and stops when its standard input ends.
type Bot func() (*exec.Cmd, error)

// Engine is the two fakes and the bot between them: one process of it, or
// several on one journal. Fronts act on the fakes and read from them only.
type Engine struct {
	Slack    *slacktest.Server
	Chamelio *chameliotest.Server

	dir      string
	command  Bot
	record   *record
	stopPoll context.CancelFunc
	polling  sync.WaitGroup

	changing sync.Mutex // one start or stop at a time

	mu       sync.Mutex
	replicas []*replica // in the order of their starts, ended ones too
	settings []string   // the environment of what is tried
}

const (
	startLimit = time.Minute // on a machine that has much else to do
	stopLimit  = 10 * time.Second
)

// Start starts everything and returns once the bot is connected. Close it.
func Start(ctx context.Context, command Bot, settings ...string) (*Engine, error) {
	dir, err := os.MkdirTemp("", "cancelbot-sandbox-")
	if err != nil {
		return nil, fmt.Errorf("making room for the journal: %w", err)
	}
	e := &Engine{
		Slack: slacktest.NewServer(), Chamelio: chameliotest.NewServer(), dir: dir, command: command,
		record: newRecord(), settings: settings, stopPoll: func() {},
	}
	e.Slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read")
	if err := e.StartBot(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	polling, stop := context.WithCancel(context.Background())
	e.stopPoll = stop
	e.polling.Go(func() { e.pollJournal(polling) })
	e.polling.Go(func() { e.pollMetrics(polling) })
	return e, nil
}

func (e *Engine) databaseURL() string { return "sqlite:" + filepath.Join(e.dir, "cancelbot.db") }

// StartBot starts the bot, unless one runs, and waits until it is connected.
func (e *Engine) StartBot(ctx context.Context) error {
	if e.Alive() {
		return nil
	}
	_, err := e.StartReplica(ctx)
	return err
}

// StartReplica starts one more process of the bot and waits until it is
// connected.
func (e *Engine) StartReplica(ctx context.Context) (*replica, error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	cmd, err := e.command()
	if err != nil {
		return nil, fmt.Errorf("starting the bot: %w", err)
	}
	cmd.Env = append(cmd.Env,
		"SLACK_API_URL="+e.Slack.URL(), "SLACK_APP_TOKEN="+slacktest.AppToken, "SLACK_BOT_TOKEN="+slacktest.BotToken,
		"CHAMELIO_API_URL="+e.Chamelio.URL(), "CHAMELIO_API_KEY="+chameliotest.Key, "CHAMELIO_TIMEOUT=5s", "CANCEL_POLICY=members",
		"DATABASE_URL="+e.databaseURL(), "HTTP_ADDR=127.0.0.1:0",
		"LOG_LEVEL=info", "LOG_FORMAT=json", "SHUTDOWN_GRACE=5s", "COMMANDS_PER_MINUTE=1000", "OPERATOR_CONTACT="+slacktest.Linus,
	)
	e.mu.Lock()
	cmd.Env = append(cmd.Env, e.settings...)
	number := len(e.replicas) + 1
	e.mu.Unlock()
	before := e.Slack.Opened()
	r, err := startReplica(cmd, number, e.record)
	if err != nil {
		return nil, fmt.Errorf("starting the bot: %w", err)
	}
	e.mu.Lock()
	e.replicas = append(e.replicas, r)
	e.mu.Unlock()
	waiting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		changed := e.Slack.Changed()
		if e.Slack.Opened() > before {
			return r, nil
		}
		select {
		case <-changed:
		case <-r.ended:
			return nil, fmt.Errorf("the bot ended as soon as it was started: %w", r.err)
		case <-waiting.Done():
			_ = r.cmd.Process.Kill()
			<-r.ended
			return nil, fmt.Errorf("the bot doesn't connect: %w", waiting.Err())
		}
	}
}

// Living lists the processes that run.
func (e *Engine) Living() []*replica {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(e.replicas), func(r *replica) bool { return !r.alive() })
}

// Alive reports whether the bot runs.
func (e *Engine) Alive() bool { return len(e.Living()) > 0 }

// Ended is closed when the process that was started last has ended.
func (e *Engine) Ended() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.replicas[len(e.replicas)-1].ended
}

// Kill ends a process as kill -9 does, and records what it left behind, at the time
// of the signal: a process that waits for its disk ends only later.
func (e *Engine) Kill(r *replica) {
	if !r.alive() {
		return
	}
	at := time.Now()
	_ = r.cmd.Process.Kill()
	<-r.ended
	e.record.event(at, "killed", r.number, fmt.Sprintf("Replica %d was killed (SIGKILL). %s", r.number, e.leftBehind()))
}

// KillAll ends every process as kill -9 does.
func (e *Engine) KillAll() {
	for _, r := range e.Living() {
		e.Kill(r)
	}
}

// Stop stops a process as SIGTERM does, and returns how it ended.
func (e *Engine) Stop(r *replica) error {
	if r.alive() {
		e.record.event(time.Now(), "stopping", r.number, fmt.Sprintf("Replica %d was told to stop.", r.number))
	}
	_ = r.input.Close()
	timer := time.AfterFunc(stopLimit, func() { _ = r.cmd.Process.Kill() })
	defer timer.Stop()
	<-r.ended
	return r.err
}

// Set makes one process run with these settings. Nothing is restarted where
// that is so already.
func (e *Engine) Set(ctx context.Context, settings ...string) error {
	living := e.Living()
	e.mu.Lock()
	same := slices.Equal(settings, e.settings)
	e.settings = settings
	e.mu.Unlock()
	if same && len(living) == 1 {
		return nil
	}
	_ = e.stopAll() // what they left undone, the next one goes on with
	_, err := e.StartReplica(ctx)
	return err
}

// stopAll stops all processes, and returns how they ended.
func (e *Engine) stopAll() error {
	var last error
	for _, r := range e.Living() {
		last = errors.Join(last, e.Stop(r))
	}
	return last
}

// Close stops the bot, then the fakes, and returns how the bot ended.
func (e *Engine) Close() error {
	e.stopPoll()
	e.polling.Wait()
	err := e.stopAll()
	e.Slack.Close()
	e.Chamelio.Close()
	_ = os.RemoveAll(e.dir)
	return err
}
