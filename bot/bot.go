// Package bot is cancelbot's Slack side: a person types /cancel-task, sees
// what the task is, confirms with a button, and the channel is told what came
// of it.
//
// The files follow the way of a command: listener.go and socket.go take
// envelopes from Slack, dispatch.go acknowledges them and finds them a
// worker, command.go answers a command with a prompt, confirmation.go signs
// what the prompt's buttons carry, decision.go turns a click into a decision,
// resolve.go brings the decision to its outcome, announcer.go tells the
// channel. messages.go holds every word that a person reads.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// DefaultSlackAPI is Slack's Web API.
const DefaultSlackAPI = slack.APIURL

// Tasks is what the bot needs of Chamelio. *chamelio.Client is one.
type Tasks interface {
	// Preview looks at a task for somebody who has not decided yet.
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Task looks at a task to learn what became of a decision.
	Task(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Cancel cancels a task, for good; before has the last word (chamelio.Client).
	Cancel(ctx context.Context, id chamelio.TaskID, before func(context.Context) error) error
}

// Journal is what the bot needs to remember. *journal.Journal is one.
type Journal interface {
	Claim(context.Context, journal.Decision) (winner journal.Decision, won bool, err error)
	Get(ctx context.Context, confirmationID string) (journal.Decision, error)
	Finish(ctx context.Context, confirmationID, outcome, detail string) error
	Abandon(ctx context.Context, confirmationID string) error
	Withdraw(context.Context, journal.Decision) (bool, error)

	Refused(context.Context, journal.Note) error
	AuditDue(ctx context.Context, limit int) ([]journal.Note, error)
	Audited(ctx context.Context, id string) error
	Backlog(context.Context) (due int, oldest time.Time, err error)

	Hold(ctx context.Context, confirmationID string) error
	Due(ctx context.Context, channel string) (journal.Decision, bool, error)
	DueChannels(context.Context) ([]string, error)
	Announced(ctx context.Context, confirmationID, messageTS string) error
	Postpone(ctx context.Context, confirmationID string, wait time.Duration) error

	Unfinished(ctx context.Context, limit int) ([]journal.Decision, error)
	Renew(context.Context) error
	Release(context.Context) error
	Lease() time.Duration
}

// Config says how a Bot behaves. The tokens are required; New fills in the
// zero values of the others.
type Config struct {
	AppToken secret.Value // xapp-…, for Socket Mode
	BotToken secret.Value // xoxb-…, for everything else
	SlackAPI string       // DefaultSlackAPI if empty

	Policy            Policy // who may cancel
	AuditChannel      string // the id of a channel that gets copies; none if empty
	CommandsPerMinute int    // for each person; 10 if zero

	Command      string        // the command's name; "/cancel-task" if empty
	TaskHosts    []string      // hosts whose task links are taken and shown; *.chamelio.ai besides
	Connections  int           // Socket Mode connections, 1 to 10; 2 if zero
	ConfirmTTL   time.Duration // how long a prompt can be confirmed, at most 30 min; 10 min if zero
	Grace        time.Duration // how long running decisions may finish at the end; 25 s if zero
	Patience     time.Duration // how long an unclear cancel is looked into; 2 min if zero
	Stagger      time.Duration // between the first connects; 2 s if zero
	AnnounceGap  time.Duration // between two announcements in one channel; 1 s if zero
	PreviewLimit time.Duration // how long a prompt waits for the task's details; 2 s if zero

	Transport http.RoundTripper     // to Slack; a clone of http.DefaultTransport if nil
	Metrics   prometheus.Registerer // counted for nobody if nil
	Traces    trace.TracerProvider  // traced for nobody if nil
	Log       *slog.Logger          // discarded if nil
	Now       func() time.Time      // by which prompts expire; time.Now if nil
}

// The ceiling of Config.ConfirmTTL, and how long after a click Slack still
// takes answers to it (api.slack.com/interactivity/handling).
const (
	MaxConfirmTTL   = 30 * time.Minute
	responseURLLife = 30 * time.Minute
)

// Bot is one process's share of the work. Several may run at once.
type Bot struct {
	cfg       Config
	log       *slog.Logger
	slack     *slack.Client
	respond   *responder
	tasks     Tasks
	journal   Journal
	policy    *policy
	limit     *personLimit
	metrics   *metrics
	trace     *tracer
	seal      sealer
	words     words
	dispatch  *dispatcher
	listener  *listener
	announcer *announcer
	auditor   *auditor
	resumed   *pool
	now       func() time.Time
	draining  atomic.Bool
}

// New checks the configuration and returns a Bot that is ready to Run.
func New(cfg Config, tasks Tasks, j Journal) (*Bot, error) {
	api, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if cfg.Transport == nil {
		cfg.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	client := &http.Client{
		Transport: cfg.Transport,
		Timeout:   20 * time.Second,
		// A redirect would carry a token to wherever the answer points.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	seal, err := newSealer(cfg.BotToken.Reveal())
	if err != nil {
		return nil, err
	}
	b := &Bot{
		cfg: cfg, log: cfg.Log, tasks: tasks, journal: j, seal: seal, now: cfg.Now,
		slack: slack.New(cfg.BotToken.Reveal(), slack.OptionAppLevelToken(cfg.AppToken.Reveal()),
			slack.OptionAPIURL(cfg.SlackAPI), slack.OptionHTTPClient(client)),
		respond: &responder{http: client, api: api},
		words:   words{command: cfg.Command, hosts: cfg.TaskHosts, channels: cfg.Policy.Channels},
		resumed: newPool(resumedAtOnce, resumedAtOnce, cfg.Log),
	}
	b.policy = newPolicy(cfg.Policy, b.slack)
	b.limit = newPersonLimit(cfg.CommandsPerMinute)
	b.metrics = newMetrics(cfg.Metrics, b)
	b.announcer = newAnnouncer(j, b.slack, b.respond, b.words, cfg.AnnounceGap, cfg.Log)
	b.auditor = &auditor{
		channel: cfg.AuditChannel, journal: j, slack: b.slack, announcer: b.announcer,
		words: b.words, gap: cfg.AnnounceGap, log: cfg.Log,
	}
	b.trace = newTracer(cfg.Traces)
	b.announcer.metrics, b.announcer.trace = b.metrics, b.trace
	b.dispatch = newDispatcher(b)
	b.listener = &listener{
		api: b.slack, insecure: api.Scheme == "http", count: cfg.Connections, stagger: cfg.Stagger,
		receive: b.dispatch.receive, metrics: b.metrics, log: cfg.Log,
	}
	return b, nil
}

func (c *Config) complete() (api *url.URL, err error) {
	orDefault(&c.SlackAPI, DefaultSlackAPI)
	orDefault(&c.Command, "/cancel-task")
	orDefault(&c.Connections, 2)
	orDefault(&c.CommandsPerMinute, 10)
	orDefault(&c.ConfirmTTL, 10*time.Minute)
	orDefault(&c.Grace, 25*time.Second)
	orDefault(&c.Patience, 2*time.Minute)
	orDefault(&c.Stagger, 2*time.Second)
	orDefault(&c.AnnounceGap, time.Second)
	orDefault(&c.PreviewLimit, 2*time.Second)
	orDefault(&c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	if !strings.HasSuffix(c.SlackAPI, "/") {
		c.SlackAPI += "/"
	}
	api, err = url.Parse(c.SlackAPI)
	switch {
	case err != nil || api.Host == "" || api.Scheme != "https" && !(api.Scheme == "http" && isLoopback(api.Hostname())):
		return nil, errors.New("SLACK_API_URL must be https (http is accepted on a loopback address only): tokens travel with every request")
	case !strings.HasPrefix(c.AppToken.Reveal(), "xapp-"):
		return nil, errors.New(`SLACK_APP_TOKEN must be an app-level token: it starts with "xapp-"`)
	case !strings.HasPrefix(c.BotToken.Reveal(), "xoxb-"):
		return nil, errors.New(`SLACK_BOT_TOKEN must be a bot token: it starts with "xoxb-"`)
	case c.Connections < 1 || c.Connections > 10:
		return nil, errors.New("SLACK_CONNECTIONS must be 1 to 10")
	case c.ConfirmTTL < 10*time.Second || c.ConfirmTTL > MaxConfirmTTL:
		return nil, errors.New("CONFIRM_TTL must be 10s to 30m")
	case c.CommandsPerMinute < 1:
		return nil, errors.New("COMMANDS_PER_MINUTE must be 1 or more")
	case c.AuditChannel != "" && !channelID.MatchString(c.AuditChannel):
		return nil, errors.New("AUDIT_CHANNEL is no id of a channel: they look like C012AB3CD")
	case !strings.HasPrefix(c.Command, "/") || len(c.Command) < 2 || strings.ContainsAny(c.Command, " \t\n<>&`*_~|"):
		return nil, errors.New(`SLACK_COMMAND must be one word that starts with "/"`)
	}
	return api, c.Policy.complete()
}

func orDefault[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Workspace says where the bot is installed.
type Workspace struct {
	Team, TeamID, BotUser string
}

// Workspace asks Slack (auth.test) whether the bot token is good, and where
// for. A *TokenError if Slack refuses it.
func (b *Bot) Workspace(ctx context.Context) (Workspace, error) {
	who, err := b.slack.AuthTestContext(ctx)
	if err != nil {
		if tokenRefused(err) {
			return Workspace{}, &TokenError{Variable: "SLACK_BOT_TOKEN", Err: err}
		}
		return Workspace{}, fmt.Errorf("asking Slack who we are (auth.test): %w", err)
	}
	return Workspace{Team: who.Team, TeamID: who.TeamID, BotUser: who.User}, nil
}

// Run serves until ctx ends, then drains: nothing new is begun, decisions
// under way finish within Config.Grace, and the connections close last. What
// is cut off stands in the journal; the next start, or another replica, goes
// on with it. Run returns nil after ctx, and a *TokenError if Slack refuses
// the app token. No goroutine outlives it.
func (b *Bot) Run(ctx context.Context) error {
	detached := context.WithoutCancel(ctx)
	working, stopWork := context.WithCancel(detached)
	defer stopWork()
	connected, disconnect := context.WithCancel(detached)
	defer disconnect()

	var keepers waitGroup
	keepers.run(working, b.announcer.run)
	keepers.run(working, b.auditor.run)
	keepers.run(working, b.keepLeases)
	keepers.run(working, b.resumeAbandoned)
	b.dispatch.start(working)

	listening := make(chan error, 1)
	go func() { listening <- b.listener.run(connected) }()

	var failed error
	select {
	case <-ctx.Done():
		b.log.Info("stopping", "grace", b.cfg.Grace)
	case failed = <-listening:
	}
	b.drain(stopWork)
	keepers.Wait()
	disconnect()
	if failed == nil {
		failed = <-listening
	}
	b.dispatch.refusals.close()
	b.dispatch.refusals.wait(context.Background())
	b.release(detached)
	b.slackIdle()
	return failed
}

// drain waits for what is under way, at most Config.Grace, then cuts it off.
func (b *Bot) drain(stopWork context.CancelFunc) {
	b.draining.Store(true)
	grace, cancel := context.WithTimeout(context.Background(), b.cfg.Grace)
	defer cancel()
	b.resumed.close()
	b.dispatch.close()
	finished := b.dispatch.wait(grace) && b.resumed.wait(grace) && b.announcer.drain(grace)
	if !finished {
		b.log.Warn("stopped before everything was done; the next start goes on with it")
	}
	stopWork()
	b.dispatch.wait(context.Background())
	b.resumed.wait(context.Background())
}

// release hands what is left to whoever comes next, without making them wait
// for our leases to run out.
func (b *Bot) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := b.journal.Release(ctx); err != nil {
		b.log.Warn("leases stay until they run out", "error", err)
	}
}

func (b *Bot) slackIdle() { b.respond.http.CloseIdleConnections() }
