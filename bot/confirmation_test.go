package bot

import (
	"errors"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
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
	rowOf := func(c confirmation) decision.Record {
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

	changed := func(change func(*decision.Record)) decision.Record {
		d := rowOf(c)
		change(&d)
		return d
	}
	// signed is what a thief of the click key could write, not of the
	// confirmations': the confirmation still says what was meant.
	signed := func(change func(*decision.Record)) decision.Record {
		d := changed(change)
		d.MAC = s.click(d)
		return d
	}
	for name, tt := range map[string]struct {
		row  decision.Record
		want error
	}{
		"no MAC":                          {changed(func(d *decision.Record) { d.MAC = "" }), errNoClick},
		"another row's MAC":               {changed(func(d *decision.Record) { d.MAC = rowOf(another).MAC }), errNoClick},
		"a genuine prompt nobody clicked": {changed(func(d *decision.Record) { d.MAC = "x.y" }), errNoClick},
		"another id":                      {changed(func(d *decision.Record) { d.ID = "x" }), errNoClick},
		"another task":                    {changed(func(d *decision.Record) { d.TaskID++ }), errNoClick},
		"another workspace":               {changed(func(d *decision.Record) { d.Team = "T9EVIL" }), errNoClick},
		"another channel":                 {changed(func(d *decision.Record) { d.Channel = "C9" }), errNoClick},
		"another requester":               {changed(func(d *decision.Record) { d.Requester = "U9" }), errNoClick},
		"another confirmer":               {changed(func(d *decision.Record) { d.Confirmer = "U9" }), errNoClick},
		"another moment":                  {changed(func(d *decision.Record) { d.DecidedAt = d.DecidedAt.Add(time.Hour) }), errNoClick},
		"another address for the answer":  {changed(func(d *decision.Record) { d.ResponseURL = "https://evil.example" }), errNoClick},
		"another prompt":                  {changed(func(d *decision.Record) { d.Confirmation = s.encode(another) }), errNoClick},
		"another reason":                  {changed(func(d *decision.Record) { d.Reason = "never mind" }), errUnlike},
		"another title":                   {changed(func(d *decision.Record) { d.Title = "Lunch" }), errUnlike},
		"another page":                    {changed(func(d *decision.Record) { d.URL = "https://evil.example" }), errUnlike},
		"signed, another task":            {signed(func(d *decision.Record) { d.TaskID++ }), errUnlike},
		"signed, another id":              {signed(func(d *decision.Record) { d.ID = "x" }), errUnlike},
		"signed, another workspace":       {signed(func(d *decision.Record) { d.Team = "T9EVIL" }), errUnlike},
		"signed, another channel":         {signed(func(d *decision.Record) { d.Channel = "C9" }), errUnlike},
		"signed, another requester":       {signed(func(d *decision.Record) { d.Requester = "U9" }), errUnlike},
		"signed, no prompt":               {signed(func(d *decision.Record) { d.Confirmation = "2.x.y" }), errMalformed},
		"clicked after the end":           {rowOf(late), errLateClick},
	} {
		if err := s.verify(tt.row); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, not %v", name, err, tt.want)
		}
	}
}
