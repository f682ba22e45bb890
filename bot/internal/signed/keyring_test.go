package signed

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// shelf stores sealed keys, like the journal.
type shelf struct {
	sealed map[string]string
	away   bool
}

var errAway = errors.New("the database is away")

func (s *shelf) KeepSigningKeys(_ context.Context, id, sealed string, _ time.Duration) error {
	if s.away {
		return errAway
	}
	s.sealed[id] = sealed
	return nil
}

// ShortenSigningKeys does nothing: nothing ends here.
func (s *shelf) ShortenSigningKeys(context.Context, string, string, time.Duration) error { return nil }

func (s *shelf) SigningKeys(context.Context, int) (all []string, err error) {
	if s.away {
		return nil, errAway
	}
	for _, one := range s.sealed {
		all = append(all, one)
	}
	return all, nil
}

// clockOf returns a stopped clock.
type clockOf struct{ at time.Time }

func (c *clockOf) now() time.Time { return c.at }

func ringFor(t *testing.T, token string, on Store, clock *clockOf) Signer {
	t.Helper()
	s, err := NewSigner(token, chamelio.DefaultBaseURL, on, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func rowBy(s Signer, at time.Time) decision.Record {
	c := decision.Confirmation{ID: NewID(at), Tasks: []decision.Named{{ID: 1}}, Team: "T0", Channel: "C0", Requester: "U0", RequestedAt: at.Truncate(time.Second), ExpiresAt: at.Add(MaxTTL)}
	return rowAt(s, c, "U0", at)
}

// rowAt is the row of a click on c.
func rowAt(s Signer, c decision.Confirmation, user string, at time.Time) decision.Record {
	d := decision.Record{
		ID: decision.ID(c.ID), Team: c.Team, Channel: c.Channel,
		Requester: c.Requester, Confirmer: user, Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: at,
		ResponseURL: "https://hooks.slack.com/actions/x", Confirmation: s.Encode(c),
	}
	for _, t := range c.Tasks {
		d.Tasks = append(d.Tasks, t.Item())
	}
	d.MAC = s.SignClick(d)
	return d
}

// All earlier signatures stay valid: for this replica, for one that starts to
// use the new token later, and for the next start, which only knows the new
// one.
func TestEarlierSignaturesStayValid(t *testing.T) {
	t.Parallel()
	ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	began := clock.at
	first, second := ringFor(t, "xoxb-old", on, clock), ringFor(t, "xoxb-old", on, clock)
	before := rowBy(first, clock.at)
	if err := first.Rotate(ctx, "xoxb-new"); err != nil {
		t.Fatal(err)
	}
	between := rowBy(first, clock.at)
	verify := func(who string, s Signer, row decision.Record, want error) {
		t.Helper()
		err := s.VerifyRow(row)
		if err != nil { // as the journal does
			err = errors.Join(s.Load(ctx), s.VerifyRow(row))
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", who, err, want)
		}
	}
	verify("this replica, of before", first, before, nil)
	verify("this replica, of between", first, between, nil)
	verify("one that has the old token still", second, between, nil)
	next := ringFor(t, "xoxb-new", on, clock)
	verify("the next start, of before", next, before, nil)
	verify("the next start, of between", next, between, nil)
	verify("this replica, of the next start", first, rowBy(next, clock.at), nil)
	verify("somebody with another token", ringFor(t, "xoxb-other", on, clock), before, decision.ErrUnknownKey)

	clock.at = began.Add(handover)
	after := rowBy(first, clock.at)
	verify("one that has the old token still, much later", second, after, nil)
	verify("one that has the old token alone", ringFor(t, "xoxb-old", &shelf{}, clock), after, decision.ErrUnknownKey)
	verify("this replica, of one that has the old token still", first, rowBy(second, clock.at.Add(time.Hour)), nil)
	verify("the next start, of after", next, after, nil)
	if err := second.Rotate(ctx, "xoxb-new"); err != nil {
		t.Fatal(err)
	}
	verify("one that was late", second, after, nil)

	// The third token replaces the second: all three are valid.
	if err := first.Rotate(ctx, "xoxb-third"); err != nil {
		t.Fatal(err)
	}
	third := ringFor(t, "xoxb-third", on, clock)
	verify("the third, of the first", third, before, nil)
	verify("the third, of the second", third, after, nil)

	// Prompts are valid until they expire, rows as long as they can be in
	// progress.
	clock.at = began.Add(handover + handover + promptsOutlive - time.Second) // the second replica has replaced it a bit later
	if _, err := first.Decode(before.Confirmation, began); err != nil {
		t.Errorf("a prompt near its end: %v", err)
	}
	clock.at = began.Add(handover + handover + promptsOutlive)
	if _, err := first.Decode(before.Confirmation, began); !errors.Is(err, ErrForged) {
		t.Errorf("a prompt after its end: %v", err)
	}
	verify("a row that long ago", first, before, nil)
	clock.at = began.Add(handover + handover + rowsOutlive + time.Second)
	verify("a row about which something is to be said", first, before, nil)
	clock.at = before.DecidedAt.Add(decision.MaxWork)
	verify("the same, when that may still be", first, before, nil)
	clock.at = clock.at.Add(time.Second)
	verify("the same, overdue", first, before, decision.ErrStaleKey)
	before.AnnouncedAt, before.Tasks[0].Outcome = before.DecidedAt, decision.Cancelled
	verify("a row of long ago, to be read", first, before, nil)
	verify("the same after a restart", ringFor(t, "xoxb-third", on, clock), before, nil)
	stale := rowBy(ringFor(t, "xoxb-old", &shelf{}, clock), clock.at.Add(time.Minute))
	verify("a click of long after", first, stale, decision.ErrStaleKey)
	stale.AnnouncedAt = stale.DecidedAt
	verify("the same, announced", first, stale, decision.ErrStaleKey)
}

// Keys that someone else writes into the table of keys decrypt nothing, and those
// for this process are reported.
func TestForgedKeysAreReported(t *testing.T) {
	t.Parallel()
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	s := ringFor(t, "xoxb-old", on, clock)
	broken := 0
	s.OnBrokenKeys(func(error) { broken++ })
	on.sealed["forged"] = s.signing().id + ".QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE"
	on.sealed["of no one"] = "12345678.QUFB"
	for range 3 {
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if broken != 1 || len(s.accepted(keysKept)) != 1 {
		t.Errorf("%d reported, %d keys", broken, len(s.accepted(keysKept)))
	}
}

// Without the journal no token is replaced, and no row is judged.
func TestKeysAreReplacedAfterSavingOldOnes(t *testing.T) {
	t.Parallel()
	ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}, away: true}, &clockOf{time.Now()}
	s := ringFor(t, "xoxb-old", on, clock)
	if err := s.Rotate(ctx, "xoxb-new"); !errors.Is(err, errAway) {
		t.Error(err)
	}
	clock.at = clock.at.Add(handover)
	old := ringFor(t, "xoxb-old", on, clock)
	if err := old.VerifyRow(rowBy(s, clock.at)); err != nil {
		t.Errorf("it was replaced all the same: %v", err)
	}
}

// wantEnded fails unless a prompt and a click are refused that a token signs, which
// was replaced when began was.
func wantEnded(t *testing.T, token string, s Signer, clock *clockOf, began time.Time) {
	t.Helper()
	clock.at = began.Add(rowsOutlive + promptsOutlive + handover)
	row := rowBy(ringFor(t, token, &shelf{}, clock), clock.at)
	if _, err := s.Decode(row.Confirmation, clock.at); !errors.Is(err, ErrForged) {
		t.Errorf("a prompt: %v", err)
	}
	if err := s.VerifyRow(row); err == nil {
		t.Error("a click counts")
	}
}

// Y gets a token that leaks, so X and Y get another one: X never had the leaked one,
// and trusts it for no longer than Y does.
func TestKeysOfASkippedTokenEnd(t *testing.T) {
	ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
	began := clock.at
	if err := errors.Join(y.Rotate(ctx, "xoxb-leaked"), x.Load(ctx), y.Rotate(ctx, "xoxb-c"), x.Rotate(ctx, "xoxb-c"), x.Load(ctx), y.Load(ctx)); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Signer{x, y} {
		clock.at = began
		row := rowBy(ringFor(t, "xoxb-leaked", &shelf{}, clock), clock.at)
		if err := s.VerifyRow(row); err != nil {
			t.Errorf("a click from before: %v", err)
		}
		wantEnded(t, "xoxb-leaked", s, clock, began)
	}
}

// A token file goes back to the earlier token. No replica trusts the one between
// for long, even if it never had it.
func TestKeysOfATokenThatWasTakenBackEnd(t *testing.T) {
	ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
	began := clock.at
	if err := errors.Join(y.Rotate(ctx, "xoxb-leaked"), x.Load(ctx), y.Rotate(ctx, "xoxb-a"), x.Load(ctx)); err != nil {
		t.Fatal(err)
	}
	restarted := ringFor(t, "xoxb-a", on, clock)
	if err := restarted.Load(ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []Signer{x, y, restarted} {
		wantEnded(t, "xoxb-leaked", s, clock, began)
	}
}

// A replica whose token stays trusts another one's for a day, as the journal does.
func TestKeysOfALaterTokenEnd(t *testing.T) {
	ctx, on, clock := t.Context(), &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	x, y := ringFor(t, "xoxb-a", on, clock), ringFor(t, "xoxb-a", on, clock)
	began := clock.at
	if err := errors.Join(y.Rotate(ctx, "xoxb-b"), x.Load(ctx)); err != nil {
		t.Fatal(err)
	}
	wantEnded(t, "xoxb-b", x, clock, began)
}
