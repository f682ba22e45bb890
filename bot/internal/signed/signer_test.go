package signed

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Someone who can only write to the journal, and has seen a genuine row, can't
// make another one from it.
func TestVerifiesEachFieldOfARow(t *testing.T) {
	s := testSigner(t)
	pressed := time.Now().Truncate(time.Millisecond)
	c := decision.Confirmation{
		ID: NewID(time.Now()), Tasks: []decision.Named{{ID: 12345, Title: "Master agreement", URL: "https://app.chamelio.ai/workflows/tasks/12345"}, {ID: 12347}},
		Team: "T0ACME", Channel: "C0GENERAL", Requester: "U0ADA", Reason: "twice",
		RequestedAt: pressed.Add(-time.Minute), ExpiresAt: pressed.Add(time.Minute),
	}
	rowOf := func(c decision.Confirmation) decision.Record { return rowAt(s, c, "U0GRACE", pressed) }
	if err := s.VerifyRow(rowOf(c)); err != nil {
		t.Fatalf("a genuine row: %v", err)
	}
	another := c
	another.ID, another.Tasks = NewID(time.Now()), []decision.Named{{ID: 12346}}
	late := c
	late.ExpiresAt = pressed

	changed := func(change func(*decision.Record)) decision.Record {
		d := rowOf(c)
		change(&d)
		return d
	}
	// signed returns a row that a thief of the click key, but not of the
	// confirmations' key, could write: the confirmation still says what was
	// meant.
	signed := func(change func(*decision.Record)) decision.Record {
		d := changed(change)
		d.MAC = s.SignClick(d)
		return d
	}
	closed := func(as decision.Outcome) decision.Record {
		return changed(func(d *decision.Record) {
			d.MAC = s.SignRow(*d, decision.Withdrawn)
			for i := range d.Tasks {
				d.Tasks[i].Outcome = as
			}
		})
	}
	if d := closed(decision.Withdrawn); s.VerifyRow(d) != nil || s.IsDecision(d) {
		t.Errorf("a prompt that was closed: %v", s.VerifyRow(d))
	}
	if d := changed(func(d *decision.Record) { d.ResponseURL = "" }); s.VerifyRow(d) != nil || !s.IsDecision(d) {
		t.Errorf("a row whose address for the answer was erased: %v", s.VerifyRow(d))
	}
	for name, tt := range map[string]struct {
		row  decision.Record
		want error
	}{
		"no MAC":                          {changed(func(d *decision.Record) { d.MAC = "" }), errNoClick},
		"another row's MAC":               {changed(func(d *decision.Record) { d.MAC = rowOf(another).MAC }), errNoClick},
		"a genuine prompt nobody clicked": {changed(func(d *decision.Record) { d.MAC = s.signing().id + ".x.y." }), errNoClick},
		"another id":                      {changed(func(d *decision.Record) { d.ID = "x" }), errNoClick},
		"another task":                    {changed(func(d *decision.Record) { d.Tasks[0].ID++ }), errNoClick},
		"one task less":                   {changed(func(d *decision.Record) { d.Tasks = d.Tasks[:1] }), errNoClick},
		"one task more":                   {changed(func(d *decision.Record) { d.Tasks = append(d.Tasks, decision.Item{ID: 1}) }), errNoClick},
		"another thread":                  {changed(func(d *decision.Record) { d.Thread = "1.2" }), errNoClick},
		"another workspace":               {changed(func(d *decision.Record) { d.Team = "T9EVIL" }), errNoClick},
		"another channel":                 {changed(func(d *decision.Record) { d.Channel = "C9" }), errNoClick},
		"another requester":               {changed(func(d *decision.Record) { d.Requester = "U9" }), errNoClick},
		"another confirmer":               {changed(func(d *decision.Record) { d.Confirmer = "U9" }), errNoClick},
		"another moment":                  {changed(func(d *decision.Record) { d.DecidedAt = d.DecidedAt.Add(time.Hour) }), errNoClick},
		"another address for the answer":  {changed(func(d *decision.Record) { d.ResponseURL = "https://evil.example" }), errNoClick},
		"another prompt":                  {changed(func(d *decision.Record) { d.Confirmation = s.Encode(another) }), errNoClick},
		"another reason":                  {changed(func(d *decision.Record) { d.Reason = "never mind" }), errUnlike},
		"another title":                   {changed(func(d *decision.Record) { d.Tasks[0].Title = "Lunch" }), errUnlike},
		"another page":                    {changed(func(d *decision.Record) { d.Tasks[0].URL = "https://evil.example" }), errUnlike},
		"signed, another task":            {signed(func(d *decision.Record) { d.Tasks[0].ID++ }), errUnlike},
		"signed, one task more":           {signed(func(d *decision.Record) { d.Tasks = append(d.Tasks, decision.Item{ID: 1}) }), errUnlike},
		"signed, another id":              {signed(func(d *decision.Record) { d.ID = "x" }), errUnlike},
		"signed, another workspace":       {signed(func(d *decision.Record) { d.Team = "T9EVIL" }), errUnlike},
		"signed, another channel":         {signed(func(d *decision.Record) { d.Channel = "C9" }), errUnlike},
		"signed, another requester":       {signed(func(d *decision.Record) { d.Requester = "U9" }), errUnlike},
		"signed, no prompt":               {signed(func(d *decision.Record) { d.Confirmation = "2.x.y" }), ErrMalformed},
		"another time of the command":     {changed(func(d *decision.Record) { d.RequestedAt = d.RequestedAt.Add(time.Hour) }), errUnlike},
		"a closed prompt as a click":      {closed(""), errNoClick},
		"a closed prompt as expired":      {closed(decision.Expired), errNoClick},
		"clicked after the end":           {rowOf(late), errLateClick},
	} {
		if err := s.VerifyRow(tt.row); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, not %v", name, err, tt.want)
		}
	}
}

func testSigner(t testing.TB) Signer {
	t.Helper()
	s, err := NewSigner("xoxb-test", chamelio.DefaultBaseURL, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLongestConfirmationFitsButton(t *testing.T) {
	id := strings.Repeat("W", 24)
	for _, filler := range []string{"🙂", `"`, `\`, "<", "\u2028", "\x01", "\u202e"} {
		req, err := input.ParseCommand("9223372036854775807 "+strings.Repeat(filler, input.MaxReason), input.Rules{MaxTasks: 1})
		if err != nil {
			t.Fatal(err)
		}
		c := decision.Confirmation{
			ID: NewID(time.Now()), Tasks: []decision.Named{{ID: req.Tasks[0]}}, Team: id, Channel: id, Requester: id, Reason: req.Reason,
			RequestedAt: time.Now().Truncate(time.Second), ExpiresAt: time.Now().Add(time.Minute).Truncate(time.Second),
		}
		s := testSigner(t)
		value := s.Encode(c)
		if len(value) > 2000 {
			t.Errorf("a reason of %q gives a value of %d characters", filler, len(value))
		}
		back, err := s.Decode(value, time.Now())
		if err != nil || back.Reason != c.Reason || back.Tasks[0] != c.Tasks[0] || !back.ExpiresAt.Equal(c.ExpiresAt) || back.ID != c.ID {
			t.Errorf("came back as %+v, %v", back, err)
		}
	}
}

func TestRejectsConfirmationOfOtherTokenOrTime(t *testing.T) {
	now := time.Now()
	c := decision.Confirmation{ID: "x", Tasks: []decision.Named{{ID: 1}}, ExpiresAt: now.Add(time.Minute)}
	value := testSigner(t).Encode(c)
	other, err := NewSigner("xoxb-rotated", chamelio.DefaultBaseURL, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Decode(value, now); !errors.Is(err, ErrForged) {
		t.Errorf("another token: %v", err)
	}
	if got, err := testSigner(t).Decode(value, now.Add(time.Minute)); !errors.Is(err, ErrExpired) || got.Tasks[0].ID != 1 {
		t.Errorf("at its expiry: %v", err)
	}
}

// A signature for the tasks at one address is never valid for those at another,
// whether or not the bot token changes.
func TestAnotherAddressKnowsNoSignature(t *testing.T) {
	on, clock := &shelf{sealed: map[string]string{}}, &clockOf{time.Now()}
	here := ringFor(t, "xoxb-old", on, clock)
	there, err := NewSigner("xoxb-old", "https://chamelio.test", on, clock.now)
	if err != nil {
		t.Fatal(err)
	}
	c := decision.Confirmation{ID: "x", Tasks: []decision.Named{{ID: 1}}, ExpiresAt: clock.at.Add(time.Minute)}
	value, row := here.Encode(c), rowBy(here, clock.at)
	for _, token := range []string{"xoxb-old", "xoxb-new"} {
		if err := errors.Join(here.Rotate(t.Context(), token), there.Rotate(t.Context(), token), there.Load(t.Context())); err != nil {
			t.Fatal(err)
		}
		if _, err := there.Decode(value, clock.at); !errors.Is(err, ErrForged) {
			t.Errorf("a prompt, with %s: %v", token, err)
		}
		if err := there.VerifyRow(row); !errors.Is(err, decision.ErrUnknownKey) {
			t.Errorf("a row, with %s: %v", token, err)
		}
	}
}

func FuzzConfirmation(f *testing.F) {
	s := testSigner(f)
	at := time.Unix(1_800_000_000, 0) // the same in each of the fuzzer's processes
	good := s.Encode(decision.Confirmation{ID: "x", Tasks: []decision.Named{{ID: 1}}, Reason: "r", ExpiresAt: at.Add(time.Hour)})
	f.Add(good)
	// The last character of a signature has two unused bits.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	f.Add(good[:len(good)-1] + digits[strings.IndexByte(digits, good[len(good)-1])^1:][:1])
	f.Add("1.W10.AAAA")
	f.Add("")
	f.Add("..")
	f.Fuzz(func(t *testing.T, value string) {
		if _, err := s.Decode(value, at); err == nil && value != good {
			t.Fatalf("%q is accepted", value)
		}
		// A correctly signed but malformed value is refused, too.
		if signed := confirmationVersion + "." + value; len(value) < 1000 {
			_, _ = s.Decode(signed+"."+strings.TrimRight(value, "."), at)
		}
	})
}
