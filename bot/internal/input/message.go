package input

import (
	"slices"
	"strings"

	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// maxFound bounds the tasks that are found in a message.
	maxFound = 100

	// minFoundDigits is the fewest digits of an ID in a message that isn't part of
	// a link: "task 2 of 5" names no task.
	minFoundDigits = 4
)

// FindTasks returns the tasks that a message names, in order and without
// duplicates: links to tasks, and IDs after the word "task". Other numbers are
// too ambiguous. texts are the message's texts and links, in the form that
// Slack sends them.
func FindTasks(texts []string, hosts []string) []chamelio.TaskID {
	var found []chamelio.TaskID
	for _, text := range texts {
		before := ""
		for word := range strings.FieldsFuncSeq(text, isBetween) {
			task, ok := namedTask(before, word, hosts)
			if ok && !slices.Contains(found, task) {
				if found = append(found, task); len(found) == maxFound {
					return found
				}
			}
			before = word
		}
	}
	return found
}

// isBetween reports whether r separates the words of a message: blanks, and the
// signs around Slack's links and labels.
func isBetween(r rune) bool {
	switch r {
	case ' ', '\n', '\t', '\r', '\u00a0', '<', '>', '|', '"', '(', ')', '[', ']', '`', '*', '~':
		return true
	}
	return false
}

func namedTask(before, word string, hosts []string) (chamelio.TaskID, bool) {
	word = strings.TrimRight(unescape(word), closers)
	if strings.Contains(word, "://") || strings.Contains(word, "/tasks/") {
		task, err := parseTask(word, hosts)
		return task, err == nil
	}
	number, labelled := withoutLabel(word)
	if !labelled {
		switch strings.ToLower(strings.TrimRight(before, ":#")) {
		case "task", "tasks", "task-id", "task_id":
			number = strings.TrimPrefix(word, "#")
		default:
			return 0, false
		}
	}
	task, err := parseID(number)
	return task, err == nil && len(number) >= minFoundDigits
}
