package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

type job struct {
	Permissions map[string]string
	Env         map[string]string
	Steps       []step
}

type step struct {
	ID        string
	Uses, Run string
	Directory string `yaml:"working-directory"`
	Env       map[string]string
}

type workflow struct {
	Permissions map[string]string
	Jobs        map[string]job
}

func read(t *testing.T, file string) workflow {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var w workflow
	if err := yaml.Unmarshal(raw, &w); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return w
}

// The job that publishes has the rights to write, and no other has one. In it
// runs nothing that this repository says or that is downloaded for it, except
// the one that signs.
func TestOnlyTheReleaseJobMayWrite(t *testing.T) {
	files, err := filepath.Glob(".github/workflows/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	may := map[string][]string{}
	for _, file := range files {
		workflow := read(t, file)
		// Without a word about them, a workflow has the repository's permissions.
		if workflow.Permissions == nil {
			t.Errorf("%s does not say what it may", file)
		}
		note := func(who string, granted map[string]string) {
			for what, right := range granted {
				if right != "read" && right != "none" {
					may[who] = append(may[who], what)
				}
			}
		}
		note(filepath.Base(file), workflow.Permissions)
		for name, job := range workflow.Jobs {
			who := filepath.Base(file) + " " + name
			note(who, job.Permissions)
			if may[who] != nil {
				publishes(t, job)
			}
		}
	}
	if len(may) != 1 || !slices.Equal(slices.Sorted(slices.Values(may["release.yml release"])), []string{"attestations", "contents", "id-token", "packages"}) {
		t.Errorf("may write: %v", may)
	}
}

// publishes holds that a job with the right to write runs what it must alone.
func publishes(t *testing.T, job job) {
	t.Helper()
	trusted := []string{"actions/download-artifact", "actions/attest", "sigstore/cosign-installer"}
	commands := []string{"sha256sum", "version", "digest", "test", "docker", "echo", "skopeo", "cosign", "gh", "for", "one", "cp", "done"}
	for _, step := range job.Steps {
		if action, _, _ := strings.Cut(step.Uses, "@"); action != "" && !slices.Contains(trusted, action) {
			t.Errorf("with rights to write runs %s", action)
		}
		for line := range strings.Lines(step.Run) {
			first := strings.FieldsFunc(strings.TrimSpace(line), func(r rune) bool { return r == ' ' || r == '=' })[0]
			if !slices.Contains(commands, first) {
				t.Errorf("with rights to write runs %s", line)
			}
		}
	}
}
