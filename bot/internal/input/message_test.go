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
		{"task 2 of 5, and 100000 EUR", nil},
		{"https://evil.example/workflows/tasks/12345", nil},
		{"https://own.example/tasks/77", []chamelio.TaskID{77}},
		{"multitask 12345, subtask-12345", nil},
		{"task 99999999999999999999", nil},
		{"", nil},
	}
	for _, tt := range tests {
		if got := FindTasks([]string{tt.text}, []string{"own.example"}); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.text, got, tt.want)
		}
	}
	if got := FindTasks([]string{"task 12345", "see " + link + "12346", "task 12345"}, nil); !slices.Equal(got, []chamelio.TaskID{12345, 12346}) {
		t.Errorf("got %v", got)
	}
}

func TestFindTasksIsBounded(t *testing.T) {
	var long strings.Builder
	for i := range 500 {
		long.WriteString("https://app.chamelio.ai/workflows/tasks/" + chamelio.TaskID(10000+i).String() + " " + strings.Repeat("x", 30) + " ")
	}
	if got := FindTasks([]string{long.String()}, nil); len(got) != maxFound || got[0] != 10000 {
		t.Errorf("%d tasks", len(got))
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
