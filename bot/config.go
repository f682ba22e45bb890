package bot

import (
	"cmp"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/slack-go/slack"
	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
)

// DefaultSlackAPI is Slack's Web API.
const DefaultSlackAPI = slack.APIURL

// Config configures a Bot. The tokens are required; New sets the zero values of
// the other fields to their defaults.
type Config struct {
	AppToken secret.Value // xapp-…, for Socket Mode
	BotToken secret.Value // xoxb-…, for everything else
	SlackAPI string       // DefaultSlackAPI if empty

	AppTokenPatience time.Duration // how long a refused AppToken is tried again, because UseAppToken may replace it; not at all if zero

	Policy            policy.Rules  // who may cancel
	AuditChannel      string        // the ID of a channel that gets copies; none if empty
	CommandsPerMinute int           // for each person; 10 if zero
	Retention         time.Duration // how long the journal keeps what is finished, at least 7 days; forever if zero
	OperatorContact   string        // who runs the bot, as words or a Slack ID; "the bot's operator" if empty

	MaxTasks           int           // in one command, at most input.MaxTasks; 10 if zero
	RequireReason      bool          // nothing is cancelled without a reason: if none was typed, the click asks for it
	RemindBefore       time.Duration // how long before a request for a second person expires its reminder is posted, once; never if zero
	NotifyPeopleOnTask bool          // announcements and final results mention the task's owner and assignee, if Slack knows their e-mail addresses

	Command       string        // the command's name; "/cancel-task" if empty
	TaskHosts     []string      // hosts of task links, in addition to *.chamelio.ai
	Connections   int           // Socket Mode connections, 1 to 10; 2 if zero
	FactsMaxAge   time.Duration // maximum age of facts about people at a click, at most 1 min; 1 min if zero, always looked up again if negative
	ConfirmTTL    time.Duration // how long a prompt can be confirmed, at most 30 min; 10 min if zero
	Grace         time.Duration // how long running decisions may finish at the end; 25 s if zero
	CancelTimeout time.Duration // of the client's calls to Chamelio; 10 s if zero
	Patience      time.Duration // how long an unclear cancel is checked; 2 min if zero
	Flight        time.Duration // how long a cancel without an answer counts as in flight; at least 30 s if zero
	FollowFor     time.Duration // how long after a click an unknown outcome is followed up; a day if zero
	Stagger       time.Duration // between the first connections; 2 s if zero
	AnnounceGap   time.Duration // between two announcements in one channel; 1 s if zero
	PreviewLimit  time.Duration // how long a prompt waits for the task's details; 2 s if zero

	Transport http.RoundTripper     // to Slack; one that notices dead peers if nil
	Metrics   prometheus.Registerer // none if nil
	Traces    trace.TracerProvider  // none if nil
	Log       *slog.Logger          // discarded if nil
	Now       func() time.Time      // by which prompts expire and clicks age; time.Now if nil
}

// MaxConfirmTTL is the longest Config.ConfirmTTL.
const MaxConfirmTTL = signed.MaxTTL

// maxCommandName is Slack's (docs.slack.dev/reference/app-manifest,
// features.slash_commands).
const maxCommandName = 32

// protocol returns the protocol's durations, with those of the configuration.
func (c Config) protocol() decision.Protocol {
	p := decision.NewProtocol(c.CancelTimeout)
	p.Patience, p.Flight, p.Gap = cmp.Or(c.Patience, p.Patience), cmp.Or(c.Flight, p.Flight), cmp.Or(c.AnnounceGap, p.Gap)
	p.FollowFor = cmp.Or(c.FollowFor, p.FollowFor)
	return p
}

// Validate returns a ConfigError with every problem, or nil.
func (c Config) Validate() error {
	_, err := c.complete()
	return err
}

// ConfigError has every problem with a Config. The fields are those of Config
// and, for its policy, those of policy.Rules.
type ConfigError []policy.Problem

func (e ConfigError) Error() string {
	var all []string
	for _, p := range e {
		all = append(all, string(p.Field)+" "+p.Advice)
	}
	return strings.Join(all, "\n")
}

func (c *Config) complete() (api *url.URL, err error) {
	c.SlackAPI = cmp.Or(c.SlackAPI, DefaultSlackAPI)
	c.Command = cmp.Or(c.Command, "/cancel-task")
	c.Connections = cmp.Or(c.Connections, 2)
	c.CommandsPerMinute = cmp.Or(c.CommandsPerMinute, 10)
	c.FactsMaxAge = cmp.Or(c.FactsMaxAge, policy.MaxFactsAge)
	c.MaxTasks = cmp.Or(c.MaxTasks, 10)
	c.ConfirmTTL = cmp.Or(c.ConfirmTTL, 10*time.Minute)
	c.Grace = cmp.Or(c.Grace, 25*time.Second)
	c.CancelTimeout = cmp.Or(c.CancelTimeout, 10*time.Second)
	c.Stagger = cmp.Or(c.Stagger, 2*time.Second)
	c.AnnounceGap = cmp.Or(c.AnnounceGap, c.protocol().Gap)
	c.PreviewLimit = cmp.Or(c.PreviewLimit, 2*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	c.Policy.Mode = cmp.Or(c.Policy.Mode, policy.Members)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Transport == nil {
		c.Transport = transport.New()
	}
	if !strings.HasSuffix(c.SlackAPI, "/") {
		c.SlackAPI += "/"
	}
	problems := c.validate()
	api, err = url.Parse(c.SlackAPI)
	if err != nil || api.Host == "" || api.Scheme != "https" && (api.Scheme != "http" || !slackapi.IsLoopback(api.Hostname())) {
		problems = append(problems, policy.Problem{Field: "SlackAPI", Advice: "must be https (http is accepted on a loopback address only): tokens travel with every request"})
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return api, nil
}

// maxPerMinute bounds CommandsPerMinute, and so what is counted in multiples of it.
const maxPerMinute = 1_000_000

// validate returns every problem.
func (c *Config) validate() (problems ConfigError) {
	add := func(wrong bool, field policy.Field, advice string) {
		if wrong {
			problems = append(problems, policy.Problem{Field: field, Advice: advice})
		}
	}
	add(!strings.HasPrefix(c.AppToken.Reveal(), "xapp-"), "AppToken", `must be an app-level token: it starts with "xapp-"`)
	add(!isBotToken(c.BotToken.Reveal()), "BotToken", `must be a bot token: it starts with "xoxb-", or with "xoxe.xoxb-" if the app has token rotation`)
	add(c.Connections < 1 || c.Connections > 10, "Connections", "must be 1 to 10")
	add(c.ConfirmTTL < 10*time.Second || c.ConfirmTTL > MaxConfirmTTL, "ConfirmTTL", "must be 10s to 30m")
	add(c.FactsMaxAge > policy.MaxFactsAge, "FactsMaxAge", "must be 0s to 60s")
	add(c.RemindBefore < 0 || c.RemindBefore >= c.ConfirmTTL, "RemindBefore", "must be less than how long a prompt can be confirmed, and not negative")
	add(c.RemindBefore > 0 && !c.Policy.SecondPerson.Ever(), "RemindBefore", "has no effect unless a second person is required")
	add(c.CommandsPerMinute < 1 || c.CommandsPerMinute > maxPerMinute, "CommandsPerMinute", "must be 1 to 1000000")
	add(c.MaxTasks < 1 || c.MaxTasks > input.MaxTasks, "MaxTasks", "must be 1 to 25")
	add(c.Retention != 0 && c.Retention < journal.MinRetention, "Retention", "must be at least 7d")
	add(c.Grace < 0, "Grace", "must not be negative")
	add(c.CancelTimeout < 100*time.Millisecond || c.CancelTimeout > time.Minute, "CancelTimeout", "must be 100ms to 1m")
	add(c.AuditChannel != "" && !input.IsChannelID(c.AuditChannel), "AuditChannel", "isn't a channel ID, such as C012AB3CD")
	add(!strings.HasPrefix(c.Command, "/") || len(c.Command) < 2 || utf8.RuneCountInString(c.Command) > maxCommandName || strings.ContainsAny(c.Command, " \t\n<>&`*_~|"),
		"Command", `must be one word of at most 32 letters that starts with "/"`)
	return append(problems, c.Policy.Validate()...)
}
