package input

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

// MaxReason is the longest reason, in characters.
const MaxReason = 300

// Request is a parsed command.
type Request struct {
	Task   chamelio.TaskID
	Reason string // may be empty
	Unsure bool   // the reason begins with what could be a second task
}

// What can be wrong with the text of a command.
var (
	ErrHelp          = errors.New("help was asked for")
	ErrNotATask      = errors.New("neither a task id nor a task link")
	ErrForeignLink   = errors.New("a link, but not to a Chamelio task")
	ErrIDOutOfRange  = errors.New("the id is out of range")
	ErrReasonTooLong = errors.New("the reason is too long")
	ErrSeveralTasks  = errors.New("more than one task")
)

// Error is a command that ParseCommand rejects, with the part that is wrong.
type Error struct {
	Err    error             // one of the errors above
	Input  string            // the part that is wrong, as typed
	Length int               // with ErrReasonTooLong: the characters of the reason
	Tasks  []chamelio.TaskID // with ErrSeveralTasks
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Characters that people put around an ID or a link.
const (
	openers = "\"'`“”„‘’«‹([{"
	closers = "\"'`“”‘’»›)]},.;:!?"
)

// isLeadIn reports whether word is one that people put before an ID.
func isLeadIn(word string) bool {
	switch strings.ToLower(strings.TrimRight(word, closers)) {
	case "task", "tasks", "cancel", "please", "id", "number", "no":
		return true
	}
	return false
}

// ParseCommand parses "12345", "#12345", "task 12345" or a pasted task link,
// followed by an optional reason. hosts are the hosts of task links, in
// addition to those of chamelio.ai. The error is ErrHelp or an *Error.
func ParseCommand(text string, hosts []string) (Request, error) {
	text = withoutQuotes(Clean(text))
	first, rest := nextWord(text)
	switch word := strings.ToLower(strings.TrimRight(strings.TrimLeft(first, openers), closers)); {
	case word == "help", word == "-h", word == "--help", first == "", first == "?":
		return Request{}, ErrHelp
	}
	for isLeadIn(first) && rest != "" {
		first, rest = nextWord(rest)
	}
	task, err := parseTask(first, hosts)
	if err != nil {
		return Request{}, &Error{Err: err, Input: unescape(first)}
	}
	if others := onlyTasks(rest, hosts); len(others) > 0 {
		for _, other := range others {
			if other != task {
				return Request{}, &Error{Err: ErrSeveralTasks, Input: unescape(text), Tasks: append([]chamelio.TaskID{task}, others...)}
			}
		}
		return Request{Task: task}, nil // the same task twice
	}
	req := Request{Task: task, Reason: ParseReason(rest)}
	if n := utf8.RuneCountInString(req.Reason); n > MaxReason {
		return Request{}, &Error{Err: ErrReasonTooLong, Input: req.Reason, Length: n}
	}
	word, _ := nextWord(rest)
	_, notATask := parseTask(word, hosts)
	req.Unsure = notATask == nil
	return req, nil
}

// ParseReason returns the reason in text, without the punctuation that joins it
// to what comes before.
func ParseReason(text string) string {
	text = strings.TrimSpace(unescape(text))
	for _, sign := range []string{"-", "–", "—", ":", ",", ";"} {
		if rest, ok := strings.CutPrefix(text, sign+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return text
}

// withoutQuotes removes quotation marks around the whole text.
func withoutQuotes(text string) string {
	for _, pair := range []string{`""`, "''", "``", "“”", "‘’", "«»"} {
		marks := []rune(pair)
		inner, ok := strings.CutPrefix(text, string(marks[0]))
		if inner, end := strings.CutSuffix(inner, string(marks[1])); ok && end && !strings.ContainsAny(inner, pair) {
			return strings.TrimSpace(inner)
		}
	}
	return text
}

// nextWord cuts text after its first word. A link in Slack's form <url|label>
// is one word, even if its label contains spaces.
func nextWord(text string) (first, rest string) {
	if bare := strings.TrimLeft(text, openers); strings.HasPrefix(bare, "<") {
		if end := strings.IndexByte(bare, '>'); end > 0 {
			rest = bare[end+1:]
			cut := len(rest) - len(strings.TrimLeft(rest, closers))
			return bare[:end+1], strings.TrimSpace(rest[cut:])
		}
	}
	first, rest, _ = strings.Cut(text, " ")
	return first, strings.TrimSpace(rest)
}

// onlyTasks returns the tasks in text, or nil if text contains anything else.
func onlyTasks(text string, hosts []string) []chamelio.TaskID {
	var tasks []chamelio.TaskID
	for text != "" {
		var word string
		word, text = nextWord(text)
		switch strings.ToLower(strings.Trim(word, closers)) {
		case "", "and", "&amp;", "&", "&amp", "+", "/", "or", "task", "tasks":
			continue
		}
		task, err := parseTask(word, hosts)
		if err != nil {
			return nil
		}
		tasks = append(tasks, task)
	}
	return tasks
}

func parseTask(word string, hosts []string) (chamelio.TaskID, error) {
	word = strings.TrimRight(strings.TrimLeft(word, openers), closers)
	if link, ok := strings.CutPrefix(word, "<"); ok {
		link, _, _ = strings.Cut(strings.TrimSuffix(link, ">"), "|")
		word = unescape(link)
	}
	switch {
	case strings.Contains(word, "://"):
		return parseLink(word, hosts)
	case strings.Contains(word, "/"):
		return parseLink("https://"+word, hosts)
	}
	return parseID(strings.TrimPrefix(word, "#"))
}

// parseLink returns the ID in https://app.chamelio.ai/workflows/tasks/12345,
// regardless of what follows in the path, query or fragment. It accepts http:
// Slack puts http:// before an address without a scheme, and the link is never
// followed.
func parseLink(link string, hosts []string) (chamelio.TaskID, error) {
	u, err := url.Parse(link)
	if err != nil {
		return 0, ErrForeignLink
	}
	if u.Scheme == "http" {
		u.Scheme = "https"
	}
	if !IsTaskHost(u, hosts) {
		return 0, ErrForeignLink
	}
	segments := strings.Split(u.Path, "/")
	for i := range len(segments) - 1 {
		if segments[i] == "tasks" {
			return parseID(segments[i+1])
		}
	}
	return 0, ErrForeignLink
}

// parseID accepts ASCII digits only: digits of other scripts, signs and
// separators are more likely a mistake than an ID.
func parseID(digits string) (chamelio.TaskID, error) {
	for _, r := range []byte(digits) {
		if r < '0' || r > '9' {
			return 0, ErrNotATask
		}
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case digits == "":
		return 0, ErrNotATask
	case err != nil || id == 0:
		return 0, ErrIDOutOfRange
	}
	return chamelio.TaskID(id), nil
}
