package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// A process that doesn't know the key of notes and requests leaves them to one that
// does: a note at once, a request after its short lease. After ten minutes it sets them
// aside, and they return with the key.
func TestNotesAndRequestsWaitForTheirKeys(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		refused := func(by *trusting, person string) {
			must(t, by.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, Person: person, Code: "guest", At: time.Now()}))
		}
		refused(other, "U1")
		refused(j, "U2")
		must(t, other.Opened(ctx, journal.Request{ID: "ends", MessageTS: "1.2", Confirmation: "x"}, 0, 0))
		must(t, other.Opened(ctx, journal.Request{ID: "reminds", MessageTS: "1.2", Confirmation: "x"}, time.Millisecond, time.Hour))
		time.Sleep(2 * time.Millisecond)
		takeAll := func(by *trusting) (got []string) {
			t.Helper()
			for {
				n, err := by.TakeNote(ctx)
				if errors.Is(err, journal.ErrGone) {
					break
				}
				must(t, err)
				got = append(got, n.Person)
			}
			ended, err := by.TakeEnded(ctx, 5)
			must(t, err)
			remind, err := by.TakeToRemind(ctx, 5)
			must(t, err)
			for _, r := range slices.Concat(ended, remind) {
				got = append(got, string(r.ID))
			}
			return got
		}
		lapse := func(notes bool) {
			t.Helper()
			statement(t, url, `UPDATE requests SET taken_until = 1, remind_at = CASE remind_at WHEN 0 THEN 0 ELSE 1 END`)
			if notes {
				statement(t, url, `UPDATE audit SET leased_until = 0 WHERE person = 'U1'`)
			}
		}
		for range 2 {
			if got := takeAll(j); len(got) > 1 || len(got) == 1 && got[0] != "U2" {
				t.Errorf("taken without their keys: %q", got)
			}
			lapse(false)
		}
		if len(j.reported) != 3 || slices.ContainsFunc(j.reported, func(u journal.Unverified) bool { return !u.Waits }) {
			t.Errorf("reported: %+v", j.reported)
		}
		all := []string{"U1", "ends", "reminds"}
		if got := takeAll(other); !slices.Equal(got, all) {
			t.Errorf("taken by the process that knows the keys: %q", got)
		}
		lapse(true)
		j.Later(11 * time.Minute)
		if got := takeAll(j); len(got) != 0 {
			t.Errorf("taken without their keys: %q", got)
		}
		if got := takeAll(other); len(got) != 0 {
			t.Errorf("not set aside: %q", got)
		}
		if n, err := other.ReturnSetAside(ctx); n != 3 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		lapse(true)
		if got := takeAll(other); !slices.Equal(got, all) {
			t.Errorf("taken after they returned: %q", got)
		}
	})
}

// More notes with made-up keys wait than are remembered, then others do. A genuine note
// is taken all the same, and what was posted by another process is forgotten.
func TestWaitingNotesBlockNoOthers(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		var rows []string
		for i := range 1100 {
			rows = append(rows, fmt.Sprintf(`('f%d', 'refusal', '2020-01-01 00:00:00+00:00', '', '1', 'T1', 'C1', 'U9', 'guest', 'ABCDEFGH.a.b.c')`, i))
		}
		statement(t, url, `INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, mac) VALUES `+strings.Join(rows, ","))
		must(t, j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, Person: "U1", Code: "guest", At: time.Now()}))
		var n decision.Note
		for range 30 {
			var err error
			if n, err = j.TakeNote(ctx); err == nil {
				break
			}
			if !errors.Is(err, journal.ErrGone) {
				t.Fatal(err)
			}
		}
		if n.Person != "U1" {
			t.Fatalf("taken: %+v", n)
		}
		if aside := finally(j.reported); len(j.reported) != 1100 || len(aside) != 1100-1024 {
			t.Errorf("%d of %d set aside", len(aside), len(j.reported))
		}
		statement(t, url, `UPDATE audit SET sent_at = noted_at WHERE sent_at IS NULL`)
		must(t, other.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, Person: "U2", Code: "guest", At: time.Now()}))
		if n, err := j.TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
			t.Errorf("taken: %+v %v", n, err)
		}
		if n, err := other.TakeNote(ctx); n.Person != "U2" || err != nil {
			t.Errorf("it doesn't wait: %+v %v", n, err)
		}
	})
}

// As many notes wait for their keys as are remembered. A decision can wait, too.
func TestWaitingNotesLeaveRoomForDecisions(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/journal.db"
	j, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
	for i := range 1024 {
		must(t, other.Refused(t.Context(), decision.Note{Tasks: []chamelio.TaskID{1}, Person: fmt.Sprint("U", i), Code: "guest", At: time.Now()}))
	}
	for len(j.reported) < 1024 {
		if n, err := j.TakeNote(t.Context()); !errors.Is(err, journal.ErrGone) {
			t.Fatalf("taken: %+v %v", n, err)
		}
	}
	d := other.click(1)
	won(t, other.Journal, d)
	expire(t, url, string(d.ID))
	take(t, j.Journal, journal.ToResolve)
	if _, err := other.Get(t.Context(), d.ID); err != nil || len(finally(j.reported)) != 0 {
		t.Errorf("set aside: %+v, %v", finally(j.reported), err)
	}
}

// A request's row is genuine, but someone else has written that it was decided, with a
// made-up key. A click on it waits ten seconds for that key, however often the row itself is
// verified in between.
func TestPartsOfARowWaitByThemselves(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		must(t, j.Opened(t.Context(), journal.Request{ID: d.ID, MessageTS: "1.2", Confirmation: d.Confirmation}, time.Millisecond, time.Minute))
		forge(t, url, `UPDATE requests SET decided_mac = 'ABCDEFGH.a.b.c'`)
		if _, err := j.Claim(t.Context(), d); !journal.IsUnverified(err) {
			t.Fatalf("a click at once: %v", err)
		}
		time.Sleep(2 * time.Millisecond)
		if some, err := j.TakeToRemind(t.Context(), 5); err != nil || len(some) != 1 {
			t.Fatalf("to remind of: %+v %v", some, err)
		}
		j.Later(11 * time.Second)
		won(t, j.Journal, d)
	})
}
