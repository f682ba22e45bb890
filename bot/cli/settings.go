package cli

import (
	"strconv"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// setting is one variable of the environment.
type setting struct {
	name     string
	fallback string // the value if the variable isn't set; "" if there is none
	shown    string // the default in help and docs, if that differs
	required bool
	slackCLI string // the name that the Slack CLI uses for it
	meaning  string
	fix      string // what to do about a wrong value
	field    func(*config) any
}

// settings lists the variables in the order of help. docs/configuration.md has
// the same table.
func settings() []setting {
	return []setting{
		{
			name: "SLACK_APP_TOKEN", required: true, slackCLI: "SLACK_CLI_XAPP", field: func(c *config) any { return &c.SlackAppToken },
			meaning: "app-level token, xapp-…, with connections:write",
			fix:     "Generate an app-level token with the scope connections:write (Basic Information → App-Level Tokens), and put it into SLACK_APP_TOKEN",
		},
		{
			name: "SLACK_BOT_TOKEN", required: true, slackCLI: "SLACK_CLI_XOXB", field: func(c *config) any { return &c.SlackBotToken },
			meaning: "bot token, xoxb-…",
			fix:     "Copy the Bot User OAuth Token from the app's page (OAuth & Permissions) into SLACK_BOT_TOKEN",
		},
		{
			name: "CHAMELIO_API_KEY", required: true, field: func(c *config) any { return &c.ChamelioAPIKey },
			meaning: "API key, ca_…",
			fix:     "Ask an administrator of your Chamelio organisation for a key, and put it into CHAMELIO_API_KEY without quotes or blanks",
		},
		{
			name: "CANCEL_POLICY", required: true, field: func(c *config) any { return &c.CancelPolicy },
			meaning: "who may cancel: members, people-on-task or listed",
			fix:     "Set CANCEL_POLICY to members (every full member), people-on-task (owner, assignee, collaborators) or listed (ALLOWED_USERS, ALLOWED_USERGROUPS)",
		},
		{
			name: "MEMBER_SCOPE", fallback: "workspace", field: func(c *config) any { return &c.MemberScope },
			meaning: "on Enterprise Grid, who counts as a member: workspace or organisation",
			fix:     "Remove MEMBER_SCOPE, or set it to workspace or organisation",
		},
		{
			name: "ALLOWED_USERS", field: func(c *config) any { return &c.AllowedUsers },
			meaning: "Slack IDs of people, comma-separated",
			fix:     "Set ALLOWED_USERS to IDs such as U012AB3CD (a person's profile → ⋮ → Copy member ID) with CANCEL_POLICY=people-on-task or listed, or remove it",
		},
		{
			name: "ALLOWED_USERGROUPS", field: func(c *config) any { return &c.AllowedGroups },
			meaning: "Slack IDs of usergroups, comma-separated",
			fix:     "Set ALLOWED_USERGROUPS to IDs such as S012AB3CD (the address of the usergroup's page ends in it) with CANCEL_POLICY=people-on-task or listed, or remove it",
		},
		{
			name: "ALLOWED_CHANNELS", field: func(c *config) any { return &c.AllowedChannels },
			meaning: "Slack IDs of the channels in which tasks can be cancelled; if empty, all",
			fix:     "Set ALLOWED_CHANNELS to IDs such as C012AB3CD (at the end of a channel's About tab), or remove it",
		},
		{
			name: "SECOND_PERSON", fallback: "never", field: func(c *config) any { return &c.SecondPerson },
			meaning: "when someone other than the requester must confirm: never, always or workflows",
			fix:     "Set SECOND_PERSON to never, always, or workflows with SECOND_PERSON_WORKFLOWS",
		},
		{
			name: "SECOND_PERSON_WORKFLOWS", field: func(c *config) any { return &c.SecondPersonWorkflows },
			meaning: "with SECOND_PERSON=workflows, the names of these workflows, comma-separated; put a name with a comma or a semicolon in double quotes",
			fix:     "Set SECOND_PERSON_WORKFLOWS to names of workflows, separated by commas, with SECOND_PERSON=workflows, or remove it",
		},
		{
			name: "SECOND_PERSON_APPROVERS", field: func(c *config) any { return &c.Approvers },
			meaning: "Slack IDs of the people and usergroups who can be the second person, comma-separated; if empty, everyone who may cancel",
			fix:     "Set SECOND_PERSON_APPROVERS to IDs such as U012AB3CD or S012AB3CD with SECOND_PERSON, or remove it",
		},
		{
			name: "SECOND_PERSON_REMINDER", field: func(c *config) any { return &c.RemindBefore },
			meaning: "remind the channel this long before an unconfirmed request expires, such as 3m; if empty, never",
			fix:     "Set SECOND_PERSON_REMINDER to a duration shorter than CONFIRM_TIMEOUT, such as 3m, with SECOND_PERSON, or remove it",
		},
		{
			name: "REQUIRE_REASON", fallback: "false", field: func(c *config) any { return &c.RequireReason },
			meaning: "require a reason: if none was typed, the button asks for it; a request for a second person is posted only with one",
			fix:     "Set REQUIRE_REASON to true or false",
		},
		{
			name: "MENTION_PEOPLE_ON_TASK", fallback: "false", field: func(c *config) any { return &c.MentionPeople },
			meaning: "announcements and final results mention the task's owner and assignee, if Slack knows their e-mail addresses; the app needs users:read.email",
			fix:     "Set MENTION_PEOPLE_ON_TASK to true or false",
		},
		{
			name: "ANNOUNCE_IN_SHARED_CHANNELS", fallback: "full", field: func(c *config) any { return &c.SharedChannels },
			meaning: "what people of other organisations read in a shared channel: full, untitled (no titles and steps), or refuse to cancel there; the last two need channels:read and groups:read",
			fix:     "Remove ANNOUNCE_IN_SHARED_CHANNELS, or set it to full, untitled or refuse",
		},
		{
			name: "OPERATOR_CONTACT", field: func(c *config) any { return &c.OperatorContact },
			meaning: "where people get help, as messages say: the Slack ID of a person or channel, or a few words",
			fix:     "Set OPERATOR_CONTACT to an ID such as U012AB3CD or C012AB3CD, or to a few words",
		},
		{
			name: "AUDIT_CHANNEL", field: func(c *config) any { return &c.AuditChannel },
			meaning: "Slack ID of a channel that gets a copy of every announcement and refusal",
			fix:     "Set AUDIT_CHANNEL to an ID such as C012AB3CD (at the end of the channel's About tab), or remove it",
		},
		{
			name: "DATABASE_URL", shown: "sqlite:…/cancelbot.db in the state directory", field: func(c *config) any { return &c.DatabaseURL },
			meaning: "the journal: sqlite:PATH or postgres://…",
			fix:     "Set DATABASE_URL to sqlite:PATH, or to postgres://user:password@host:5432/database",
		},
		{
			name: "RETENTION", field: func(c *config) any { return &c.Retention },
			meaning: "how long the journal keeps finished decisions, refusals and rows that were set aside, in days such as 365d, at least 7d; if empty, forever",
			fix:     "Set RETENTION to a number of days such as 365d, at least 7d, or remove it",
		},
		{
			name: "HTTP_ADDR", field: func(c *config) any { return &c.HTTPAddr },
			meaning: "the address for health and metrics, such as 127.0.0.1:8080, or :8080 for all interfaces; if empty, none",
			fix:     "Set HTTP_ADDR to an address of this machine such as 127.0.0.1:8080, to :8080 for all interfaces, or remove it",
		},
		{
			name: "SLACK_COMMAND", fallback: "/cancel-task", field: func(c *config) any { return &c.SlackCommand },
			meaning: "the command's name in this workspace; the app must have it too (cancelbot manifest)",
			fix:     "Set SLACK_COMMAND to the command as the app's page lists it (Slash Commands), such as /cancel-task",
		},
		{
			name: "CONFIRM_TIMEOUT", fallback: "10m", field: func(c *config) any { return &c.ConfirmTimeout },
			meaning: "how long a prompt can be confirmed, from 10s to 30m",
			fix:     "Remove CONFIRM_TIMEOUT, or set it to a duration from 10s to 30m, such as 10m",
		},
		{
			name: "MAX_TASKS", fallback: "10", field: func(c *config) any { return &c.MaxTasks },
			meaning: "how many tasks one command or message may cancel at once, from 1 to 25",
			fix:     "Remove MAX_TASKS, or set it from 1 to 25",
		},
		{
			name: "FACTS_MAX_AGE", fallback: "60s", field: func(c *config) any { return &c.FactsMaxAge },
			meaning: "maximum age of what Slack and Chamelio said about the people, the conversation and the task, at a click, from 0s to 60s; with 0s each click asks again, though a refusal may use what is ten seconds old",
			fix:     "Remove FACTS_MAX_AGE, or set it to a duration from 0s to 60s, such as 10s",
		},
		{
			name: "COMMANDS_PER_MINUTE", fallback: "10", field: func(c *config) any { return &c.CommandsPerMinute },
			meaning: "how many commands one person may type per minute, uses of the shortcut included, from 1 to 1000000; each replica counts its own",
			fix:     "Remove COMMANDS_PER_MINUTE, or set it from 1 to 1000000",
		},
		{
			name: "SLACK_API_URL", fallback: "https://slack.com/api/", field: func(c *config) any { return &c.SlackAPIURL },
			meaning: "the address of Slack's Web API; for GovSlack, https://slack-gov.com/api/",
			fix:     "Remove SLACK_API_URL, or set it to an address such as https://slack.com/api/",
		},
		{
			name: "SLACK_CONNECTIONS", fallback: "2", field: func(c *config) any { return &c.SlackConnections },
			meaning: "how many Socket Mode connections each replica opens, from 1 to 10; Slack allows an app ten in total",
			fix:     "Remove SLACK_CONNECTIONS, or set it to a number from 1 to 10",
		},
		{
			name: "CHAMELIO_API_URL", fallback: "https://platform.chamelio.ai", field: func(c *config) any { return &c.ChamelioAPIURL },
			meaning: "the address of Chamelio: https, or http on a loopback address. Prompts and the journal are signed for it",
			fix:     "Remove CHAMELIO_API_URL, or set it to an address such as https://platform.chamelio.ai",
		},
		{
			name: "CHAMELIO_TIMEOUT", fallback: "10s", field: func(c *config) any { return &c.ChamelioTimeout },
			meaning: "timeout of an API call to Chamelio, from 100ms to 1m",
			fix:     "Remove CHAMELIO_TIMEOUT, or set it to a duration from 100ms to 1m, such as 10s",
		},
		{
			name: "DATABASE_MAX_CONNS", fallback: strconv.Itoa(journal.DefaultMaxConns), field: func(c *config) any { return &c.MaxConns },
			meaning: "maximum number of connections to Postgres for each replica, from 2 to 100",
			fix:     "Remove DATABASE_MAX_CONNS, or set it to a number from 2 to 100, with a DATABASE_URL of Postgres",
		},
		{
			name: "SHUTDOWN_GRACE", fallback: "25s", field: func(c *config) any { return &c.ShutdownGrace },
			meaning: "how long running decisions may take to finish after SIGTERM; allow 15 s more before SIGKILL",
			fix:     "Remove SHUTDOWN_GRACE, or set it to a duration such as 25s",
		},
		{
			name: "LOG_LEVEL", fallback: "info", field: func(c *config) any { return &c.LogLevel },
			meaning: "debug, info, warn or error",
			fix:     "Remove LOG_LEVEL, or set it to debug, info, warn or error",
		},
		{
			name: "LOG_FORMAT", field: func(c *config) any { return &c.LogFormat },
			meaning: "text or json; if empty, text on a terminal and json otherwise",
			fix:     "Remove LOG_FORMAT, or set it to text or json",
		},
	}
}

// settingOf returns the setting with this name.
func settingOf(name string) (setting, bool) {
	for _, s := range settings() {
		if s.name == name {
			return s, true
		}
	}
	return setting{}, false
}

// renaming is an old name of a variable, its new name, and instructions if
// another name isn't enough.
type renaming struct{ old, now, how string }

var renamed = []renaming{
	{"REQUIRE_SECOND_PERSON", "SECOND_PERSON", "Set SECOND_PERSON to never, always, or workflows with SECOND_PERSON_WORKFLOWS, and remove REQUIRE_SECOND_PERSON"},
	{"APPROVERS", "SECOND_PERSON_APPROVERS", ""},
	{"REMIND_SECOND_PERSON", "SECOND_PERSON_REMINDER", ""},
	{"MEMBERS_OF", "MEMBER_SCOPE", ""},
	{"NOTIFY_PEOPLE_ON_TASK", "MENTION_PEOPLE_ON_TASK", ""},
	{"CHAMELIO_BASE_URL", "CHAMELIO_API_URL", ""},
	{"CONFIRM_TTL", "CONFIRM_TIMEOUT", ""},
}

// Variable is one of the environment's.
type Variable struct {
	Name, Default, Meaning string
	Required               bool
}

// Variables lists the environment's variables, in the order of help.
func Variables() []Variable {
	var all []Variable
	for _, s := range settings() {
		all = append(all, Variable{s.name, s.shownFallback(), s.meaning, s.required})
	}
	return all
}

func (s setting) shownFallback() string {
	if s.shown != "" {
		return s.shown
	}
	return s.fallback
}
