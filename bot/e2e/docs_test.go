package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/cli"
)

var update = flag.Bool("update", false, "rewrite the table of variables in docs/configuration.md")

// The table of variables is generated from the program.
func TestTableOfVariablesMatchesProgram(t *testing.T) {
	var want strings.Builder
	want.WriteString("| variable | default | meaning |\n| --- | --- | --- |\n")
	for _, v := range cli.Variables() {
		start := "empty"
		if v.Default != "" {
			start = "`" + v.Default + "`"
		}
		if v.Required {
			start = "required"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", v.Name, start, v.Meaning)
	}
	const file = "docs/configuration.md"
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile(`(?s)\| variable \| default \|.*?\n\n`)
	if *update {
		page = bytes.Replace(page, table.Find(page), []byte(want.String()+"\n"), 1)
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(table.FindAll(page, -1)); n != 1 {
		t.Errorf("%s has %d tables of variables", file, n)
	}
	if got := string(table.Find(page)); got != want.String()+"\n" {
		t.Errorf("%s has\n%s\nbut the program has\n%s\ngo test -run TestTableOf -update ./bot/e2e rewrites it", file, got, want.String())
	}
}

// Each link between the pages leads to an existing file and heading.
func TestLinksBetweenPagesWork(t *testing.T) {
	pages, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	links := 0
	for _, page := range append(pages, "README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md") {
		for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(link[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
				continue
			}
			if anchor != "" && !anchors(read(t, target))[anchor] {
				t.Errorf("%s: %s has no heading #%s", page, target, anchor)
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were found", links)
	}
}

// anchors are the names that GitHub gives to a page's headings.
func anchors(page string) map[string]bool {
	all := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all[strings.ReplaceAll(name, " ", "-")] = true
	}
	return all
}

func read(t testing.TB, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Each message that docs/troubleshoot.md quotes exists.
func TestQuotedMessagesExist(t *testing.T) {
	_, page, _ := strings.Cut(read(t, "docs/troubleshoot.md"), "## What people see")
	page, _, _ = strings.Cut(page, "## What `check` says")
	said := read(t, "docs/messages.md")
	quotes := regexp.MustCompile(`“([^”]+)”`).FindAllStringSubmatch(page, -1)
	if len(quotes) < 4 {
		t.Errorf("%d quotes", len(quotes))
	}
	for _, quote := range quotes {
		if !strings.Contains(said, quote[1]) {
			t.Errorf("no message says %q", quote[1])
		}
	}
}

// Each test that docs/design/faults.md names exists.
func TestEveryTestInFaultsExists(t *testing.T) {
	var sources strings.Builder
	for _, pattern := range []string{"bot/*_test.go", "bot/*/*_test.go", "bot/internal/*/*_test.go", "chamelio/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			sources.WriteString(read(t, file))
		}
	}
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(read(t, "docs/design/faults.md"), -1) {
		if !strings.Contains(sources.String(), "func "+name) {
			t.Errorf("there is no %s", name)
		}
	}
}
