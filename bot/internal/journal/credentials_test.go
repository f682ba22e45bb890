package journal_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
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

// A credential is refused, and its row was sealed with a bot token that is replaced
// meanwhile: by a restart, so that its key isn't known, or in its file.
func TestRefusedCredentialOutlastsItsBotToken(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		ctx := t.Context()
		noted := func(j *trusting) (n decision.Note) {
			t.Helper()
			n, err := j.TakeNote(ctx)
			if err != nil && !errors.Is(err, journal.ErrGone) {
				t.Fatal(err)
			}
			if err == nil {
				must(t, j.MarkNoted(ctx, n))
			}
			return n
		}
		first := openTrusting(t, url, "xoxb-1")
		must(t, first.CredentialTried(ctx, "bot_token", "token_revoked", false))
		must(t, first.CredentialTried(ctx, "api_key", "expired", true))
		if n := noted(first); n.Code != "expired" {
			t.Errorf("refused: %+v", n)
		}
		second := openTrusting(t, url, "xoxb-2")
		must(t, second.CredentialTried(ctx, "bot_token", "", true))
		if n := noted(second); n.Person != "bot_token" || !n.Since.IsZero() {
			t.Errorf("accepted, refused at an unknown time: %+v", n)
		}
		must(t, second.CredentialTried(ctx, "api_key", "expired", true))
		if n := noted(second); n.ID != "" {
			t.Errorf("refused, as before: %+v", n)
		}
		now := time.Now()
		sign, err := signed.NewSigner("xoxb-2", chamelio.DefaultBaseURL, second.Journal, func() time.Time { return now })
		must(t, err)
		second.Trust(sign, func(u journal.Unverified) { t.Errorf("not genuine: %+v", u) })
		must(t, sign.Rotate(ctx, "xoxb-3"))
		now = now.Add(26 * time.Hour)
		must(t, second.CredentialTried(ctx, "api_key", "", true))
		if n := noted(second); n.Person != "api_key" || n.Since.IsZero() {
			t.Errorf("accepted a day after the bot token's file changed: %+v", n)
		}
		if len(first.reported)+len(second.reported) > 0 {
			t.Errorf("not genuine: %+v %+v", first.reported, second.reported)
		}
	})
}
