package input

import (
	"slices"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/chamelio"
)

func TestFindTasks(t *testing.T) {
	const link = "https://app.chamelio.ai/workflows/tasks/"
	tests := []struct {
		text string
		want []chamelio.TaskID
	}{
		{"12345 is a duplicate of 12346, can someone stop it?", nil},
		{"task 12345 is a duplicate of task #12346", []chamelio.TaskID{12345, 12346}},
		{"Please stop TASK-12345, task: 12346 and task#12347.", []chamelio.TaskID{12345, 12346, 12347}},
		{"see <" + link + "12345|Master agreement> and " + link + "12346?tab=1", []chamelio.TaskID{12345, 12346}},
		{"<" + link + "12345|" + link + "12345>", []chamelio.TaskID{12345}},
		{"app.chamelio.ai/workflows/tasks/12345 (urgent)", []chamelio.TaskID{12345}},
		{"https://own.example/tasks/77", []chamelio.TaskID{77}},
		{"<" + link + "12345|Task 99999>", []chamelio.TaskID{12345}},
		{link + "12345," + link + "12346;" + link + "12347", []chamelio.TaskID{12345, 12346, 12347}},
		{"tasks 12345, 12346 and 12347", []chamelio.TaskID{12345, 12346, 12347}},
		{"Tasks: 12345,12346; #12347 & 12348, or 12349.", []chamelio.TaskID{12345, 12346, 12347, 12348, 12349}},
		{"Task IDs: *12345* &amp; *12346*", []chamelio.TaskID{12345, 12346}},
		{"tasks 12345, 12346, 20000 EUR", []chamelio.TaskID{12345, 12346}},
		{"tasks 12345 and 3 others, 20000 in all", []chamelio.TaskID{12345}},
		{"task 12345, 20000 of them", []chamelio.TaskID{12345}},
		{"task 12345 " + link + "7 task 12346", []chamelio.TaskID{12345, 7, 12346}},
		{"In Jira. Task 12345", []chamelio.TaskID{12345}},
		{"~task 12345~ task 12346 ~tasks~ 12347", []chamelio.TaskID{12346}},
	}
	for _, text := range []string{
		"Task ID: 12345", "*Task ID:* 12345", "Task ID 12345", "Task no. 12345", "Task number 12345", "Task number: #12345", "task # 12345",
		"taskId: 12345", "task_id=12345", `"task_id": 12345,`, `{"task_id":12345}`, "“task 12345”", "_task 12345_", "task *#12345*", "(task 12345)",
		"task 12345's owner", "task 12345’s owner", "task 12345: done", "task 12345 – done", "task 12345 files it", "task 12345 times out", "> task 12345", "&gt; task 12345",
		"task 12345\u200b", "task\u202f12345", "task\u300012345", "task\u00a012345", "*Task*\n12345", "```\ntask 12345\n```",
		link + "12345\u200b", link + "12345—see", link + "12345…", link + "12345}", "{" + link + "12345}", "‘" + link + "12345’", "(" + link + "12345)",
		link + "12345&gt;", "&lt;" + link + "12345&gt;", "Link:" + link + "12345", "Link." + link + "12345", "url=" + link + "12345", "→" + link + "12345", "see " + link + "12345\u3000now",
	} {
		tests = append(tests, struct {
			text string
			want []chamelio.TaskID
		}{text, []chamelio.TaskID{12345}})
	}
	for _, tt := range tests {
		if got := FindTasks([]string{tt.text}, []string{"own.example"}); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.text, got, tt.want)
		}
	}
}

func TestFindTasksIgnoresOtherNumbers(t *testing.T) {
	for _, text := range []string{
		"", "task 2 of 5, and 100000 EUR", "multitask 12345, subtask-12345, my_task 12345, task12345", "task 99999999999999999999", "task 12345 of 20000",
		"Order id:98765 was shipped", "Customer ID-20391 wants a refund", "invoice ID=77777, please check", "id12345678", "id_2024", "PR ID/12345",
		"The main task (2026) is hiring", "Next task 2026 planning", "task: 20261128", "task 2026-11-28", "task 0151 2345678", "Task 007700",
		"My task: 1500 EUR for the venue", "My task: 15000 EUR for the venue", "My task: 15000€", "task: 15000 $", "task 15000 ms", "task 15000px", "Tasks\n10000 EUR each",
		"~task 12345~", "(~task 12345~)", "task ~old~ 12345", "jira task 12345", "the *Asana* task 12345", "Linear tasks 12345, 12346",
		"<https://jira.example/browse/X-1|Task 12345>", "<mailto:task-12345@acme.com|task-12345@acme.com>", "task-12345@acme.com", "mail task.12345@acme.com", "<#C012AB3CD|task 12345>", "&lt;id:98765&gt;", "&lt;#12345&gt;", "<#12345|a/b>", "id.1/98765", "id://98765",
		"task <@U012AB3CD> 12345", "task 12345/12346", "task 12345–12350", "task 12345-12350", "task 12345.pdf", "task 12345:80", "task 12345.50", "task 12345_6", "task 12345\u200b67", "task. 12345 people",
		"https://evil.example/workflows/tasks/12345", "https://evil.example/?u=https://app.chamelio.ai/workflows/tasks/12345", "evil.example/https://app.chamelio.ai/workflows/tasks/12345",
		"ftp://app.chamelio.ai/workflows/tasks/12345", "x@app.chamelio.ai/workflows/tasks/12345", "asana.com/tasks/12345", "https://app.chamelio.ai/workflows/tasks/2026-11-28",
	} {
		if got := FindTasks([]string{text}, nil); len(got) > 0 {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestFindTasksInSeveralTexts(t *testing.T) {
	for _, tt := range []struct {
		texts []string
		want  []chamelio.TaskID
	}{
		{[]string{"task 12345", "see https://app.chamelio.ai/workflows/tasks/12346", "task 12345"}, []chamelio.TaskID{12345, 12346}},
		{[]string{"Task", "12345"}, []chamelio.TaskID{12345}},
		{[]string{"*Task ID:*", "12345", "12346"}, []chamelio.TaskID{12345}},
		{[]string{"Tasks", "12345, 12346"}, []chamelio.TaskID{12345, 12346}},
		{[]string{"98765 is the next task", "98765 is the next task"}, nil},
		{[]string{"Task"}, nil},
		{[]string{"Task", "Duration", "12345"}, nil},
	} {
		if got := FindTasks(tt.texts, nil); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.texts, got, tt.want)
		}
	}
}

// longest is the number of characters in Slack's longest message.
const longest = 40_000

// hostile are texts that take long to read, or name many tasks.
func hostile() map[string]int {
	var links, ids strings.Builder
	for i := range 500 {
		links.WriteString("https://app.chamelio.ai/workflows/tasks/" + chamelio.TaskID(10000+i).String() + " " + strings.Repeat("x", 30) + " ")
	}
	for i := 10000; ids.Len() < longest-len("tasks "); i++ {
		ids.WriteString(chamelio.TaskID(i).String() + ",")
	}
	many := map[string]int{links.String(): 500, "tasks " + ids.String(): ids.Len() / len("12345,")}
	for _, part := range []string{"task 12345 ", "task", "tasks ", "~a", "~", "<", "<a:", "a.", "https://", ",https://x", "task_", "*", "task 1234", "12345,", "&amp;", "\u200b", "x@x.x/"} {
		many[strings.Repeat(part, longest/len(part))] = 0
	}
	many[strings.Repeat("task 12345 ", longest/11)] = 1
	many[strings.Repeat("\u202a", longest/2)+strings.Repeat("\u2069", longest/2)] = 0
	return many
}

func TestFindTasksCountsAll(t *testing.T) {
	for text, want := range hostile() {
		if got := FindTasks([]string{text}, nil); len(got) != want {
			t.Errorf("%.40q…: %d tasks, want %d", text, len(got), want)
		}
	}
	twice := make([]string, 0, 3*maxFound)
	for i := range cap(twice) {
		twice = append(twice, "task "+chamelio.TaskID(10000+i).String())
	}
	if got := FindTasks(twice, nil); len(got) != maxFound || got[maxFound-1] != 10000+maxFound-1 {
		t.Errorf("%d tasks", len(got))
	}
}

func BenchmarkFindTasks(b *testing.B) {
	for text := range hostile() {
		b.Run(text[:10], func(b *testing.B) {
			for b.Loop() {
				FindTasks([]string{text}, nil)
			}
		})
	}
}

// Whatever a message says, the ID of a task that is found is in it.
func FuzzFindTasks(f *testing.F) {
	f.Add("task 12345 https://app.chamelio.ai/workflows/tasks/1 <x|y> TASK-0012345")
	f.Fuzz(func(t *testing.T, text string) {
		for _, task := range FindTasks([]string{text}, nil) {
			if task <= 0 || !hasNumber(unescape(text), task.String()) && !hasNumber(text, task.String()) {
				t.Fatalf("%q gives %d", text, task)
			}
		}
	})
}
