package input

import (
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

// MaxReason is the longest reason, in characters.
const MaxReason = 300

// MaxTasks is the most tasks in one command. Their confirmation has to fit into
// a button, and their prompt and announcement into a message.
const MaxTasks = 25

// Request is a parsed command.
type Request struct {
	Tasks  []chamelio.TaskID // at least one, each once
	Reason string            // may be empty
	Unsure bool              // the reason might be meant as a task, or the reverse
}

// Errors in the text of a command.
var (
	ErrHelp          = errors.New("help was asked for")
	ErrNotATask      = errors.New("neither a task id nor a task link")
	ErrForeignLink   = errors.New("a link, but not to a Chamelio task")
	ErrIDOutOfRange  = errors.New("the id is out of range")
	ErrReasonTooLong = errors.New("the reason is too long")
	ErrTooManyTasks  = errors.New("too many tasks")
)

// Error is a command that ParseCommand rejects, with the part that is wrong.
type Error struct {
	Err    error             // one of the errors above
	Input  string            // the part that is wrong, as typed
	Length int               // with ErrReasonTooLong: the characters of the reason
	Tasks  []chamelio.TaskID // with ErrTooManyTasks
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Characters that people put around an ID or a link. A bracket is the first, as
// in a class of a regular expression.
const (
	openers = "\"'`“”„‘’«‹([{*_"
	closers = "]\"'`“”‘’»›)},.;:!?…*_"
)

// separators are the signs between tasks without blanks.
const separators = ",;|、，；"

// isLeadIn reports whether word is one that people put before an ID.
func isLeadIn(word string) bool {
	switch strings.ToLower(strings.TrimRight(word, closers)) {
	case "task", "tasks", "cancel", "please", "id", "number", "no":
		return true
	}
	return false
}

// isCommand reports whether word is the slash command, typed or pasted a second
// time. It may have another name in this workspace.
func isCommand(word string) bool {
	name, ok := strings.CutPrefix(strings.ToLower(word), "/")
	return ok && !strings.Contains(name, "/") && (strings.Contains(name, "cancel") || strings.Contains(name, "task"))
}

// Rules configure ParseCommand.
type Rules struct {
	Hosts    []string // of task links, in addition to those of chamelio.ai
	MaxTasks int      // in one command
}

// ParseCommand parses tasks, followed by an optional reason. A task is "12345",
// "#12345", "task 12345" or a task link. Tasks are separated by spaces, commas,
// or words such as "and", or are the items of a list. A colon or a dash ends
// them. The error is ErrHelp or an *Error.
func ParseCommand(text string, r Rules) (Request, error) {
	text = withoutQuotes(Clean(withBullets(withoutReordered(text), r.Hosts)))
	first, rest := nextWord(text)
	switch word := strings.ToLower(strings.TrimRight(strings.TrimLeft(first, openers), closers)); {
	case word == "help", word == "-h", word == "--help", first == "", first == "?":
		return Request{}, ErrHelp
	}
	for (isLeadIn(first) || isCommand(first) || isMarker(first) || isDash(first)) && rest != "" {
		first, rest = nextWord(rest)
	}
	tasks, err := parseTasks(first, r.Hosts)
	if err != nil {
		return Request{}, &Error{Err: err, Input: unescape(first)}
	}
	for !strings.HasSuffix(first, ":") {
		var more []chamelio.TaskID
		word, after := afterJoin(rest)
		if more, err = parseTasks(word, r.Hosts); err != nil {
			break
		}
		tasks, first, rest = append(tasks, more...), word, after
	}
	tasks = unique(tasks)
	if err := slip(rest, r.Hosts); err != nil {
		return Request{}, err
	}
	if len(tasks) > r.MaxTasks {
		return Request{}, &Error{Err: ErrTooManyTasks, Input: unescape(text), Tasks: tasks}
	}
	req := Request{Tasks: tasks, Reason: ParseReason(rest)}
	if n := utf8.RuneCountInString(req.Reason); n > MaxReason {
		return Request{}, &Error{Err: ErrReasonTooLong, Input: req.Reason, Length: n}
	}
	req.Unsure = req.Reason != "" &&
		(isDigit(rune(req.Reason[0])) || len(tasks) > 1 && !isJoined(first, rest) || mayNameTask(req, r.Hosts))
	return req, nil
}

// parseTasks parses one word: a task, or several joined by separators.
func parseTasks(word string, hosts []string) ([]chamelio.TaskID, error) {
	word = strings.TrimRight(word, separators)
	task, err := parseTask(word, hosts)
	if err == nil {
		return []chamelio.TaskID{task}, nil
	}
	parts := strings.FieldsFunc(word, func(r rune) bool { return strings.ContainsRune(separators, r) })
	if len(parts) < 2 || strings.Contains(word, "<") || isGrouped(strings.Split(word, ",")) {
		return nil, err
	}
	var tasks []chamelio.TaskID
	for _, part := range parts {
		task, err := parseTask(part, hosts)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// isGrouped reports whether parts are one number with separators of thousands,
// such as 12,345.
func isGrouped(parts []string) bool {
	for i, part := range parts {
		if strings.ContainsFunc(part, func(r rune) bool { return !isDigit(r) }) || i == 0 && len(part) > 3 || i > 0 && len(part) != 3 {
			return false
		}
	}
	return true
}

// afterJoin returns the first word of text, after any word or sign that joins
// it to a task before it, and after the marker of a list.
func afterJoin(text string) (word, rest string) {
	for {
		word, rest = nextWord(text)
		switch strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return strings.ContainsRune(closers+separators, r) })) {
		case "", "and", "&amp;", "&", "&amp", "+", "/", "or", "task", "tasks":
		default:
			if !isMarker(word) || rest == "" {
				return word, rest
			}
		}
		if word == "" || word == ":" {
			return "", text
		}
		text = rest
	}
}

// slip returns an error if text, which follows the tasks, begins with a mistyped
// task: one with full-width digits, or a word that begins with a digit, before further
// tasks. A number with a leading zero isn't one: it begins the reason.
func slip(text string, hosts []string) error {
	word, rest := afterJoin(text)
	if digits := narrow(word); digits != word {
		if _, err := parseTasks(digits, hosts); err == nil {
			return &Error{Err: ErrNotATask, Input: unescape(word)}
		}
	}
	digits := strings.TrimLeft(word, openers+"#")
	if digits == "" || !isDigit(rune(digits[0])) {
		return nil
	}
	_, err := parseTasks(word, hosts)
	if errors.Is(err, ErrIDOutOfRange) {
		return &Error{Err: err, Input: unescape(word)}
	}
	next, _ := afterJoin(rest)
	if _, notATask := parseTasks(next, hosts); err != nil && notATask == nil && digits[0] != '0' {
		return &Error{Err: err, Input: unescape(word)}
	}
	return nil
}

// mayNameTask reports whether the reason of r may begin with a further task, after
// a word that is misspelt or in another language, such as "und 12346": whether
// one of its first two words is a task, with at least as many digits as the
// shortest before it.
func mayNameTask(r Request, hosts []string) bool {
	shortest := len(slices.Min(r.Tasks).String())
	rest := r.Reason
	for range 2 {
		var word string
		word, rest = afterJoin(rest)
		tasks, err := parseTasks(word, hosts)
		if err == nil && len(tasks[0].String()) >= shortest && !measures(tasks[0].String(), rest) {
			return true
		}
	}
	return false
}

// isJoined reports whether a sign marks the end of the tasks and the beginning
// of the reason.
func isJoined(last, reason string) bool {
	end, _ := utf8.DecodeLastRuneInString(last)
	return strings.ContainsRune(separators+":", end) || strings.ContainsRune("-–—:", []rune(reason)[0])
}

// unique returns the tasks in their order, each once.
func unique(tasks []chamelio.TaskID) []chamelio.TaskID {
	var once []chamelio.TaskID
	seen := map[chamelio.TaskID]bool{}
	for _, task := range tasks {
		if !seen[task] {
			once, seen[task] = append(once, task), true
		}
	}
	return once
}

// ParseReason returns the reason in text, without leading punctuation.
func ParseReason(text string) string {
	text = strings.TrimSpace(unescape(text))
	for _, sign := range []string{"-", "–", "—", "•", ":", ",", ";"} {
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
