package cli

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

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
	OperatorContact   string
	AuditChannel      string
	ConfirmTimeout    time.Duration
	FactsMaxAge       time.Duration
	CommandsPerMinute int
	MaxTasks          int

	DatabaseURL   secret.Value
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

// workflowNames is a comma-separated list of names. A name with a comma in it
// is in double quotes.
type workflowNames []string

var errSwitch = errors.New("looks like a switch")

// UnmarshalText reads the list.
func (n *workflowNames) UnmarshalText(text []byte) error {
	var s policy.SecondPerson
	if err := s.UnmarshalText(text); err != nil {
		return err
	}
	if len(s.Workflows) == 0 && len(text) > 0 {
		return errSwitch
	}
	*n = s.Workflows
	return nil
}

// readConfig reads the environment and finds everything that is wrong with it,
// one problem for each variable.
func readConfig() (config, []environ.Problem) {
	var cfg config
	found := &findings{}
	for _, s := range settings() {
		s.read(&cfg, found)
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
			Found:    fmt.Sprintf("%s is no variable of the bot's: did you mean %s?", slip.name, slip.own),
			Remedy:   fmt.Sprintf("Rename %s to %s, or remove it", slip.name, slip.own),
		})
	}
	return cfg, found.sorted()
}

const isMissing = "is missing"

// read sets one field from its variable, or from the file that holds it.
func (s setting) read(cfg *config, found *findings) {
	field := s.field(cfg)
	if into, isSecret := field.(*secret.Value); isSecret {
		content, isFile, wrong := secretFile(s.name)
		if wrong != nil {
			found.put(*wrong)
		}
		if *into = content; isFile {
			return
		}
		// The Slack CLI leaves a variable alone that is set, even to nothing,
		// and hands its token over under a name of its own as well.
		if handed := os.Getenv(s.slackCLI); handed != "" && os.Getenv(s.name) == "" {
			*into = secret.New(handed)
			return
		}
	} else if os.Getenv(s.name+"_FILE") != "" {
		// If it were ignored, a restriction would restrict nobody.
		found.put(environ.Problem{
			Variable: s.name, Found: s.name + "_FILE is no variable of the bot's: only the tokens, the key and DATABASE_URL can be read from a file",
			Remedy: "Set " + s.name + " itself, and remove " + s.name + "_FILE",
		})
	}
	wrong := s.parse(reflect.ValueOf(field).Elem())
	if wrong != "" {
		found.add(s.name, wrong)
	}
}

// parse sets a value from the variable, and says what is wrong with it.
//
// envconfig stops at its first error, so it gets a struct with one field. It
// takes an empty variable for a value, but Compose files and Kubernetes patches
// leave variables empty where they mean none, so then it gets another name.
func (s setting) parse(value reflect.Value) (wrong string) {
	name := s.name
	if os.Getenv(name) == "" {
		name += "_IS_EMPTY"
	}
	tag := fmt.Sprintf("envconfig:%q default:%q required:%q", name, s.fallback, strconv.FormatBool(s.required))
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: value.Type(), Tag: reflect.StructTag(tag)}}))
	err := envconfig.Process("", one.Interface())
	var parse *envconfig.ParseError
	switch {
	case errors.As(err, &parse):
		return "is not " + expected(parse.TypeName) + suggestion(parse.TypeName, os.Getenv(s.name))
	case err != nil:
		return isMissing
	}
	value.Set(one.Elem().Field(0))
	return ""
}

// fillIn sets the defaults that depend on the machine.
func (cfg *config) fillIn(found *findings) {
	if cfg.DatabaseURL.Reveal() != "" || found.has("DATABASE_URL") {
		return
	}
	dir, err := stateDirectory()
	if err != nil {
		found.put(environ.Problem{
			Variable: "DATABASE_URL", Found: "DATABASE_URL is missing, and there is no directory for the journal: " + err.Error(),
			Remedy: "Set DATABASE_URL to sqlite:PATH, or to postgres://user:password@host:5432/database",
		})
		return
	}
	cfg.DatabaseURL = secret.New("sqlite:" + filepath.Join(dir, "cancelbot.db"))
}

// stateDirectory returns an absolute path, so that the journal doesn't depend on
// the directory in which the bot is started: systemd's StateDirectory, or the
// user's.
func stateDirectory() (string, error) {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "cancelbot"), nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(dir, "cancelbot"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "cancelbot"), err
}

// refuseOldNames names the new one of each variable that was renamed.
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

// mentionDotEnv mentions a file .env if a variable is missing: other programs
// read such a file, so someone may expect it of this one.
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
	case "cli.workflowNames":
		return "a list of workflows' names, separated by commas, in quotation marks that are closed"
	}
	return "a " + typeName
}

// suggestion completes a duration that lacks its unit.
func suggestion(typeName, value string) string {
	if _, err := strconv.ParseUint(value, 10, 32); err == nil && typeName == "time.Duration" {
		return "; did you mean " + value + "s?"
	}
	return ""
}

// secretFile reads the secret that NAME_FILE points to, as Docker and
// Kubernetes mount them, without the line break at its end. It reports false
// if the variable is not set. The path is not quoted: it may be the secret
// itself, in the wrong variable.
func secretFile(name string) (value secret.Value, found bool, wrong *environ.Problem) {
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return secret.Value{}, false, nil
	}
	problem := func(what, remedy string) (secret.Value, bool, *environ.Problem) {
		return secret.Value{}, true, &environ.Problem{Variable: name, Found: what, Remedy: remedy}
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
		BaseURL: cfg.ChamelioAPIURL, APIKey: cfg.ChamelioAPIKey.Reveal(),
		Timeout: cfg.ChamelioTimeout, UserAgent: "cancelbot/" + version,
	}
}

// bot is what the bot needs of the environment.
func (cfg config) bot() bot.Config {
	return bot.Config{
		AppToken: cfg.SlackAppToken, BotToken: cfg.SlackBotToken, SlackAPI: cfg.SlackAPIURL,
		Command: cfg.SlackCommand, Connections: cfg.SlackConnections, ConfirmTTL: cfg.ConfirmTimeout, Grace: cfg.ShutdownGrace,
		FactsMaxAge:   cmp.Or(cfg.FactsMaxAge, -1), // 0 is none here, and the default there
		CancelTimeout: cfg.ChamelioTimeout, OperatorContact: cfg.OperatorContact,
		RequireReason: cfg.RequireReason, RemindBefore: cfg.RemindBefore, NotifyPeopleOnTask: cfg.MentionPeople,
		Policy:       cfg.policy(),
		AuditChannel: cfg.AuditChannel, CommandsPerMinute: cfg.CommandsPerMinute, MaxTasks: cfg.MaxTasks,
	}
}

func (cfg config) policy() policy.Rules {
	rules := policy.Rules{
		Mode: policy.Mode(cfg.CancelPolicy), MembersOf: policy.OfWorkspace, Users: cfg.AllowedUsers, Usergroups: cfg.AllowedGroups,
		Channels: cfg.AllowedChannels, Approvers: cfg.Approvers,
		SecondPerson: policy.SecondPerson{Always: cfg.SecondPerson == secondAlways},
	}
	if cfg.SecondPerson == secondWorkflows {
		rules.SecondPerson.Workflows = cfg.SecondPersonWorkflows
	}
	if cfg.MemberScope == "organisation" || cfg.MemberScope == "organization" {
		rules.MembersOf = policy.OfOrganisation
	}
	return rules
}
