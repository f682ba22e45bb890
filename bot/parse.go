package bot

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

// maxReason bounds a reason, in characters.
const maxReason = 300

// request is what a command asks for.
type request struct {
	task   chamelio.TaskID
	reason string
}

// What can be wrong with a command's text. inputError says which, and quotes
// the part that is.
var (
	errHelp          = errors.New("help was asked for")
	errNotATask      = errors.New("neither a task id nor a task link")
	errForeignLink   = errors.New("a link, but not to a Chamelio task")
	errIDOutOfRange  = errors.New("the id is out of range")
	errReasonTooLong = errors.New("the reason is too long")
)

type inputError struct {
	err    error
	input  string // the part that is wrong, as typed
	length int    // with errReasonTooLong: its characters
}

func (e *inputError) Error() string { return e.err.Error() }
func (e *inputError) Unwrap() error { return e.err }

// parseCommand reads "12345", "#12345" or a pasted task link, and then a
// reason in free words. hosts are further hosts of task links, besides those
// of chamelio.ai.
func parseCommand(text string, hosts []string) (request, error) {
	text = strings.TrimSpace(clean(text))
	first, rest, _ := strings.Cut(text, " ")
	// Slack writes a pasted link as <url> or <url|label>; a label may have
	// spaces in it.
	if strings.HasPrefix(text, "<") {
		if end := strings.IndexByte(text, '>'); end > 0 {
			first, rest = text[:end+1], text[end+1:]
		}
	}
	switch strings.ToLower(first) {
	case "", "help", "-h", "--help", "?":
		return request{}, errHelp
	}
	task, err := parseTask(first, hosts)
	if err != nil {
		return request{}, &inputError{err: err, input: unescape(first)}
	}
	reason := unescape(strings.TrimSpace(rest))
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return request{}, &inputError{err: errReasonTooLong, input: reason, length: n}
	}
	return request{task: task, reason: reason}, nil
}

func parseTask(word string, hosts []string) (chamelio.TaskID, error) {
	if link, ok := strings.CutPrefix(word, "<"); ok {
		link, _, _ = strings.Cut(strings.TrimSuffix(link, ">"), "|")
		word = unescape(link)
	}
	if strings.Contains(word, "://") {
		return parseLink(word, hosts)
	}
	return parseID(strings.TrimPrefix(word, "#"))
}

// parseLink takes the id out of https://app.chamelio.ai/workflows/tasks/12345,
// whatever follows it in the path, the query or the fragment.
func parseLink(link string, hosts []string) (chamelio.TaskID, error) {
	u, err := url.Parse(link)
	if err != nil || !isTaskHost(u, hosts) {
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

// clean makes one line of printable text of what was typed.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return -1 // could make a text read as another
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	return strings.Join(strings.Fields(text), " ")
}

// unescape undoes Slack's three entities (api.slack.com/reference/surfaces/
// formatting, "escaping text"), so that they are not escaped twice when shown.
func unescape(text string) string {
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(text)
}
