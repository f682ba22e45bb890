package cli

import (
	"cmp"
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// findings collects what is wrong, one problem for each variable: what is
// found first is nearest to the cause.
type findings struct{ all []doctor.Problem }

// add says what is wrong with a variable, to be read after its name.
func (f *findings) add(variable, advice string) {
	for _, field := range fields() {
		if variableOf(field) == variable {
			f.put(doctor.Problem{Variable: variable, Found: variable + " " + advice, Remedy: field.Tag.Get("fix")})
		}
	}
}

func (f *findings) put(p doctor.Problem) {
	if !slices.ContainsFunc(f.all, func(one doctor.Problem) bool { return one.Variable == p.Variable }) {
		f.all = append(f.all, p)
	}
}

// sorted has them in the order of help.
func (f *findings) sorted() []doctor.Problem {
	order := map[string]int{}
	for i, field := range fields() {
		order[variableOf(field)] = i - len(fields()) // others come after, as they were found
	}
	slices.SortStableFunc(f.all, func(a, b doctor.Problem) int {
		return cmp.Compare(order[a.Variable], order[b.Variable])
	})
	return f.all
}

// validate finds what is wrong with values that could be read.
func (cfg config) validate(found *findings) {
	cfg.validateForm(found)
	var wrong bot.ConfigError
	if err := cfg.bot().Validate(); errors.As(err, &wrong) {
		for _, p := range wrong {
			found.add(variables[p.Field], p.Advice)
		}
	}
	var option *chamelio.OptionError
	if _, err := chamelio.New(cfg.chamelio("")); errors.As(err, &option) {
		found.add(variables[option.Option], option.Advice)
	}
	if err := journal.CheckURL(cfg.DatabaseURL.Reveal()); err != nil {
		found.add("DATABASE_URL", err.Error())
	}
	if cfg.LogFormat != "" && cfg.LogFormat != formatText && cfg.LogFormat != formatJSON {
		found.add("LOG_FORMAT", "must be text or json")
	}
	if cfg.HTTPAddr != "" {
		if err := checkHTTPAddr(cfg.HTTPAddr); err != nil {
			found.add("HTTP_ADDR", err.Error())
		}
	}
}

// validateForm finds what those who take a value could not see: a list of
// blanks is none to them, zero is their default.
func (cfg config) validateForm(found *findings) {
	for _, name := range []string{"ALLOWED_USERS", "ALLOWED_USERGROUPS", "ALLOWED_CHANNELS", "APPROVERS"} {
		// An empty list means no restriction; one of blanks was meant as one.
		if value := os.Getenv(name); value != "" && strings.Trim(value, " \t\r\n,") == "" {
			found.add(name, "is set, but names nobody")
		}
	}
	for name, value := range map[string]secret.Value{
		"SLACK_APP_TOKEN": cfg.SlackAppToken, "SLACK_BOT_TOKEN": cfg.SlackBotToken,
		"CHAMELIO_API_KEY": cfg.ChamelioAPIKey, "DATABASE_URL": cfg.DatabaseURL,
	} {
		misform := secret.Misform(value.Reveal(), prefixes[name]...)
		if misform == "" && strings.TrimSpace(value.Reveal()) != value.Reveal() {
			misform = "begins or ends with a blank or a line break"
		}
		if misform != "" {
			found.add(name, misform)
		}
	}
	for name, tooLittle := range map[string]bool{
		"SLACK_CONNECTIONS": cfg.SlackConnections == 0, "COMMANDS_PER_MINUTE": cfg.CommandsAMinute == 0,
		"CHAMELIO_TIMEOUT": cfg.ChamelioTimeout <= 0, "CONFIRM_TTL": cfg.ConfirmTTL <= 0, "SHUTDOWN_GRACE": cfg.ShutdownGrace <= 0,
	} {
		if tooLittle {
			found.add(name, "must be more than zero")
		}
	}
	if lacksAPI(cfg.SlackAPIURL) {
		found.add("SLACK_API_URL", "lacks the /api/ at its end: Slack has no Web API without it")
	}
}

// prefixes are what each secret begins with.
var prefixes = map[string][]string{
	"SLACK_APP_TOKEN": {"xapp-"}, "SLACK_BOT_TOKEN": {"xoxb-", "xoxe.xoxb-"}, "CHAMELIO_API_KEY": {"ca_"},
	"DATABASE_URL": {"sqlite:", "postgres://", "postgresql://"},
}

// lacksAPI recognises an address of Slack's that is not of its Web API.
func lacksAPI(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, slack := range []string{"slack.com", "slack-gov.com"} {
		if (host == slack || strings.HasSuffix(host, "."+slack)) && strings.Trim(u.Path, "/") != "api" {
			return true
		}
	}
	return false
}

// variables is where each field of what is configured comes from.
var variables = map[string]string{
	"AppToken": "SLACK_APP_TOKEN", "BotToken": "SLACK_BOT_TOKEN", "SlackAPI": "SLACK_API_URL", "Command": "SLACK_COMMAND",
	"Connections": "SLACK_CONNECTIONS", "ConfirmTTL": "CONFIRM_TTL", "Grace": "SHUTDOWN_GRACE", "CancelTimeout": "CHAMELIO_TIMEOUT",
	"CommandsPerMinute": "COMMANDS_PER_MINUTE", "AuditChannel": "AUDIT_CHANNEL", "OperatorContact": "OPERATOR_CONTACT",
	"RemindBefore": "REMIND_SECOND_PERSON",
	"BaseURL":      "CHAMELIO_BASE_URL", "APIKey": "CHAMELIO_API_KEY",
	string(policy.FieldMode): "CANCEL_POLICY", string(policy.FieldMembersOf): "MEMBERS_OF", string(policy.FieldUsers): "ALLOWED_USERS",
	string(policy.FieldUsergroups): "ALLOWED_USERGROUPS", string(policy.FieldChannels): "ALLOWED_CHANNELS",
	string(policy.FieldSecondPerson): "REQUIRE_SECOND_PERSON", string(policy.FieldApprovers): "APPROVERS",
}

// databasePassword is what is secret in a DATABASE_URL. If the URL can't be
// parsed, all of it may be.
func databasePassword(databaseURL secret.Value) secret.Value {
	text := databaseURL.Reveal()
	if _, isSQLite := journal.SQLitePath(text); !isSQLite && journal.CheckURL(text) != nil {
		return databaseURL
	}
	return secret.New(journal.Password(text))
}
