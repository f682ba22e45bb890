package input

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// maxFound bounds the tasks that are found in a message. It is more than fit
	// into Slack's 40,000 characters, with six for an ID in a list.
	maxFound = 7_000

	// minFoundDigits is the fewest digits of an ID in a message that isn't part of
	// a link: "task 2 of 5" and "task 2026" name no task.
	minFoundDigits = 5
)

// FindTasks returns the tasks that a message names, in order and without
// duplicates: links to tasks, and IDs after the word "task". Other numbers are
// too ambiguous. So are the labels of links, and text that is struck out. texts
// are the message's texts and links, in the form that Slack sends them. A text
// that is no more than the word "task" belongs to the next one. A number whose digits
// may be shown in another order names none.
func FindTasks(texts []string, hosts []string) []chamelio.TaskID {
	f := finder{hosts: hosts, seen: map[chamelio.TaskID]bool{}}
	before := ""
	for _, text := range texts {
		text = withoutReordered(before + unescape(text))
		if before = ""; bareLabel.MatchString(text) {
			before = text + "\n"
			continue
		}
		f.find(struckOut.ReplaceAllString(text, "${1} ~ "))
	}
	return f.found
}

// A label before an ID, such as "Task ID:", "task_id=" or "*Task* #", has two
// groups: the words, and what separates them from the ID.
const (
	quotes = "*_\"'`“”„‘’"
	gap    = `[\s\p{Z}\p{Cf}` + quotes + `]{0,4}`
	label  = `((?i:tasks?(?:[\s\p{Z}_-]?(?:ids?|no|nr|num|number)\b\.?)?))(-|` + gap + `[#:=]?` + gap + `#?` + gap + `)`
)

var (
	labelled  = regexp.MustCompile(label + `[1-9]`)
	bareLabel = regexp.MustCompile(`^` + gap + label + `$`)
	struckOut = regexp.MustCompile(`(^|[^\p{L}\p{N}/~])~[^~\s](?:[^~\n]*[^~\s])?~`)

	// reference matches Slack's <url|label> and its other references, such as <@U1>,
	// and bare links, with or without a scheme. Its groups are the two kinds of links.
	reference = regexp.MustCompile(`<(?:((?i:[a-z][a-z0-9+.-]*)://[^<>|]*)|(?i:mailto:|tel:|[@#!])[^<>|]*)(?:\|[^<>]*)?>|` +
		`((?:(?i:[a-z][a-z0-9+]*)://|[\w.@%-]+\.[\w-]+(?::\d+)?/)[!#-;=?-_a-z~\p{L}\p{M}\p{N}]*)`)

	// nextLink matches the beginning of a link that follows another without a blank.
	nextLink = regexp.MustCompile(`[,;](?i:https?)://`)

	// idEnd matches what may follow an ID: nothing that makes it part of a longer
	// name, number, range or address.
	idEnd = regexp.MustCompile(`^(?:['’]s\b)?[` + closers + `\p{Cf}]*(?:$|[^` + closers + `\p{Cf}\p{L}\p{M}\p{N}\p{Sc}%‰°\-–/\\@+=&#^])`)

	// nextInList matches what is between two IDs of a list.
	nextInList = regexp.MustCompile(`^[` + quotes + `]*(?:\s?[,;](?:\s?(?i:and|or|&))?|\s(?i:and|or|&))?[ \t\p{Zs}` + quotes + `]*#?[1-9]`)
)

// finder collects the tasks that a message names.
type finder struct {
	hosts []string
	found []chamelio.TaskID
	seen  map[chamelio.TaskID]bool
}

func (f *finder) add(task chamelio.TaskID, err error) {
	if err == nil && !f.seen[task] && len(f.found) < maxFound {
		f.found, f.seen[task] = append(f.found, task), true
	}
}

// find adds the tasks in text: those in links, and those in the text between.
func (f *finder) find(text string) {
	for {
		at := reference.FindStringSubmatchIndex(text)
		if at == nil {
			f.findIDs(text)
			return
		}
		f.findIDs(text[:at[0]])
		if at[2] >= 0 {
			f.add(parseTask(text[at[2]:at[3]], f.hosts))
		}
		if at[4] >= 0 {
			f.findLinks(text[at[4]:at[5]])
		}
		text = text[at[1]:]
	}
}

// findLinks adds the tasks of links that follow each other.
func (f *finder) findLinks(links string) {
	for {
		next := nextLink.FindStringIndex(links)
		if next == nil {
			f.add(parseTask(links, f.hosts))
			return
		}
		f.add(parseTask(links[:next[0]], f.hosts))
		links = links[next[0]+1:]
	}
}

// findIDs adds the ID after the word "task" in text, and after "tasks" all of a
// list.
func (f *finder) findIDs(text string) {
	for {
		at := labelled.FindStringSubmatchIndex(text)
		if at == nil {
			return
		}
		word, separator := strings.ToLower(text[at[2]:at[3]]), text[at[4]:at[5]]
		list := beginsLabel(text[:at[2]]) && separator != ""
		text = text[at[5]:]
		for list {
			var digits string
			digits, text = nextNumber(text)
			next := nextInList.FindStringIndex(text)
			list = next != nil && (strings.HasPrefix(word, "tasks") || strings.HasSuffix(word, "ids"))
			if len(digits) < minFoundDigits || measures(digits, text) || !list && !idEnd.MatchString(text) {
				break
			}
			f.add(parseID(digits))
			if list {
				text = text[next[1]-1:]
			}
		}
	}
}

// beginsLabel reports whether the word "task" after before is a word of its own
// that can mean Chamelio's tasks.
func beginsLabel(before string) bool {
	before = strings.TrimRight(before, quotes)
	last, _ := utf8.DecodeLastRuneInString(before)
	if unicode.In(last, unicode.L, unicode.M, unicode.N) || strings.ContainsRune("-@./\\", last) {
		return false
	}
	word := strings.TrimRightFunc(before, unicode.IsSpace)
	word = word[strings.LastIndexFunc(word, unicode.IsSpace)+1:]
	switch strings.ToLower(strings.Trim(word, quotes+"([{")) {
	case "airtable", "asana", "basecamp", "clickup", "github", "gitlab", "hubspot", "jira", "linear", "monday.com", "notion",
		"salesforce", "servicenow", "smartsheet", "todoist", "trello", "wrike", "zendesk":
		return false
	}
	return true
}
