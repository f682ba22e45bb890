package prose

import (
	"path"
	"strings"
)

// An exception permits what a rule forbids, in sentences of one file.
type exception struct{ rule, file, contains, reason string }

func exceptions() []exception {
	return []exception{
		{"histories", "bot/internal/simulation/simulation_test.go", "histories", "the name of a test"},
		{"stand", "bot/internal/simulation/life_test.go", "stand waits", "the name of a method"},
		{"mend", "bot/slacktest/fault.go", "Mend calls", "the name of an exported method"},
		{"mend", "chamelio/chameliotest/fault.go", "Mend calls", "the name of an exported method"},
	}
}

// leftOut returns why a file isn't checked. A name that ends with a slash is a
// directory with everything in it; the others are patterns.
func leftOut(file string) (reason string, ok bool) {
	for _, o := range []struct{ pattern, reason string }{
		{"docs/messages.md", "generated from the messages, which have golden files and a review of their own"},
		{".ci/prose/", "has the patterns themselves"},
	} {
		matched, err := path.Match(o.pattern, file)
		if err != nil {
			panic(err) // a pattern of the list above is malformed
		}
		if matched || strings.HasSuffix(o.pattern, "/") && strings.HasPrefix(file, o.pattern) {
			return o.reason, true
		}
	}
	return "", false
}
