package simulation

import (
	"net/http"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// planted is a bug that the simulation puts between a bot and the world, to
// see whether the laws find it.
type planted int

const (
	nothing planted = iota
	liesAboutKeeping
	believesItself
	takesAndForgets
	forgetsUnknown
)

func (p planted) claimed(j *faultyJournal, d journal.Decision, c *journal.Claim, err *error) {}

// planted makes a call, with the bug.
func (t *wire) planted(req *http.Request, name string) (*http.Response, error) {
	return t.real.RoundTrip(req)
}
