package journal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// writes are the calls whose answers others depend on, in the order of a
// decision's life.
func writes(ctx context.Context, j *journal.Journal, did func(what string, check func(decision.Record) bool)) error {
	c, err := j.Claim(ctx, sampleDecision("x", 1))
	if err != nil {
		return err
	}
	l := c.Lease
	did("Claim", func(d decision.Record) bool { return d.Tasks[0].Sent && d.Outcome() == "" })
	if l, err = j.MarkUnsent(ctx, l, 0); err != nil {
		return err
	}
	did("MarkUnsent", func(d decision.Record) bool { return !d.Tasks[0].Sent })
	if l, err = j.MarkSent(ctx, l, 0); err != nil {
		return err
	}
	did("MarkSent", func(d decision.Record) bool { return d.Tasks[0].Sent && d.Tasks[0].Tries == 2 })
	if l, err = j.Finish(ctx, l, 0, decision.Result{Outcome: decision.Unknown}, false); err != nil {
		return err
	}
	did("Finish", func(d decision.Record) bool { return d.Outcome() == decision.Unknown })
	if _, err = j.BeginAnnouncing(ctx, l); err != nil {
		return err
	}
	did("BeginAnnouncing", func(d decision.Record) bool { return d.AnnouncedAt.IsZero() })
	if err = j.MarkAnnounced(ctx, decision.Record{ID: "x"}, "1.2"); err != nil {
		return err
	}
	did("MarkAnnounced", func(d decision.Record) bool { return !d.AnnouncedAt.IsZero() })
	return nil
}

// TestAnsweredWritesAreInTheFiles copies the journal's files after each
// answer, as a power cut would leave them, and opens the copy.
// TestAnsweredWritesWereSynced shows that the files were synced by then.
func TestAnsweredWritesAreInTheFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "journal.db")
	j := open(t, "sqlite:"+path, 0)
	n := 0
	must(t, writes(t.Context(), j, func(what string, check func(decision.Record) bool) {
		n++
		copied := filepath.Join(dir, fmt.Sprintf("copy%d.db", n))
		for _, end := range []string{"", "-wal"} { // -shm is only memory
			raw, err := os.ReadFile(path + end)
			must(t, err)
			must(t, os.WriteFile(copied+end, raw, 0o600))
		}
		d, err := open(t, "sqlite:"+copied, 0).Get(t.Context(), "x")
		if err != nil || !check(d) {
			t.Errorf("after %s the files hold %+v (%v)", what, d, err)
		}
	}))
}

// TestAnsweredWritesWereSynced traces system calls: between the last write to
// the log and the answer of each call there is a sync.
func TestAnsweredWritesWereSynced(t *testing.T) {
	if path := os.Getenv("JOURNAL_UNDER_STRACE"); path != "" {
		underStrace(t, path)
		return
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("no strace on this machine: install it to run this test")
	}
	dir := t.TempDir()
	trace := filepath.Join(dir, "trace")
	cmd := exec.Command(strace, "-f", "-y", "-e", "trace=pwrite64,write,fsync,fdatasync", "-o", trace,
		os.Args[0], "-test.run", "^TestAnsweredWritesWereSynced$")
	cmd.Env = append(os.Environ(), "JOURNAL_UNDER_STRACE="+filepath.Join(dir, "journal.db"))
	if out, err := cmd.CombinedOutput(); err != nil {
		if strings.Contains(string(out), "ptrace") {
			t.Skipf("this machine does not let processes be traced: %s", out)
		}
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := os.ReadFile(trace)
	must(t, err)
	answers, dirty, synced := 0, false, 0
	for line := range strings.Lines(string(raw)) {
		switch {
		case logWrite.MatchString(line):
			dirty = true
		case logSync.MatchString(line):
			dirty = false
			synced++
		case answer.MatchString(line):
			answers++
			if dirty {
				t.Errorf("answered before the log was synced: %s", line)
			}
		}
	}
	if answers != 6 || synced < answers {
		t.Errorf("%d answers, %d syncs of the log", answers, synced)
	}
}

var (
	logWrite = regexp.MustCompile(`pwrite64\(\d+<[^>]*journal\.db-wal>`)
	logSync  = regexp.MustCompile(`(fsync|fdatasync)\(\d+<[^>]*journal\.db-wal>|(fsync|fdatasync) resumed>.*= 0`)
	answer   = regexp.MustCompile(`write\(\d+<[^>]*answers>`)
)

// underStrace marks each answer in the trace by a write of its own.
func underStrace(t *testing.T, path string) {
	j := open(t, "sqlite:"+path, 0)
	marks, err := os.Create(filepath.Join(filepath.Dir(path), "answers"))
	must(t, err)
	defer marks.Close()
	must(t, writes(t.Context(), j, func(what string, _ func(decision.Record) bool) {
		_, err := marks.WriteString(what + "\n")
		must(t, err)
	}))
}
