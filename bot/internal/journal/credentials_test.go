package journal_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// If many processes see a credential refused, or accepted again, one of them
// leaves a note.
func TestEachChangeOfACredentialLeavesOneNote(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		var replicas []*journal.Journal
		for range 3 {
			j, err := journal.Open(ctx, url, journal.Options{Audit: true})
			must(t, err)
			t.Cleanup(func() { _ = j.Close() })
			replicas = append(replicas, j)
		}
		tried := func(which, refusal string, tell bool) {
			t.Helper()
			var wg sync.WaitGroup
			for _, j := range replicas {
				wg.Go(func() {
					for range 3 {
						if err := j.CredentialTried(ctx, which, refusal, tell); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
		}
		note := func() decision.Note {
			t.Helper()
			n, err := replicas[0].TakeNote(ctx)
			must(t, err)
			must(t, replicas[1].MarkNoted(ctx, n))
			return n
		}
		none := func(what string) {
			t.Helper()
			if n, err := replicas[0].TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
				t.Errorf("%s: %+v %v", what, n, err)
			}
		}
		tried("api_key", "", true)
		none("accepted all along")
		tried("bot_token", "token_revoked", false)
		none("refused, and not to be told")
		var since time.Time
		for range 3 {
			tried("api_key", "expired", true)
			n := note()
			if n.Kind != decision.NoteCredential || n.Person != "api_key" || n.Code != "expired" || !n.Since.IsZero() {
				t.Errorf("%+v", n)
			}
			since = n.At
			tried("api_key", "", true)
			if n := note(); n.Code != "" || !n.Since.Equal(since) {
				t.Errorf("%+v, refused since %v", n, since)
			}
		}
		tried("bot_token", "", true)
		if n := note(); n.Person != "bot_token" || n.Since.IsZero() {
			t.Errorf("%+v", n)
		}
		none("all told")
	})
}
