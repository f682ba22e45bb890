package texts

import (
	"go/ast"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// cutInside matches a text that ends inside an entity, a link or a mention.
var cutInside = regexp.MustCompile(`(<[^>\n]*|&[a-z]*)…$`)

func TestLongTextsEndWithAWholeLine(t *testing.T) {
	for name, text := range map[string]string{
		"entities": strings.Repeat("&amp;&lt;", 20), "mentions": strings.Repeat("<@U0ADA> ", 20),
		"links": strings.Repeat("<https://app.chamelio.ai/workflows/tasks/1|a &amp; b> ", 9), "letters": strings.Repeat("ä", 99),
	} {
		for limit := 5; limit < utf8.RuneCountInString(text)+3; limit++ {
			cut := fitted(text, limit)
			switch n := utf8.RuneCountInString(cut); {
			case n > limit || cutInside.MatchString(cut):
				t.Fatalf("%s, %d: %d characters: %s", name, limit, n, cut)
			case limit >= utf8.RuneCountInString(text) && cut != text:
				t.Fatalf("%s, %d: cut though it has room", name, limit)
			}
			lines := fitted("first\n"+text, limit+6)
			if whole := limit >= utf8.RuneCountInString(text); !whole && lines != "first\n…" || whole && lines != "first\n"+text {
				t.Fatalf("%s, %d: %s", name, limit, lines)
			}
		}
	}
}

func TestNoMessageTextIsTooLong(t *testing.T) {
	for kind, samples := range hostileSamples() {
		for _, one := range samples {
			if n := utf8.RuneCountInString(one.Text); n > maxText || cutInside.MatchString(one.Text) {
				t.Errorf("%s, %s: %d characters: %s", kind, one.Name, n, one.Text)
			}
		}
	}
}

// message bounds the text. A message that isn't made by it could be too long.
func TestEveryMessageIsMadeByOneFunction(t *testing.T) {
	for _, file := range sources(t, ".") {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Name.Name == "message" || receiver(f) == "sampler" {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if name, ok := n.Type.(*ast.Ident); ok && name.Name == "Message" && len(n.Elts) > 0 {
						t.Errorf("%s makes a message", f.Name.Name)
					}
				case *ast.AssignStmt:
					for _, left := range n.Lhs {
						if of, ok := left.(*ast.SelectorExpr); ok && of.Sel.Name == "Text" {
							t.Errorf("%s sets a text", f.Name.Name)
						}
					}
				}
				return true
			})
		}
	}
}
