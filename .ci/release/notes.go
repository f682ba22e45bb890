package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// pins are the files that name the latest release, each with the version as its
// pattern's only group.
var pins = map[string]*regexp.Regexp{
	"deploy/compose.yaml":                          regexp.MustCompile(`CANCELBOT_VERSION:-([^}]*)}`),
	"deploy/helm/cancelbot/Chart.yaml":             regexp.MustCompile(`appVersion: "(\S+)"`),
	"deploy/kubernetes/deployment.yaml":            regexp.MustCompile(`image: ghcr.io/cancelbot/cancelbot:(\S+)`),
	"deploy/kubernetes/example/kustomization.yaml": regexp.MustCompile(`\?ref=v(\S+)`),
	"docs/install.md":                              regexp.MustCompile("ghcr.io/cancelbot/cancelbot:([^`\\s]+)"),
	"docs/verify.md":                               regexp.MustCompile(`(?m)^version=(\S+)$`),
}

var (
	releaseTag = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$`)
	heading    = regexp.MustCompile(`(?m)^## \[?([^\s\]]+)\]?.*\n`)
	links      = regexp.MustCompile(`(?m)^\[[^\]]+\]: \S+\n`)
)

// notes returns the section of CHANGELOG.md for the release with this tag. It
// refuses a tag if the deployments or pages name another release, or if the
// changelog has no such section.
func notes(root fs.FS, tag string) (string, error) {
	if !releaseTag.MatchString(tag) {
		return "", errors.New("it is not of the form v1.2.3")
	}
	version := strings.TrimPrefix(tag, "v")
	var problems []error
	for _, file := range slices.Sorted(maps.Keys(pins)) {
		raw, err := fs.ReadFile(root, file)
		if err != nil {
			return "", err
		}
		pinned := pins[file].FindSubmatch(raw)
		if pinned == nil {
			problems = append(problems, fmt.Errorf("%s pins no release", file))
		} else if got := string(pinned[1]); got != version {
			problems = append(problems, fmt.Errorf("%s pins %s", file, got))
		}
	}
	changelog, err := fs.ReadFile(root, "CHANGELOG.md")
	if err != nil {
		return "", err
	}
	told := sections(string(changelog))
	if told["Unreleased"] != "" {
		problems = append(problems, fmt.Errorf("CHANGELOG.md has changes under Unreleased, which belong under %s", version))
	}
	if told[version] == "" {
		problems = append(problems, fmt.Errorf("CHANGELOG.md says nothing of %s", version))
	}
	return told[version], errors.Join(problems...)
}

// sections are the changelog's texts by the first word of their heading, each
// without blank lines around it.
func sections(changelog string) map[string]string {
	found := map[string]string{}
	changelog = links.ReplaceAllString(changelog, "")
	all := heading.FindAllStringSubmatchIndex(changelog, -1)
	for i, at := range all {
		end := len(changelog)
		if i+1 < len(all) {
			end = all[i+1][0]
		}
		text := strings.TrimSpace(changelog[at[1]:end])
		if text != "" {
			text += "\n"
		}
		found[changelog[at[2]:at[3]]] = text
	}
	return found
}
