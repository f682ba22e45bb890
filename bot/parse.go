package bot

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

// maxReason bounds a reason, in characters.
const maxReason = 300

// request is what a command asks for.
type request struct {
	task   chamelio.TaskID
	reason string
	unsure bool // it could have been meant otherwise: say how it was understood
}

// What can be wrong with a command's text. inputError says which, and quotes
// the part that is.
var (
	errHelp          = errors.New("help was asked for")
	errNotATask      = errors.New("neither a task id nor a task link")
	errForeignLink   = errors.New("a link, but not to a Chamelio task")
	errIDOutOfRange  = errors.New("the id is out of range")
	errReasonTooLong = errors.New("the reason is too long")
	errSeveralTasks  = errors.New("more than one task")
)

type inputError struct {
	err    error
	input  string            // the part that is wrong, as typed
	length int               // with errReasonTooLong: its characters
	tasks  []chamelio.TaskID // with errSeveralTasks
}

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// What people put around an id or a link, and before one.
const (
	openers = "\"'`“”„‘’«‹([{"
	closers = "\"'`“”‘’»›)]},.;:!?"
)

var leadIns = map[string]bool{"task": true, "tasks": true, "cancel": true, "please": true, "id": true, "number": true, "no": true}

// parseCommand reads "12345", "#12345", "task 12345" or a pasted task link,
// and then a reason in free words. hosts are further hosts of task links,
// besides those of chamelio.ai.
func parseCommand(text string, hosts []string) (request, error) {
	text = withoutQuotes(clean(text))
	first, rest := nextWord(text)
	switch word := strings.ToLower(strings.TrimRight(strings.TrimLeft(first, openers), closers)); {
	case word == "help", word == "-h", word == "--help", first == "", first == "?":
		return request{}, errHelp
	}
	for leadIns[strings.ToLower(strings.TrimRight(first, closers))] && rest != "" {
		first, rest = nextWord(rest)
	}
	task, err := parseTask(first, hosts)
	if err != nil {
		return request{}, &inputError{err: err, input: unescape(first)}
	}
	if others := onlyTasks(rest, hosts); len(others) > 0 {
		for _, other := range others {
			if other != task {
				return request{}, &inputError{err: errSeveralTasks, input: unescape(text), tasks: append([]chamelio.TaskID{task}, others...)}
			}
		}
		return request{task: task}, nil // the same one, said twice
	}
	req := request{task: task, reason: parseReason(rest)}
	if n := utf8.RuneCountInString(req.reason); n > maxReason {
		return request{}, &inputError{err: errReasonTooLong, input: req.reason, length: n}
	}
	word, _ := nextWord(rest)
	_, notATask := parseTask(word, hosts)
	req.unsure = notATask == nil
	return req, nil
}

// parseReason takes the punctuation off that joins a reason to what comes
// before it.
func parseReason(text string) string {
	text = strings.TrimSpace(unescape(text))
	for _, sign := range []string{"-", "–", "—", ":", ",", ";"} {
		if rest, ok := strings.CutPrefix(text, sign+" "); ok {
			return strings.TrimSpace(rest)
		}
	}
	return text
}

// withoutQuotes takes quotation marks off that stand around the whole.
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

// nextWord cuts the first word off. A link as Slack writes it, <url|label>, is
// one word, though its label may have spaces in it.
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

// onlyTasks returns the tasks that a text names, if it names nothing else.
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

// parseLink takes the id out of https://app.chamelio.ai/workflows/tasks/12345,
// whatever follows it in the path, the query or the fragment. Slack makes
// http:// of an address without a scheme; nobody follows the link.
func parseLink(link string, hosts []string) (chamelio.TaskID, error) {
	u, err := url.Parse(link)
	if err != nil {
		return 0, errForeignLink
	}
	if u.Scheme == "http" {
		u.Scheme = "https"
	}
	if !isTaskHost(u, hosts) {
		return 0, errForeignLink
	}
	segments := strings.Split(u.Path, "/")
	for i := range len(segments) - 1 {
		if segments[i] == "tasks" {
			return parseID(segments[i+1])
		}
	}
	return 0, errForeignLink
}

// isTaskHost tells the links that lead to Chamelio from all others.
func isTaskHost(u *url.URL, hosts []string) bool {
	if u.Scheme != "https" || u.User != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, own := range hosts {
		if host == own {
			return true
		}
	}
	return host == "chamelio.ai" || strings.HasSuffix(host, ".chamelio.ai")
}

// parseID takes ASCII digits only: other scripts' digits, signs and
// separators are more likely to be a slip than an id.
func parseID(digits string) (chamelio.TaskID, error) {
	for _, r := range []byte(digits) {
		if r < '0' || r > '9' {
			return 0, errNotATask
		}
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case digits == "":
		return 0, errNotATask
	case err != nil || id == 0:
		return 0, errIDOutOfRange
	}
	return chamelio.TaskID(id), nil
}
