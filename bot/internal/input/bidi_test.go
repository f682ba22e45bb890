package input

import (
	"fmt"
	"strings"
	"testing"
)

// A number whose digits may be shown in another order names no task.
func TestReorderedDigitsNameNoTask(t *testing.T) {
	rules := Rules{MaxTasks: 25}
	for _, text := range []string{
		"\u202e54321\u202c", "\u202e54321", "\u202e54321\u202c duplicate", "12345 \u202e54321\u202c", "12345, \u202e54321", "#\u202d54321\u202c", "\u202b\u202a54321\u202c\u202c", "\u202b\u2066x\u206954321",
		"54321\u202e", "543\u202e21", "\u202ea\u202c54321", "\u202etask 54321", "\u202e \u2067\u202c\u2069 54321", "\u2067\u202e\u202c54321",
		"https://app.chamelio.ai/workflows/tasks/\u202e54321", "\u202bhttps://app.chamelio.ai/workflows/tasks/54321",
	} {
		if got, err := ParseCommand(text, rules); err == nil {
			t.Errorf("the command %+q names %v", text, got.Tasks)
		}
		message := "Please cancel task " + text
		if got := FindTasks([]string{message}, nil); len(got) > 1 || len(got) == 1 && got[0] != 12345 {
			t.Errorf("the message %+q names %v", message, got)
		}
	}
	for _, text := range []string{
		"task 12345 \u202egnihton", "\u202eabc\u202c task 12345", "\u2067\u202e\u2069 task 12345", "task 12345\u202c", "task \u200e12345\u200f", "\u202e\u202c task 12345", "task \u202a12345\u202c", "task \u206612345\u2069", "\u202a\u202egnihton\u202c task 12345\u202c",
	} {
		if got := FindTasks([]string{text}, nil); fmt.Sprint(got) != "[12345]" {
			t.Errorf("the message %+q names %v", text, got)
		}
	}
	for text, reason := range map[string]string{"12345 \u202egnihton": "gnihton", "\u200e12345\u200f": "", "\u202a12345\u202c": "", "12345 see \u206772\u2069 2024": "see ７２ 2024"} {
		if got, err := ParseCommand(text, rules); err != nil || fmt.Sprint(got.Tasks) != "[12345]" || got.Reason != reason {
			t.Errorf("the command %+q is %+v, %v", text, got, err)
		}
	}
}

// A text of nothing but controls takes no longer than others. If each closing one looked
// at all that are open, this would take an hour.
func TestManyControlsForTheDirection(t *testing.T) {
	for _, closing := range []string{"\u2069", "\u202c"} {
		text := strings.Repeat("\u202b", 1<<20) + strings.Repeat(closing, 1<<20) + "\u2067 12345"
		if got := withoutReordered(text); !strings.HasSuffix(got, "１２３４５") {
			t.Errorf("closed with %+q, it ends with %+q", closing, got[len(got)-20:])
		}
	}
}
