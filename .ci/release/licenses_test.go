package main

import (
	"debug/buildinfo"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The terms of a release are those of the modules that are in its binaries,
// as the binaries themselves say.
func TestLicencesMatchTheLinkedModules(t *testing.T) {
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		goos, goarch, _ := strings.Cut(platform, "/")
		info, err := buildinfo.ReadFile(binary(t, goos, goarch))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, dep := range info.Deps {
			want = append(want, dep.Path+" "+dep.Version)
		}
		found := modules{}
		if err := found.add(t.Context(), platform); err != nil {
			t.Fatal(err)
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(found)); !slices.Equal(got, want) {
			t.Errorf("%s: terms of\n%s\nbut linked are\n%s", platform, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

func TestEveryModuleOfEachPlatformHasItsTextInTheFile(t *testing.T) {
	var file strings.Builder
	if err := licenses(t.Context(), &file); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	parts := regexp.MustCompile(`(?m)^={80}\n(.+)\n={80}\n`).Split(file.String(), -1)[1:]
	for i, name := range regexp.MustCompile(`(?m)^={80}\n(.+)\n={80}\n`).FindAllStringSubmatch(file.String(), -1) {
		texts[name[1]] = parts[i]
	}
	all, err := platforms()
	if err != nil || len(all) != 6 {
		t.Fatal(all, err)
	}
	expected := modules{}
	for _, platform := range all {
		if err := expected.add(t.Context(), platform); err != nil {
			t.Fatal(err)
		}
	}
	if err := expected.addGo(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(texts)), slices.Sorted(maps.Keys(expected)); !slices.Equal(got, want) {
		t.Errorf("the file has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for name, text := range texts {
		if !regexp.MustCompile(`(?i)copyright|public domain`).MatchString(text) || len(text) < 500 {
			t.Errorf("%s has no licence in\n%s", name, text)
		}
	}
	for of, part := range map[string]string{
		"prometheus' notice":         "This product includes software developed at",
		"what a package has besides": "simplelru/LICENSE_list:",
		"SQLite's":                   "LICENSE-SQLITE:",
		"Go's patents":               "PATENTS:",
	} {
		if !strings.Contains(file.String(), part) {
			t.Errorf("%s is missing", of)
		}
	}
}

func TestRefusesAModuleWithoutALicence(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"NOTICE", "license.go", "README.md"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := module{dir, map[string]bool{dir: true}}
	if err := m.terms(new(strings.Builder)); err == nil {
		t.Error("passed on")
	}
	if err := os.WriteFile(filepath.Join(dir, "COPYING"), []byte("terms"), 0o600); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := m.terms(&text); err != nil || text.String() != "\nCOPYING:\n\nterms\n\nNOTICE:\n\ntext\n" {
		t.Errorf("%v\n%s", err, text.String())
	}
}
