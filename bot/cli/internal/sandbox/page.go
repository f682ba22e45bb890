package sandbox

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
)

// The page is one document, which makes no request but to this server.
//
//go:embed page
var pageFiles embed.FS

// beginning is what the page starts with.
type beginning struct {
	State    view           `json:"state"`
	Stories  []story        `json:"stories"`
	Policies []policyChoice `json:"policies"`
	Hostile  []hostileTitle `json:"hostile"`
}

// page fills index.html by plain replacement. A template would do it too, but
// a program that executes one keeps every exported method of all its packages:
// four megabytes. JSON as encoding/json writes it cannot end a script.
func page(nonce string, b beginning) (string, error) {
	data, err := json.Marshal(b)
	if err != nil {
		return "", fmt.Errorf("encoding what the page starts with: %w", err)
	}
	return strings.NewReplacer(
		"{{nonce}}", nonce, "{{begin}}", string(data),
		"{{style}}", join("page/theme.css", "page/layout.css", "page/slack.css", "page/parts.css", "page/behind.css"),
		"{{scripts}}", join("page/base.js", "page/text.js", "page/message.js", "page/menu.js", "page/thread.js", "page/modal.js",
			"page/conversation.js", "page/places.js", "page/composer.js", "page/behind.js", "page/proof.js", "page/timeline.js", "page/story.js", "page/main.js"),
	).Replace(join("page/index.html")), nil
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
