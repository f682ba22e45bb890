package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/cli"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// misconfigured is a deliberate mistake: variables that are changed (or
// removed, if there is only a name), or a fake Slack or Chamelio that is
// changed. found and remedy are in the output of both check and the start.
type misconfigured struct {
	name, change  string
	prepare       func(*fakes)
	found, remedy string
}

func slackIs(change func(*slacktest.Server)) func(*fakes) {
	return func(s *fakes) { change(s.slack) }
}

func refuses(token, code string) func(*fakes) {
	return slackIs(func(s *slacktest.Server) { s.RefuseToken(token, code) })
}

func refusesKey(detail string) func(*fakes) {
	return func(s *fakes) { s.api.RefuseKey(detail) }
}

// inTheEnvironment has mistakes that can be seen in the environment alone.
var inTheEnvironment = []misconfigured{
	{"no app token", "SLACK_APP_TOKEN", nil, "SLACK_APP_TOKEN is missing", "Generate an app-level token with the scope connections:write"},
	{"an empty app token", "SLACK_APP_TOKEN=", nil, "SLACK_APP_TOKEN is missing", "Generate an app-level token"},
	{"a bot token for an app token", "SLACK_APP_TOKEN=" + slacktest.BotToken, nil, "SLACK_APP_TOKEN must be an app-level token", "Generate an app-level token"},
	{"a blank after the app token", "SLACK_APP_TOKEN=" + slacktest.AppToken + " ", nil, "SLACK_APP_TOKEN begins or ends with a blank", "Generate an app-level token"},
	{"no bot token", "SLACK_BOT_TOKEN", nil, "SLACK_BOT_TOKEN is missing", "Copy the Bot User OAuth Token"},
	{"an app token for a bot token", "SLACK_BOT_TOKEN=" + slacktest.AppToken, nil, "SLACK_BOT_TOKEN must be a bot token", "Copy the Bot User OAuth Token"},
	{"a user token", "SLACK_BOT_TOKEN=xoxp-1", nil, "SLACK_BOT_TOKEN must be a bot token", "Copy the Bot User OAuth Token"},
	{"a token and its file", "SLACK_BOT_TOKEN_FILE=/etc/hostname", nil, "SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set", "Remove SLACK_BOT_TOKEN, or SLACK_BOT_TOKEN_FILE"},
	{"a file that is not there", "CHAMELIO_API_KEY|CHAMELIO_API_KEY_FILE=/nowhere/key", nil, "CHAMELIO_API_KEY_FILE names a file that cannot be read", "Correct the path in CHAMELIO_API_KEY_FILE"},
	{"a file that is empty", "CHAMELIO_API_KEY|CHAMELIO_API_KEY_FILE=" + os.DevNull, nil, "CHAMELIO_API_KEY_FILE names a file that is empty", "Write the value of CHAMELIO_API_KEY into that file"},
	{"a list in a file", "ALLOWED_CHANNELS_FILE=/etc/channels", nil, "ALLOWED_CHANNELS_FILE is not supported", "Set ALLOWED_CHANNELS itself"},
	{"no key", "CHAMELIO_API_KEY", nil, "CHAMELIO_API_KEY is missing", "Ask an administrator"},
	{"another key", "CHAMELIO_API_KEY=sk-123456", nil, `CHAMELIO_API_KEY must start with "ca_"`, "Ask an administrator"},
	{"a key in quotes", `CHAMELIO_API_KEY="ca_abcdef"`, nil, "CHAMELIO_API_KEY is in quotation marks", "without quotes or blanks"},
	{"a key with a line break", "CHAMELIO_API_KEY=ca_abc\ndef", nil, "CHAMELIO_API_KEY has characters that no key has", "without quotes or blanks"},
	{"Slack in the clear", "SLACK_API_URL=http://slack.com/api/", nil, "SLACK_API_URL must be https", "Remove SLACK_API_URL"},
	{"Slack without /api/", "SLACK_API_URL=https://slack.com/", nil, "SLACK_API_URL lacks the /api/ at its end", "Remove SLACK_API_URL"},
	{"Slack without a scheme", "SLACK_API_URL=slack.com/api/", nil, "SLACK_API_URL must be https", "Remove SLACK_API_URL"},
	{"no connections", "SLACK_CONNECTIONS=0", nil, "SLACK_CONNECTIONS must be more than zero", "a number from 1 to 10"},
	{"too many connections", "SLACK_CONNECTIONS=11", nil, "SLACK_CONNECTIONS must be 1 to 10", "a number from 1 to 10"},
	{"connections in words", "SLACK_CONNECTIONS=two", nil, "SLACK_CONNECTIONS is not a whole number", "a number from 1 to 10"},
	{"a number that looks octal", "MAX_TASKS=010", nil, "MAX_TASKS is not a whole number without leading zeros", "MAX_TASKS"},
	{"a command without a slash", "SLACK_COMMAND=cancel-task", nil, "SLACK_COMMAND must be one word", "such as /cancel-task"},
	{"a command longer than Slack's", "SLACK_COMMAND=/cancel-a-task-of-chamelio-for-ever", nil, "SLACK_COMMAND must be one word of at most 32 letters", "such as /cancel-task"},
	{"a command of two words", "SLACK_COMMAND=/cancel task", nil, "SLACK_COMMAND must be one word", "such as /cancel-task"},
	{"Chamelio in the clear", "CHAMELIO_API_URL=http://platform.chamelio.ai", nil, "CHAMELIO_API_URL must be https", "Remove CHAMELIO_API_URL"},
	{"Chamelio with a password", "CHAMELIO_API_URL=https://u:p@platform.chamelio.ai", nil, "CHAMELIO_API_URL must not have a user", "Remove CHAMELIO_API_URL"},
	{"Chamelio without a scheme", "CHAMELIO_API_URL=platform.chamelio.ai", nil, "CHAMELIO_API_URL must be an absolute URL", "Remove CHAMELIO_API_URL"},
	{"no time at all", "CHAMELIO_TIMEOUT=0s", nil, "CHAMELIO_TIMEOUT must be more than zero", "a duration from 100ms to 1m"},
	{"a time without a unit", "CHAMELIO_TIMEOUT=10", nil, "CHAMELIO_TIMEOUT is not a duration such as 10s; did you mean 10s?", "a duration from 100ms to 1m"},
	{"too much time", "CHAMELIO_TIMEOUT=2m", nil, "CHAMELIO_TIMEOUT must be 100ms to 1m", "a duration from 100ms to 1m"},
	{"a prompt for hours", "CONFIRM_TIMEOUT=2h", nil, "CONFIRM_TIMEOUT must be 10s to 30m", "a duration from 10s to 30m"},
	{"facts for too long", "FACTS_MAX_AGE=61s", nil, "FACTS_MAX_AGE must be 0s to 60s", "a duration from 0s to 60s"},
	{"facts for less than no time", "FACTS_MAX_AGE=-1s", nil, "FACTS_MAX_AGE must be 0s to 60s", "a duration from 0s to 60s"},
	{"a prompt for no time", "CONFIRM_TIMEOUT=0s", nil, "CONFIRM_TIMEOUT must be more than zero", "a duration from 10s to 30m"},
	{"another database", "DATABASE_URL=mysql://x", nil, "DATABASE_URL must start with sqlite: or postgres://", "Set DATABASE_URL to sqlite:PATH"},
	{"SQLite without a file", "DATABASE_URL=sqlite:", nil, "DATABASE_URL names no file", "Set DATABASE_URL to sqlite:PATH"},
	{"SQLite with options", "DATABASE_URL=sqlite:j.db?mode=memory", nil, "DATABASE_URL takes no options with sqlite", "Set DATABASE_URL to sqlite:PATH"},
	{"Postgres that falls back", "DATABASE_URL=postgres://u@db/x?sslmode=prefer", nil, "DATABASE_URL has an sslmode that falls back", "Set DATABASE_URL to"},
	{"Postgres with a bad port", "DATABASE_URL=postgres://u@db:port/x", nil, "DATABASE_URL has a port that isn't a number", "postgres://user:password@host:5432/database"},
	{"an unknown policy", "CANCEL_POLICY=anyone", nil, "CANCEL_POLICY must be members, people-on-task or listed", "Set CANCEL_POLICY to"},
	{"nobody listed", "CANCEL_POLICY=listed", nil, "CANCEL_POLICY lets only listed people cancel, and none are listed", "or listed (ALLOWED_USERS, ALLOWED_USERGROUPS)"},
	{"members of nothing", "MEMBER_SCOPE=team", nil, "MEMBER_SCOPE must be workspace or organisation", "Remove MEMBER_SCOPE"},
	{"a list without effect", "ALLOWED_USERS=U0ADA", nil, "ALLOWED_USERS has no effect", "with CANCEL_POLICY=people-on-task or listed"},
	{"a group without effect", "ALLOWED_USERGROUPS=S0LEADS", nil, "ALLOWED_USERGROUPS has no effect", "with CANCEL_POLICY=people-on-task or listed"},
	{"people by name", "CANCEL_POLICY=listed|ALLOWED_USERS=U0ADA,ada", nil, `use ids such as U012AB3CD or W012AB3CD (it has "ada")`, "IDs such as U012AB3CD"},
	{"people who are a group", "CANCEL_POLICY=listed|ALLOWED_USERS=S0LEADS", nil, "ALLOWED_USERS has an entry that is not the id of a person", "IDs such as U012AB3CD"},
	{"a list of blanks", "ALLOWED_CHANNELS= , ", nil, "ALLOWED_CHANNELS is set, but has no entries", "IDs such as C012AB3CD"},
	{"a list of odd blanks", "ALLOWED_CHANNELS=\u00a0,\u3000", nil, "ALLOWED_CHANNELS is set, but has no entries", "IDs such as C012AB3CD"},
	{"channels by name", "ALLOWED_CHANNELS=#general", nil, "ALLOWED_CHANNELS has an entry that is not the id of a conversation", "IDs such as C012AB3CD"},
	{"no policy", "CANCEL_POLICY", nil, "CANCEL_POLICY is missing", "Set CANCEL_POLICY to members (every full member), people-on-task (owner, assignee, collaborators) or listed"},
	{"an unknown second person", "SECOND_PERSON=true", nil, `SECOND_PERSON must be never, always or workflows (it is "true")`, "Set SECOND_PERSON to never, always"},
	{"workflows without a name", "SECOND_PERSON=workflows", nil, "SECOND_PERSON_WORKFLOWS is missing while SECOND_PERSON is workflows", "Set SECOND_PERSON_WORKFLOWS to names"},
	{"workflows of nothing", "SECOND_PERSON_WORKFLOWS=NDA", nil, "SECOND_PERSON_WORKFLOWS has no effect", "with SECOND_PERSON=workflows"},
	{"a switch for a workflow", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=NDA,yes", nil, "SECOND_PERSON_WORKFLOWS has an entry that isn't the name of a workflow", "names of workflows"},
	{"true for workflows", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=true", nil, "SECOND_PERSON_WORKFLOWS has an entry that isn't the name of a workflow", "names of workflows"},
	{"dashes for a workflow", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=NDA,---", nil, "SECOND_PERSON_WORKFLOWS has an entry that isn't the name of a workflow", "names of workflows"},
	{"workflows in lines", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=NDA\nContract review", nil, "SECOND_PERSON_WORKFLOWS is not a list of workflows' names, separated by commas", "names of workflows"},
	{"workflows with semicolons", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=NDA;Contract review", nil, "SECOND_PERSON_WORKFLOWS is not a list of workflows' names, separated by commas", "names of workflows"},
	{"a quote that is open", `SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS="Contract review`, nil, "SECOND_PERSON_WORKFLOWS is not a list of workflows' names", "names of workflows"},
	{"two people, one listed", "CANCEL_POLICY=listed|ALLOWED_USERS=U0ADA|SECOND_PERSON=always", nil, "SECOND_PERSON asks for two people, and only one is listed", "Set SECOND_PERSON to"},
	{"approvers of nothing", "SECOND_PERSON_APPROVERS=U0ADA", nil, "SECOND_PERSON_APPROVERS has no effect", "with SECOND_PERSON, or remove it"},
	{"a reminder of nothing", "SECOND_PERSON_REMINDER=3m", nil, "SECOND_PERSON_REMINDER has no effect", "with SECOND_PERSON, or remove it"},
	{"a reminder before the request", "SECOND_PERSON=always|SECOND_PERSON_REMINDER=10m", nil, "SECOND_PERSON_REMINDER must be less than", "shorter than CONFIRM_TIMEOUT"},
	{"no commands", "COMMANDS_PER_MINUTE=0", nil, "COMMANDS_PER_MINUTE must be more than zero", "set it from 1 to 1000000"},
	{"fewer than none", "COMMANDS_PER_MINUTE=-1", nil, "COMMANDS_PER_MINUTE must be 1 to 1000000", "set it from 1 to 1000000"},
	{"more than anyone types", "COMMANDS_PER_MINUTE=4611686018427387904", nil, "COMMANDS_PER_MINUTE must be 1 to 1000000", "set it from 1 to 1000000"},
	{"an audit channel by name", "AUDIT_CHANNEL=#audit", nil, "AUDIT_CHANNEL isn't a channel ID", "an ID such as C012AB3CD"},
	{"no address", "HTTP_ADDR=here", nil, "HTTP_ADDR must be an address", "such as 127.0.0.1:8080"},
	{"a port too high", "HTTP_ADDR=127.0.0.1:80800", nil, "HTTP_ADDR must be an address", "such as 127.0.0.1:8080"},
	{"a retention of an hour", "RETENTION=1h", nil, "RETENTION is not a number of days such as 365d", "such as 365d, at least 7d"},
	{"a retention without a unit", "RETENTION=365", nil, "did you mean 365d?", "such as 365d, at least 7d"},
	{"a retention that keeps nothing", "RETENTION=1d", nil, "RETENTION must be at least 7d", "such as 365d, at least 7d"},
	{"a retention of no time", "RETENTION=0d", nil, "RETENTION must be at least 7d", "such as 365d, at least 7d"},
	{"one connection", "DATABASE_MAX_CONNS=1|DATABASE_URL=postgres://u@127.0.0.1:1/db", nil, "DATABASE_MAX_CONNS must be 2 to 100", "a number from 2 to 100"},
	{"connections to a file", "DATABASE_MAX_CONNS=4", nil, "DATABASE_MAX_CONNS has no effect with SQLite", "with a DATABASE_URL of Postgres"},
	{"quotes that docker keeps", `HTTP_ADDR=":8080"`, nil, "HTTP_ADDR is in quotation marks: leave them out", "such as 127.0.0.1:8080"},
	{"words in quotes", `OPERATOR_CONTACT="the service desk"`, nil, "OPERATOR_CONTACT is in quotation marks: leave them out", "or to a few words"},
	{"a policy with a line break", "CANCEL_POLICY=members\n", nil, "CANCEL_POLICY begins or ends with a blank or a line break", "Set CANCEL_POLICY to"},
	{"a contact that nothing filled in", "OPERATOR_CONTACT=${CONTACT}", nil, "OPERATOR_CONTACT has a placeholder instead of a value", "Set OPERATOR_CONTACT to"},
	{"a contact of a template", "OPERATOR_CONTACT=<no value>", nil, "OPERATOR_CONTACT has a placeholder", "Set OPERATOR_CONTACT to"},
	{"a channel of another language's", "AUDIT_CHANNEL=null", nil, "AUDIT_CHANNEL has a placeholder", "or remove it"},
	{"a workflow to be decided", "SECOND_PERSON=workflows|SECOND_PERSON_WORKFLOWS=changeme", nil, "SECOND_PERSON_WORKFLOWS has a placeholder", "names of workflows"},
	{"a loud log", "LOG_LEVEL=loud", nil, `LOG_LEVEL is not one of debug, info, warn, error (it is "loud")`, "Remove LOG_LEVEL"},
	{"a log in XML", "LOG_FORMAT=xml", nil, "LOG_FORMAT must be text or json", "Remove LOG_FORMAT"},
	{"no grace", "SHUTDOWN_GRACE=-1s", nil, "SHUTDOWN_GRACE must be more than zero", "a duration such as 25s"},
	{"traces to nowhere", "OTEL_EXPORTER_OTLP_ENDPOINT=::", nil, "OTEL_EXPORTER_OTLP_ENDPOINT is not an http or https address", "Set OTEL_EXPORTER_OTLP_ENDPOINT to the address of a collector"},
	{"traces by gRPC", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317|OTEL_EXPORTER_OTLP_PROTOCOL=grpc", nil, "OTEL_EXPORTER_OTLP_PROTOCOL is not http/protobuf", "Remove OTEL_EXPORTER_OTLP_PROTOCOL"},
	{"traces with a secret that is not encoded", "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318|OTEL_EXPORTER_OTLP_HEADERS=api-key=topsecret%", nil, "OTEL_EXPORTER_OTLP_HEADERS is not a list of NAME=VALUE", "Set OTEL_EXPORTER_OTLP_HEADERS to headers such as"},
	{"a slip in a name", "CANCEL_POLCY=listed", nil, "unknown variable CANCEL_POLCY; did you mean CANCEL_POLICY?", "Rename CANCEL_POLCY to CANCEL_POLICY"},
	{"a name in the singular", "ALLOWED_CHANNEL=C0GENERAL", nil, "did you mean ALLOWED_CHANNELS?", "Rename ALLOWED_CHANNEL to ALLOWED_CHANNELS"},
	{"a name in the plural", "REQUIRE_REASONS=true", nil, "did you mean REQUIRE_REASON?", "Rename REQUIRE_REASONS to REQUIRE_REASON"},
	{"an old name", "CONFIRM_TTL=5m", nil, "CONFIRM_TTL is now called CONFIRM_TIMEOUT", "Rename CONFIRM_TTL to CONFIRM_TIMEOUT"},
	{"an old switch", "REQUIRE_SECOND_PERSON=true", nil, "REQUIRE_SECOND_PERSON is now called SECOND_PERSON", "Set SECOND_PERSON to never, always"},
	{"a name in small letters", "allowed_channels=C0GENERAL", nil, "did you mean ALLOWED_CHANNELS?", "Rename allowed_channels to ALLOWED_CHANNELS"},
}

// otherApp is an app-level token of another app.
const otherApp = "xapp-1-A0OTHER-1111-5f1c9a7e"

// elsewhere has mistakes that only Slack, Chamelio, the database or the
// network reveals.
var elsewhere = []misconfigured{
	{"another app token", "SLACK_APP_TOKEN=xapp-wrong-token", nil, "invalid_auth", "Copy the app-level token"},
	{"app token revoked", "", refuses(slacktest.AppToken, "token_revoked"), "token_revoked", "Generate an app-level token"},
	{"app token without its scope", "", refuses(slacktest.AppToken, "missing_scope"), "missing_scope", "with the scope connections:write"},
	{"Socket Mode off, at apps.connections.open", "", refuses(slacktest.AppToken, "link_disabled"), "link_disabled", "Switch Socket Mode on"},
	{"Socket Mode off, at hello", "", slackIs((*slacktest.Server).SwitchOff), "Socket Mode", "Socket Mode → Enable"},
	{"another bot token", "SLACK_BOT_TOKEN=xoxb-wrong-token", nil, "invalid_auth", "Copy the Bot User OAuth Token"},
	{"tokens of two apps", "SLACK_APP_TOKEN=" + otherApp, slackIs(func(s *slacktest.Server) { s.AddToken(otherApp) }), "the app token belongs to app A0OTHER, and the bot token to app " + slacktest.AppID, "Copy both tokens from the page of one app"},
	{"an app that Slack doesn't name", "", slackIs(func(s *slacktest.Server) {
		s.Break(slacktest.Fault{Method: "bots.info", Status: 503})
	}), "asking Slack whether both tokens belong to one app (bots.info): HTTP status 503", "try again in a minute"},
	{"app uninstalled", "", refuses(slacktest.BotToken, "account_inactive"), "account_inactive", "Install the app again"},
	{"scopes missing", "", slackIs(func(s *slacktest.Server) { s.SetScopes("commands", "users:read") }), "missing: chat:write", "Add under OAuth & Permissions"},
	{"no scope for e-mails", "CANCEL_POLICY=people-on-task", nil, "missing: users:read.email", "Add under OAuth & Permissions"},
	{"somebody unknown", "CANCEL_POLICY=listed|ALLOWED_USERS=U0NOBODY", nil, "ALLOWED_USERS has U0NOBODY: user_not_found", "Correct or remove the ID"},
	{"an approver who is gone", "SECOND_PERSON=always|SECOND_PERSON_APPROVERS=" + slacktest.Gone, nil, "SECOND_PERSON_APPROVERS has U0GONE: deactivated", "Correct or remove the ID"},
	{"an approver who is a guest", "SECOND_PERSON=always|SECOND_PERSON_APPROVERS=" + slacktest.Guest, nil, "SECOND_PERSON_APPROVERS has U0GUEST: a guest", "Correct or remove the ID"},
	{"an audit channel without the bot", "AUDIT_CHANNEL=" + slacktest.Legal, nil, "posting in G0LEGAL: channel_not_found", "Invite the bot"},
	{"an audit channel that is archived", "AUDIT_CHANNEL=" + slacktest.General, slackIs(func(s *slacktest.Server) {
		s.Break(slacktest.Fault{Method: "chat.scheduleMessage", Error: "is_archived"})
	}), "is_archived", "The channel is archived"},
	{"Slack away", "SLACK_API_URL=http://127.0.0.1:1/api/", nil, "connection refused", "Slack cannot be reached"},
	{"a stand-in without /api/", "SLACK_API_URL=STAND-IN", nil, "HTTP status 404", "SLACK_API_URL lacks the /api/ at its end"},
	{"Chamelio away", "CHAMELIO_API_URL=http://127.0.0.1:1", nil, "Chamelio does not answer: connection refused", "Check the machine's network"},
	{"a key nobody knows", "CHAMELIO_API_KEY=ca_unknown", nil, "Chamelio refuses the key: Invalid API key", "Ask an administrator"},
	{"key inactive", "", refusesKey("API key is inactive"), "Chamelio refuses the key: API key is inactive", "Ask an administrator"},
	{"key expired", "", refusesKey("API key has expired"), "Chamelio refuses the key: API key has expired", "Ask an administrator"},
	{"key revoked", "", refusesKey("API key has been revoked"), "Chamelio refuses the key: API key has been revoked", "Ask an administrator"},
	{"Postgres away", "DATABASE_URL=postgres://u:topsecret@127.0.0.1:1/db", nil, "Postgres at 127.0.0.1:1: connection refused", "the Postgres server must be up"},
	{"a database below a file", "DATABASE_URL=sqlite:/etc/hostname/j.db", nil, "not a directory", "Check DATABASE_URL"},
	{"an address of another machine", "HTTP_ADDR=192.0.2.1:8080", nil, "HTTP_ADDR cannot be listened at", "Set HTTP_ADDR to an address of this machine"},
}

// goWords are programmers' words, which operators shouldn't see.
var goWords = []string{"EOF", "*json.", "dial tcp", "Post \"", "<nil>"}

func TestCheckAndStartAgree(t *testing.T) {
	t.Parallel()
	inTheEnvironment := slices.Concat(inTheEnvironment, wrapped)
	all := slices.Concat(inTheEnvironment, elsewhere)
	if len(all) < 60 {
		t.Errorf("only %d mistakes", len(all))
	}
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			if m.prepare != nil {
				m.prepare(s)
			}
			env := s.env(t, m.change)
			check := run(t, env, nil, "check")
			code := 1
			if m.name == "Chamelio away" { // the bot waits for it
				code = 0
			}
			if check.code != code {
				t.Errorf("check exits with %d", check.code)
			}
			check.says(t, m)
			for _, word := range goWords {
				if strings.Contains(check.said, word) {
					t.Errorf("check says %q:\n%s", word, check.said)
				}
			}
			wrong := i < len(inTheEnvironment)
			start := run(t, env, func(said string) bool {
				return !wrong && strings.Contains(said, m.found) && strings.Contains(said, m.remedy)
			})
			if wrong && start.code != 2 {
				t.Errorf("the start exits with %d", start.code)
			}
			start.says(t, m)
			if n := strings.Count(check.said, m.found); n != 1 && wrong {
				t.Errorf("check says it %d times:\n%s", n, check.said)
			}
		})
	}
}

// A token that Slack refuses stops the bot with an exit code of its own, so
// that a supervisor can distinguish it from temporary trouble.
func TestRefusedTokenHasOwnExitCode(t *testing.T) {
	t.Parallel()
	for _, m := range []misconfigured{
		{change: "SLACK_APP_TOKEN=xapp-wrong-token"}, {prepare: refuses(slacktest.AppToken, "token_revoked")},
		{change: "SLACK_BOT_TOKEN=xoxb-wrong-token"}, {prepare: refuses(slacktest.BotToken, "account_inactive")},
	} {
		s := newFakes(t)
		if m.prepare != nil {
			m.prepare(s)
		}
		if got := run(t, s.env(t, m.change), nil); got.code != 77 || !strings.Contains(got.said, "Slack refuses the") {
			t.Errorf("exit code %d\n%s", got.code, got.said)
		}
	}
	trouble := run(t, newFakes(t).env(t, "DATABASE_URL=postgres://u@127.0.0.1:1/db"), nil)
	if trouble.code != 1 {
		t.Errorf("exit code %d\n%s", trouble.code, trouble.said)
	}
}

// ran is the result of a command.
type ran struct {
	said string
	code int
}

func (r ran) says(t *testing.T, m misconfigured) {
	t.Helper()
	said := strings.ReplaceAll(r.said, `\"`, `"`) // the log is JSON
	for _, want := range []string{m.found, m.remedy} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, r.said)
		}
	}
	for _, secret := range []string{slacktest.AppToken, slacktest.BotToken, chameliotest.Key, "topsecret"} {
		if strings.Contains(said, secret) {
			t.Errorf("it shows %q:\n%s", secret, r.said)
		}
	}
}

func newFakes(t *testing.T) *fakes {
	s := &fakes{slacktest.NewServer(), chameliotest.NewServer()}
	t.Cleanup(s.slack.Close)
	t.Cleanup(s.api.Close)
	return s
}

// env returns a valid environment with some changes.
func (s *fakes) env(t *testing.T, changes string) []string {
	env := []string{
		"SLACK_APP_TOKEN=" + slacktest.AppToken, "SLACK_BOT_TOKEN=" + slacktest.BotToken, "SLACK_API_URL=" + s.slack.URL(),
		"CHAMELIO_API_KEY=" + chameliotest.Key, "CHAMELIO_API_URL=" + s.api.URL(), "CANCEL_POLICY=members", "DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "j.db"),
	}
	for change := range strings.SplitSeq(changes, "|") {
		name, _, set := strings.Cut(change, "=")
		env = slices.DeleteFunc(env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
		if set {
			env = append(env, strings.ReplaceAll(change, "STAND-IN", strings.TrimSuffix(s.slack.URL(), "api/")))
		}
	}
	return env
}

// run runs cancelbot until it ends, or has printed enough.
func run(t *testing.T, env []string, enough func(said string) bool, args ...string) ran {
	t.Helper()
	var out cli.SyncBuffer
	cmd := exec.Command("cancelbot", args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = env, t.TempDir(), &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	limit := time.After(time.Minute) // on a machine that has much else to do
	for {
		select {
		case <-ended:
			return ran{out.String(), cmd.ProcessState.ExitCode()}
		case <-limit:
			_ = cmd.Process.Kill()
			<-ended
			return ran{out.String(), -1}
		case <-time.After(20 * time.Millisecond):
			if enough != nil && enough(strings.ReplaceAll(out.String(), `\"`, `"`)) {
				_ = cmd.Process.Kill()
			}
		}
	}
}
