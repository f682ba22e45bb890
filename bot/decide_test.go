package bot

import (
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
)

// No click is claimed that there is no room for: a claim is a promise. The
// decider of this test has no journal to claim with.
func TestAClickBeyondTheWorkingSetIsNotClaimed(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	set := newWorkingSet(&renewsNothing{}, log)
	for i := range maxHeld {
		id := decision.ID(strconv.Itoa(i))
		set.add(t.Context(), decision.Record{ID: id}, lease(id, 1, time.Minute))
	}
	sign, err := signed.NewSigner("xoxb-test", nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	d := &decider{set: set, poster: slackapi.NewPoster(nil, http.DefaultClient, &url.URL{}), signer: sign}
	d.decide(t.Context(), log, slackapi.Click{User: "U0ADA", ResponseURL: "https://slack.invalid/x"}, decision.Confirmation{ID: "x", Task: 1})
	if set.free() != 0 || len(set.ids()) != maxHeld {
		t.Error("it took a place")
	}
}
