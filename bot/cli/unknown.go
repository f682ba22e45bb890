package cli

import (
	"slices"
	"strings"
)

// maxSlip is how many letters may be wrong, missing or too many in a name for
// it to be taken as a slip. Longer words of one's own differ by more.
const maxSlip = 2

// slip is a name in the environment that looks like one of ours.
type slip struct{ name, own string }

// misspelt finds names that look like one of ours and are none: a restriction
// with a slip in its name would restrict nobody.
func misspelt(environ []string) (slips []slip) {
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		bare := strings.TrimSuffix(name, "_FILE")
		if own := nearest(bare); own != "" {
			slips = append(slips, slip{name, own + name[len(bare):]})
		}
	}
	slices.SortFunc(slips, func(a, b slip) int { return strings.Compare(a.name, b.name) })
	return slips
}

// nearest returns the variable of ours that a name must have been meant for;
// nothing if it is one, or like none.
func nearest(name string) (own string) {
	for _, r := range renamed {
		if r.old == name {
			return "" // refused by itself
		}
	}
	for _, s := range settings() {
		switch {
		case s.name == name:
			return ""
		case own == "" && near(name, s.name):
			own = s.name
		}
	}
	return own
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
