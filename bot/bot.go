// Package bot is cancelbot's Slack side: someone types /cancel-task, sees the
// task, confirms with a button, and the bot announces the outcome in the
// channel.
//
// Read the files in the order of a command: router.go finds a worker for each
// envelope, command.go answers a command with a prompt, click.go checks a
// click on one of its buttons. internal/carry turns the click into a decision
// and carries it to its announcement, following internal/decision. docs/design
// has the laws.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Tasks is the part of Chamelio's API that the bot needs. *chamelio.Client
// implements it.
type Tasks interface {
	carry.Tasks
	taskGetter
	// Address returns where the tasks are. Prompts and the journal's rows are about the
	// tasks at this address only.
	Address() string
	// Connect makes sure that a connection to Chamelio is open.
	Connect(context.Context) error
	// SetShare sets how many replicas share the key's rate limit.
	SetShare(replicas int)
}

// Journal is the part of the journal that the bot needs. *journal.Journal
// implements it.
type Journal interface {
	carry.Journal
	notes
	refusals
	openRequests
	presence
	oldRows
	past
	signed.Store
	// Trust makes the journal seal what it writes and return only what verifies.
	Trust(s journal.Seals, report func(journal.Unverified))
	// ReturnSetAside returns rows whose keys have become known.
	ReturnSetAside(context.Context) (int, error)
	// ForgetSigningKeys deletes keys of other tokens that were kept for long enough.
	ForgetSigningKeys(context.Context) error
}

// presence is how replicas know about each other.
type presence interface {
	Beat(ctx context.Context, serving bool) (alive, othersServing int, err error)
	ClockOffset(context.Context) (clock.Offset, error)
	Leave(context.Context) error
	Healthy(context.Context) error
	Backlog(context.Context) (decision.Backlog, error)
}

// slackTimeout bounds a call to Slack, unless a shorter limit applies.
const slackTimeout = 20 * time.Second

// maxSlackAnswer bounds an answer of Slack, in bytes. The largest has the members of a
// usergroup: this is enough for 280,000 of them.
const maxSlackAnswer = 4 << 20

// Bot is one replica. Several may run at once.
type Bot struct {
	cfg      Config
	log      *slog.Logger
	slack    *slackapi.Client
	signer   signed.Signer
	http     *http.Client // for Socket Mode, which uses its transport's dialer
	calls    *http.Client // for everything else
	journal  Journal
	tasks    Tasks
	metrics  *observe.Metrics
	gate     *gate
	router   *router
	socket   *socketmode.Client
	carrier  *carry.Carrier
	lanes    *lanes // of requests; its group has the audit copies, too
	pulse    pulse
	audits   *auditor // nil without an audit channel
	loops    []*work.Loop
	beats    *work.Loop
	working  context.Context // of the workers of commands and clicks
	stopWork context.CancelCauseFunc
	appID    atomic.Value // string: as hello said
	draining atomic.Bool
	replicas atomic.Int32 // live, this one included; 0 before the first beat
	others   atomic.Int32 // other replicas that accept envelopes
	clock    *journalClock
}

// New returns a Bot that is ready to Run. The error is a ConfigError if the
// configuration is wrong.
func New(cfg Config, tasks Tasks, j Journal) (*Bot, error) {
	api, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	b := &Bot{cfg: cfg, log: cfg.Log, journal: j, tasks: tasks, clock: newJournalClock(cfg.Now)}
	sign, err := signed.NewSigner(cfg.BotToken.Reveal(), tasks.Address(), j, b.now)
	if err != nil {
		return nil, err
	}
	b.working, b.stopWork = context.WithCancelCause(context.Background())
	b.http = &http.Client{
		Transport: cfg.Transport,
		Timeout:   slackTimeout,
		// A redirect would send a token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	b.signer = sign
	b.calls = &http.Client{
		Transport:     transport.Within(slackTimeout, maxSlackAnswer, transport.InWholeSeconds(cfg.Transport)),
		CheckRedirect: b.http.CheckRedirect,
	}
	b.slack = slackapi.NewClient(cfg.BotToken.Reveal(), cfg.SlackAPI, b.calls)
	b.metrics = newMetrics(cfg.Metrics)
	sign.OnBrokenKeys(func(err error) { b.unverified(journal.Unverified{Table: journal.Keys, Why: err}) })
	j.Trust(sign, b.unverified)
	b.wire(api, sign)
	b.socket, err = socketmode.New(b.socketOptions())
	if err != nil {
		return nil, fmt.Errorf("preparing Socket Mode: %w", err)
	}
	b.metrics.Watch(b.live())
	return b, nil
}

// wire makes the parts, each after those that it needs.
func (b *Bot) wire(api *url.URL, sign signed.Signer) {
	cfg, j, log := b.cfg, b.journal, b.log
	words := newTexts(cfg)
	post := slackapi.NewPoster(b.slack, b.calls, api)
	meters := b.metrics
	spans := observe.NewTracer(cfg.Traces)
	details := carry.NewDetails(b.tasks, b.mentions())
	b.carrier = carry.New(carry.Options{
		Protocol: cfg.protocol(), Journal: j, Chamelio: b.tasks, Details: details, Poster: post, Signer: sign, Texts: words,
		Metrics: meters, Tracer: spans, Log: log,
	}, carry.Clocks{Journal: b.now, Own: cfg.Now, Steady: b.clock.steady})
	b.gate = &gate{
		checker: policy.NewChecker(cfg.Policy, b.slack, peopleOn(b.tasks), cfg.FactsMaxAge), journal: j,
		known: make(chan struct{}), appID: b.app, now: b.now, aside: b.carrier.Aside,
	}
	judged, warned := newJudging(), work.NewLimit(warningsPerMinute)
	paused := pauseSwitch{j}
	began := trying{since: time.Now(), least: cfg.protocol().TryFor}
	asked := &requests{
		journal: j, carrier: b.carrier, judging: judged, poster: post, signer: sign, texts: words,
		remind: cfg.RemindBefore, now: b.now, trying: began, log: log, lanes: newLanes(log),
	}
	b.lanes = asked.lanes
	b.router = b.newRouter(&commands{
		prompter: &prompter{
			gate: b.gate, details: details, texts: words, paused: paused, confirmTTL: cfg.ConfirmTTL, metrics: meters, now: b.now,
			previews:  &previews{tasks: b.tasks, details: details, checker: b.gate.checker, limit: cfg.PreviewLimit, trace: spans},
			workflows: newWorkflows(cfg.Policy.SecondPerson, meters.SecondPersonTasks),
		},
		poster: post, signer: sign, requests: asked, texts: words, submissions: work.NewCache[string, *submission](maxSubmissions),
		pace: pace{work.NewLimit(cfg.CommandsPerMinute), warned}, rules: input.Rules{Hosts: cfg.TaskHosts, MaxTasks: cfg.MaxTasks}, metrics: meters,
	}, &clicks{
		gate: b.gate, signer: sign, carrier: b.carrier, texts: words, paused: paused,
		pace:    pace{work.NewLimit(clicksPerCommand * cfg.CommandsPerMinute), warned},
		reasons: &reasons{required: cfg.RequireReason, views: b.slack, poster: post, signer: sign, texts: words},
		judging: judged, metrics: meters, trace: spans,
	}, post, words, spans)
	b.beats = work.NewLoop("replicas", j.Lease()/3, log, b.beat)
	b.loops = append(b.carrier.Loops(),
		work.NewLoop("requests", requestsEvery, log, asked.look),
		work.NewLoop("signing keys", signed.LoadEvery, log, b.loadKeys),
		work.NewLoop("installation", introduceEvery, log, b.introduce),
		work.NewLoop("connections", transport.ConnectEvery, log, b.connect(api)),
		b.beats,
	)
	if cfg.Retention > 0 {
		old := &retention{keep: cfg.Retention, journal: j, log: log}
		b.loops = append(b.loops, work.NewLoop("retention", retentionEvery, log, old.tidy))
	}
	if cfg.AuditChannel != "" {
		b.audits = &auditor{
			channel: cfg.AuditChannel, journal: j, poster: post, slack: b.slack, texts: words, gap: cfg.AnnounceGap, trying: began, log: log,
			group: b.lanes.group, ownersFirst: b.carrier.OwnersFirst,
		}
		b.loops = append(b.loops, work.NewLoop("audit channel", auditEvery, log, b.audits.look))
	}
}

// loadKeys reads the keys of other bot tokens, deletes those that were kept for
// long enough, and returns the rows to their tables that were set aside because
// their keys were missing. It runs in a loop.
func (b *Bot) loadKeys(ctx context.Context) error {
	if err := errors.Join(b.signer.Load(ctx), b.journal.ForgetSigningKeys(ctx)); err != nil {
		return err
	}
	n, err := b.journal.ReturnSetAside(ctx)
	if n > 0 {
		b.log.Info("rows that were set aside are back", "rows", n)
	}
	return err
}

// unverified logs and counts a row of the journal that doesn't verify.
func (b *Bot) unverified(u journal.Unverified) {
	log := b.log.With("table", string(u.Table), "id", u.ID, "tasks", u.Tasks, "channel", u.Channel, "reason", u.Why)
	if u.Waits {
		b.metrics.Unverified.WithLabelValues(string(u.Table), "waits").Inc()
		log.Warn("journal row can't be verified yet; ignoring it. Another replica may use another bot token")
		return
	}
	b.metrics.Unverified.WithLabelValues(string(u.Table), "set_aside").Inc()
	log.Error("journal row isn't genuine; set it aside. Someone else has written to the database, or the bot token has changed")
}

// mentions returns the directory of people whom announcements mention; nil if
// they mention no one.
func (b *Bot) mentions() carry.Directory {
	if !b.cfg.NotifyPeopleOnTask {
		return nil
	}
	return b.slack
}

func newTexts(cfg Config) texts.Texts {
	return texts.Texts{
		Command: cfg.Command, Hosts: cfg.TaskHosts, Channels: cfg.Policy.Channels, Approvers: cfg.Policy.Approvers,
		Operator: cfg.OperatorContact, AsksReason: cfg.RequireReason,
		MaxTasks: cfg.MaxTasks, SecondPerson: cfg.Policy.SecondPerson,
	}
}

// Workspace asks Slack (auth.test) whether the bot token is valid, and where
// the bot is installed. The error is a *TokenError if Slack refuses the token.
func (b *Bot) Workspace(ctx context.Context) (Workspace, error) {
	who, err := b.slack.AuthTestContext(ctx)
	if err != nil {
		return Workspace{}, authError(err)
	}
	where := workspaceOf(who)
	b.gate.introduced(where)
	return where, nil
}

func authError(err error) error {
	if socketmode.Classify(slackapi.Code(err)) == socketmode.TokenRefused {
		return &TokenError{Token: BotToken, Err: err}
	}
	return fmt.Errorf("asking Slack who we are (auth.test): %w", err)
}

// introduceEvery is how often auth.test is called until it succeeds.
const introduceEvery = 2 * time.Second

// introduce asks Slack where the bot is installed, until it knows. Before that,
// the policy refuses everyone. It runs in a loop.
func (b *Bot) introduce(ctx context.Context) error {
	if b.gate.where.Load() != nil {
		return nil
	}
	_, err := b.Workspace(ctx)
	return err
}

func (b *Bot) app() string {
	id, _ := b.appID.Load().(string)
	return id
}

// Token is one of the two tokens.
type Token string

// The tokens.
const (
	AppToken Token = "app"
	BotToken Token = "bot"
)

// TokenError means that Slack refuses a token permanently: only a new token
// helps.
type TokenError struct {
	Token Token
	Err   error
}

func (e *TokenError) Error() string {
	return fmt.Sprintf("Slack refuses the %s token: %v", e.Token, e.Err)
}

// Unwrap returns Slack's answer.
func (e *TokenError) Unwrap() error { return e.Err }

var errStopped = errors.New("the process stops")
