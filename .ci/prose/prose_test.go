// Package prose checks the English of pages and comments against the patterns
// that this project doesn't use.
package prose

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// A sentence is one of a page or of a comment, and where it begins.
type sentence struct {
	text, file string
	line       int
}

func TestProseFollowsTheRules(t *testing.T) {
	used := map[exception]bool{}
	for _, s := range sentences(t) {
		for _, r := range rules() {
			if !r.breaks(s.text) || excused(s, r, used) {
				continue
			}
			t.Errorf("%s:%d: %q: write %s: %s", s.file, s.line, r.name, r.instead, s.text)
		}
	}
	for _, e := range exceptions() {
		if !used[e] {
			t.Errorf("the exception for %q in %s isn't needed any more", e.rule, e.file)
		}
	}
}

func TestEachRuleFindsItsExample(t *testing.T) {
	for _, r := range rules() {
		if !r.breaks(r.broken) {
			t.Errorf("%s doesn't find %q", r.name, r.broken)
		}
	}
}

func (r rule) breaks(text string) bool {
	if (strings.HasSuffix(text, "?") || strings.HasSuffix(text, ":")) && (r.name == "what" || r.name == "who") {
		return false // a question, or a label
	}
	if r.allowed != "" {
		text = regexp.MustCompile(r.allowed).ReplaceAllString(text, "")
	}
	return r.pattern.MatchString(text)
}

func excused(s sentence, r rule, used map[exception]bool) bool {
	for _, e := range exceptions() {
		if e.rule == r.name && strings.HasPrefix(s.file, e.file) && strings.Contains(s.text, e.contains) {
			used[e] = true
			return true
		}
	}
	return false
}

// sentences returns those of all pages and of all comments in Go files.
func sentences(t *testing.T) []sentence {
	t.Helper()
	var all []sentence
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if entry.Name() == ".git" || entry.Name() == "node_modules" || entry.Name() == "dist" {
				return filepath.SkipDir
			}
			return nil
		}
		if _, ok := leftOut(name); ok {
			return nil
		}
		switch filepath.Ext(name) {
		case ".md":
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all = append(all, ofPage(name, string(text))...)
		case ".go":
			comments, err := ofComments(name, path)
			if err != nil {
				return err
			}
			all = append(all, comments...)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 1000 {
		t.Errorf("only %d sentences were found", len(all))
	}
	return all
}

var (
	bold    = regexp.MustCompile(`\*\*`)
	quoted  = regexp.MustCompile("`[^`]*`|\\*[^*]+\\*|“[^”]*”|\"[^\"]*\"")
	links   = regexp.MustCompile(`\]\([^)]*\)|\[`)
	marks   = regexp.MustCompile(`^(?:[*>-]|\d+\.) `)
	capital = regexp.MustCompile(`[A-Z]`)
	ends    = regexp.MustCompile(`[.:!?] +`)
)

// ofPage returns the sentences of a page in Markdown. Code, headings,
// quotations and names (in italics) are left out; a cell of a table is a
// sentence.
func ofPage(file, page string) []sentence {
	var all []sentence
	fenced := false
	for i, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "    ") {
			continue
		}
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "```") {
			fenced = !fenced
		}
		if fenced || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "```") {
			continue
		}
		for _, cell := range strings.Split(strings.Trim(line, "|"), " | ") {
			all = append(all, split(file, i+1, cell)...)
		}
	}
	return all
}

// ofComments returns the sentences of a Go file's comments, and the names of
// its tests, each as a sentence.
func ofComments(file, path string) ([]sentence, error) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parsing %s: %w", file, err)
	}
	var all []sentence
	for _, group := range parsed.Comments {
		all = append(all, split(file, set.Position(group.Pos()).Line, prose(group))...)
	}
	for _, declared := range parsed.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") && strings.HasSuffix(file, "_test.go") {
			name := capital.ReplaceAllStringFunc(strings.TrimPrefix(f.Name.Name, "Test"), func(c string) string { return " " + strings.ToLower(c) })
			all = append(all, sentence{strings.TrimSpace(name), file, set.Position(f.Pos()).Line})
		}
	}
	return all, nil
}

// prose returns a comment's text without indented code.
func prose(group *ast.CommentGroup) string {
	var lines []string
	for _, line := range strings.Split(group.Text(), "\n") {
		if !strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "  ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, " ")
}

func split(file string, line int, text string) []sentence {
	text = marks.ReplaceAllString(bold.ReplaceAllString(strings.TrimSpace(text), ""), "")
	text = strings.TrimSpace(links.ReplaceAllString(quoted.ReplaceAllString(text, "X"), ""))
	var all []sentence
	for text != "" {
		end := len(text)
		if found := ends.FindStringIndex(text); found != nil {
			end = found[1]
		}
		all = append(all, sentence{strings.TrimSpace(text[:end]), file, line})
		text = strings.TrimSpace(text[end:])
	}
	return all
}
