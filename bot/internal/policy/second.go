package policy

import (
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// SecondPerson says which tasks someone other than the requester has to
// confirm. The zero value means none.
type SecondPerson struct {
	Always    bool
	Workflows []string // only tasks of these workflows; ignored with Always
}

var (
	errQuotes    = errors.New("quotation marks must enclose a whole name")
	errSeparator = errors.New("names are separated by commas")
)

// separators look as if they separated names. One in a name needs quotation marks: read as
// one name, a list would ask no one for a second person.
const separators = ";；，、\n\r"

// ParseWorkflows parses a comma-separated list of names. A name that contains a comma, a
// semicolon or a line break must be in double quotation marks. Empty entries are ignored.
// If none is left, it returns one empty name, for Validate.
func ParseWorkflows(text string) ([]string, error) {
	var names []string
	for more := true; more; {
		var name string
		text = strings.TrimSpace(text)
		if rest, quoted := strings.CutPrefix(text, `"`); quoted {
			var closed bool
			if name, rest, closed = strings.Cut(rest, `"`); !closed {
				return nil, errQuotes
			}
			var between string
			if between, text, more = strings.Cut(rest, ","); strings.TrimSpace(between) != "" {
				return nil, errQuotes
			}
		} else if name, text, more = strings.Cut(text, ","); strings.Contains(name, `"`) {
			return nil, errQuotes
		} else if strings.ContainsAny(strings.TrimSpace(name), separators) {
			return nil, errSeparator
		}
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = []string{""}
	}
	return names, nil
}

// Ever reports whether any task needs a second person.
func (s SecondPerson) Ever() bool { return s.Always || len(s.Workflows) > 0 }

// byWorkflow reports whether the answer depends on the task.
func (s SecondPerson) byWorkflow() bool { return !s.Always && len(s.Workflows) > 0 }

func (s SecondPerson) needed(t Task) bool {
	if !s.byWorkflow() {
		return s.Always
	}
	_, listed := s.Listed(t.Workflow)
	return !t.Known || skeleton(t.Workflow) == "" || listed
}

// Listed returns the entry of Workflows that names a workflow.
func (s SecondPerson) Listed(workflow string) (entry string, ok bool) {
	name := skeleton(workflow)
	i := slices.IndexFunc(s.Workflows, func(one string) bool { return skeleton(one) == name })
	if i < 0 {
		return "", false
	}
	return s.Workflows[i], true
}

// skeleton reduces a name to what tells it from others: letters, digits and symbols,
// without case, accents and compatibility forms (Unicode's NFKD). Spaces, punctuation
// and what isn't visible don't count: a text without anything else, such as "---", is no
// name, and its skeleton is empty. The comparison is generous, because a single person
// could cancel the tasks of a name that doesn't match.
func skeleton(name string) string {
	oneCase := strings.ToLower(strings.ToUpper(norm.NFKD.String(input.Clean(name)))) // ς and σ are both Σ
	return strings.Map(func(r rune) rune {
		if !unicode.In(r, unicode.L, unicode.Mc, unicode.N, unicode.S) || unicode.In(r, unicode.Lm, unicode.Sk) || r == minus {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ReplaceAll(oneCase, "ß", "ss")))
}

const minus = '\u2212' // a symbol to Unicode, but it looks like a dash

// looksLikeSwitch reports whether a name was probably meant as true or false.
// As the name of a workflow that doesn't exist, it would restrict nothing.
func looksLikeSwitch(name string) bool {
	name = skeleton(name)
	switch name {
	case "t", "f", "y", "n", "1", "0", "yes", "no", "on", "off", "all", "any", "none", "always", "never",
		"enable", "enabled", "disable", "disabled":
		return true
	}
	return oneSlip(name, "true") || oneSlip(name, "false")
}

// oneSlip reports whether typed is word, or differs by one letter: one extra,
// one missing, one wrong, or two swapped.
func oneSlip(typed, word string) bool {
	i := 0
	for i < len(typed) && i < len(word) && typed[i] == word[i] {
		i++
	}
	a, b := typed[i:], word[i:]
	switch {
	case a == "" && b == "":
		return true
	case len(a) > 0 && a[1:] == b, len(b) > 0 && a == b[1:]:
		return true
	case len(a) == 0 || len(b) == 0:
		return false
	case a[1:] == b[1:]:
		return true
	}
	return len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] && a[2:] == b[2:]
}
