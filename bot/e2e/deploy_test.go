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

// variables are the names that the program knows, _FILE ones included.
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

// TestEachWayToRunComesUpReady runs the program with the environment of each
// deployment, its places moved into this test's, until it is ready.
func TestEachWayToRunComesUpReady(t *testing.T) {
	for way, set := range deployments(t) {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			s := newStandIns(t)
			env := s.deployed(t, set)
			p := start(t, env)
			at := regexp.MustCompile(`"addr":"([^"]+)"`)
			s.eventually("it comes up", 20*time.Second, func() bool { return s.slack.Connections() == 2 && at.MatchString(p.output.String()) })
			s.turns("http://"+at.FindStringSubmatch(p.output.String())[1], 200, "ready")
		})
	}
}

// deployed is what a deployment sets, its places moved into the test's and its
// servers replaced by the stand-ins.
func (s *standIns) deployed(t *testing.T, set map[string]string) []string {
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

// Each way to run it leaves the bot the time that its end may take: what
// SHUTDOWN_GRACE is by default, and the 12 s beyond after which it gives up.
func TestDeploymentsLeaveTimeForTheEnd(t *testing.T) {
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

// The dashboard and the alerts ask for metrics that there are.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	docs, err := os.ReadFile("docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"deploy/grafana/cancelbot.json", "deploy/prometheus/rules.yaml"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		asked := map[string]bool{}
		for _, name := range regexp.MustCompile(`cancelbot_[a-z_]+`).FindAllString(string(raw), -1) {
			asked[strings.TrimSuffix(name, "_bucket")] = true
		}
		for _, name := range slices.Sorted(maps.Keys(asked)) {
			if !strings.Contains(string(docs), "| `"+name+"` |") {
				t.Errorf("%s asks for %s", file, name)
			}
		}
	}
}

// The page for operators and the rules for Prometheus name the same alerts,
// with the same conditions and the same command to begin with; each alert leads
// to the page, and no other page names one that there is not.
func TestThePagesAndTheRulesHaveTheSameAlerts(t *testing.T) {
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr, For string
				Annotations      map[string]string
			}
		}
	}
	decode(t, "deploy/prometheus/rules.yaml", &rules)
	type alert struct{ when, command string }
	command := regexp.MustCompile(`cancelbot (?:check|history)`)
	told := map[string]alert{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(Cancelbot[A-Za-z]+)` \\| `([^`]+)`([^|]*) \\|(.*)$").FindAllStringSubmatch(read(t, "docs/operate.md"), -1) {
		told[row[1]] = alert{strings.ReplaceAll(row[2], `\|`, "|") + row[3], command.FindString(row[4])}
	}
	lasting := map[string]string{"": "", "1m": " for a minute", "5m": " for 5 minutes"}
	known := map[string]bool{}
	for _, rule := range rules.Groups[0].Rules {
		known[rule.Alert] = true
		said := rule.Annotations["description"]
		want := alert{strings.Join(strings.Fields(rule.Expr), " ") + lasting[rule.For], command.FindString(said)}
		if told[rule.Alert] != want || want.command == "" {
			t.Errorf("docs/operate.md says of %s\n%+v\nwant\n%+v", rule.Alert, told[rule.Alert], want)
		}
		if !strings.HasSuffix(said, "See docs/operate.md.") {
			t.Errorf("%s does not lead to docs/operate.md", rule.Alert)
		}
	}
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, "README.md", "SECURITY.md") {
		for _, name := range regexp.MustCompile(`\bCancelbot[A-Z][A-Za-z]+`).FindAllString(read(t, page), -1) {
			if !known[name] {
				t.Errorf("%s names %s, which the rules do not have", page, name)
			}
		}
	}
}

// The image is built as CI builds, and pinned workflows stay pinned.
func TestTheImageIsBuiltAsCIBuilds(t *testing.T) {
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
