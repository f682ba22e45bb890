// Package deployments tests the files of deploy/ with the code that reads them:
// Compose's loader and schema, Helm, Kustomize, and the types of Kubernetes and
// the Prometheus operator. It is a module of its own, which keeps these out of
// the bot's dependencies.
package deployments

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
)

const deploy = "../../deploy"

// file is a deployment's file, unchanged or modified.
type file struct{ name, text string }

func read(t *testing.T, name string) file {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(deploy, name))
	if err != nil {
		t.Fatal(err)
	}
	return file{name, string(raw)}
}

// with is the file with one thing said otherwise.
func (f file) with(t *testing.T, old, replacement string) file {
	t.Helper()
	if !strings.Contains(f.text, old) {
		t.Fatalf("%s does not say %q", f.name, old)
	}
	return file{f.name, strings.Replace(f.text, old, replacement, 1)}
}

// composed loads a Compose project: its schema, what its parts refer to, and
// that its secrets are where the bot looks for them. The bot's are in a
// directory that is mounted as a whole: a file that is mounted alone stays the
// old one when it is replaced.
func composed(t *testing.T, files ...file) error {
	details := compose.ConfigDetails{WorkingDir: deploy, Environment: compose.Mapping{}}
	for _, f := range files {
		details.ConfigFiles = append(details.ConfigFiles, compose.ConfigFile{Filename: f.name, Content: []byte(f.text)})
	}
	project, err := loader.LoadWithContext(t.Context(), details)
	if err != nil {
		return err
	}
	for _, service := range project.Services {
		mounted := map[string]bool{}
		for _, secret := range service.Secrets {
			target := secret.Target
			if target == "" {
				target = "/run/secrets/" + secret.Source
			}
			mounted[target] = service.Name != "cancelbot"
		}
		for _, volume := range service.Volumes {
			mounted[volume.Target] = volume.Type == compose.VolumeTypeBind && volume.ReadOnly
		}
		for name, value := range service.Environment {
			if strings.HasSuffix(name, "_FILE") && (value == nil || !mounted[filepath.Dir(*value)] && (service.Name == "cancelbot" || !mounted[*value])) {
				return fmt.Errorf("service %s: no secret is mounted where %s says", service.Name, name)
			}
		}
	}
	return nil
}

func TestComposeAcceptsTheFiles(t *testing.T) {
	base, postgres := read(t, "compose.yaml"), read(t, "compose.postgres.yaml")
	for name, files := range map[string][]file{"SQLite": {base}, "Postgres": {base, postgres}} {
		if err := composed(t, files...); err != nil {
			t.Errorf("with %s: %v", name, err)
		}
	}
	for wrong, files := range map[string][]file{
		"an unknown key":        {base.with(t, "read_only:", "readonly:")},
		"a wrong kind":          {base.with(t, "cap_drop: [ALL]", "cap_drop: ALL")},
		"a missing volume":      {base.with(t, "volumes:\n  data:\n", "")},
		"a missing secret":      {base, postgres.with(t, "  postgres_password: {", "  password: {")},
		"a secret not mounted":  {base, postgres.with(t, "secrets: [postgres_password]", "secrets: []")},
		"secrets elsewhere":     {base.with(t, "target: /run/secrets,", "target: /run,")},
		"secrets to be written": {base.with(t, "read_only: true, bind", "read_only: false, bind")},
		"a file mounted alone":  {base.with(t, "secrets/bot, target: /run/secrets,", "secrets/bot/slack-bot-token, target: /run/secrets/slack-bot-token,")},
		"a missing service":     {base, postgres.with(t, "      postgres: { condition", "      database: { condition")},
		"an unknown condition":  {base, postgres.with(t, "service_healthy", "healthy")},
	} {
		if err := composed(t, files...); err == nil {
			t.Errorf("%s passes", wrong)
		} else {
			t.Logf("%s: %v", wrong, err)
		}
	}
}
