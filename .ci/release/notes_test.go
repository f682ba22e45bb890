package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func TestAllFilesMustNameTheReleasedTag(t *testing.T) {
	const told = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-26\n\n### Added\n\n* A thing.\n\n## [1.2.2]\n\n* Another.\n\n[1.2.2]: https://example.com/1.2.2\n"
	for name, c := range map[string]struct{ tag, compose, kubernetes, changelog, problem string }{
		"all fits":                   {"v1.2.3", "1.2.3", "1.2.3", told, ""},
		"no heading for what comes":  {"v1.2.3", "1.2.3", "1.2.3", strings.Replace(told, "## [Unreleased]\n", "", 1), ""},
		"Compose runs another":       {"v1.2.3", "1.2.2", "1.2.3", told, "deploy/compose.yaml pins 1.2.2"},
		"Kubernetes runs another":    {"v1.2.3", "1.2.3", "1.2.30", told, "deploy/kubernetes/deployment.yaml pins 1.2.30"},
		"Compose pins nothing":       {"v1.2.3", "", "1.2.3", told, "deploy/compose.yaml pins "},
		"changes are left over":      {"v1.2.3", "1.2.3", "1.2.3", strings.Replace(told, "[Unreleased]\n", "[Unreleased]\n\n* More.\n", 1), "changes under Unreleased"},
		"nothing is said of it":      {"v1.2.4", "1.2.4", "1.2.4", told, "CHANGELOG.md says nothing of 1.2.4"},
		"its section is empty":       {"v1.2.3", "1.2.3", "1.2.3", strings.Replace(told, "### Added\n\n* A thing.\n\n", "", 1), "CHANGELOG.md says nothing of 1.2.3"},
		"a candidate":                {"v1.2.3-rc.1", "1.2.3", "1.2.3", told, "not of the form"},
		"a version without its v":    {"1.2.3", "1.2.3", "1.2.3", told, "not of the form"},
		"a version with leading nil": {"v1.02.3", "1.02.3", "1.02.3", told, "not of the form"},
	} {
		t.Run(name, func(t *testing.T) {
			text, err := notes(fstest.MapFS{
				"deploy/compose.yaml":                          {Data: []byte("image: ghcr.io/cancelbot/cancelbot:${CANCELBOT_VERSION:-" + c.compose + "}\n")},
				"deploy/helm/cancelbot/Chart.yaml":             {Data: []byte("appVersion: \"" + c.kubernetes + "\"\n")},
				"deploy/kubernetes/deployment.yaml":            {Data: []byte("image: ghcr.io/cancelbot/cancelbot:" + c.kubernetes + "\n")},
				"deploy/kubernetes/example/kustomization.yaml": {Data: []byte("  - github.com/cancelbot/cancelbot//deploy/kubernetes?ref=v" + c.kubernetes + "\n")},
				"docs/install.md":                              {Data: []byte("It is `ghcr.io/cancelbot/cancelbot:" + strings.TrimPrefix(c.tag, "v") + "`.\n")},
				"docs/verify.md":                               {Data: []byte("```\nversion=" + strings.TrimPrefix(c.tag, "v") + "\n```\n")},
				"CHANGELOG.md":                                 {Data: []byte(c.changelog)},
			}, c.tag)
			switch {
			case c.problem == "" && (err != nil || text != "### Added\n\n* A thing.\n"):
				t.Errorf("%v\n%s", err, text)
			case c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)):
				t.Errorf("%v, want %s", err, c.problem)
			}
		})
	}
}

// The files of this repository name a release where it is looked for.
func TestDeploymentsAndPagesNameTheRelease(t *testing.T) {
	if _, err := notes(os.DirFS("."), "v99.0.0"); len(regexp.MustCompile(`pins \d+\.\d+\.\d+`).FindAllString(err.Error(), -1)) != len(pins) {
		t.Error(err)
	}
}
