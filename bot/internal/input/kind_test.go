package input

import (
	"errors"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

// wraps are forms in which mail servers, chats and people write a link.
var wraps = []func(link string) string{
	func(link string) string { return link },
	func(link string) string {
		return "https://eur02.safelinks.protection.outlook.com/?url=" + url.QueryEscape(link) + "&data=05%7C02%7C98765%7Cada&sdata=x%3D&reserved=0"
	},
	func(link string) string {
		return "https://www.google.com/url?q=" + url.QueryEscape(link) + "&sa=D&source=docs&ust=1700000000000000"
	},
	func(link string) string { return "https://www.google.com/url?url=" + url.QueryEscape(link) },
	func(link string) string { return "https://slack-redir.net/link?url=" + url.QueryEscape(link) + "&v=3" },
	func(link string) string { return "<" + strings.ReplaceAll(link, "&", "&amp;") + ">" },
	func(link string) string { return "<" + link + "|the task 99>" },
	func(link string) string { return "`" + link + "`" },
	func(link string) string { return "\ufeff" + link },
	func(link string) string { return "*" + link + "*" },
	func(link string) string { return "/cancel-task " + link },
	func(link string) string { return "“" + link + "”" },
}

// A link is parsed in any two wraps, and gives the right task. A link to
// something else is rejected in any wrap.
func TestWrappedLinks(t *testing.T) {
	for i, outer := range wraps {
		for j, inner := range wraps[:5] {
			for link, want := range map[string]chamelio.TaskID{
				"https://app.chamelio.ai/workflows/tasks/12345":         12345,
				"https://app.chamelio.ai/workflows/tasks/12345?tab=1#2": 12345,
				"https://evil.example/workflows/tasks/12345":            0,
				"https://app.chamelio.ai.evil.example/tasks/12345":      0,
				"https://app.chamelio.ai/workflows/12345":               0,
				"https://app.chamelio.ai/workflows/tasks/%31%32":        0,
			} {
				text := outer(inner(link))
				got, err := ParseCommand(text, Rules{MaxTasks: 3})
				if (err == nil) != (want != 0) || err == nil && !slices.Equal(got.Tasks, []chamelio.TaskID{want}) {
					t.Errorf("wraps %d, %d: %s: got %+v, %v; want %d", i, j, text, got, err, want)
				}
			}
		}
	}
	for _, text := range []string{
		"https://www.google.com/url?q=https://app.chamelio.ai/workflows/tasks/1&url=https://app.chamelio.ai/workflows/tasks/2",
		"https://www.google.com/search?q=https://app.chamelio.ai/workflows/tasks/1",
		"https://evil.example/url?q=https://app.chamelio.ai/workflows/tasks/1",
		"https://safelinks.protection.outlook.com.evil.example/?url=https://app.chamelio.ai/workflows/tasks/1",
		"https://x@www.google.com/url?q=https://app.chamelio.ai/workflows/tasks/1",
		"https://evilsafelinks.protection.outlook.com/?url=https://app.chamelio.ai/workflows/tasks/1",
	} {
		if got, err := ParseCommand(text, Rules{MaxTasks: 3}); !errors.Is(err, ErrForeignLink) {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
}

// A link whose path a browser or a server reads as another one names no task.
func TestLinkIsReadAsItIsOpened(t *testing.T) {
	for _, rest := range []string{
		"/../12344", "/%2e%2e/12344", "/.%2E/12344", "/../../tasks/12344?from=slack", `/..\12344`, "/%2e%2e%5c12344", "/./../12344",
		"%2f../12344", "/..%2F12344", "/%252e%252e/12344", "/..;/12344", "/%00", "/x%0a/12344",
	} {
		link := "https://app.chamelio.ai/workflows/tasks/12345" + rest
		for i, wrap := range wraps[:7] {
			if got, err := ParseCommand(wrap(link), Rules{MaxTasks: 3}); err == nil {
				t.Errorf("wrap %d: %s names %v", i, link, got.Tasks)
			}
		}
		if got := FindTasks([]string{"please cancel <" + link + ">"}, nil); len(got) > 0 {
			t.Errorf("%s in a message names %v", link, got)
		}
	}
	for _, rest := range []string{"/", "/steps/2.1", "/Vertr%C3%A4ge/Ü", "?path=/../12344", "#/../12344", "/a%20b"} {
		if got := FindTasks([]string{"<https://app.chamelio.ai/workflows/tasks/12345" + rest + ">"}, nil); !slices.Equal(got, []chamelio.TaskID{12345}) {
			t.Errorf("%s: %v", rest, got)
		}
	}
}

// Whatever follows the task in a link, a browser opens the task that it names.
func FuzzLink(f *testing.F) {
	for _, rest := range []string{"", "steps", "../12344", "%2e%2E/12344", `..\12344`, "%2e/..", "?a=/../1", "#.."} {
		f.Add(rest)
	}
	f.Fuzz(func(t *testing.T, rest string) {
		task, err := parseLink("https://app.chamelio.ai/workflows/tasks/12345/"+rest, nil, 0)
		if err != nil {
			return
		}
		opened, _, _ := strings.Cut(rest, "#")
		opened, _, _ = strings.Cut(opened, "?")
		opened = path.Clean("/workflows/tasks/12345/" + strings.NewReplacer("%2e", ".", "%2E", ".", `\`, "/").Replace(opened))
		if id, _, _ := strings.Cut(strings.TrimPrefix(opened, "/workflows/tasks/"), "/"); id != task.String() {
			t.Fatalf("%q names %d, but opens %s", rest, task, opened)
		}
	})
}

func TestLabelsAndLooseForms(t *testing.T) {
	for text, want := range map[string]error{
		"task#12345": nil, "TASK-12345": nil, "Task:12345": nil, "task: #12345": nil, "task=12345": nil, "task/12345": nil, "task_12345": nil, "task12345": nil,
		"id:12345": nil, "ID-12345": nil, "task_id=12345": nil, "12345…": nil, "12345...": nil, "*12345*": nil, "_12345_": nil, "TASK-12345: dup": nil, "task–12345": nil,
		"task 12345": nil, "“12345”": nil, "12345:": nil, "`12345`": nil, "\ufeff12345": nil, "app.chamelio.ai/workflows/tasks/12345": nil,
		"/cancel-task 12345": nil, "/CANCEL-TASK #12345 dup": nil, "/stop-task task 12345": nil, "/cancel-task /cancel-task 12345": nil,
		"12345/dup": ErrNotATask, "/remind 12345": ErrNotATask, "/cancel-task": ErrNotATask, "and/or": ErrNotATask, "12345/12346": ErrNotATask,
		"task--12345": ErrNotATask, "subtask-12345": ErrNotATask, "task-12345a": ErrNotATask, "task-12-345": ErrNotATask, "task-1.5": ErrNotATask, "C-12345": ErrNotATask,
		"12345…67": ErrNotATask, "task#0": ErrIDOutOfRange, "example.com/12345": ErrForeignLink,
	} {
		got, err := ParseCommand(text, Rules{MaxTasks: 3})
		if !errors.Is(err, want) || want == nil && (err != nil || !slices.Equal(got.Tasks, []chamelio.TaskID{12345})) {
			t.Errorf("%q: got %+v, %v; want %v", text, got, err, want)
		}
	}
}

// Whatever is typed, the ID in the result is in the text, as a whole number:
// never another task's.
func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{
		"12345 reason", "#1", "<https://app.chamelio.ai/workflows/tasks/12345|x y> z", "help", "<!channel>", "\x00\xff", "9223372036854775808", "TASK-0012",
		"https://app.chamelio.ai/workflows/tasks/%312", "https://app.chamelio.ai/workflows/tasks/1%32", "12\u200b3", "/cancel-task 5", "1 and 2", "1 1", "1,2;3 4", "1: 2", "12,345", "1 2x 3",
	} {
		f.Add(s)
		for _, wrap := range wraps {
			f.Add(wrap(s))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseCommand(text, Rules{MaxTasks: 3})
		if err == nil && (slices.Min(got.Tasks) <= 0 || len(got.Tasks) > 3 || utf8.RuneCountInString(got.Reason) > MaxReason || !utf8.ValidString(got.Reason)) {
			t.Fatalf("%q gives %+v", text, got)
		}
		tasks := got.Tasks
		var bad *Error
		if errors.As(err, &bad) {
			tasks = bad.Tasks
		} else if err != nil {
			return
		}
		for _, task := range tasks {
			if !hasNumber(Clean(text), task.String()) {
				t.Fatalf("%q gives task %d, which isn't in it", text, task)
			}
		}
	})
}
