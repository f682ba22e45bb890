package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// loggedIn returns the levels of each message that the code logs.
func loggedIn(t *testing.T, root string) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "slacktest", "chameliotest", "testdata"}, d.Name()):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, isCall := n.(*ast.CallExpr)
			if !isCall || len(call.Args) == 0 {
				return true
			}
			method, isMethod := call.Fun.(*ast.SelectorExpr)
			if !isMethod || !isLog(method.X) || !slices.Contains([]string{"Debug", "Info", "Warn", "Error"}, method.Sel.Name) {
				return true
			}
			literal, isLiteral := call.Args[0].(*ast.BasicLit)
			if !isLiteral {
				t.Errorf("%s: a message that varies", path)
				return true
			}
			message, _ := strconv.Unquote(literal.Value)
			if level := strings.ToUpper(method.Sel.Name); !slices.Contains(found[message], level) {
				found[message] = append(found[message], level)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// isLog reports whether an expression is a logger, by its name.
func isLog(x ast.Expr) bool {
	switch x := x.(type) {
	case *ast.Ident:
		return strings.EqualFold(x.Name, "log")
	case *ast.SelectorExpr:
		return strings.EqualFold(x.Sel.Name, "log")
	}
	return false
}

// TestEachLogMessageHasAnEvent compares the table with the code, both ways, and
// docs/operate.md with the table.
func TestEachLogMessageHasAnEvent(t *testing.T) {
	root := filepath.Join("..", "..")
	logged := loggedIn(t, root)
	if len(logged) < 80 {
		t.Errorf("only %d messages were found", len(logged))
	}
	var table strings.Builder
	table.WriteString("| `event` | `level` | `msg` |\n| --- | --- | --- |\n")
	listed := map[string]bool{}
	for _, e := range events() {
		if !regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`).MatchString(e.name) || listed[e.message] {
			t.Errorf("%q: a bad name, or listed twice", e)
		}
		listed[e.message] = true
		levels := logged[e.message]
		if levels == nil {
			t.Errorf("nothing logs %q", e.message)
		}
		slices.Sort(levels)
		fmt.Fprintf(&table, "| `%s` | %s | %s |\n", e.name, strings.Join(levels, ", "), e.message)
	}
	for message := range logged {
		if !listed[message] {
			t.Errorf("events has no row for %q", message)
		}
	}
	file := filepath.Join(root, "docs", "operate.md")
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	old := regexp.MustCompile("(?s)\\| `event` \\| `level` .*?\n\n").FindString(string(page))
	if flag.Lookup("update").Value.String() == "true" {
		page = []byte(strings.Replace(string(page), old, table.String()+"\n", 1))
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table.String()+"\n" {
		t.Errorf("%s lists other events; go test ./bot/cli -run TestEachLogMessage -update writes them", file)
	}
}

func TestJSONLinesHaveEventsAndNumbers(t *testing.T) {
	t.Parallel()
	said := logged(config{}, func(log *slog.Logger) {
		log = log.With("envelope", "1")
		log.Info("announced", "after", 1499600*time.Microsecond)
		log.Warn("can't connect to Slack", "again_in", time.Duration(0))
		log.Error("http: superfluous response.WriteHeader call")
	})
	var lines []map[string]any
	for text := range strings.Lines(said) {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	if lines[0]["event"] != "announced" || lines[0]["after_seconds"] != 1.4996 || lines[0]["envelope"] != "1" {
		t.Errorf("%v", lines[0])
	}
	if _, has := lines[1]["again_in_seconds"]; has || lines[1]["event"] != "slack_connect_failed" {
		t.Errorf("%v", lines[1])
	}
	if lines[2]["event"] != otherEvent {
		t.Errorf("%v", lines[2])
	}
}
