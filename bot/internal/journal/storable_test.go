package journal_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
)

// TestStoresAnyText puts texts that databases refuse into each
// field, and reads them back, verified.
func TestStoresAnyText(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		for i, odd := range []string{"a\x00b", "a\xff\xfeb", "\xed\xa0\x80", strings.Repeat("\x00", 300), strings.Repeat("🙂", 40000), "\u2028\ufeff"} {
			at := time.Now().UTC().Truncate(time.Millisecond)
			c := decision.Confirmation{
				ID: signed.NewID(time.Now()), Tasks: []decision.Named{{ID: chamelio.TaskID(i + 1), Title: odd, URL: odd}}, Team: "T1", Channel: "C1", Requester: "U1", Reason: odd,
				RequestedAt: at.Truncate(time.Second), ExpiresAt: at.Add(time.Minute).Truncate(time.Second),
			}
			value := j.Encode(c)
			c, err := j.Decode(value, at)
			must(t, err)
			d := decision.Record{
				ID: decision.ID(c.ID), Tasks: []decision.Item{{ID: c.Tasks[0].ID, Title: c.Tasks[0].Title, URL: c.Tasks[0].URL}}, Team: c.Team, Channel: c.Channel, Requester: c.Requester,
				Confirmer: odd, Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: at, ResponseURL: odd, Confirmation: value,
			}.Storable()
			d.MAC = j.SignClick(d)
			_, err = j.Finish(t.Context(), won(t, j.Journal, d), 0, decision.Result{Outcome: decision.Failed, Title: odd, Detail: odd, Step: odd}, true)
			must(t, err)
			must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, odd))
			if got, err := j.Get(t.Context(), d.ID); err != nil || got.Confirmer != d.Confirmer || got.Tasks[0].Title != d.Tasks[0].Title {
				t.Errorf("%.20q: %v", odd, err)
			}
			must(t, j.Refused(t.Context(), decision.Note{Tasks: []chamelio.TaskID{1}, Person: odd, Code: odd, Channel: odd, At: at, ConfirmationID: decision.ID(odd)}))
			must(t, j.Opened(t.Context(), journal.Request{ID: d.ID, MessageTS: odd, Confirmation: value}, 0, 0))
		}
		for range 6 {
			for {
				n, err := j.TakeNote(t.Context())
				if err != nil {
					break
				}
				must(t, j.MarkNoted(t.Context(), n))
			}
		}
		time.Sleep(2 * time.Millisecond)
		if all, err := j.TakeEnded(t.Context(), 10); err != nil || len(all) != 6 {
			t.Errorf("%d requests, %v", len(all), err)
		}
		if len(j.reported) > 0 {
			t.Errorf("%d rows don't verify", len(j.reported))
		}
	})
}

// TestFailedWriteFailsAlone lets writes share a commit with one that the
// database refuses.
func TestFailedWriteFailsAlone(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, 0)
		statement(t, url, `ALTER TABLE requests ADD COLUMN odd BIGINT CHECK (confirmation_id <> 'odd')`)
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				id := fmt.Sprint("r", i)
				if i%20 == 0 {
					id = "odd"
				}
				err := j.Opened(t.Context(), journal.Request{ID: decision.ID(id)}, time.Minute, time.Minute)
				if (err != nil) != (id == "odd") {
					t.Errorf("%s: %v", id, err)
				}
			})
		}
		all.Wait()
	})
}
