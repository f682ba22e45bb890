package cli

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/chamelio"
)

// config is the whole environment. settings says which variable each field
// comes from.
type config struct {
	SlackAppToken    secret.Value
	SlackBotToken    secret.Value
	SlackAPIURL      string
	SlackConnections int
	SlackCommand     string

	ChamelioAPIKey  secret.Value
	ChamelioAPIURL  string
	ChamelioTimeout time.Duration

	CancelPolicy          string
	MemberScope           string
	AllowedUsers          []policy.UserID
	AllowedGroups         []policy.GroupID
	AllowedChannels       []policy.ChannelID
	SecondPerson          string
	SecondPersonWorkflows workflowNames
	Approvers             []string
	RemindBefore          time.Duration
	RequireReason         bool

	MentionPeople     bool
	SharedChannels    string
	OperatorContact   string
	AuditChannel      string
	ConfirmTimeout    time.Duration
	FactsMaxAge       time.Duration
	CommandsPerMinute int
	MaxTasks          int

	DatabaseURL   secret.Value
	MaxConns      int
	Retention     days
	HTTPAddr      string
	LogLevel      slog.Level
	LogFormat     string
	ShutdownGrace time.Duration
}

// The values of SECOND_PERSON.
const (
	secondNever     = "never"
	secondAlways    = "always"
	secondWorkflows = "workflows"
)

// readConfig reads the environment and returns everything that is wrong with
// it, one problem for each variable.
func readConfig(ctx context.Context) (config, []environ.Problem) {
	var cfg config
	found := &findings{}
	for _, s := range settings() {
		s.read(ctx, &cfg, found)
	}
	cfg.fillIn(found)
	mentionDotEnv(found)
	cfg.validate(found)
	checkTelemetry(found)
	refuseOldNames(found)
	for _, wrong := range transport.CheckEnvironment() {
		found.put(environ.Problem{Variable: wrong.Variable, Found: wrong.Variable + " " + wrong.Problem, Remedy: wrong.Remedy})
	}
	for _, slip := range misspelt(os.Environ()) {
		found.put(environ.Problem{
			Variable: slip.name,
			Found:    fmt.Sprintf("unknown variable %s; did you mean %s?", slip.name, slip.own),
			Remedy:   fmt.Sprintf("Rename %s to %s, or remove it", slip.name, slip.own),
		})
	}
	return cfg, found.sorted()
}

// refuseOldNames reports each variable that was renamed, with its new name.
func refuseOldNames(found *findings) {
	for _, r := range renamed {
		for _, suffix := range []string{"", "_FILE"} {
			if os.Getenv(r.old+suffix) == "" {
				continue
			}
			found.put(environ.Problem{
				Variable: r.old, Found: fmt.Sprintf("%s is now called %s", r.old+suffix, r.now),
				Remedy: cmp.Or(r.how, fmt.Sprintf("Rename %s to %s", r.old+suffix, r.now)),
			})
		}
	}
}

// mentionDotEnv mentions a .env file if a variable is missing: other programs
// read such a file, so people may expect it of this one.
func mentionDotEnv(found *findings) {
	info, err := os.Stat(".env")
	missing := func(p environ.Problem) bool { return strings.HasSuffix(p.Found, isMissing) }
	if err != nil || !info.Mode().IsRegular() || !slices.ContainsFunc(found.all, missing) {
		return
	}
	found.put(environ.Problem{
		Variable: ".env", Found: "there is a file .env in this directory, and the bot doesn't read such files",
		Remedy: "Load it first (set -a; . ./.env; set +a), or see docs/install.md for Docker and systemd",
	})
}

// chamelio returns the options of the API client.
func (cfg config) chamelio(version string) chamelio.Options {
	return chamelio.Options{
		BaseURL: cfg.ChamelioAPIURL, APIKey: cfg.ChamelioAPIKey.Reveal(),
		Together: cfg.MaxTasks, Timeout: cfg.ChamelioTimeout, UserAgent: "cancelbot/" + version,
	}
}

// bot returns the bot's configuration.
func (cfg config) bot() bot.Config {
	return bot.Config{
		AppToken: cfg.SlackAppToken, BotToken: cfg.SlackBotToken, SlackAPI: cfg.SlackAPIURL, AppTokenPatience: tokenPatience("SLACK_APP_TOKEN"),
		Command: cfg.SlackCommand, Connections: cfg.SlackConnections, ConfirmTTL: cfg.ConfirmTimeout, Grace: cfg.ShutdownGrace,
		FactsMaxAge:   cmp.Or(cfg.FactsMaxAge, -1), // 0 means no age here, and the default in bot.Config
		CancelTimeout: cfg.ChamelioTimeout, OperatorContact: cfg.OperatorContact,
		RequireReason: cfg.RequireReason, RemindBefore: cfg.RemindBefore, NotifyPeopleOnTask: cfg.MentionPeople,
		Policy:       cfg.policy(),
		AuditChannel: cfg.AuditChannel, CommandsPerMinute: cfg.CommandsPerMinute, MaxTasks: cfg.MaxTasks,
		Retention: time.Duration(cfg.Retention),
	}
}

func (cfg config) policy() policy.Rules {
	rules := policy.Rules{
		Mode: policy.Mode(cfg.CancelPolicy), MembersOf: policy.OfWorkspace, Users: cfg.AllowedUsers, Usergroups: cfg.AllowedGroups,
		Channels: cfg.AllowedChannels, Approvers: cfg.Approvers,
		SecondPerson: policy.SecondPerson{Always: cfg.SecondPerson == secondAlways}, Shared: policy.SharedChannels(cfg.SharedChannels),
	}
	if cfg.SecondPerson == secondWorkflows {
		rules.SecondPerson.Workflows = cfg.SecondPersonWorkflows
	}
	if cfg.MemberScope == "organisation" || cfg.MemberScope == "organization" {
		rules.MembersOf = policy.OfOrganisation
	}
	return rules
}
