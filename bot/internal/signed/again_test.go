package signed

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// rotated gives a replica another token, and lets others load the keys.
func rotated(t *testing.T, s Signer, token string, others ...Signer) {
	t.Helper()
	err := s.Rotate(t.Context(), token)
	for _, other := range others {
		err = errors.Join(err, other.Load(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Y gets a token that it had before, minutes before X does. X trusts it again, even
// after a restart, for as long as any other token.
func TestTokenThatComesBackIsTrustedAgain(t *testing.T) {
	t.Parallel()
	for _, rest := range []time.Duration{time.Hour, 26 * time.Hour, 34 * 24 * time.Hour, 2 * month} {
		for name, c := range map[string]struct {
			before   func(x, y Signer, clock *clockOf)
			has, new string
		}{
			"it was only tried": {func(x, y Signer, clock *clockOf) {
				rotated(t, y, "xoxb-b", x)
				clock.at = clock.at.Add(time.Minute)
				rotated(t, y, "xoxb-a", x)
			}, "xoxb-a", "xoxb-b"},
			"both had it": {func(x, y Signer, _ *clockOf) {
				rotated(t, y, "xoxb-b", x)
				rotated(t, x, "xoxb-b", y)
			}, "xoxb-b", "xoxb-a"},
		} {
			on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
			x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
			c.before(x, y, clock)
			clock.at = clock.at.Add(rest)
			early := rowBy(ringFor(t, c.new, on, clock), clock.at)
			if err := x.VerifyRow(early); rest > rowsOutlive && !errors.Is(err, decision.ErrUnknownKey) {
				t.Errorf("%s, %v: a row that is read before its keys: %v", name, rest, err)
			}
			rotated(t, y, c.new, x)
			began := clock.at
			restarted := ringFor(t, c.has, on, clock)
			rotated(t, restarted, c.has) // as it was
			if err := restarted.Load(t.Context()); err != nil {
				t.Fatal(err)
			}
			for who, s := range map[string]Signer{"X": x, "X after a restart": restarted} {
				clock.at = began.Add(5 * time.Minute)
				row := rowBy(y, clock.at)
				_, err := s.Decode(row.Confirmation, clock.at)
				if err := errors.Join(err, s.VerifyRow(row), s.VerifyRow(early)); err != nil {
					t.Errorf("%s, %v, %s: %v", name, rest, who, err)
				}
				if !slices.Contains(s.Keys(), decision.UsableKey(y.current.id)) {
					t.Errorf("%s, %v, %s: rows that wait for the keys don't return", name, rest, who)
				}
				wantEnded(t, c.new, s, clock, began)
				if slices.Contains(s.Keys(), decision.UsableKey(y.current.id)) {
					t.Errorf("%s, %v, %s: rows return too late", name, rest, who)
				}
			}
		}
	}
}

// wantTakenBack fails if a replica accepts a prompt signed with the given token.
func wantTakenBack(t *testing.T, s Signer, clock *clockOf, token string) {
	t.Helper()
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	prompt := rowBy(ringFor(t, token, &shelf{}, clock), clock.at).Confirmation
	if _, err := s.Decode(prompt, clock.at); !errors.Is(err, ErrForged) {
		t.Errorf("a prompt of %s: %v", token, err)
	}
}

// Someone who can write to the database keeps the row by which a token's keys were
// lent, and restores it after the token was replaced.
func TestRestoredRowTrustsNothingAgain(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
	rotated(t, y, "xoxb-b")
	lent := maps.Clone(on.sealed)
	clear(on.sealed)
	clock.at = clock.at.Add(time.Minute)
	rotated(t, y, "xoxb-a", x)
	maps.Copy(on.sealed, lent)
	clock.at = clock.at.Add(time.Hour)
	for _, s := range []Signer{x, y, ringFor(t, "xoxb-a", on, clock)} {
		wantTakenBack(t, s, clock, "xoxb-b")
	}
}

// A token is replaced in the second in which it was lent.
func TestKeysThatAreReplacedAtOnceEnd(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
	rotated(t, y, "xoxb-b", x)
	rotated(t, y, "xoxb-c", x)
	clock.at = clock.at.Add(time.Hour)
	for _, s := range []Signer{x, ringFor(t, "xoxb-a", on, clock)} {
		wantTakenBack(t, s, clock, "xoxb-b")
	}
}

// A row that is dated after the end of keys that can sign now doesn't wait for them:
// it would return, and be set aside, again and again.
func TestRowAheadOfItsKeyWaitsForNothing(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	bot := ringFor(t, "xoxb-a", on, clock)
	rotated(t, bot, "xoxb-b")
	row := rowBy(ringFor(t, "xoxb-a", on, clock), clock.at.Add(month))
	if err := bot.VerifyRow(row); !errors.Is(err, errAhead) {
		t.Error(err)
	}
	if err := bot.VerifySeal(ringFor(t, "xoxb-a", on, clock).Seal("x"), clock.at.Add(month), "x"); !errors.Is(err, errAhead) {
		t.Error(err)
	}
}
