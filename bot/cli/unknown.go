package cli

import (
	"slices"
	"strings"
)

// maxSlip is how many letters of a name may be wrong, missing or extra for it
// to count as a typo. Operators' own variables differ by more.
const maxSlip = 2

// slip is a name in the environment that looks like one of the bot's
// variables.
type slip struct{ name, own string }

// misspelt finds names that look like one of the bot's variables but aren't: a
// misspelt restriction would restrict no one.
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

// nearest returns the variable that a name was probably meant for; "" if it is
// a variable, or doesn't resemble one.
func nearest(name string) (own string) {
	for _, r := range renamed {
		if r.old == name {
			return "" // rejected elsewhere
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

// near reports whether two names differ by at most a typo.
func near(name, own string) bool {
	const shortest = 8 // shorter names are too similar to others
	return len(name) >= shortest && len(own) >= shortest && distance(strings.ToUpper(name), own) <= maxSlip
}

// distance returns the Levenshtein distance: how many letters to change, add
// or remove.
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
