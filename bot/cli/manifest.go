package cli

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/cancelbot/cancelbot/bot/internal/doctor"
)

// manifest prints what creates the Slack app.
func (p Program) manifest(_ context.Context, args []string) error {
	var asYAML bool
	err := p.parse("manifest", args, func(flags *flag.FlagSet) {
		flags.BoolVar(&asYAML, "yaml", false, "print YAML, which says what each scope is for")
	})
	if err != nil {
		return err
	}
	cfg, problems := readConfig()
	if err := wrongForManifest(problems); err != nil {
		return err
	}
	app := slackApp{cfg.SlackCommand, doctor.NeededScopes(cfg.bot())}
	text, err := app.json()
	if asYAML {
		text, err = app.yaml()
	}
	if err != nil {
		return fmt.Errorf("making the manifest: %w", err)
	}
	_, err = p.Out.Write(text)
	return err
}

// wrongForManifest refuses settings that the manifest would be made of. The
// others, tokens foremost, may still be missing.
func wrongForManifest(problems []doctor.Problem) error {
	shown := []string{"SLACK_COMMAND", "CANCEL_POLICY", "ALLOWED_USERGROUPS", "APPROVERS", "NOTIFY_PEOPLE_ON_TASK"}
	var wrong []string
	for _, p := range problems {
		if slices.Contains(shown, p.Variable) || slices.Contains(shown, nearest(p.Variable)) {
			wrong = append(wrong, fmt.Sprintf("%s\n  → %s", p.Found, p.Remedy))
		}
	}
	if wrong == nil {
		return nil
	}
	return usageError(strings.Join(wrong, "\n"))
}

// slackApp is what differs between manifests.
type slackApp struct {
	Command string
	Scopes  []doctor.Scope
}

//go:embed manifest.yml.tmpl
var manifestYAML string

func (a slackApp) yaml() ([]byte, error) {
	page, err := template.New("manifest.yml").Parse(manifestYAML)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = page.Execute(&text, a)
	return text.Bytes(), err
}

// group is a group of settings (docs.slack.dev/reference/app-manifest).
type group map[string]any

// json has the same settings as manifest.yml.tmpl, which says why.
func (a slackApp) json() ([]byte, error) {
	var scopes []string
	for _, s := range a.Scopes {
		scopes = append(scopes, s.Name)
	}
	text, err := json.MarshalIndent(group{
		"_metadata": group{"major_version": 2, "minor_version": 0},
		"display_information": group{
			"name":             "cancelbot",
			"description":      "Cancel a Chamelio task, on purpose, once, with the outcome told in the channel.",
			"background_color": "#7a1f2b",
		},
		"features": group{
			"app_home": group{"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": true},
			"bot_user": group{"display_name": "cancelbot", "always_online": true},
			"slash_commands": []group{{
				"command":       a.Command,
				"description":   "Cancel a Chamelio task. You see what it is and confirm first.",
				"usage_hint":    "12345 [reason]",
				"should_escape": false,
			}},
		},
		"oauth_config": group{"scopes": group{"bot": scopes}},
		"settings": group{
			"interactivity":          group{"is_enabled": true},
			"org_deploy_enabled":     true,
			"socket_mode_enabled":    true,
			"token_rotation_enabled": false,
		},
	}, "", "  ")
	return append(text, '\n'), err
}
