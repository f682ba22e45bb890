package input

import "strings"

// isMarker reports whether word begins the item of a list: a bullet, or one or
// two digits with a dot or parenthesis. It is never a task.
func isMarker(word string) bool {
	if len([]rune(word)) == 1 {
		return strings.ContainsAny(word, "•◦▪‣·●○*")
	}
	digits, end := nextNumber(word)
	return 1 <= len(digits) && len(digits) <= 2 && (end == "." || end == ")" || end == ".)") && strings.TrimPrefix(word, "(") == digits+end
}

// isDash reports whether word is a dash. At the beginning of a line, it's the
// bullet of a task that follows it. Within a line, it ends the tasks.
func isDash(word string) bool { return word == "-" || word == "–" || word == "—" }

// withBullets returns text with "•" in place of the dashes that begin items of a
// list of tasks.
func withBullets(text string, hosts []string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		dash, item := nextWord(Clean(line))
		word, _ := nextWord(item)
		if _, err := parseTasks(word, hosts); err == nil && isDash(dash) {
			lines[i] = "• " + item
		}
	}
	return strings.Join(lines, "\n")
}
