package cli

import (
	"errors"
	"net/url"
	"os"
	"strings"
	"unicode"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// validate finds problems with values that could be parsed.
func (cfg config) validate(found *findings) {
	cfg.validateForm(found)
	cfg.validateSecondPerson(found)
	for _, p := range cfg.policy().Validate() {
		cfg.addPolicy(found, p)
	}
	// Invalid values would hide problems between variables.
	harmless := cfg.bot()
	harmless.Policy = cfg.harmlessPolicy(found)
	var wrong bot.ConfigError
	if err := harmless.Validate(); errors.As(err, &wrong) {
		for _, p := range wrong {
			if variable, known := variables[string(p.Field)]; known {
				found.add(variable, p.Advice)
			} else {
				cfg.addPolicy(found, p)
			}
		}
	}
	var option *chamelio.OptionError
	if _, err := chamelio.New(cfg.chamelio("")); errors.As(err, &option) {
		found.add(variables[option.Option], option.Advice)
	}
	if err := journal.CheckURL(cfg.DatabaseURL.Reveal()); err != nil {
		found.add("DATABASE_URL", err.Error())
	}
	cfg.validateMaxConns(found)
	if cfg.LogFormat != "" && cfg.LogFormat != formatText && cfg.LogFormat != formatJSON {
		found.add("LOG_FORMAT", "must be text or json")
	}
	if cfg.HTTPAddr != "" {
		if err := checkHTTPAddr(cfg.HTTPAddr); err != nil {
			found.add("HTTP_ADDR", err.Error())
		}
	}
}

// validateMaxConns rejects a number with which no journal can be opened, or
// that has no effect.
func (cfg config) validateMaxConns(found *findings) {
	_, isSQLite := journal.SQLitePath(cfg.DatabaseURL.Reveal())
	switch {
	case cfg.MaxConns < journal.MinMaxConns || cfg.MaxConns > maxMaxConns:
		found.add("DATABASE_MAX_CONNS", "must be 2 to 100")
	case os.Getenv("DATABASE_MAX_CONNS") != "" && isSQLite && !found.has("DATABASE_URL"):
		found.add("DATABASE_MAX_CONNS", "has no effect with SQLite")
	}
}

// maxMaxConns is the default limit of a whole Postgres server
// (max_connections).
const maxMaxConns = 100

// addPolicy reports a problem with the policy under the variable that causes
// it.
func (cfg config) addPolicy(found *findings, p policy.Problem) {
	switch {
	case p.Field == policy.FieldMode && cfg.CancelPolicy == "":
		return // missing
	case p.Field == policy.FieldSecondPerson && len(cfg.policy().SecondPerson.Workflows) > 0 && strings.HasPrefix(p.Advice, "has "):
		found.add("SECOND_PERSON_WORKFLOWS", "has an entry that isn't the name of a workflow")
	default:
		found.add(policyVariables[p.Field], p.Advice)
	}
}

// harmlessPolicy returns the policy with each invalid value replaced by one
// that causes no further problem.
func (cfg config) harmlessPolicy(found *findings) policy.Rules {
	for _, list := range idLists {
		if !found.has(list.variable) {
			continue
		}
		switch list.variable {
		case "ALLOWED_USERS":
			cfg.AllowedUsers = []policy.UserID{policy.UserID(list.example), policy.UserID(list.example) + "1"}
		case "ALLOWED_USERGROUPS":
			cfg.AllowedGroups = []policy.GroupID{policy.GroupID(list.example)}
		case "ALLOWED_CHANNELS":
			cfg.AllowedChannels = nil
		case "SECOND_PERSON_APPROVERS":
			cfg.Approvers = nil
		}
	}
	if found.has("CANCEL_POLICY") && (cfg.CancelPolicy != string(policy.Listed)) {
		cfg.CancelPolicy = string(policy.PeopleOnTask)
	}
	if found.has("SECOND_PERSON") || found.has("SECOND_PERSON_WORKFLOWS") {
		cfg.SecondPerson = secondAlways
	}
	return cfg.policy()
}

// validateSecondPerson compares SECOND_PERSON with the list that belongs to
// it.
func (cfg config) validateSecondPerson(found *findings) {
	switch {
	case cfg.SecondPerson != secondNever && cfg.SecondPerson != secondAlways && cfg.SecondPerson != secondWorkflows:
		found.add("SECOND_PERSON", "must be never, always or workflows")
	case cfg.SecondPerson == secondWorkflows && len(cfg.SecondPersonWorkflows) == 0:
		found.add("SECOND_PERSON_WORKFLOWS", "is missing while SECOND_PERSON is workflows")
	case cfg.SecondPerson != secondWorkflows && len(cfg.SecondPersonWorkflows) > 0:
		found.add("SECOND_PERSON_WORKFLOWS", "has no effect unless SECOND_PERSON is workflows")
	}
}

// validateForm finds problems that can't be seen in the parsed values: a list
// of only empty entries looks like none, and zero means the default.
func (cfg config) validateForm(found *findings) {
	for _, list := range idLists {
		// An empty list means no restriction; one of only empty entries was
		// meant as one.
		if value := os.Getenv(list.variable); value != "" && strings.TrimFunc(value, isBlankOrComma) == "" {
			found.add(list.variable, "is set, but has no entries")
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
		"SLACK_CONNECTIONS": cfg.SlackConnections == 0, "COMMANDS_PER_MINUTE": cfg.CommandsPerMinute == 0, "MAX_TASKS": cfg.MaxTasks == 0,
		"DATABASE_MAX_CONNS": cfg.MaxConns == 0, "CHAMELIO_TIMEOUT": cfg.ChamelioTimeout <= 0, "CONFIRM_TIMEOUT": cfg.ConfirmTimeout <= 0, "SHUTDOWN_GRACE": cfg.ShutdownGrace <= 0,
	} {
		if tooLittle {
			found.add(name, "must be more than zero")
		}
	}
	if os.Getenv("RETENTION") != "" && cfg.Retention == 0 {
		found.add("RETENTION", "must be at least 7d")
	}
	if cfg.FactsMaxAge < 0 {
		found.add("FACTS_MAX_AGE", "must be 0s to 60s")
	}
	switch cfg.MemberScope {
	case "workspace", "organisation", "organization":
	default:
		found.add("MEMBER_SCOPE", "must be workspace or organisation")
	}
	if lacksAPI(cfg.SlackAPIURL) {
		found.add("SLACK_API_URL", "lacks the /api/ at its end: Slack has no Web API without it")
	}
}

func isBlankOrComma(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// prefixes are the prefixes of the secrets.
var prefixes = map[string][]string{
	"SLACK_APP_TOKEN": {"xapp-"}, "SLACK_BOT_TOKEN": {"xoxb-", "xoxe.xoxb-"}, "CHAMELIO_API_KEY": {"ca_"},
	"DATABASE_URL": {"sqlite:", "postgres://", "postgresql://"},
}

// lacksAPI reports whether an address is Slack's, but not its Web API's.
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

// variables maps the fields that bot.Config and chamelio.Options name in their
// errors to their variables.
var variables = map[string]string{
	"AppToken": "SLACK_APP_TOKEN", "BotToken": "SLACK_BOT_TOKEN", "SlackAPI": "SLACK_API_URL", "Command": "SLACK_COMMAND",
	"Connections": "SLACK_CONNECTIONS", "ConfirmTTL": "CONFIRM_TIMEOUT", "Grace": "SHUTDOWN_GRACE", "CancelTimeout": "CHAMELIO_TIMEOUT",
	"CommandsPerMinute": "COMMANDS_PER_MINUTE", "MaxTasks": "MAX_TASKS", "AuditChannel": "AUDIT_CHANNEL", "OperatorContact": "OPERATOR_CONTACT",
	"RemindBefore": "SECOND_PERSON_REMINDER", "Retention": "RETENTION", "FactsMaxAge": "FACTS_MAX_AGE",
	"BaseURL": "CHAMELIO_API_URL", "APIKey": "CHAMELIO_API_KEY",
}

// policyVariables maps the fields of the policy to their variables.
var policyVariables = map[policy.Field]string{
	policy.FieldMode: "CANCEL_POLICY", policy.FieldMembersOf: "MEMBER_SCOPE", policy.FieldUsers: "ALLOWED_USERS", policy.FieldShared: "ANNOUNCE_IN_SHARED_CHANNELS",
	policy.FieldUsergroups: "ALLOWED_USERGROUPS", policy.FieldChannels: "ALLOWED_CHANNELS",
	policy.FieldSecondPerson: "SECOND_PERSON", policy.FieldApprovers: "SECOND_PERSON_APPROVERS",
}

// passwordIn returns the password in an address.
func passwordIn(address secret.Value) secret.Value {
	u, err := url.Parse(address.Reveal())
	if err != nil || u.User == nil {
		return secret.Value{}
	}
	password, _ := u.User.Password()
	return secret.New(password)
}

// databasePassword returns the secret part of a DATABASE_URL. If the URL can't
// be parsed, all of it may be secret.
func databasePassword(databaseURL secret.Value) secret.Value {
	text := databaseURL.Reveal()
	if _, isSQLite := journal.SQLitePath(text); !isSQLite && journal.CheckURL(text) != nil {
		return databaseURL
	}
	return secret.New(journal.Password(text))
}
