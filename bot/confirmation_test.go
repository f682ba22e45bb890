package bot

import (
	"errors"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// Whoever can only write the journal, and has seen a genuine row, cannot make
// another of it.
func TestARowIsActedOnOnlyAsItsClickMadeIt(t *testing.T) {
	s := testSigner(t)
	pressed := time.Now().Truncate(time.Millisecond)
	c := confirmation{
		ID: newConfirmationID(), Task: 12345, Title: "Master agreement", URL: "https://app.chamelio.ai/workflows/tasks/12345",
		Team: "T0ACME", Channel: "C0GENERAL", Requester: "U0ADA", Reason: "twice",
		RequestedAt: pressed.Add(-time.Minute), ExpiresAt: pressed.Add(time.Minute),
	}
	rowOf := func(c confirmation) journal.Decision {
		d := decider{signer: s}
		return d.decisionOf(click{user: "U0GRACE", value: s.encode(c), responseURL: "https://hooks.slack.com/actions/x", received: pressed}, c)
	}
	if err := s.verify(rowOf(c)); err != nil {
		t.Fatalf("a genuine row: %v", err)
	}
	another := c
	another.ID, another.Task = newConfirmationID(), 12346
	late := c
	late.ExpiresAt = pressed

	changed := func(change func(*journal.Decision)) journal.Decision {
		d := rowOf(c)
		change(&d)
		return d
	}
	// signed is what a thief of the click key could write, not of the
	// confirmations': the confirmation still says what was meant.
	signed := func(change func(*journal.Decision)) journal.Decision {
		d := changed(change)
		d.MAC = s.click(d)
		return d
	}
	for name, tt := range map[string]struct {
		row  journal.Decision
		want error
	}{
		"no MAC":                          {changed(func(d *journal.Decision) { d.MAC = "" }), errNoClick},
		"another row's MAC":               {changed(func(d *journal.Decision) { d.MAC = rowOf(another).MAC }), errNoClick},
		"a genuine prompt nobody clicked": {changed(func(d *journal.Decision) { d.MAC = "x.y" }), errNoClick},
		"another id":                      {changed(func(d *journal.Decision) { d.ID = "x" }), errNoClick},
		"another task":                    {changed(func(d *journal.Decision) { d.TaskID++ }), errNoClick},
		"another workspace":               {changed(func(d *journal.Decision) { d.Team = "T9EVIL" }), errNoClick},
		"another channel":                 {changed(func(d *journal.Decision) { d.Channel = "C9" }), errNoClick},
		"another requester":               {changed(func(d *journal.Decision) { d.Requester = "U9" }), errNoClick},
		"another confirmer":               {changed(func(d *journal.Decision) { d.Confirmer = "U9" }), errNoClick},
		"another moment":                  {changed(func(d *journal.Decision) { d.DecidedAt = d.DecidedAt.Add(time.Hour) }), errNoClick},
		"another address for the answer":  {changed(func(d *journal.Decision) { d.ResponseURL = "https://evil.example" }), errNoClick},
		"another prompt":                  {changed(func(d *journal.Decision) { d.Confirmation = s.encode(another) }), errNoClick},
		"another reason":                  {changed(func(d *journal.Decision) { d.Reason = "never mind" }), errUnlike},
		"another title":                   {changed(func(d *journal.Decision) { d.Title = "Lunch" }), errUnlike},
		"another page":                    {changed(func(d *journal.Decision) { d.URL = "https://evil.example" }), errUnlike},
		"signed, another task":            {signed(func(d *journal.Decision) { d.TaskID++ }), errUnlike},
		"signed, another id":              {signed(func(d *journal.Decision) { d.ID = "x" }), errUnlike},
		"signed, another workspace":       {signed(func(d *journal.Decision) { d.Team = "T9EVIL" }), errUnlike},
		"signed, another channel":         {signed(func(d *journal.Decision) { d.Channel = "C9" }), errUnlike},
		"signed, another requester":       {signed(func(d *journal.Decision) { d.Requester = "U9" }), errUnlike},
		"signed, no prompt":               {signed(func(d *journal.Decision) { d.Confirmation = "2.x.y" }), errMalformed},
		"clicked after the end":           {rowOf(late), errLateClick},
	} {
		if err := s.verify(tt.row); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, not %v", name, err, tt.want)
		}
	}
}
