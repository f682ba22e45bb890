package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/cancelbot/cancelbot/bot/cli"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

// variables returns the names that the program knows, including those with
// _FILE.
func variables() map[string]bool {
	known := map[string]bool{}
	for _, v := range cli.Variables() {
		known[v.Name], known[v.Name+"_FILE"] = true, true
	}
	return known
}

// deployments are the environments that the files in deploy/ set.
func deployments(t *testing.T) map[string]map[string]string {
	t.Helper()
	var compose struct {
		Services map[string]struct{ Environment map[string]string }
	}
	decode(t, "deploy/compose.yaml", &compose)
	var deployment struct {
		Spec struct {
			Replicas int
			Template struct {
				Spec struct {
					Containers []struct {
						Env []struct{ Name, Value string }
					}
				}
			}
		}
	}
	decode(t, "deploy/kubernetes/deployment.yaml", &deployment)
	kubernetes := map[string]string{}
	for _, e := range deployment.Spec.Template.Spec.Containers[0].Env {
		kubernetes[e.Name] = e.Value
	}
	unit, err := os.ReadFile("deploy/systemd/cancelbot.service")
	if err != nil {
		t.Fatal(err)
	}
	systemd := map[string]string{}
	for _, e := range regexp.MustCompile(`(?m)^Environment=([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(unit), -1) {
		systemd[e[1]] = e[2]
	}
	return map[string]map[string]string{"compose": compose.Services["cancelbot"].Environment, "kubernetes": kubernetes, "systemd": systemd}
}

func decode(t testing.TB, file string, into any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(raw, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// TestEachWayToRunBecomesReady runs the program with the environment of each
// deployment, with its paths moved into the test's directory, until it is
// ready.
func TestEachWayToRunBecomesReady(t *testing.T) {
	for way, set := range deployments(t) {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			env := s.deployed(t, set)
			p := start(t, env)
			at := regexp.MustCompile(`"addr":"([^"]+)"`)
			s.eventually("it comes up", 20*time.Second, func() bool { return s.slack.Connections() == 2 && at.MatchString(p.output.String()) })
			s.turns("http://"+at.FindStringSubmatch(p.output.String())[1], 200, "ready")
		})
	}
}

// deployed returns the environment of a deployment, with its paths moved into
// the test's directory and its servers replaced by the fakes.
func (s *fakes) deployed(t *testing.T, set map[string]string) []string {
	t.Helper()
	given := map[string]string{}
	for _, pair := range s.env("") {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
	}
	dir := t.TempDir()
	env := []string{"SLACK_API_URL=" + given["SLACK_API_URL"], "CHAMELIO_API_URL=" + given["CHAMELIO_API_URL"], "CANCEL_POLICY=members"}
	for name, value := range set {
		if !variables()[name] {
			t.Errorf("%s is no variable of ours", name)
		}
		switch secret, isFile := strings.CutSuffix(name, "_FILE"); {
		case isFile:
			content := given[secret]
			if secret == "DATABASE_URL" {
				content = pgtest.Start(t)
			}
			value = filepath.Join(dir, filepath.Base(value))
			if err := os.WriteFile(value, []byte(content+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		case name == "DATABASE_URL" && value != "":
			value = "sqlite:" + filepath.Join(dir, filepath.Base(value))
		case name == "HTTP_ADDR":
			value = "127.0.0.1:0"
		}
		env = append(env, name+"="+value)
	}
	return env
}

func TestEveryDeploymentFileIsYAMLOrJSON(t *testing.T) {
	files := []string{".goreleaser.yaml", ".github/workflows/ci.yml", ".github/workflows/release.yml"}
	err := filepath.WalkDir("deploy", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Base(filepath.Dir(path)) != "templates" { // the chart's are no YAML yet
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		switch filepath.Ext(file) {
		case ".json":
			if !json.Valid(raw) {
				t.Errorf("%s is not JSON", file)
			}
		case ".yaml", ".yml":
			dec := yaml.NewDecoder(bytes.NewReader(raw))
			for err == nil {
				var document any
				err = dec.Decode(&document)
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
}

// Each deployment allows the bot the time that it takes to stop:
// SHUTDOWN_GRACE's default, and the 12 s beyond after which it gives up.
func TestDeploymentsAllowTimeToStop(t *testing.T) {
	const end = 25 + 12
	for file, grace := range map[string]string{
		"deploy/compose.yaml":               `stop_grace_period: (\d+)s`,
		"deploy/kubernetes/deployment.yaml": `terminationGracePeriodSeconds: (\d+)`,
		"deploy/systemd/cancelbot.service":  `TimeoutStopSec=(\d+)`,
		"docs/install.md":                   `--stop-timeout (\d+)`,
	} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(grace).FindSubmatch(raw)
		if found == nil {
			t.Errorf("%s leaves no time", file)
			continue
		}
		if seconds, _ := strconv.Atoi(string(found[1])); seconds <= end {
			t.Errorf("%s leaves %d s, and the end may take %d", file, seconds, end)
		}
	}
}

// Compose, the chart and the Kustomize base run the same release.
func TestDeploymentsPinOneRelease(t *testing.T) {
	pinned := map[string]bool{}
	for file, tag := range map[string]string{
		"deploy/compose.yaml":                          `CANCELBOT_VERSION:-(\d+\.\d+\.\d+)`,
		"deploy/helm/cancelbot/Chart.yaml":             `appVersion: "(\d+\.\d+\.\d+)"`,
		"deploy/kubernetes/deployment.yaml":            `image: ghcr.io/cancelbot/cancelbot:(\d+\.\d+\.\d+)`,
		"deploy/kubernetes/example/kustomization.yaml": `\?ref=v(\d+\.\d+\.\d+)`,
	} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(tag).FindSubmatch(raw)
		if found == nil {
			t.Fatalf("%s pins no release", file)
		}
		pinned[string(found[1])] = true
	}
	if len(pinned) != 1 {
		t.Errorf("they run %v", pinned)
	}
}

// metricsIn returns the metrics that a text names, without the suffixes of
// histograms.
func metricsIn(text string) map[string]bool {
	named := map[string]bool{}
	for _, name := range regexp.MustCompile(`cancelbot_[a-z_]+`).FindAllString(text, -1) {
		named[regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")] = true
	}
	return named
}

// TestImageLeavesOutWhatGitIgnores checks that no secret, journal or binary gets into the
// image's build. A pattern of .gitignore without a slash matches in each directory.
func TestImageLeavesOutWhatGitIgnores(t *testing.T) {
	left := strings.Split(read(t, ".dockerignore"), "\n")
	for _, line := range strings.Fields(read(t, ".gitignore")) {
		pattern := strings.Trim(line, "/")
		if !strings.HasPrefix(line, "/") {
			pattern = "**/" + pattern
		}
		if !slices.Contains(left, pattern) {
			t.Errorf(".dockerignore lacks %s", pattern)
		}
	}
}

// TestDashboardAndAlertsUseExistingMetrics compares them with the page, which
// another test compares with the program.
func TestDashboardAndAlertsUseExistingMetrics(t *testing.T) {
	page := read(t, "docs/operate.md")
	for _, file := range []string{"deploy/grafana/cancelbot.json", "deploy/prometheus/rules.yaml"} {
		for _, name := range slices.Sorted(maps.Keys(metricsIn(read(t, file)))) {
			if !strings.Contains(page, "| `"+name+"` |") {
				t.Errorf("%s asks for %s", file, name)
			}
		}
	}
}

// alertingRule is one alert of the rules.
type alertingRule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alertingRules(t *testing.T) (all []alertingRule) {
	t.Helper()
	var rules struct {
		Groups []struct{ Rules []alertingRule }
	}
	decode(t, "deploy/prometheus/rules.yaml", &rules)
	for _, group := range rules.Groups {
		for _, rule := range group.Rules {
			if rule.Alert != "" {
				all = append(all, rule)
			}
		}
	}
	return all
}

// TestEachAlertHasARunbook checks that each alert leads to a section of the page
// that has its severity and a command, and that no page names another alert.
func TestEachAlertHasARunbook(t *testing.T) {
	page := read(t, "docs/operate.md")
	known := map[string]bool{}
	for _, rule := range alertingRules(t) {
		known[rule.Alert] = true
		_, runbook, found := strings.Cut(page, "\n### "+rule.Alert+"\n")
		runbook, _, _ = strings.Cut(runbook, "\n##")
		if !found || !strings.HasPrefix(strings.TrimSpace(runbook), "*"+rule.Labels["severity"]+".* ") {
			t.Errorf("docs/operate.md has no runbook for %s with its severity", rule.Alert)
		}
		if url := rule.Annotations["runbook_url"]; !strings.HasSuffix(url, "/docs/operate.md#"+strings.ToLower(rule.Alert)) {
			t.Errorf("%s leads to %s", rule.Alert, url)
		}
		if !regexp.MustCompile(`cancelbot (?:check|history)|kubectl|systemctl`).MatchString(runbook) {
			t.Errorf("the runbook of %s has no command to start with", rule.Alert)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "SECURITY.md", "deploy/grafana/cancelbot.json") {
		for _, name := range regexp.MustCompile(`\bCancelbot[A-Z][A-Za-z]+`).FindAllString(read(t, page), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which the rules don't have", page, name)
			}
		}
	}
}

// dashboard has a Grafana dashboard's panels.
type dashboard struct {
	Panels []struct {
		Type, Title, Description string
		FieldConfig              struct{ Defaults struct{ Unit string } }
		Targets                  []struct{ Expr, LegendFormat string }
	}
}

// TestDashboardShowsEachAlert checks that a panel names each alert and shows its
// metrics, and that panels and series are described.
func TestDashboardShowsEachAlert(t *testing.T) {
	var all dashboard
	if err := json.Unmarshal([]byte(read(t, "deploy/grafana/cancelbot.json")), &all); err != nil {
		t.Fatal(err)
	}
	expressions, descriptions, titles := "", "", map[string]bool{}
	for _, panel := range all.Panels {
		if panel.Type == "row" {
			continue
		}
		if panel.Description == "" || panel.FieldConfig.Defaults.Unit == "" || titles[panel.Title] {
			t.Errorf("the panel %q has no description, no unit, or another panel's title", panel.Title)
		}
		titles[panel.Title] = true
		descriptions += panel.Description + "\n"
		for _, target := range panel.Targets {
			expressions += target.Expr + "\n"
			quantile := regexp.MustCompile(`histogram_quantile\(0\.(\d+)`).FindStringSubmatch(target.Expr)
			if target.LegendFormat == "" || quantile != nil && !strings.HasSuffix(target.LegendFormat, "p"+(quantile[1] + "0")[:2]) {
				t.Errorf("%q: the legend of %s is %q", panel.Title, target.Expr, target.LegendFormat)
			}
		}
	}
	shown := metricsIn(expressions)
	for _, rule := range alertingRules(t) {
		if !regexp.MustCompile(rule.Alert + `\b`).MatchString(descriptions) {
			t.Errorf("no panel names %s", rule.Alert)
		}
		for name := range metricsIn(rule.Expr) {
			if !shown[name] {
				t.Errorf("no panel shows %s, which %s watches", name, rule.Alert)
			}
		}
	}
}

// The image is built as CI builds, and pinned workflows stay pinned.
func TestImageIsBuiltAsCIBuilds(t *testing.T) {
	for file, want := range map[string]string{
		"Dockerfile": "CGO_ENABLED=0 go build -trimpath", ".ci/run": "CGO_ENABLED=0 go build -trimpath", ".goreleaser.yaml": "CGO_ENABLED=0",
	} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s does not say %s", file, want)
		}
	}
	workflows, _ := filepath.Glob(".github/workflows/*")
	for _, file := range workflows {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range regexp.MustCompile(`uses: (\S+)`).FindAllStringSubmatch(string(raw), -1) {
			if !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(use[1]) {
				t.Errorf("%s uses %s, which is not pinned by commit", file, use[1])
			}
		}
	}
}
