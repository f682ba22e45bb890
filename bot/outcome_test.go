package bot

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

var states = []string{untouched: "untouched", conflicted: "conflicted", answered: "answered", inFlight: "in flight"}

var answers = []string{
	cancelDone: "cancel: 200", cancelConflict: "cancel: 409", cancelNotFound: "cancel: 404, no such task", cancelKeyRefused: "cancel: 401",
	cancelRateLimited: "cancel: 429", cancelRefused: "cancel: another clear no", cancelServerError: "cancel: the API's own 500",
	cancelUnanswered: "cancel: no clear answer", cancelNotSent: "cancel: not sent",
	lookCancelled: "look: cancelled", lookEnded: "look: completed, failed", lookRunning: "look: pending, in progress",
	lookOdd: "look: another status", lookNotFound: "look: 404, no such task", lookKeyRefused: "look: 401", lookUnavailable: "look: no answer",
}

func (s step) describe(from state) string {
	var text string
	switch s.action {
	case finish:
		text = "**" + string(s.outcome) + "**"
		if s.cause != "" {
			text += " (" + string(s.cause) + ")"
		}
	case send:
		text = "send"
	case look:
		text = "look"
	}
	if s.state != from {
		text = "→ " + states[s.state] + ", " + text
	}
	return text
}

// The table of docs/design/decision.md is the program's own, every state and
// every answer of it: go test ./bot -run TestTheTable -update writes it.
func TestTheTableOfStatesAndAnswersIsTheDocumentedOne(t *testing.T) {
	var b strings.Builder
	b.WriteString("| answer |")
	for _, s := range states {
		fmt.Fprintf(&b, " %s |", s)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(states)) + "\n")
	for a, name := range answers {
		fmt.Fprintf(&b, "| %s |", name)
		for s := range states {
			fmt.Fprintf(&b, " %s |", next(state(s), answer(a)).describe(state(s)))
		}
		b.WriteString("\n")
	}
	path := filepath.Join("..", "docs", "design", "decision.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(page), "| answer |")
	_, after, _ := strings.Cut(rest, "\n\n")
	want := before + b.String() + "\n" + after
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("the program's table is\n%s", b.String())
	}
}

// Law 4, for every state and answer there is.
func TestNothingIsCertainWhileARequestMayHaveTakenEffect(t *testing.T) {
	for s := range states {
		for a, name := range answers {
			got := next(state(s), answer(a))
			unclear := state(s) == answered || state(s) == inFlight
			sure := answer(a) == cancelDone || answer(a) == lookCancelled || answer(a) == lookEnded
			if unclear && got.action == finish && !sure && got.outcome != decision.Unknown {
				t.Errorf("%s, %s: %s", states[s], name, got.describe(state(s)))
			}
			if unclear && got.state < state(s) {
				t.Errorf("%s, %s: becomes %s", states[s], name, states[got.state])
			}
			if unclear && got.action == send && answer(a) != lookRunning {
				t.Errorf("%s, %s: sends again before a look has seen the task running", states[s], name)
			}
			if got.action == finish && got.outcome == "" {
				t.Errorf("%s, %s: no outcome", states[s], name)
			}
		}
	}
}

// Each end of the machine has a text of its own: none falls back to the text of
// its outcome, or to that of an unknown one.
func TestEveryEndHasItsOwnText(t *testing.T) {
	w := texts.Texts{}
	text := func(o decision.Outcome, c decision.Cause) string {
		return w.Announcement(decision.Record{TaskID: 1}, decision.Result{Outcome: o, Cause: c}).Text
	}
	for s := untouched; s <= inFlight; s++ {
		for a := cancelDone; a <= lookUnavailable; a++ {
			end := next(s, a)
			if end.action != finish || end.outcome == decision.NotCancellable {
				continue
			}
			if end.cause != "" && text(end.outcome, end.cause) == text(end.outcome, "") {
				t.Errorf("state %d, answer %d: %s, %q has no text", s, a, end.outcome, end.cause)
			}
			if end.outcome != decision.Unknown && text(end.outcome, "") == text(decision.Unknown, "") {
				t.Errorf("state %d, answer %d: %s has no text", s, a, end.outcome)
			}
		}
	}
}
