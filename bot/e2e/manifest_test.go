package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// printed is what a command prints with this environment, besides what it
// says on stderr.
func printed(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	p := start(t, env, args...)
	if code := p.exit(t); code != 0 {
		t.Fatalf("cancelbot %s: exit code %d\n%s", strings.Join(args, " "), code, p.output)
	}
	return []byte(p.output.String())
}

var everyScope = []string{"ANNOUNCE_IN_SHARED_CHANNELS=untitled", "CANCEL_POLICY=people-on-task", "ALLOWED_USERGROUPS=S0LEADS"}

// Each manifest is valid by Slack's own schema, says the same in JSON and in
// YAML, and asks for what its settings need.
func TestTheManifestIsWhatTheSettingsNeed(t *testing.T) {
	t.Parallel()
	compiler := jsonschema.NewCompiler()
	compiler.UseRegexpEngine(forgiving)
	schema, err := compiler.Compile("bot/e2e/testdata/slack-manifest.schema.2.0.0.json")
	if err != nil {
		t.Fatal(err)
	}
	least := []any{"commands", "chat:write", "chat:write.public", "users:read"}
	tests := []struct {
		name    string
		env     []string
		command string
		more    []any
	}{
		{"nothing set", nil, "/cancel-task", nil},
		{"another command", []string{`SLACK_COMMAND=/stop"it:`}, `/stop"it:`, nil},
		{"people on the task", []string{"CANCEL_POLICY=people-on-task"}, "/cancel-task", []any{"users:read.email"}},
		{"titles stay inside", []string{"ANNOUNCE_IN_SHARED_CHANNELS=untitled"}, "/cancel-task", []any{"channels:read", "groups:read"}},
		{"people are notified", []string{"MENTION_PEOPLE_ON_TASK=true"}, "/cancel-task", []any{"users:read.email"}},
		{"a usergroup", []string{"CANCEL_POLICY=listed", "ALLOWED_USERGROUPS=S0LEADS"}, "/cancel-task", []any{"usergroups:read"}},
		{"a usergroup of approvers", []string{"SECOND_PERSON=always", "SECOND_PERSON_APPROVERS=U0ADA,S0LEADS"}, "/cancel-task", []any{"usergroups:read"}},
		{"people alone", []string{"SECOND_PERSON=always", "SECOND_PERSON_APPROVERS=U0ADA", "CANCEL_POLICY=listed", "ALLOWED_USERS=U0ADA"}, "/cancel-task", nil},
		{"everything", everyScope, "/cancel-task", []any{"users:read.email", "usergroups:read", "channels:read", "groups:read"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var manifest, asYAML map[string]any
			if err := json.Unmarshal(printed(t, tt.env, "manifest"), &manifest); err != nil {
				t.Fatal(err)
			}
			if err := yaml.Unmarshal(printed(t, tt.env, "manifest", "--yaml"), &asYAML); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(manifest); err != nil {
				t.Error(err)
			}
			inJSON, inYAML := canonical(t, manifest), canonical(t, asYAML)
			if inJSON != inYAML {
				t.Errorf("as JSON\n%s\nas YAML\n%s", inJSON, inYAML)
			}
			command := manifest["features"].(map[string]any)["slash_commands"].([]any)[0].(map[string]any)["command"]
			if command != tt.command {
				t.Errorf("the command is %v", command)
			}
			scopes := manifest["oauth_config"].(map[string]any)["scopes"]
			if got, want := canonical(t, scopes), canonical(t, map[string]any{"bot": slices.Concat(least, tt.more)}); got != want {
				t.Errorf("it asks for %s, want %s", got, want)
			}
			settings := manifest["settings"].(map[string]any)
			if settings["socket_mode_enabled"] != true || canonical(t, settings["interactivity"]) != `{"is_enabled":true}` {
				t.Errorf("settings %v", settings)
			}
		})
	}
}

func canonical(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Whoever has no Go copies manifest.yml instead.
func TestManifestYMLIsWhatTheCommandPrints(t *testing.T) {
	want := printed(t, nil, "manifest", "--yaml")
	if *update {
		if err := os.WriteFile("manifest.yml", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, "manifest.yml"); !bytes.Equal([]byte(got), want) {
		t.Errorf("manifest.yml reads\n%s\nbut cancelbot manifest --yaml prints\n%s\ngo test -run TestManifestYML -update ./bot/e2e writes it anew", got, want)
	}
}

// Settings that would make a manifest of something else are refused; what it
// does not need may be wrong or missing.
func TestTheManifestRefusesWhatItWouldMisread(t *testing.T) {
	for env, want := range map[string]string{
		"SLACK_COMMAND=cancel": "SLACK_COMMAND must be one word", "CANCEL_POLICY=people": "CANCEL_POLICY",
		"MENTION_PEOPLE_ON_TASKS=true": "did you mean MENTION_PEOPLE_ON_TASK?", "MENTION_PEOPLE_ON_TASK=maybe": "is not true or false",
	} {
		if p := start(t, []string{env}, "manifest"); p.exit(t) != 2 || !strings.Contains(p.output.String(), want) || strings.Contains(p.output.String(), "display_information") {
			t.Errorf("%s: exit code %d\n%s", env, p.exit(t), p.output)
		}
	}
	printed(t, []string{"SLACK_APP_TOKEN=wrong", "CHAMELIO_TIMEOUT=ten", "OTEL_EXPORTER_OTLP_ENDPOINT=%"}, "manifest")
}

// forgiving compiles what Go can, and takes the schema's look-aheads, in
// patterns for parts that the manifest does not have, as matching anything.
func forgiving(pattern string) (jsonschema.Regexp, error) {
	if re, err := regexp.Compile(pattern); err == nil {
		return re, nil
	}
	return regexp.MustCompile(""), nil
}

// The app asks for what the code calls, and for nothing else.
func TestTheManifestAsksForWhatTheCodeCalls(t *testing.T) {
	var m struct {
		OAuth struct {
			Scopes struct{ Bot []string }
		} `json:"oauth_config"`
	}
	if err := json.Unmarshal(printed(t, everyScope, "manifest"), &m); err != nil {
		t.Fatal(err)
	}
	// What each call of slack-go in bot/ needs (api.slack.com/methods).
	needs := map[string][]string{
		"PostMessageContext": {"chat:write", "chat:write.public"}, "UpdateMessageContext": {"chat:write"}, "GetUserInfoContext": {"users:read"},
		"GetUserGroupMembersContext": {"usergroups:read"}, "GetPermalinkContext": nil,
		"ScheduleMessageContext": {"chat:write"}, "DeleteScheduledMessageContext": {"chat:write"},
		"AuthTestContext": nil, "GetBotInfoContext": {"users:read"}, "OpenViewContext": nil, "UpdateViewContext": nil, "GetConversationInfoContext": {"channels:read", "groups:read"}, "GetUserByEmailContext": {"users:read.email"},
	}
	want := map[string]bool{"commands": true, "users:read.email": true} // the latter fills a field of users.info
	for _, file := range sources(t, "bot/*.go", "bot/internal/*/*.go", "bot/cli/internal/doctor/*.go", "bot/cli/*.go") {
		for _, call := range apiCall.FindAllStringSubmatch(read(t, file), -1) {
			scopes, known := needs[call[1]]
			if !known {
				t.Errorf("%s calls %s: which scopes does that need?", file, call[1])
			}
			for _, scope := range scopes {
				want[scope] = true
			}
		}
	}
	for _, scope := range m.OAuth.Scopes.Bot {
		if !want[scope] {
			t.Errorf("scope %s is asked for and not used", scope)
		}
		delete(want, scope)
	}
	for scope := range want {
		t.Errorf("scope %s is used and not asked for", scope)
	}
}

var apiCall = regexp.MustCompile(`(?:slack|api|client\(\))\.(\w+Context)\(`)

// The table of scopes in the docs is the program's.
func TestTheTableOfScopesIsThePrograms(t *testing.T) {
	scope := regexp.MustCompile(`(?m)^      - (\S+) # (.*)$`)
	least := printed(t, nil, "manifest", "--yaml")
	page := read(t, "docs/configuration.md")
	for _, s := range scope.FindAllSubmatch(printed(t, everyScope, "manifest", "--yaml"), -1) {
		row := fmt.Sprintf("| `%s` | %s | ", s[1], s[2])
		if bytes.Contains(least, s[0]) {
			row += "always |"
		}
		if !strings.Contains(page, row) {
			t.Errorf("docs/configuration.md lacks %s", row)
		}
	}
}
