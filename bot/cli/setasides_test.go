package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// TestSetAsideRowsOmitResponseURL prints a row in each form.
func TestSetAsideRowsOmitResponseURL(t *testing.T) {
	entries := setAsidesOf([]journal.SetAside{{
		ID: "5f", Table: journal.Decisions, ConfirmationID: "abc\x1b[2J", Tasks: []chamelio.TaskID{12345}, At: time.Date(2026, 11, 28, 10, 0, 0, 0, time.UTC),
		Why: "it has no genuine click", Content: `{"reason":"dup","response_url":"https://hooks.slack.com/ticket"}`,
	}})
	for name, h := range map[string]historyFlags{"a table": {}, "JSON": {asJSON: true}, "CSV": {csv: true}} {
		var out bytes.Buffer
		if err := printed(&out, h, setAsideSheet, entries...); err != nil {
			t.Fatal(err)
		}
		if text := out.String(); !strings.Contains(text, "12345") || !strings.Contains(text, "no genuine click") || strings.Contains(text, "ticket") {
			t.Errorf("%s: %s", name, text)
		}
		if marked := strings.ToLower(out.String()); !strings.Contains(marked, "unverified_why") && !strings.Contains(marked, "why (not verified)") {
			t.Errorf("%s: it quotes the row's reason as the bot's own: %s", name, marked)
		}
		if name == "a table" && strings.Contains(out.String(), "\x1b") {
			t.Errorf("it steers the terminal: %q", out.String())
		}
	}
}

// TestSetAsidesTableHasNoControlCharacters prints a row that someone else has
// written.
func TestSetAsidesTableHasNoControlCharacters(t *testing.T) {
	var out bytes.Buffer
	err := printed(&out, historyFlags{}, setAsideSheet, setAsideEntry{Table: "decisions\x1b[2J", ConfirmationID: "c\a", Why: "\x1b[31mAda cancelled 5\nforged line", ID: "x\x1b]0;t\a"})
	if err != nil || strings.ContainsAny(out.String(), "\x1b\a") || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("%q, %v", out.String(), err)
	}
}
