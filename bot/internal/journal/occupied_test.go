package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

const forgedNote = `INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, sent_at, mac)
	VALUES ('%s', '%s', '2026-01-01 00:00:00+00:00', '%s', '7', 'T', 'C', 'U', 'x', '2026-01-01 00:00:00+00:00', '%s')`

// forgedSeals are the seals of rows that someone else writes: none, and one with a
// made-up key.
var forgedSeals = []string{"", "ABCDEFGH.x", "ABCDEFGH.a.b.c"}

// TestForgedRowKeepsNoneOut writes rows before the bot does. The bot's are written all
// the same, once, and the others are set aside.
func TestForgedRowKeepsNoneOut(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		ctx := t.Context()
		for i, mac := range forgedSeals {
			id := decision.ID(fmt.Sprint("p", i))
			forge(t, url, fmt.Sprintf(forgedNote, fmt.Sprintf("r-%s-U1-guest-1", id), "refusal", id, mac))
			n := decision.Note{ConfirmationID: id, Tasks: []chamelio.TaskID{1}, Person: "U1", Code: "guest", At: time.Now()}
			if err := j.Refused(ctx, n); journal.IsUnverified(err) { // another process may have recorded the same press
				j.Later(time.Minute)
			} else {
				must(t, err)
			}
			must(t, j.Refused(ctx, n))
			must(t, j.Refused(ctx, n))
			if got, err := j.TakeNote(ctx); err != nil || got.Person != "U1" {
				t.Errorf("%q: %+v %v", mac, got, err)
			}
			forge(t, url, fmt.Sprintf(`INSERT INTO requests (confirmation_id, message_ts, confirmation, mac, remind_at, ends_at) VALUES ('%s', '9.9', 'x', '%s', 0, 1)`, id, mac))
			want := journal.Request{ID: id, MessageTS: "3.4", Confirmation: "y"}
			must(t, j.Opened(ctx, want, 0, -time.Minute))
			must(t, j.Opened(ctx, want, 0, -time.Minute))
			if got, err := j.TakeEnded(ctx, 5); err != nil || !slices.Equal(got, []journal.Request{want}) {
				t.Errorf("%q: %+v %v", mac, got, err)
			}
			if aside, err := j.SetAsides(ctx, journal.Query{}); err != nil || len(aside) != 2*i+2 || len(finally(j.reported)) != 2*i+2 {
				t.Errorf("%q: set aside %+v, %v; reported %+v", mac, aside, err, j.reported)
			}
		}
	})
}

// TestForgedNotesKeepNoneOut writes the notes about a decision before the bot does.
func TestForgedNotesKeepNoneOut(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		l := won(t, j.Journal, d)
		for position := range d.Tasks {
			_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Unknown}, false)
			must(t, err)
		}
		noted := func(kind decision.NoteKind) {
			t.Helper()
			n, err := j.TakeNote(t.Context())
			if err != nil || n.Kind != kind || n.ConfirmationID != d.ID {
				t.Fatalf("%+v %v", n, err)
			}
			must(t, j.MarkNoted(t.Context(), n))
		}
		forge(t, url, fmt.Sprintf(forgedNote, "a-"+string(d.ID), "announcement", d.ID, ""))
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
		noted(decision.NoteAnnouncement)
		statement(t, url, "UPDATE decisions SET check_after = 1")
		held := j.unsettled(t, d.ID)
		for position := range d.Tasks {
			_, err := j.Settle(t.Context(), held.Lease, position, decision.Result{Outcome: decision.Failed})
			must(t, err)
		}
		forge(t, url, fmt.Sprintf(forgedNote, "s-"+string(d.ID), "settled", d.ID, ""))
		must(t, j.MarkSettled(t.Context(), d.ID))
		noted(decision.NoteSettled)
		// A genuine note stays, and the change is made.
		forge(t, url, `UPDATE decisions SET announced_at = NULL, settled_at = 0`)
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
		must(t, j.MarkSettled(t.Context(), d.ID))
		if n, err := j.TakeNote(t.Context()); !errors.Is(err, journal.ErrGone) {
			t.Errorf("noted again: %+v %v", n, err)
		}
		if got, err := j.Get(t.Context(), d.ID); err != nil || got.AnnouncedAt.IsZero() || got.SettledAt.IsZero() {
			t.Errorf("%+v %v", got, err)
		}
		if aside, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 2 || len(j.reported) != 2 {
			t.Errorf("set aside: %+v %v; reported: %+v", aside, err, j.reported)
		}
	})
}

// TestForgedDecisionClosesNoRequest writes a decision with the ID of a request that is
// being opened. It can still be confirmed.
func TestForgedDecisionClosesNoRequest(t *testing.T) {
	const row = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
		VALUES ('%[1]s', 'T1', 'C1', 'U1', 'U9', 'x', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', 1)`
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		for i, tasks := range []string{"", `; INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('%[1]s', 0, 7, 'withdrawn')`} {
			d := j.click(int64(10 * (i + 1)))
			forge(t, url, fmt.Sprintf(row+tasks, d.ID))
			must(t, j.Opened(t.Context(), journal.Request{ID: d.ID, MessageTS: "1.2", Confirmation: d.Confirmation}, 0, time.Minute))
			won(t, j.Journal, d)
		}
	})
}

// TestOddStateOfACredentialSilencesNothing changes the state of a refused credential
// to values that the bot doesn't write.
func TestOddStateOfACredentialSilencesNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		values := []string{"2", "-1", "4294967297"}
		if url[:6] == "sqlite" {
			values = append(values, "'x'", "x'31'", "1.5")
		}
		j := openTrusting(t, url, "xoxb-1")
		note := func(code string) {
			t.Helper()
			must(t, j.CredentialTried(t.Context(), "api_key", code, true))
			n, err := j.TakeNote(t.Context())
			if err != nil || n.Code != code {
				t.Fatalf("%q is not noted: %+v %v", code, n, err)
			}
			must(t, j.MarkNoted(t.Context(), n))
		}
		for _, value := range values {
			note("expired")
			forge(t, url, `UPDATE credentials SET refused = `+value)
			note("revoked")
			note("")
		}
		if len(j.reported) != len(values) {
			t.Errorf("reported: %+v", j.reported)
		}
	})
}

// TestStraysAreReported blocks a task by a row that belongs to no decision. On Postgres
// a foreign key keeps such rows out.
func TestStraysAreReported(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/journal.db"
	j := openTrusting(t, url, "xoxb-1")
	statement(t, url, `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('f', 0, 1)`)
	won(t, j.Journal, j.click(1))
	statement(t, url, `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('g', 0, 2), ('g', 1, 3)`)
	won(t, j.Journal, j.click(2))
	won(t, j.Journal, j.click(3))
	aside, err := j.SetAsides(t.Context(), journal.Query{})
	if err != nil || len(aside) != 3 {
		t.Errorf("%d of 3 strays are set aside, %v", len(aside), err)
	}
	if len(j.reported) != 3 || j.reported[0].Table != journal.Decisions {
		t.Errorf("reported: %+v", j.reported)
	}
}
