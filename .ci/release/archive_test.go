package main

import (
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// An archive has everything that an operator needs, including all deployments of
// this repository, and no untracked file, such as a secret.
func TestArchiveHasOnlyTrackedFiles(t *testing.T) {
	var config struct {
		Archives []struct {
			Files []struct{ Src string }
		}
	}
	raw, err := os.ReadFile(".goreleaser.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, &config); err != nil {
		t.Fatal(err)
	}
	var patterns []string
	for _, file := range config.Archives[0].Files {
		before, among, ok := strings.Cut(file.Src, "{")
		if !ok {
			patterns = append(patterns, file.Src)
			continue
		}
		among, after, _ := strings.Cut(among, "}")
		for one := range strings.SplitSeq(among, ",") {
			patterns = append(patterns, before+one+after)
		}
	}
	packed := func(file string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool { ok, err := path.Match(pattern, file); return ok && err == nil })
	}
	tracked, err := exec.Command("git", "ls-files", "deploy").Output()
	if err != nil {
		t.Skip("no clone")
	}
	for _, file := range append(strings.Fields(string(tracked)), "LICENSE", "THIRD_PARTY_LICENSES", "README.md", "CHANGELOG.md", "manifest.yml", "docs/install.md") {
		if !packed(file) {
			t.Errorf("%s is in no archive", file)
		}
	}
	for _, file := range []string{"deploy/secrets/bot/slack-bot-token", "deploy/secrets/postgres-password", ".env", "deploy/.env", "cancelbot.db"} {
		if packed(file) {
			t.Errorf("%s is in the archive", file)
		}
	}
}
