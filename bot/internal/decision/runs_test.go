package decision

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "rewrite the files of testdata/runs and docs/design/decision.md")

// TestRuns plays the runs in testdata/runs. A line without indentation is what
// happens to a decision, an indented one what the kernel does about it:
//
//	click                        a fresh click; or "click in-a-thread"; or "approval", by a second person; or "row", with its fields
//	won                          an event, by its name
//	task: running, asked 30s     with the pause that was asked for
//	waited, after 1m             later than the wait that was asked for
//
// Further words are kept (Keep task was pressed), late (the click is 31 minutes
// old) and troubled.
// go test ./bot/internal/decision -run TestRuns -update writes the indented lines.
func TestRuns(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/runs/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no runs", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			want := play(t, string(text))
			if *update {
				if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if want != string(text) {
				t.Errorf("%s: the kernel does\n%s", file, want)
			}
		})
	}
}

// player is a run in progress.
type player struct {
	t  *testing.T
	p  Protocol
	s  State
	do Do
	at Moment
}

func play(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	run := player{t: t, p: NewProtocol(10 * time.Second)}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "    ") {
			continue // written below
		}
		fmt.Fprintln(&out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		run.line(line)
		fmt.Fprintln(&out, "    "+run.did())
	}
	return out.String()
}

// line executes one line.
func (r *player) line(line string) {
	words := strings.Split(line, ", ")
	var e Event
	switch first, rest, _ := strings.Cut(words[0], " "); first {
	case "click":
		r.s, r.at = Claimed(Record{ResponseURL: "x", Thread: rest}), Moment{}
	case "approval":
		r.s, r.at = Claimed(Record{ResponseURL: "x", Requester: "U1", Confirmer: "U2"}), Moment{}
	case "row":
		r.s, r.at = Resumed(r.row(rest))[0], Moment{}
	default:
		kind := slices.Index(kindNames(), words[0])
		if kind < 0 {
			r.t.Fatalf("no such event: %q", words[0])
		}
		e.Kind, e.Began = Kind(kind), r.at.Elapsed
		if e.Kind == Waited {
			r.pass(r.do.For)
		}
	}
	for _, word := range words[1:] {
		r.word(&e, word)
	}
	r.s, r.do = r.p.Step(r.s, e, r.at)
}

func (r *player) pass(d time.Duration) {
	r.at.Elapsed += d
	r.at.Age += d
	r.at.Least += d
	r.at.Up += d
}

func (r *player) word(e *Event, word string) {
	name, value, _ := strings.Cut(word, " ")
	d, _ := time.ParseDuration(value)
	switch name {
	case "after":
		r.pass(d)
	case "asked":
		e.Pause = d
	case "kept":
		r.at.Kept = true
	case "late":
		r.at.Age += 31 * time.Minute
	case "troubled":
		e.Troubled = true
	default:
		r.t.Fatalf("no such word: %q", word)
	}
}

// kindNames lists the names of all events.
func kindNames() []string {
	var all []string
	for k := Begun; k <= TaskUnseen; k++ {
		all = append(all, k.String())
	}
	return all
}

// row parses a row that another process left.
func (r *player) row(fields string) Record {
	rec, t := Record{ResponseURL: "x"}, Item{}
	var others []Item
	for field := range strings.FieldsSeq(fields) {
		switch name, value, _ := strings.Cut(field, "="); name {
		case "sent":
			t.Sent, t.Tries = true, 1
		case "outcome":
			t.Outcome = Outcome(value)
		case "announced":
			rec.AnnouncedAt, rec.MessageTS = time.Unix(1, 0), "1.2"
		case "settled":
			t.SettledOutcome = Outcome(value)
		case "part": // another task isn't settled yet
			others = []Item{{Outcome: Unknown}}
		default:
			r.t.Fatalf("no such field: %q", field)
		}
	}
	rec.Tasks = append([]Item{t}, others...)
	return rec
}

// did returns the kernel's action as text.
func (r *player) did() string {
	text := "→ " + r.do.Action.String()
	if r.do.Action == DoPost {
		text += " " + r.do.Where.String()
	}
	if r.do.Action == DoSend && r.s.Task.Marked {
		text += " as the journal notes already"
	}
	if r.do.For > 0 {
		text += " " + r.do.For.String()
	}
	if r.s.Outcome != "" && r.s.Stage != Resolving {
		text += " (" + strings.TrimSpace(string(r.s.Outcome)+" "+string(r.s.Cause)) + ")"
	}
	if r.do.Show != ShowNothing {
		text += "; show " + r.do.Show.String()
	}
	if r.do.Leave {
		text += "; leave it to another process"
	}
	return text
}
