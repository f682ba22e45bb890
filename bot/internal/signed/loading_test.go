package signed

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

const month = 30 * 24 * time.Hour

// introduce writes keys into the table of keys, for a holder of a token.
func introduce(t *testing.T, on *shelf, holder string, keys otherKeys) {
	t.Helper()
	to, err := deriveKeys(holder, chamelio.DefaultBaseURL)
	if err != nil {
		t.Fatal(err)
	}
	id, sealed, err := seal(to, keys)
	if err != nil {
		t.Fatal(err)
	}
	on.sealed[id] = sealed
}

// claims are the ends that someone gives their own keys.
func claims(now time.Time) map[string][2]time.Time {
	far := now.Add(100 * 365 * 24 * time.Hour)
	return map[string][2]time.Time{
		"lent now":            {now.Add(rowsOutlive), now.Add(rowsOutlive)},
		"replaced now":        {now.Add(handover), now.Add(handover + rowsOutlive)},
		"for a hundred years": {far, far},
		"from long ago":       {now.Add(-month), far},
		"at the end of time":  {time.Unix(1<<63-1, 0), time.Unix(1<<63-1, 0)},
	}
}

// Someone has a token that was replaced a month ago, and writes keys of their own into
// the table of keys. Nothing that these keys sign counts, and the bot doesn't use them.
func TestTokenOfLongAgoIntroducesNothing(t *testing.T) {
	t.Parallel()
	evil, err := deriveKeys("evil", chamelio.DefaultBaseURL)
	if err != nil {
		t.Fatal(err)
	}
	for name, ends := range claims(time.Now().Add(month)) {
		on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
		bot := ringFor(t, "xoxb-old", on, clock)
		if err := bot.Rotate(t.Context(), "xoxb-new"); err != nil {
			t.Fatal(err)
		}
		clock.at = clock.at.Add(month)
		introduce(t, on, "xoxb-old", otherKeys{evil, ends[0], ends[1]})
		for who, s := range map[string]Signer{"this process": bot, "the next start": ringFor(t, "xoxb-new", on, clock)} {
			if err := s.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, at := range []time.Time{clock.at, clock.at.Add(-month)} {
				row := rowBy(ringFor(t, "evil", on, clock), at)
				if s.VerifyRow(row) == nil {
					t.Errorf("%s, %s: a click of %v is genuine", who, name, at)
				}
				if _, err := s.Decode(row.Confirmation, at); err == nil {
					t.Errorf("%s, %s: a prompt is genuine", who, name)
				}
			}
		}
	}
}

// While a replaced token is trusted, it can introduce keys, but these end with it,
// whatever their row says, even if the token changes again. The bot never signs with them.
func TestIntroducedKeysEndWithTheirIntroducer(t *testing.T) {
	t.Parallel()
	evil, err := deriveKeys("evil", chamelio.DefaultBaseURL)
	if err != nil {
		t.Fatal(err)
	}
	for name, ends := range claims(time.Now().Add(time.Hour)) {
		on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
		began := clock.at
		bot := ringFor(t, "xoxb-old", on, clock)
		if err := bot.Rotate(t.Context(), "xoxb-new"); err != nil {
			t.Fatal(err)
		}
		clock.at = began.Add(time.Hour)
		introduce(t, on, "xoxb-old", otherKeys{evil, ends[0], ends[1]})
		if err := bot.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, next := range []string{"", "xoxb-third"} {
			if next != "" {
				if err := bot.Rotate(t.Context(), next); err != nil {
					t.Fatal(err)
				}
			}
			if bot.signing().id == evil.id {
				t.Errorf("%s: the bot signs with them", name)
			}
			wantEnded(t, "evil", bot, clock, began)
			if bot.signing().id == evil.id {
				t.Errorf("%s: the bot signs with them later", name)
			}
			clock.at = began.Add(2 * time.Hour)
		}
	}
}

// The holder of the current token can't give keys a longer life than any may have.
func TestNoKeysOutliveTheLongest(t *testing.T) {
	t.Parallel()
	for name, ends := range claims(time.Now()) {
		on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
		other, err := deriveKeys("xoxb-other", chamelio.DefaultBaseURL)
		if err != nil {
			t.Fatal(err)
		}
		bot, began := ringFor(t, "xoxb-now", on, clock), clock.at
		introduce(t, on, "xoxb-now", otherKeys{other, ends[0], ends[1]})
		if err := bot.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if bot.signing().id == other.id {
			t.Errorf("%s: the bot signs with them", name)
		}
		wantEnded(t, "xoxb-other", bot, clock, began)
	}
}

// Someone has a token that was replaced a month ago. They delete the row that says so,
// and keep the one by which the token's keys were lent before.
func TestDeletedRowLendsNothingAgain(t *testing.T) {
	t.Parallel()
	for _, current := range []string{"xoxb-2", "xoxb-0"} { // another token, and the one before
		for _, later := range []time.Duration{month, rowsOutlive + handover + 2*time.Hour} {
			ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
			bot := ringFor(t, "xoxb-0", on, clock)
			if err := bot.Rotate(ctx, "xoxb-1"); err != nil {
				t.Fatal(err)
			}
			clock.at = clock.at.Add(time.Hour)
			if err := bot.Rotate(ctx, current); err != nil {
				t.Fatal(err)
			}
			clock.at = clock.at.Add(later)
			one, _ := deriveKeys("xoxb-1", chamelio.DefaultBaseURL)
			holder, _ := deriveKeys(current, chamelio.DefaultBaseURL)
			deleted := 0
			for id, sealed := range on.sealed {
				if isFor(sealed, holder) {
					if keys, err := unseal(sealed, holder); err == nil && keys.id == one.id && !keys.signed.Equal(keys.until) {
						delete(on.sealed, id)
						deleted++
					}
				}
			}
			next := ringFor(t, current, on, clock)
			if err := next.Load(ctx); err != nil || deleted != 1 {
				t.Fatal(deleted, err)
			}
			row := rowBy(ringFor(t, "xoxb-1", on, clock), clock.at)
			if next.VerifyRow(row) == nil {
				t.Errorf("%s, after %v: a click is genuine", current, later)
			}
			if _, err := next.Decode(row.Confirmation, clock.at); err == nil {
				t.Errorf("%s, after %v: a prompt is genuine", current, later)
			}
		}
	}
}

// Broken rows are reported once each, however many there are, and forgotten once they
// are deleted.
func TestBrokenKeysAreReportedOnceAndForgotten(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	s := ringFor(t, "xoxb-old", on, clock)
	broken := 0
	s.OnBrokenKeys(func(error) { broken++ })
	const many = 5000
	for i := range many {
		on.sealed[fmt.Sprint(i)] = s.Keys()[0] + fmt.Sprint(i)
	}
	load := func(want int) {
		t.Helper()
		if err := s.Load(t.Context()); err != nil || broken != many || len(s.rows.opened) != want {
			t.Errorf("%d reported, %d remembered: %v", broken, len(s.rows.opened), err)
		}
	}
	load(many)
	load(many)
	clear(on.sealed)
	load(0)
}

// A seal counts if its key was usable at the time that the caller knows.
func TestSealsEndWithTheirKeys(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	bot := ringFor(t, "xoxb-old", on, clock)
	seal := bot.Seal("note", "x")
	if err := bot.Rotate(t.Context(), "xoxb-new"); err != nil {
		t.Fatal(err)
	}
	end := clock.at.Add(handover + rowsOutlive)
	clock.at = clock.at.Add(month)
	for at, want := range map[time.Time]error{end: nil, end.Add(time.Second): decision.ErrStaleKey, clock.at: decision.ErrStaleKey} {
		if err := bot.VerifySeal(seal, at, "note", "x"); !errors.Is(err, want) {
			t.Errorf("at %v: %v", at, err)
		}
	}
	if seal := bot.Seal("note", "x"); bot.VerifySeal(seal, clock.at.Add(12*month), "note", "x") != nil {
		t.Error("the current keys have an end")
	}
}
