package journal_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// A journal is about the first organisation that it learns of, whatever that is called
// later, and whichever key it uses.
func TestJournalIsAboutOneOrganisation(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := open(t, url, time.Minute)
		acme, hooli := journal.Organisation{Name: "Acme", KeyID: 1}, journal.Organisation{Name: "Hooli", KeyID: 9}
		for _, step := range []struct{ with, has journal.Organisation }{
			{journal.Organisation{KeyID: 7}, journal.Organisation{}},
			{acme, acme},
			{hooli, acme},
			{journal.Organisation{Name: "Acme", KeyID: 2}, journal.Organisation{Name: "Acme", KeyID: 2}},
			{journal.Organisation{Name: "Acme Holding", KeyID: 2}, journal.Organisation{Name: "Acme Holding", KeyID: 2}},
			{acme, journal.Organisation{Name: "Acme Holding", KeyID: 2}},
			{journal.Organisation{KeyID: 2}, journal.Organisation{Name: "Acme Holding", KeyID: 2}},
			{hooli, journal.Organisation{Name: "Acme Holding", KeyID: 2}},
		} {
			has, err := j.Bind(t.Context(), step.with)
			if err != nil || has != step.has {
				t.Errorf("with %+v, the journal is about %+v, %v", step.with, has, err)
			}
		}
	})
}
