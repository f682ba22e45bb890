package sandbox

import (
	"embed"
	"html/template"
	"io/fs"
)

// The page is one document: what it needs stands in it, and it asks for
// nothing else.
//
//go:embed page
var pageFiles embed.FS

var (
	page    = template.Must(template.ParseFS(pageFiles, "page/index.html"))
	style   = template.CSS(join("page/theme.css", "page/layout.css", "page/slack.css", "page/behind.css"))
	scripts = template.JS(join("page/base.js", "page/text.js", "page/message.js", "page/conversation.js",
		"page/composer.js", "page/behind.js", "page/story.js", "page/main.js"))
)

// pageData is what index.html is filled with.
type pageData struct {
	Nonce    string
	Style    template.CSS
	Scripts  template.JS
	State    view
	Stories  []story
	Policies []policyChoice
	Hostile  any
}

func join(names ...string) string {
	var all []byte
	for _, name := range names {
		part, err := fs.ReadFile(pageFiles, name)
		if err != nil {
			panic(err) // a file that is not embedded: found by any test
		}
		all = append(append(all, part...), '\n')
	}
	return string(all)
}
