package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// maxSlip is how many letters may be wrong, missing or too many in a name for
// it to be taken as a slip. Longer words of one's own differ by more.
const maxSlip = 2

// unknownVariables refuses names that look like one of ours and are none: a
// restriction with a slip in its name would restrict nobody.
func unknownVariables(environ []string) (problems []string) {
	names := variableNames()
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if slices.Contains(names, strings.TrimSuffix(name, "_FILE")) {
			continue
		}
		for _, own := range names {
			if near(strings.TrimSuffix(name, "_FILE"), own) {
				problems = append(problems, fmt.Sprintf("%s is no variable of the bot's: did you mean %s?", name, own))
				break
			}
		}
	}
	slices.Sort(problems)
	return problems
}

func variableNames() []string {
	fields := reflect.TypeFor[config]()
	var names []string
	for i := range fields.NumField() {
		names = append(names, fields.Field(i).Tag.Get("envconfig"))
	}
	return names
}

// near reports whether two names of some length differ by a slip.
func near(name, own string) bool {
	const shortest = 8 // of names that can be told from others' by their look
	return len(name) >= shortest && len(own) >= shortest && distance(strings.ToUpper(name), own) <= maxSlip
}

// distance is Levenshtein's: how many letters to change, add or take away.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
