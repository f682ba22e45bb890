package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// TestEachPageIsPrintedBeforeTheNextIsRead prints several pages in each form. There is
// one header, and one line for each row.
func TestEachPageIsPrintedBeforeTheNextIsRead(t *testing.T) {
	for name, h := range map[string]historyFlags{"a table": {}, "JSON": {asJSON: true}, "CSV": {csv: true}} {
		h.query.Limit = 1200
		header := 1
		if h.asJSON {
			header = 0
		}
		var out bytes.Buffer
		read := 0
		err := printHistory(t.Context(), h, func(_ context.Context, q journal.Query) ([]journal.SetAside, error) {
			if lines := strings.Count(out.String(), "\n"); read > 0 && lines != read+header {
				t.Errorf("%s: %d rows are read, and %d lines printed", name, read, lines)
			}
			read += q.Limit
			return make([]journal.SetAside, q.Limit), nil
		}, setAsidesOf, &printer[setAsideEntry]{out: &out, format: h, sheet: setAsideSheet})
		if lines := strings.Count(out.String(), "\n"); err != nil || read != 1200 || lines != read+header {
			t.Errorf("%s: %d rows, %d lines, %v", name, read, lines, err)
		}
	}
}

// TestNothingToPrint prints no entry, in each form.
func TestNothingToPrint(t *testing.T) {
	for want, h := range map[string]historyFlags{
		"No refusals on record.\n": {}, "": {asJSON: true},
		"refused_at,task_id,person,moment,why,team,channel,confirmation_id,unverified\n": {csv: true},
	} {
		var out bytes.Buffer
		if err := printed(&out, h, refusalSheet); err != nil || out.String() != want {
			t.Errorf("%q, %v", out.String(), err)
		}
	}
}

// TestNamesAreLookedUpOnce makes a lookup fail. No further one is tried.
func TestNamesAreLookedUpOnce(t *testing.T) {
	t.Setenv("SLACK_BOT_TOKEN", "")
	failed := 0
	d := &directory{known: names{"U1": "Ada"}, failed: func(error) { failed++ }}
	for _, ids := range [][]string{{"U1", "", "U1"}, {"U2"}, {"U3"}} {
		if got := d.of(t.Context(), ids); got["U1"] != "Ada" {
			t.Errorf("%v: %v", ids, got)
		}
	}
	if failed != 1 {
		t.Errorf("%d lookups failed", failed)
	}
}
