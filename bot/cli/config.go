package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// config is the whole environment. README.md explains each variable.
type config struct {
	SlackAppToken    secret.Value        `envconfig:"SLACK_APP_TOKEN" required:"true" desc:"app-level token, xapp-…, with connections:write"`
	SlackBotToken    secret.Value        `envconfig:"SLACK_BOT_TOKEN" required:"true" desc:"bot token, xoxb-…"`
	SlackAPIURL      string              `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"another Web API address: a stand-in, a gov cloud"`
	SlackConnections int                 `envconfig:"SLACK_CONNECTIONS" default:"2" desc:"Socket Mode connections, 1 to 10"`
	SlackCommand     string              `envconfig:"SLACK_COMMAND" default:"/cancel-task" desc:"the command's name in this workspace; also change it in the manifest"`
	ChamelioAPIKey   secret.Value        `envconfig:"CHAMELIO_API_KEY" required:"true" desc:"API key, ca_…"`
	ChamelioBaseURL  string              `envconfig:"CHAMELIO_BASE_URL" default:"https://platform.chamelio.ai" desc:"https, or http on a loopback address; anything else is refused"`
	ChamelioTimeout  time.Duration       `envconfig:"CHAMELIO_TIMEOUT" default:"10s" desc:"one API call"`
	ConfirmTTL       time.Duration       `envconfig:"CONFIRM_TTL" default:"10m" desc:"how long a prompt can be confirmed, 10s to 30m"`
	DatabaseURL      secret.Value        `envconfig:"DATABASE_URL" default:"sqlite:cancelbot.db" desc:"the journal: sqlite:PATH or postgres://…"`
	CancelPolicy     string              `envconfig:"CANCEL_POLICY" default:"members" desc:"who may cancel: members, people-on-task or listed"`
	MembersOf        string              `envconfig:"MEMBERS_OF" default:"workspace" desc:"on Enterprise Grid, who counts as a member: workspace or organization"`
	AllowedUsers     []policy.UserID     `envconfig:"ALLOWED_USERS" desc:"Slack ids of people, comma-separated"`
	AllowedGroups    []policy.GroupID    `envconfig:"ALLOWED_USERGROUPS" desc:"Slack ids of usergroups, comma-separated"`
	AllowedChannels  []policy.ChannelID  `envconfig:"ALLOWED_CHANNELS" desc:"Slack ids of the conversations where tasks can be cancelled; all if empty"`
	SecondPerson     policy.SecondPerson `envconfig:"REQUIRE_SECOND_PERSON" default:"false" desc:"somebody other than the requester must confirm: false, true, or the names of the workflows for which, comma-separated"`
	Approvers        []string            `envconfig:"APPROVERS" desc:"Slack ids of people and usergroups who alone can be that second person; whoever may cancel if empty"`
	CommandsAMinute  int                 `envconfig:"COMMANDS_PER_MINUTE" default:"10" desc:"how many commands one person may type a minute"`
	OperatorContact  string              `envconfig:"OPERATOR_CONTACT" desc:"who is named where people are told to reach whoever runs the bot: a Slack id of a person or channel, or plain words"`
	AuditChannel     string              `envconfig:"AUDIT_CHANNEL" desc:"Slack id of a channel that gets a copy of every announcement, and the refusals"`
	HTTPAddr         string              `envconfig:"HTTP_ADDR" desc:"where health and metrics are served, such as 127.0.0.1:8080; a port alone (:8080) is on loopback, 0.0.0.0:8080 everywhere; nowhere if empty"`
	LogLevel         slog.Level          `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat        string              `envconfig:"LOG_FORMAT" desc:"text or json; text on a terminal, else json"`
	ShutdownGrace    time.Duration       `envconfig:"SHUTDOWN_GRACE" default:"25s" desc:"how long running decisions may finish after SIGTERM"`
}

// loadConfig reads the environment and reports everything that is wrong with
// it at once. No message quotes a value: it may be a secret in the wrong
// place.
func loadConfig() (config, error) {
	cfg, problems := readConfig()
	if len(problems) > 0 {
		return config{}, usageError("the environment is not complete:\n  " + strings.Join(problems, "\n  ") + "\ncancelbot help lists all variables")
	}
	return cfg, nil
}

func readConfig() (cfg config, problems []string) {
	all := reflect.ValueOf(&cfg).Elem()
	for i := range all.NumField() {
		if value, isSecret := all.Field(i).Addr().Interface().(*secret.Value); isSecret {
			file, found, problem := secretFile(all.Type().Field(i).Tag.Get("envconfig"))
			if problem != "" {
				problems = append(problems, problem)
			}
			if *value = file; found {
				continue
			}
		}
		// envconfig stops at its first error, so it gets one field at a time.
		one := reflect.New(reflect.StructOf([]reflect.StructField{all.Type().Field(i)}))
		err := envconfig.Process("", one.Interface())
		var wrong *envconfig.ParseError
		switch {
		case errors.As(err, &wrong):
			problems = append(problems, wrong.KeyName+" is not "+expected(wrong.TypeName))
		case err != nil:
			problems = append(problems, all.Type().Field(i).Tag.Get("envconfig")+" is missing")
		}
		all.Field(i).Set(one.Elem().Field(0))
	}
	problems = append(problems, unknownVariables(os.Environ())...)
	return cfg, append(problems, cfg.validate(problems)...)
}

// validate says what is wrong with values that could be read. What could not
// be, problems has said already.
func (cfg config) validate(problems []string) (more []string) {
	said := func(name string) bool {
		return slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, name+" ") })
	}
	add := func(name, advice string) {
		if !said(name) {
			more = append(more, name+" "+advice)
		}
	}
	for name, list := range map[string]int{
		"ALLOWED_USERS": len(cfg.AllowedUsers), "ALLOWED_USERGROUPS": len(cfg.AllowedGroups),
		"ALLOWED_CHANNELS": len(cfg.AllowedChannels), "APPROVERS": len(cfg.Approvers),
	} {
		// An empty list means no restriction; one of blanks was meant as one.
		if value := os.Getenv(name); value != "" && (list == 0 || strings.Trim(value, " \t,") == "") {
			add(name, "is set, but names nobody")
			problems = append(problems, name+" ")
		}
	}
	for name, value := range map[string]secret.Value{"SLACK_APP_TOKEN": cfg.SlackAppToken, "SLACK_BOT_TOKEN": cfg.SlackBotToken, "CHAMELIO_API_KEY": cfg.ChamelioAPIKey} {
		if text := value.Reveal(); strings.TrimSpace(text) != text {
			add(name, "begins or ends with a blank or a line break")
			problems = append(problems, name+" ")
		}
	}
	for name, zero := range map[string]bool{
		"SLACK_CONNECTIONS": cfg.SlackConnections == 0, "CHAMELIO_TIMEOUT": cfg.ChamelioTimeout <= 0, "CONFIRM_TTL": cfg.ConfirmTTL <= 0,
		"COMMANDS_PER_MINUTE": cfg.CommandsAMinute == 0, "SHUTDOWN_GRACE": cfg.ShutdownGrace <= 0,
	} {
		if zero {
			add(name, "must be more than zero")
			problems = append(problems, name+" ")
		}
	}
	var wrong bot.ConfigError
	if err := cfg.bot().Validate(); errors.As(err, &wrong) {
		for _, p := range wrong {
			add(variables[p.Field], p.Advice)
		}
	}
	if _, err := chamelio.New(cfg.chamelio("")); err != nil {
		var wrong *chamelio.OptionError
		if errors.As(err, &wrong) {
			add(map[string]string{"BaseURL": "CHAMELIO_BASE_URL", "APIKey": "CHAMELIO_API_KEY"}[wrong.Option], wrong.Advice)
		}
	}
	if err := journal.CheckURL(cfg.DatabaseURL.Reveal()); err != nil {
		add("DATABASE_URL", err.Error())
	}
	if cfg.LogFormat != "" && cfg.LogFormat != "text" && cfg.LogFormat != "json" {
		add("LOG_FORMAT", "must be text or json")
	}
	if cfg.HTTPAddr != "" {
		if _, err := httpAddr(cfg.HTTPAddr); err != nil {
			add("HTTP_ADDR", "must be an address such as 127.0.0.1:8080")
		}
	}
	slices.Sort(more)
	return more
}

// variables is where each field of the bot's configuration comes from.
var variables = map[string]string{
	"AppToken": "SLACK_APP_TOKEN", "BotToken": "SLACK_BOT_TOKEN", "SlackAPI": "SLACK_API_URL", "Command": "SLACK_COMMAND",
	"Connections": "SLACK_CONNECTIONS", "ConfirmTTL": "CONFIRM_TTL", "Grace": "SHUTDOWN_GRACE", "CancelTimeout": "CHAMELIO_TIMEOUT",
	"CommandsPerMinute": "COMMANDS_PER_MINUTE", "AuditChannel": "AUDIT_CHANNEL", "OperatorContact": "OPERATOR_CONTACT",
	string(policy.FieldMode): "CANCEL_POLICY", string(policy.FieldMembersOf): "MEMBERS_OF", string(policy.FieldUsers): "ALLOWED_USERS",
	string(policy.FieldUsergroups): "ALLOWED_USERGROUPS", string(policy.FieldChannels): "ALLOWED_CHANNELS",
	string(policy.FieldSecondPerson): "REQUIRE_SECOND_PERSON", string(policy.FieldApprovers): "APPROVERS",
}

// secretFile reads the secret that NAME_FILE points to, as Docker and
// Kubernetes mount them, without the line break at its end. It reports false
// if the variable is not set. The path is not quoted: it may be the secret
// itself, in the wrong variable.
func secretFile(name string) (value secret.Value, found bool, problem string) {
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return secret.Value{}, false, ""
	}
	if os.Getenv(name) != "" {
		return secret.Value{}, true, name + " and " + name + "_FILE are both set: which one is meant?"
	}
	raw, err := os.ReadFile(path)
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	if err != nil {
		return secret.Value{}, true, fmt.Sprintf("%s_FILE names a file that cannot be read: %v", name, err)
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if text == "" {
		return secret.Value{}, true, name + "_FILE names a file that is empty"
	}
	return secret.New(text), true, ""
}

func expected(typeName string) string {
	switch typeName {
	case "time.Duration":
		return "a duration such as 10s or 5m"
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "slog.Level":
		return "one of debug, info, warn, error"
	case "policy.SecondPerson":
		return "false, true, or a list of workflows whose quotation marks are closed"
	}
	return "a " + typeName
}

// chamelio is what the API client needs of the environment.
func (cfg config) chamelio(version string) chamelio.Options {
	return chamelio.Options{
		BaseURL: cfg.ChamelioBaseURL, APIKey: cfg.ChamelioAPIKey.Reveal(),
		Timeout: cfg.ChamelioTimeout, UserAgent: "cancelbot/" + version,
	}
}

// bot is what the bot needs of the environment.
func (cfg config) bot() bot.Config {
	return bot.Config{
		AppToken: cfg.SlackAppToken, BotToken: cfg.SlackBotToken, SlackAPI: cfg.SlackAPIURL,
		Command: cfg.SlackCommand, Connections: cfg.SlackConnections, ConfirmTTL: cfg.ConfirmTTL, Grace: cfg.ShutdownGrace,
		CancelTimeout: cfg.ChamelioTimeout, OperatorContact: cfg.OperatorContact,
		Policy: policy.Rules{
			Mode: policy.Mode(cfg.CancelPolicy), MembersOf: policy.Scope(cfg.MembersOf), Users: cfg.AllowedUsers, Usergroups: cfg.AllowedGroups,
			Channels: cfg.AllowedChannels, SecondPerson: cfg.SecondPerson, Approvers: cfg.Approvers,
		},
		AuditChannel: cfg.AuditChannel, CommandsPerMinute: cfg.CommandsAMinute,
	}
}

const usage = `cancelbot cancels Chamelio tasks from Slack.

  cancelbot           run the bot
  cancelbot sandbox   try it here, in a browser, without Slack and Chamelio
  cancelbot check     say what of the configuration works, and how to mend
                      what does not (--json)
  cancelbot healthcheck
                      ask the bot at HTTP_ADDR whether it is ready
  cancelbot history   print the last decisions (-h tells its flags)
  cancelbot version   print the version
  cancelbot help      print this

The bot takes its configuration from these variables. A token, the key and
DATABASE_URL may instead be read from a file: SLACK_BOT_TOKEN_FILE=/path, …

{{range .}}  {{printf "%-21s" (usage_key .)}} {{usage_description .}}{{with usage_default .}} (default {{.}}){{end}}{{with usage_required .}} (required){{end}}
{{end}}`

// help prints the commands and the variables.
func (p Program) help(context.Context, []string) error { return Variables(p.Out, usage) }

// Variables prints the environment's variables by a text/template, with the
// functions of envconfig.Usagef.
func Variables(out io.Writer, format string) error {
	if err := envconfig.Usagef("", &config{}, out, format); err != nil {
		return fmt.Errorf("printing the variables: %w", err)
	}
	return nil
}
