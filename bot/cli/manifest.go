package cli

import (
	"context"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
)

// manifest prints the manifest that creates the Slack app.
func (p Program) manifest(ctx context.Context, args []string) error {
	var asYAML bool
	err := p.parse("manifest", args, func(flags *flag.FlagSet) {
		flags.BoolVar(&asYAML, "yaml", false, "print YAML, with the purpose of each scope")
	})
	if err != nil {
		return err
	}
	cfg, problems := readConfig(ctx)
	if err := wrongForManifest(problems); err != nil {
		return err
	}
	app := slackApp{cfg.SlackCommand, doctor.NeededScopes(cfg.bot())}
	if asYAML {
		_, err = io.WriteString(p.Out, app.yaml())
	} else {
		err = app.writeJSON(p.Out)
	}
	if err != nil {
		return fmt.Errorf("printing the manifest: %w", err)
	}
	return nil
}

// wrongForManifest rejects settings that the manifest depends on. Others,
// above all tokens, may still be missing.
func wrongForManifest(problems []environ.Problem) error {
	shown := []string{"SLACK_COMMAND", "CANCEL_POLICY", "ALLOWED_USERGROUPS", "SECOND_PERSON_APPROVERS", "MENTION_PEOPLE_ON_TASK", "ANNOUNCE_IN_SHARED_CHANNELS", "APPROVERS", "NOTIFY_PEOPLE_ON_TASK"}
	var wrong []string
	for _, p := range problems {
		if strings.HasSuffix(p.Found, isMissing) {
			continue // the policy may be chosen later; members needs the fewest scopes
		}
		if slices.Contains(shown, p.Variable) || slices.Contains(shown, nearest(p.Variable)) {
			wrong = append(wrong, fmt.Sprintf("%s\n  → %s", p.Found, p.Remedy))
		}
	}
	if wrong == nil {
		return nil
	}
	return usageError(strings.Join(wrong, "\n"))
}

// slackApp has the differences between manifests.
type slackApp struct {
	command string
	scopes  []doctor.Scope
}

//go:embed manifest.yml.tmpl
var manifestYAML string

func (a slackApp) yaml() string {
	var scopes []string
	for _, s := range a.scopes {
		scopes = append(scopes, fmt.Sprintf("      - %s # %s", s.Name, s.For))
	}
	return strings.NewReplacer(
		"{{command}}", strconv.Quote(a.command),
		"      {{scopes}}", strings.Join(scopes, "\n"),
	).Replace(manifestYAML)
}

// group is a group of settings (docs.slack.dev/reference/app-manifest).
type group map[string]any

// writeJSON writes the settings of manifest.yml.tmpl, which explains them.
func (a slackApp) writeJSON(to io.Writer) error {
	var scopes []string
	for _, s := range a.scopes {
		scopes = append(scopes, s.Name)
	}
	pretty := json.NewEncoder(to)
	pretty.SetIndent("", "  ")
	return pretty.Encode(group{
		"_metadata": group{"major_version": 2, "minor_version": 0},
		"display_information": group{
			"name":             "cancelbot",
			"description":      "Cancel Chamelio tasks, with a confirmation and the result in the channel.",
			"background_color": "#7a1f2b",
		},
		"features": group{
			"app_home": group{"home_tab_enabled": false, "messages_tab_enabled": true, "messages_tab_read_only_enabled": true},
			"bot_user": group{"display_name": "cancelbot", "always_online": true},
			"slash_commands": []group{{
				"command":       a.command,
				"description":   "Cancel a Chamelio task, after a confirmation.",
				"usage_hint":    "12345 [12346 …] [reason]",
				"should_escape": false,
			}},
			"shortcuts": []group{{
				"name":        "Cancel Chamelio task",
				"type":        "message",
				"callback_id": "cancel_task_of_message",
				"description": "Cancel the Chamelio tasks that this message names.",
			}},
		},
		"oauth_config": group{"scopes": group{"bot": scopes}},
		"settings": group{
			"interactivity":          group{"is_enabled": true},
			"org_deploy_enabled":     true,
			"socket_mode_enabled":    true,
			"token_rotation_enabled": false,
		},
	})
}
