package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/chamelio"
)

// config is the whole environment: for each variable its default, what it is
// for, and how to fix a wrong one. docs/configuration.md has the table.
type config struct {
	SlackAppToken    secret.Value        `envconfig:"SLACK_APP_TOKEN" slackcli:"SLACK_CLI_XAPP" required:"true" desc:"app-level token, xapp-…, with connections:write" fix:"Generate an app-level token with the scope connections:write (Basic Information → App-Level Tokens), and put it into SLACK_APP_TOKEN"`
	SlackBotToken    secret.Value        `envconfig:"SLACK_BOT_TOKEN" slackcli:"SLACK_CLI_XOXB" required:"true" desc:"bot token, xoxb-…" fix:"Copy the Bot User OAuth Token from the app's page (OAuth & Permissions) into SLACK_BOT_TOKEN"`
	SlackAPIURL      string              `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"another Web API address: a stand-in, a gov cloud" fix:"Remove SLACK_API_URL, or set it to an address such as https://slack.com/api/"`
	SlackConnections int                 `envconfig:"SLACK_CONNECTIONS" default:"2" desc:"Socket Mode connections, 1 to 10" fix:"Remove SLACK_CONNECTIONS, or set it to a number from 1 to 10"`
	SlackCommand     string              `envconfig:"SLACK_COMMAND" default:"/cancel-task" desc:"the command's name in this workspace; the app must have it too (cancelbot manifest)" fix:"Set SLACK_COMMAND to the command as the app's page lists it (Slash Commands), such as /cancel-task"`
	ChamelioAPIKey   secret.Value        `envconfig:"CHAMELIO_API_KEY" required:"true" desc:"API key, ca_…" fix:"Ask an administrator of your Chamelio organisation for a key, and put it into CHAMELIO_API_KEY without quotes or blanks"`
	ChamelioBaseURL  string              `envconfig:"CHAMELIO_BASE_URL" default:"https://platform.chamelio.ai" desc:"https, or http on a loopback address; anything else is refused" fix:"Remove CHAMELIO_BASE_URL, or set it to an address such as https://platform.chamelio.ai"`
	ChamelioTimeout  time.Duration       `envconfig:"CHAMELIO_TIMEOUT" default:"10s" desc:"one API call" fix:"Remove CHAMELIO_TIMEOUT, or set it to a duration from 100ms to 1m, such as 10s"`
	ConfirmTTL       time.Duration       `envconfig:"CONFIRM_TTL" default:"10m" desc:"how long a prompt can be confirmed, 10s to 30m" fix:"Remove CONFIRM_TTL, or set it to a duration from 10s to 30m, such as 10m"`
	DatabaseURL      secret.Value        `envconfig:"DATABASE_URL" default:"sqlite:cancelbot.db" desc:"the journal: sqlite:PATH or postgres://…" fix:"Set DATABASE_URL to sqlite:PATH, or to postgres://user:password@host:5432/database"`
	CancelPolicy     string              `envconfig:"CANCEL_POLICY" default:"members" desc:"who may cancel: members, people-on-task or listed" fix:"Set CANCEL_POLICY to members, people-on-task or listed; the last needs ALLOWED_USERS or ALLOWED_USERGROUPS"`
	MembersOf        string              `envconfig:"MEMBERS_OF" default:"workspace" desc:"on Enterprise Grid, who counts as a member: workspace or organization" fix:"Remove MEMBERS_OF, or set it to workspace or organization"`
	AllowedUsers     []policy.UserID     `envconfig:"ALLOWED_USERS" desc:"Slack ids of people, comma-separated" fix:"Set ALLOWED_USERS to ids such as U012AB3CD (a person's profile → ⋮ → Copy member ID) with CANCEL_POLICY=people-on-task or listed, or remove it"`
	AllowedGroups    []policy.GroupID    `envconfig:"ALLOWED_USERGROUPS" desc:"Slack ids of usergroups, comma-separated" fix:"Set ALLOWED_USERGROUPS to ids such as S012AB3CD (the address of the usergroup's page ends in it) with CANCEL_POLICY=people-on-task or listed, or remove it"`
	AllowedChannels  []policy.ChannelID  `envconfig:"ALLOWED_CHANNELS" desc:"Slack ids of the conversations where tasks can be cancelled; all if empty" fix:"Set ALLOWED_CHANNELS to ids such as C012AB3CD (at the end of a channel's About tab), or remove it"`
	SecondPerson     policy.SecondPerson `envconfig:"REQUIRE_SECOND_PERSON" default:"false" desc:"somebody other than the requester must confirm: false, true, or the names of the workflows for which, comma-separated" fix:"Set REQUIRE_SECOND_PERSON to true or false, or to names of workflows, separated by commas"`
	Approvers        []string            `envconfig:"APPROVERS" desc:"Slack ids of people and usergroups who alone can be that second person; whoever may cancel if empty" fix:"Set APPROVERS to ids such as U012AB3CD or S012AB3CD with REQUIRE_SECOND_PERSON, or remove it"`
	RemindBefore     time.Duration       `envconfig:"REMIND_SECOND_PERSON" desc:"how long before its end a request that nobody has confirmed reminds of itself, once, such as 3m; never if empty" fix:"Set REMIND_SECOND_PERSON to a duration shorter than CONFIRM_TTL, such as 3m, with REQUIRE_SECOND_PERSON, or remove it"`
	RequireReason    bool                `envconfig:"REQUIRE_REASON" default:"false" desc:"nothing is cancelled without a reason: where none was typed, the button asks for it" fix:"Set REQUIRE_REASON to true or false"`
	NotifyPeople     bool                `envconfig:"NOTIFY_PEOPLE_ON_TASK" default:"false" desc:"announcements mention the task's owner and assignee, where Slack knows their e-mail addresses; the app needs users:read.email" fix:"Set NOTIFY_PEOPLE_ON_TASK to true or false"`
	CommandsAMinute  int                 `envconfig:"COMMANDS_PER_MINUTE" default:"10" desc:"how many commands one person may type a minute" fix:"Remove COMMANDS_PER_MINUTE, or set it to 1 or more"`
	OperatorContact  string              `envconfig:"OPERATOR_CONTACT" desc:"who is named where people are told to reach whoever runs the bot: a Slack id of a person or channel, or plain words" fix:"Set OPERATOR_CONTACT to an id such as U012AB3CD or C012AB3CD, or to a few words"`
	AuditChannel     string              `envconfig:"AUDIT_CHANNEL" desc:"Slack id of a channel that gets a copy of every announcement, and the refusals" fix:"Set AUDIT_CHANNEL to an id such as C012AB3CD (at the end of the channel's About tab), or remove it"`
	HTTPAddr         string              `envconfig:"HTTP_ADDR" desc:"where health and metrics are served, such as 127.0.0.1:8080; a port alone (:8080) is on loopback, 0.0.0.0:8080 everywhere; nowhere if empty" fix:"Set HTTP_ADDR to an address of this machine such as 127.0.0.1:8080, or remove it"`
	LogLevel         slog.Level          `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error" fix:"Remove LOG_LEVEL, or set it to debug, info, warn or error"`
	LogFormat        string              `envconfig:"LOG_FORMAT" desc:"text or json; text on a terminal, else json" fix:"Remove LOG_FORMAT, or set it to text or json"`
	ShutdownGrace    time.Duration       `envconfig:"SHUTDOWN_GRACE" default:"25s" desc:"how long running decisions may finish after SIGTERM" fix:"Remove SHUTDOWN_GRACE, or set it to a duration such as 25s"`
}

// fields are the variables, in their order.
func fields() []reflect.StructField { return reflect.VisibleFields(reflect.TypeFor[config]()) }

func variableOf(f reflect.StructField) string { return f.Tag.Get("envconfig") }

// readConfig reads the environment and names everything that is wrong with
// it, one problem for each variable. No text quotes a value: it may be a
// secret in the wrong place.
func readConfig() (config, []doctor.Problem) {
	var cfg config
	found := &findings{}
	for i, f := range fields() {
		read(reflect.ValueOf(&cfg).Elem().Field(i), f, found)
	}
	mentionDotEnv(found)
	cfg.validate(found)
	checkTelemetry(found)
	for _, wrong := range transport.CheckEnvironment() {
		found.put(doctor.Problem{Variable: wrong.Variable, Found: wrong.Variable + " " + wrong.Problem, Remedy: wrong.Remedy})
	}
	for _, slip := range misspelt(os.Environ()) {
		found.put(doctor.Problem{
			Variable: slip.name,
			Found:    fmt.Sprintf("%s is no variable of the bot's: did you mean %s?", slip.name, slip.own),
			Remedy:   fmt.Sprintf("Rename %s to %s, or remove it", slip.name, slip.own),
		})
	}
	return cfg, found.sorted()
}

const isMissing = "is missing"

// read sets one field from its variable, or from the file that holds it.
func read(value reflect.Value, f reflect.StructField, found *findings) {
	name := variableOf(f)
	if field, isSecret := value.Addr().Interface().(*secret.Value); isSecret {
		content, isFile, wrong := secretFile(name)
		if wrong != nil {
			found.put(*wrong)
		}
		if *field = content; isFile {
			return
		}
		// The Slack CLI leaves a variable alone that is set, even to nothing,
		// and hands its token over under a name of its own as well.
		if handed := os.Getenv(f.Tag.Get("slackcli")); handed != "" && os.Getenv(name) == "" {
			*field = secret.New(handed)
			return
		}
	} else if os.Getenv(name+"_FILE") != "" {
		// Read by nobody, it would be a restriction that restricts nobody.
		found.put(doctor.Problem{
			Variable: name, Found: name + "_FILE is no variable of the bot's: only the tokens, the key and DATABASE_URL can be read from a file",
			Remedy: "Set " + name + " itself, and remove " + name + "_FILE",
		})
	}
	// envconfig takes an empty variable for a value. Compose files and
	// Kubernetes patches leave variables empty where they mean none.
	if text, set := os.LookupEnv(name); set && text == "" {
		f.Tag = reflect.StructTag(strings.Replace(string(f.Tag), name, name+"_IS_EMPTY", 1))
	}
	// It stops at its first error, so it gets one field at a time.
	one := reflect.New(reflect.StructOf([]reflect.StructField{f}))
	err := envconfig.Process("", one.Interface())
	var wrong *envconfig.ParseError
	switch {
	case errors.As(err, &wrong):
		found.add(name, "is not "+expected(wrong.TypeName))
	case err != nil:
		found.add(name, isMissing)
	}
	value.Set(one.Elem().Field(0))
}

// mentionDotEnv tells of a file .env where a variable is missing: other
// programs read it, and somebody may wait for this one to do so.
func mentionDotEnv(found *findings) {
	info, err := os.Stat(".env")
	missing := func(p doctor.Problem) bool { return strings.HasSuffix(p.Found, isMissing) }
	if err != nil || !info.Mode().IsRegular() || !slices.ContainsFunc(found.all, missing) {
		return
	}
	found.put(doctor.Problem{
		Variable: ".env", Found: "there is a file .env in this directory, and the bot reads no files of variables by itself",
		Remedy: "Load it first (set -a; . ./.env; set +a), or see docs/install.md for Docker and systemd",
	})
}

// expected names a type the way an operator would.
func expected(typeName string) string {
	switch typeName {
	case "time.Duration":
		return "a duration such as 10s"
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

// secretFile reads the secret that NAME_FILE points to, as Docker and
// Kubernetes mount them, without the line break at its end. It reports false
// if the variable is not set. The path is not quoted: it may be the secret
// itself, in the wrong variable.
func secretFile(name string) (value secret.Value, found bool, wrong *doctor.Problem) {
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return secret.Value{}, false, nil
	}
	problem := func(what, remedy string) (secret.Value, bool, *doctor.Problem) {
		return secret.Value{}, true, &doctor.Problem{Variable: name, Found: what, Remedy: remedy}
	}
	if os.Getenv(name) != "" {
		return problem(name+" and "+name+"_FILE are both set: which one is meant?", "Remove "+name+", or "+name+"_FILE")
	}
	raw, err := os.ReadFile(path)
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	if err != nil {
		return problem(fmt.Sprintf("%s_FILE names a file that cannot be read: %v", name, err),
			"Correct the path in "+name+"_FILE, or let the user that runs the bot read that file")
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if text == "" {
		return problem(name+"_FILE names a file that is empty", "Write the value of "+name+" into that file")
	}
	return secret.New(text), true, nil
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
		RequireReason: cfg.RequireReason, RemindBefore: cfg.RemindBefore, NotifyPeopleOnTask: cfg.NotifyPeople,
		Policy: policy.Rules{
			Mode: policy.Mode(cfg.CancelPolicy), MembersOf: policy.Scope(cfg.MembersOf), Users: cfg.AllowedUsers, Usergroups: cfg.AllowedGroups,
			Channels: cfg.AllowedChannels, SecondPerson: cfg.SecondPerson, Approvers: cfg.Approvers,
		},
		AuditChannel: cfg.AuditChannel, CommandsPerMinute: cfg.CommandsAMinute,
	}
}

// Variable is one of the environment's.
type Variable struct {
	Name, Default, Meaning string
	Required               bool
}

// Variables lists the environment's variables, in the order of help.
func Variables() []Variable {
	var all []Variable
	for _, f := range fields() {
		all = append(all, Variable{variableOf(f), f.Tag.Get("default"), f.Tag.Get("desc"), f.Tag.Get("required") == "true"})
	}
	return all
}
