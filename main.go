// Command cancelbot lets a team cancel Chamelio tasks from Slack: on purpose,
// once, and with the outcome told in the channel.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/kelseyhightower/envconfig"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/journal"
	"github.com/cancelbot/cancelbot/bot/sandbox"
	"github.com/cancelbot/cancelbot/bot/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// config is the whole environment. README.md explains each variable.
type config struct {
	SlackAppToken    secret.Value  `envconfig:"SLACK_APP_TOKEN" required:"true" desc:"app-level token, xapp-…, with connections:write"`
	SlackBotToken    secret.Value  `envconfig:"SLACK_BOT_TOKEN" required:"true" desc:"bot token, xoxb-…"`
	SlackAPIURL      string        `envconfig:"SLACK_API_URL" default:"https://slack.com/api/" desc:"another Web API address: a stand-in, a gov cloud"`
	SlackConnections int           `envconfig:"SLACK_CONNECTIONS" default:"2" desc:"Socket Mode connections, 1 to 10"`
	SlackCommand     string        `envconfig:"SLACK_COMMAND" default:"/cancel-task" desc:"the command's name in this workspace; also change it in the manifest"`
	ChamelioAPIKey   secret.Value  `envconfig:"CHAMELIO_API_KEY" required:"true" desc:"API key, ca_…"`
	ChamelioBaseURL  string        `envconfig:"CHAMELIO_BASE_URL" default:"https://platform.chamelio.ai" desc:"https, or http on a loopback address; anything else is refused"`
	ChamelioTimeout  time.Duration `envconfig:"CHAMELIO_TIMEOUT" default:"10s" desc:"one API call"`
	ConfirmTTL       time.Duration `envconfig:"CONFIRM_TTL" default:"10m" desc:"how long a prompt can be confirmed, 10s to 30m"`
	DatabaseURL      secret.Value  `envconfig:"DATABASE_URL" default:"sqlite:cancelbot.db" desc:"the journal: sqlite:PATH or postgres://…"`
	CancelPolicy     string        `envconfig:"CANCEL_POLICY" default:"members" desc:"who may cancel: members, people-on-task or listed"`
	AllowedUsers     []string      `envconfig:"ALLOWED_USERS" desc:"Slack ids of people, comma-separated"`
	AllowedGroups    []string      `envconfig:"ALLOWED_USERGROUPS" desc:"Slack ids of usergroups, comma-separated"`
	AllowedChannels  []string      `envconfig:"ALLOWED_CHANNELS" desc:"Slack ids of the conversations where tasks can be cancelled; all if empty"`
	SecondPerson     bool          `envconfig:"REQUIRE_SECOND_PERSON" default:"false" desc:"somebody other than the requester must confirm"`
	CommandsAMinute  int           `envconfig:"COMMANDS_PER_MINUTE" default:"10" desc:"how many commands one person may type a minute"`
	AuditChannel     string        `envconfig:"AUDIT_CHANNEL" desc:"Slack id of a channel that gets a copy of every announcement, and the refusals"`
	HTTPAddr         string        `envconfig:"HTTP_ADDR" desc:"where health and metrics are served, such as 127.0.0.1:8080; a port alone (:8080) is on loopback, 0.0.0.0:8080 everywhere; nowhere if empty"`
	LogLevel         slog.Level    `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat        string        `envconfig:"LOG_FORMAT" desc:"text or json; text on a terminal, else json"`
	ShutdownGrace    time.Duration `envconfig:"SHUTDOWN_GRACE" default:"25s" desc:"how long running decisions may finish after SIGTERM"`
}

// version is set by release builds; others take it from the build's own
// information.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal is not waited for: it ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// The exit codes besides 0.
const (
	exitFailed = 1 // it could not go on
	exitUsage  = 2 // the command line or the environment is wrong
)

func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	command := ""
	if len(args) > 0 {
		command, args = args[0], args[1:]
	}
	var err error
	switch command {
	case "":
		err = serve(ctx, errs)
	case "sandbox":
		if err = sandbox.Command(ctx, args, in, out, sandboxBot); errors.Is(err, sandbox.ErrUsage) {
			err = usageError(err.Error())
		}
	case "sandbox-bot": // for the sandbox's own use
		err = serveUntilEOF(ctx, in, errs)
	case "check":
		err = runCheck(ctx, args, out)
	case "healthcheck":
		err = healthcheck(ctx, os.Getenv("HTTP_ADDR"), out)
	case "history":
		err = history(ctx, args, out)
	case "version":
		_, err = fmt.Fprintln(out, "cancelbot", buildVersion())
	case "help", "-h", "--help":
		err = help(out)
	default:
		err = usageError(fmt.Sprintf("there is no command %q; cancelbot help lists them", command))
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(errs, "cancelbot:", err)
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// usageError is a mistake in the command line or the environment.
type usageError string

func (e usageError) Error() string { return string(e) }

// serve runs the bot with the environment's configuration.
func serve(ctx context.Context, errs io.Writer) error {
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	log, err := newLogger(cfg, errs)
	if err != nil {
		return err
	}
	return runBot(ctx, cfg, log)
}

// runBot wires the parts together and serves until ctx ends.
func runBot(ctx context.Context, cfg config, log *slog.Logger) error {
	registry := newRegistry()
	options := cfg.chamelio()
	options.Transport = countCalls(registry, "cancelbot_chamelio_calls_total", "endpoint", chamelioEndpoint)
	tasks, err := chamelio.New(options)
	if err != nil {
		return usageError(err.Error())
	}
	decisions, err := journal.Open(ctx, cfg.DatabaseURL.Reveal(), journal.Options{Audit: cfg.AuditChannel != ""})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer decisions.Close()
	settings := cfg.bot()
	settings.Log, settings.Metrics, settings.TaskHosts = log, registry, taskHosts(tasks)
	settings.Transport = countCalls(registry, "cancelbot_slack_calls_total", "method", slackMethod(cfg.SlackAPIURL))
	traces, flush, err := newTraces(ctx, log)
	if err != nil {
		return err
	}
	defer flush()
	settings.Traces = traces
	b, err := bot.New(settings, tasks, decisions)
	if err != nil {
		return usageError(err.Error())
	}
	log.Info("starting", "version", buildVersion(), "journal", decisions.Engine(),
		"connections", cfg.SlackConnections, "policy", cfg.CancelPolicy, "second_person", cfg.SecondPerson, "command", cfg.SlackCommand)

	listener, err := listenHTTP(cfg.HTTPAddr)
	if err != nil {
		return err
	}
	// Whatever ends first ends the others. The checks end only when a token
	// or key is refused, which no waiting mends.
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error {
		err := b.Run(ctx)
		var refused *bot.TokenError
		if errors.As(err, &refused) {
			err = fmt.Errorf("%w\n%s", err, bot.Mend(refused.Variable, err))
		}
		return err
	})
	if listener != nil {
		parts.Go(func() error { return serveHTTP(ctx, listener, b, registry, log) })
	}
	parts.Go(func() error {
		return introduce(ctx, b, tasks, log, "version", buildVersion(), "journal", decisions.Engine(),
			"connections", cfg.SlackConnections, "policy", cfg.CancelPolicy, "second_person", cfg.SecondPerson)
	})
	return parts.Wait()
}

// chamelio is what the API client needs of the environment.
func (cfg config) chamelio() chamelio.Options {
	return chamelio.Options{
		BaseURL: cfg.ChamelioBaseURL, APIKey: cfg.ChamelioAPIKey.Reveal(),
		Timeout: cfg.ChamelioTimeout, UserAgent: "cancelbot/" + buildVersion(),
	}
}

// bot is what the bot needs of the environment.
func (cfg config) bot() bot.Config {
	return bot.Config{
		AppToken: cfg.SlackAppToken, BotToken: cfg.SlackBotToken, SlackAPI: cfg.SlackAPIURL,
		Command: cfg.SlackCommand, Connections: cfg.SlackConnections, ConfirmTTL: cfg.ConfirmTTL, Grace: cfg.ShutdownGrace,
		Policy: bot.Policy{
			Mode: bot.PolicyMode(cfg.CancelPolicy), Users: cfg.AllowedUsers, Usergroups: cfg.AllowedGroups,
			Channels: cfg.AllowedChannels, SecondPerson: cfg.SecondPerson,
		},
		AuditChannel: cfg.AuditChannel, CommandsPerMinute: cfg.CommandsAMinute,
	}
}

// introduce logs one line that says what runs, where, and for whom, once Slack
// and Chamelio have said their part of it. It fails if a token or key is
// refused.
func introduce(ctx context.Context, b *bot.Bot, tasks *chamelio.Client, log *slog.Logger, what ...any) error {
	var where bot.Workspace
	var org chamelio.OrgInfo
	checks, checking := errgroup.WithContext(ctx)
	checks.Go(func() (err error) { where, err = checkWorkspace(checking, b, log); return err })
	checks.Go(func() (err error) { org, err = checkKey(checking, tasks, log); return err })
	if err := checks.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	log.Info("started", append(what, "workspace", where.Team, "team", where.TeamID, "bot", where.BotUser,
		"organisation", org.Name, "key_id", org.APIKeyID, "per_minute", org.RateLimitPerMinute)...)
	return nil
}

// checkWorkspace asks Slack once whether the bot token is good.
func checkWorkspace(ctx context.Context, b *bot.Bot, log *slog.Logger) (bot.Workspace, error) {
	where, err := b.Workspace(ctx)
	var refused *bot.TokenError
	switch {
	case errors.As(err, &refused):
		return where, fmt.Errorf("%w\n%s", err, bot.Mend(refused.Variable, err))
	case err != nil && ctx.Err() == nil:
		log.Warn("Slack does not say which workspace this is; going on", "error", err)
	}
	return where, nil
}

// checkKey asks Chamelio whether the key is good and how often it may be
// used, until there is an answer.
func checkKey(ctx context.Context, tasks *chamelio.Client, log *slog.Logger) (chamelio.OrgInfo, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 2*time.Second, 5*time.Minute
	org, err := backoff.Retry(ctx, func() (chamelio.OrgInfo, error) {
		info, err := tasks.OrgInfo(ctx)
		switch {
		case err == nil:
			tasks.SetRateLimit(info.RateLimitPerMinute)
		case errors.Is(err, chamelio.ErrUnauthorized):
			return info, backoff.Permanent(err)
		case ctx.Err() == nil:
			log.Warn("Chamelio does not answer for the key; going on", "error", err)
		}
		return info, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	var e *chamelio.Error
	if errors.As(err, &e) && e.Kind == chamelio.ErrUnauthorized {
		return org, fmt.Errorf("Chamelio refuses the key in CHAMELIO_API_KEY (%s)\nAsk an administrator of your Chamelio organisation for a new one", e.Detail)
	}
	return org, nil
}

// taskHosts lists the hosts of task links besides Chamelio's own.
func taskHosts(c *chamelio.Client) []string { return []string{c.Host()} }

// sandboxBot makes the command that runs the bot of a sandbox: this program
// again, with nothing of the environment that could configure it otherwise.
func sandboxBot() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(self, "sandbox-bot")
	variables := reflect.TypeFor[config]()
	cmd.Env = slices.DeleteFunc(os.Environ(), func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		for i := range variables.NumField() {
			if strings.TrimSuffix(name, "_FILE") == variables.Field(i).Tag.Get("envconfig") {
				return true
			}
		}
		return false
	})
	return cmd, nil
}

// serveUntilEOF is serve for the sandbox, which ends its bot by closing its
// input; so the bot also ends if the sandbox dies.
func serveUntilEOF(ctx context.Context, in io.Reader, errs io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	go func() { // ends with the input, or with the process
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	return serve(ctx, errs)
}

// history prints the latest decisions: the journal as the audit trail.
func history(ctx context.Context, args []string, out io.Writer) error {
	db := os.Getenv("DATABASE_URL")
	if file, found, problem := secretFile("DATABASE_URL"); problem != "" {
		return usageError(problem)
	} else if found {
		db = file.Reveal()
	}
	if db == "" {
		db = "sqlite:cancelbot.db"
	}
	err := journal.History(ctx, args, out, db)
	if errors.Is(err, journal.ErrUsage) {
		return usageError(err.Error())
	}
	return err
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
	for _, name := range []string{"ALLOWED_USERS", "ALLOWED_USERGROUPS", "ALLOWED_CHANNELS"} {
		// An empty list means no restriction; one of blanks was meant as one.
		if value := os.Getenv(name); value != "" && strings.Trim(value, " \t,") == "" {
			problems = append(problems, name+" is set, but names nobody")
		}
	}
	for name, value := range map[string]secret.Value{"SLACK_APP_TOKEN": cfg.SlackAppToken, "SLACK_BOT_TOKEN": cfg.SlackBotToken, "CHAMELIO_API_KEY": cfg.ChamelioAPIKey} {
		if text := value.Reveal(); strings.TrimSpace(text) != text {
			problems = append(problems, name+" begins or ends with a blank or a line break")
		}
	}
	return cfg, problems
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
	}
	return "a " + typeName
}

func newLogger(cfg config, out io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	format := cfg.LogFormat
	if format == "" && isTerminal(out) {
		format = "text"
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(out, options)), nil
	case "", "json":
		return slog.New(slog.NewJSONHandler(out, options)), nil
	}
	return nil, usageError("LOG_FORMAT is neither text nor json")
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
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

func help(out io.Writer) error {
	if err := envconfig.Usagef("", &config{}, out, usage); err != nil {
		return fmt.Errorf("printing the variables: %w", err)
	}
	return nil
}
