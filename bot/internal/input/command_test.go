package input

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

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
		{"0012345", 0, "", ErrNotATask},
		{"12345 a &lt; b &amp;amp; c", 12345, "a < b &amp; c", nil},
		{"12345 " + strings.Repeat("ü", 300), 12345, strings.Repeat("ü", 300), nil},
		{"12345 " + strings.Repeat("ü", 301), 0, "", ErrReasonTooLong},
		{"12345 \u202egnihton", 12345, "gnihton", nil},
		// Other things that people type and paste.
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
		// Reasons without any visible character are empty.
		{"12345 \u200b\u3164\u115f \u2800", 12345, "", nil}, {"12345 \u0301\u0301", 12345, "", nil}, {"12345 \U000e0041\U000e0042", 12345, "", nil},
		{"12345 a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", 12345, "a\u0301\u0301\u0301\u0301", nil}, {"12345 👩\u200d👧 1\ufe0f\u20e3", 12345, "👩\u200d👧 1\ufe0f\u20e3", nil},
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
		{"ftp://app.chamelio.ai/workflows/tasks/12345", 0, "", ErrForeignLink}, {"and/or", 0, "", ErrNotATask},
		{"https://app.chamelio.ai/workflows/12345", 0, "", ErrForeignLink},
		{"https://app.chamelio.ai/workflows/tasks/", 0, "", ErrNotATask},
		{"<@U123>", 0, "", ErrNotATask}, {"<", 0, "", ErrNotATask}, {"<>", 0, "", ErrNotATask},
	}
	for _, tt := range tests {
		got, err := ParseCommand(tt.text, Rules{[]string{"own.example"}, 10})
		if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || !slices.Equal(got.Tasks, []chamelio.TaskID{tt.task}) || got.Reason != tt.reason) {
			t.Errorf("%q: got %+v, %v; want %d %q, %v", tt.text, got, err, tt.task, tt.reason, tt.err)
		}
	}
}

func TestSeveralTasks(t *testing.T) {
	const link = "https://app.chamelio.ai/workflows/tasks/"
	many := strings.TrimSpace(strings.Repeat("9223372036854775807 ", 3))
	tests := []struct {
		text   string
		tasks  []chamelio.TaskID
		reason string
		unsure bool
		err    error
	}{
		{"1 2 3", []chamelio.TaskID{1, 2, 3}, "", false, nil},
		{"12345 12346 12347 started twice", []chamelio.TaskID{12345, 12346, 12347}, "started twice", true, nil},
		{"12345, 12346, 12347, started twice", []chamelio.TaskID{12345, 12346, 12347}, "started twice", false, nil},
		{"12345 12346 - started twice", []chamelio.TaskID{12345, 12346}, "started twice", false, nil},
		{"12345 12346: started twice", []chamelio.TaskID{12345, 12346}, "started twice", false, nil},
		{"12345,12346;12347", []chamelio.TaskID{12345, 12346, 12347}, "", false, nil},
		{"12345\n12346\n12347", []chamelio.TaskID{12345, 12346, 12347}, "", false, nil},
		{"tasks 1, 2 and 3", []chamelio.TaskID{1, 2, 3}, "", false, nil},
		{"12345 &amp; #12346.", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"12345 and its twin are obsolete", []chamelio.TaskID{12345}, "and its twin are obsolete", false, nil},
		{"12346 <" + link + "12345|one> " + link + "12347 dup", []chamelio.TaskID{12346, 12345, 12347}, "dup", true, nil},
		// Each counts once.
		{"12345 12346 12345", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"12345 <" + link + "12345>", []chamelio.TaskID{12345}, "", false, nil},
		{many, []chamelio.TaskID{9223372036854775807}, "", false, nil},
		// Words that could be a task or a reason.
		{"12345 12346 is the right one", []chamelio.TaskID{12345, 12346}, "is the right one", true, nil},
		{"12345 2 people asked", []chamelio.TaskID{12345, 2}, "people asked", true, nil},
		{"12345: 2 people asked", []chamelio.TaskID{12345}, "2 people asked", true, nil},
		{"12345 2nd attempt", []chamelio.TaskID{12345}, "2nd attempt", true, nil},
		{"12345 duplicate of 12346", []chamelio.TaskID{12345}, "duplicate of 12346", false, nil},
		// One mistyped ID among others cancels none of them.
		{"12345 1234x 12347", nil, "", false, ErrNotATask},
		{"12345 12,346 12347", nil, "", false, ErrNotATask},
		{"12345 99999999999999999999", nil, "", false, ErrIDOutOfRange},
		{"12345,1234x", nil, "", false, ErrNotATask},
		{"12345, 12346, 123a5, 12347", nil, "", false, ErrNotATask},
		{"12345 10 000 EUR", nil, "", false, ErrIDOutOfRange},
		// Lists.
		{"1. 50000\n2. 50001\n3. 50002 started twice", []chamelio.TaskID{50000, 50001, 50002}, "started twice", true, nil},
		{"1) 50000\n2) 50001", []chamelio.TaskID{50000, 50001}, "", false, nil},
		{"(1) 50000\r\n(2) 50001", []chamelio.TaskID{50000, 50001}, "", false, nil},
		{"cancel\n 1. 50000\n10. 50001", []chamelio.TaskID{50000, 50001}, "", false, nil},
		{"1. 50000 2. 50001", []chamelio.TaskID{50000, 50001}, "", false, nil},
		{"1. 50000\n2. stop these", []chamelio.TaskID{50000}, "2. stop these", true, nil},
		{"12. duplicates", nil, "", false, ErrNotATask},
		{"- 12345\n- 12346", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"– 12345\n– <" + link + "12346>\n- dup", []chamelio.TaskID{12345, 12346}, "dup", false, nil},
		{"• 12345\n• 12346", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"* 12345\n* 12346: dup", []chamelio.TaskID{12345, 12346}, "dup", false, nil},
		{"• 12345\n• started twice", []chamelio.TaskID{12345}, "started twice", false, nil},
		{"tasks 1, 2 and 3.", []chamelio.TaskID{1, 2, 3}, "", false, nil},
		{"12345 - 12346", []chamelio.TaskID{12345}, "12346", true, nil},
		// Other separators.
		{"12345|12346", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"12345 | 12346", []chamelio.TaskID{12345, 12346}, "", false, nil},
		{"12345、12346，12347", []chamelio.TaskID{12345, 12346, 12347}, "", false, nil},
		{"12345、 12346、 dup", []chamelio.TaskID{12345, 12346}, "dup", false, nil},
		{"12345\u200b12346\u00ad\u200d12347", []chamelio.TaskID{12345, 12346, 12347}, "", false, nil},
		{"100,101,102", nil, "", false, ErrNotATask},
		{"100|101;102", []chamelio.TaskID{100, 101, 102}, "", false, nil},
		// A number with a leading zero is part of the reason.
		{"12345 0151 2345678", []chamelio.TaskID{12345}, "0151 2345678", true, nil},
		{"12345 #0151 12346", []chamelio.TaskID{12345}, "#0151 12346", true, nil},
		// A further task may be behind a word that isn't understood.
		{"12345 und 12346 doppelt", []chamelio.TaskID{12345}, "und 12346 doppelt", true, nil},
		{"12345 O2346 12347", []chamelio.TaskID{12345}, "O2346 12347", true, nil},
		{"12345: not 12346", []chamelio.TaskID{12345}, "not 12346", true, nil},
		{"12345 see " + link + "12346", []chamelio.TaskID{12345}, "see " + link + "12346", true, nil},
		{"12345 version 2", []chamelio.TaskID{12345}, "version 2", false, nil},
		{"12345 costs 10000 EUR", []chamelio.TaskID{12345}, "costs 10000 EUR", false, nil},
		{"12345 since 20261128", []chamelio.TaskID{12345}, "since 20261128", false, nil},
		{"1 2 3 4 5", []chamelio.TaskID{1, 2, 3, 4, 5}, "", false, nil},
		{"1 2 3 4 5 6", nil, "", false, ErrTooManyTasks},
	}
	for _, tt := range tests {
		got, err := ParseCommand(tt.text, Rules{MaxTasks: 5})
		if !errors.Is(err, tt.err) || !slices.Equal(got.Tasks, tt.tasks) || got.Reason != tt.reason || got.Unsure != tt.unsure {
			t.Errorf("%q: got %+v, %v; want %v %q %t, %v", tt.text, got, err, tt.tasks, tt.reason, tt.unsure, tt.err)
		}
	}
}
