// Package terminal prepares texts for a terminal.
package terminal

import (
	"strconv"
	"strings"
)

// Printable escapes control characters and other invisible ones, which could affect
// the terminal, or make one text look like several lines.
func Printable(s string) string {
	quoted := strconv.Quote(s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
