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

// findings collects problems, one for each variable: the first one is closest
// to the cause.
type findings struct{ all []environ.Problem }

// add adds a problem with a variable. advice is read after its name. The
// problem quotes the value, unless it is a secret, or may be one in the wrong
// variable.
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

// has reports whether a variable has a problem.
func (f *findings) has(variable string) bool {
	return slices.ContainsFunc(f.all, func(p environ.Problem) bool { return p.Variable == variable })
}

// sorted returns the problems in the order of help.
func (f *findings) sorted() []environ.Problem {
	order := map[string]int{}
	for i, s := range settings() {
		order[s.name] = i - len(settings()) // others follow, in the order in which they were found
	}
	slices.SortStableFunc(f.all, func(a, b environ.Problem) int {
		return cmp.Compare(order[a.Variable], order[b.Variable])
	})
	return f.all
}

// maxQuoted is the length of the longest value that is quoted.
const maxQuoted = 40

// quoted returns the wrong value of a variable, in parentheses; for a list of
// IDs, only its wrong entries.
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

// mayBeSecret reports whether a value looks like a token, a key or an address
// with a password.
func mayBeSecret(value string) bool {
	for _, prefix := range []string{"xapp-", "xox", "ca_", "sk-"} {
		if strings.Contains(value, prefix) {
			return true
		}
	}
	return strings.Contains(value, "@")
}
