package cli

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// findings collects what is wrong, one problem for each variable: what is
// found first is nearest to the cause.
type findings struct{ all []environ.Problem }

// add says what is wrong with a variable, to be read after its name. It quotes
// the value, unless that is a secret or may be one in the wrong place.
func (f *findings) add(variable, advice string) {
	if s, found := settingOf(variable); found {
		f.put(environ.Problem{Variable: variable, Found: variable + " " + advice + s.quoted(), Remedy: s.fix})
	}
}

func (f *findings) put(p environ.Problem) {
	if !f.has(p.Variable) {
		f.all = append(f.all, p)
	}
}

// has reports whether something is wrong with a variable.
func (f *findings) has(variable string) bool {
	return slices.ContainsFunc(f.all, func(p environ.Problem) bool { return p.Variable == variable })
}

// sorted has them in the order of help.
func (f *findings) sorted() []environ.Problem {
	order := map[string]int{}
	for i, s := range settings() {
		order[s.name] = i - len(settings()) // others come after, as they were found
	}
	slices.SortStableFunc(f.all, func(a, b environ.Problem) int {
		return cmp.Compare(order[a.Variable], order[b.Variable])
	})
	return f.all
}

// maxQuoted is the length of the longest value that is quoted.
const maxQuoted = 40

// quoted returns the value of a variable that is wrong, in parentheses; of a
// list of IDs, its wrong entries.
func (s setting) quoted() string {
	var cfg config
	value := os.Getenv(s.name)
	if _, isSecret := s.field(&cfg).(*secret.Value); isSecret || value == "" {
		return ""
	}
	verb := "it is"
	if list, found := idListOf(s.name); found {
		verb, value = "it has", strings.Join(list.wrongEntries(value), ", ")
	}
	if value == "" || len(value) > maxQuoted || mayBeSecret(value) {
		return ""
	}
	return fmt.Sprintf(" (%s %q)", verb, value)
}

// mayBeSecret recognises tokens, keys and addresses with a password.
func mayBeSecret(value string) bool {
	for _, prefix := range []string{"xapp-", "xox", "ca_", "sk-"} {
		if strings.Contains(value, prefix) {
			return true
		}
	}
	return strings.Contains(value, "@")
}
