package input

import (
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/chamelio"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		text   string
		task   chamelio.TaskID
		reason string
		err    error
	}{
		{"12345", 12345, "", nil},
		{"  #12345  ", 12345, "", nil},
		{"12345 duplicate of 12346", 12345, "duplicate of 12346", nil},
		{"12345\u00a0non-breaking\t blank", 12345, "non-breaking blank", nil},
		{"https://app.chamelio.ai/workflows/tasks/12345 dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345> dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345|the task> dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345?tab=a&amp;b=c#top>", 12345, "", nil},
		{"https://app.chamelio.ai/workflows/tasks/12345/steps", 12345, "", nil},
		{"https://own.example/tasks/7", 7, "", nil},
		{"9223372036854775807", math.MaxInt64, "", nil},
		{"0012345", 12345, "", nil},
		{"12345 a &lt; b &amp;amp; c", 12345, "a < b &amp; c", nil},
		{"12345 " + strings.Repeat("ü", 300), 12345, strings.Repeat("ü", 300), nil},
		{"12345 " + strings.Repeat("ü", 301), 0, "", ErrReasonTooLong},
		{"12345 \u202egnihton", 12345, "gnihton", nil},
		// What people type and paste besides.
		{"task 12344", 12344, "", nil}, {"Task #12344 dup", 12344, "dup", nil}, {"cancel task 12344", 12344, "", nil}, {"please cancel 5 now", 5, "now", nil},
		{`"12344"`, 12344, "", nil}, {"“12344” dup", 12344, "dup", nil}, {`"12344 dup of 5"`, 12344, "dup of 5", nil}, {"'12344'", 12344, "", nil}, {"`12344`", 12344, "", nil},
		{"12344:", 12344, "", nil}, {"12345.", 12345, "", nil}, {"(12345)", 12345, "", nil}, {"12345;", 12345, "", nil}, {"12345, dup", 12345, "dup", nil},
		{"12345 - dup", 12345, "dup", nil}, {"12345 — dup", 12345, "dup", nil}, {"12345 : dup", 12345, "dup", nil}, {"12345 -5 degrees", 12345, "-5 degrees", nil},
		{"app.chamelio.ai/workflows/tasks/12345 dup", 12345, "dup", nil}, {"http://app.chamelio.ai/workflows/tasks/12345", 12345, "", nil},
		{"<http://app.chamelio.ai/workflows/tasks/12345|app.chamelio.ai/workflows/tasks/12345> dup", 12345, "dup", nil},
		{"`https://app.chamelio.ai/workflows/tasks/12345` dup", 12345, "dup", nil}, {"`<https://app.chamelio.ai/workflows/tasks/12345>`, dup", 12345, "dup", nil},
		{"(<https://app.chamelio.ai/workflows/tasks/12345|the task>) dup", 12345, "dup", nil}, {"https://app.chamelio.ai/workflows/tasks/12345.", 12345, "", nil},
		{"\ufeff12345", 12345, "", nil}, {"12345\u200b", 12345, "", nil}, {"\u200b#\u200d12345 dup\u00ad", 12345, "dup", nil},
		{"12345 12345", 12345, "", nil}, {"12345 <https://app.chamelio.ai/workflows/tasks/12345>", 12345, "", nil},
		// Reasons of which nothing can be seen are none.
		{"12345 \u200b\u3164\u115f \u2800", 12345, "", nil}, {"12345 \u0301\u0301", 12345, "", nil}, {"12345 \U000e0041\U000e0042", 12345, "", nil},
		{"12345 a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", 12345, "a\u0301\u0301\u0301\u0301", nil}, {"12345 👩\u200d👧 1\ufe0f\u20e3", 12345, "👩\u200d👧 1\ufe0f\u20e3", nil},
		// Two tasks are two tasks.
		{"12345 12346", 0, "", ErrSeveralTasks}, {"12345, 12346", 0, "", ErrSeveralTasks}, {"12345 and 12346", 0, "", ErrSeveralTasks}, {"12345 &amp; #12346.", 0, "", ErrSeveralTasks},
		{"12345 https://app.chamelio.ai/workflows/tasks/12346", 0, "", ErrSeveralTasks}, {"tasks 1, 2 and 3", 0, "", ErrSeveralTasks},
		{"12345 12346 is the right one", 12345, "12346 is the right one", nil},
		{"task", 0, "", ErrNotATask}, {`"`, 0, "", ErrNotATask}, {"()", 0, "", ErrNotATask}, {"task help", 0, "", ErrNotATask},
		{"?", 0, "", ErrHelp}, {"help!", 0, "", ErrHelp}, {"“help”", 0, "", ErrHelp},
		{"", 0, "", ErrHelp}, {"  ", 0, "", ErrHelp}, {"HELP", 0, "", ErrHelp}, {"help me", 0, "", ErrHelp},
		{"abc", 0, "", ErrNotATask}, {"#", 0, "", ErrNotATask}, {"##1", 0, "", ErrNotATask}, {"-5", 0, "", ErrNotATask},
		{"+5", 0, "", ErrNotATask}, {"12.5", 0, "", ErrNotATask}, {"1e3", 0, "", ErrNotATask}, {"0x10", 0, "", ErrNotATask},
		{"١٢٣", 0, "", ErrNotATask}, {"１２３", 0, "", ErrNotATask}, {"12,345", 0, "", ErrNotATask},
		{"0", 0, "", ErrIDOutOfRange}, {"9223372036854775808", 0, "", ErrIDOutOfRange}, {"99999999999999999999", 0, "", ErrIDOutOfRange},
		{"https://evil.example/workflows/tasks/12345", 0, "", ErrForeignLink},
		{"https://app.chamelio.ai.evil.example/tasks/1", 0, "", ErrForeignLink},
		{"https://app.chamelio.ai@evil.example/tasks/1", 0, "", ErrForeignLink},
		{"ftp://app.chamelio.ai/workflows/tasks/12345", 0, "", ErrForeignLink}, {"and/or", 0, "", ErrForeignLink},
		{"https://app.chamelio.ai/workflows/12345", 0, "", ErrForeignLink},
		{"https://app.chamelio.ai/workflows/tasks/", 0, "", ErrNotATask},
		{"<@U123>", 0, "", ErrNotATask}, {"<", 0, "", ErrNotATask}, {"<>", 0, "", ErrNotATask},
	}
	for _, tt := range tests {
		got, err := ParseCommand(tt.text, []string{"own.example"})
		if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || got.Task != tt.task || got.Reason != tt.reason) {
			t.Errorf("%q: got %+v, %v; want %d %q, %v", tt.text, got, err, tt.task, tt.reason, tt.err)
		}
	}
	for text, unsure := range map[string]bool{"12345 12346 is the right one": true, "12345 duplicate of 12346": false, "task 12345": false} {
		if got, err := ParseCommand(text, nil); err != nil || got.Unsure != unsure {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"12345 reason", "#1", "<https://app.chamelio.ai/workflows/tasks/12345|x y> z", "help", "<!channel>", "\x00\xff", "9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseCommand(text, nil)
		if err == nil && (got.Task <= 0 || utf8.RuneCountInString(got.Reason) > MaxReason || !utf8.ValidString(got.Reason)) {
			t.Fatalf("%q gives %+v", text, got)
		}
	})
}
