package journal_test

import (
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// Someone marks rows as unfinished, in columns that aren't sealed: of a prompt that was
// kept, and of a decision that was announced. They are taken once, and put to rest.
func TestFinishedRowsAreNotTaken(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		kept, told := j.click(1), j.click(2)
		_, _, err := j.Withdraw(t.Context(), kept)
		must(t, err)
		l := won(t, j.Journal, told)
		for position := range told.Tasks {
			_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Cancelled}, true)
			must(t, err)
		}
		must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: told.ID}, "1.2"))
		forge(t, url, "UPDATE decisions SET follow_up = 1, check_after = 1, owner = '', leased_until = 0, announced_at = CASE WHEN confirmation_id = '"+string(kept.ID)+"' THEN NULL ELSE announced_at END")
		if got, err := j.TakeExpired(t.Context(), journal.ToAnnounce, 8, nil); err != nil || len(got) != 0 {
			t.Errorf("took %+v, %v", got, err)
		}
		if got, err := j.TakeUnsettled(t.Context(), 8, nil); err != nil || len(got) != 0 {
			t.Errorf("took %+v, %v", got, err)
		}
		for _, id := range []decision.ID{kept.ID, told.ID} {
			d, err := j.Get(t.Context(), id)
			must(t, err)
			if d.Unfinished() || d.AnnouncedAt.IsZero() {
				t.Errorf("%+v", d)
			}
		}
		if b, err := j.Backlog(t.Context()); err != nil || b != (decision.Backlog{}) {
			t.Errorf("left: %+v, %v", b, err)
		}
	})
}
