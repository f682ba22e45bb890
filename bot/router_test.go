package bot

import (
	"encoding/json"
	"log/slog"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// TestSecondDeliveryGetsTheSameAck delivers each event several times at once, in
// the same envelope or in others: all deliveries get the same acknowledgement, and
// one starts work.
func TestSecondDeliveryGetsTheSameAck(t *testing.T) {
	sign, err := signed.NewSigner("xoxb-test", chamelio.DefaultBaseURL, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w, log := texts.Texts{Command: "/cancel-task"}, slog.New(slog.DiscardHandler)
	full := work.NewPool(1, 1, log)
	full.Close()
	r := &router{
		typed: full, pressed: full, texts: w, log: log, ctx: t.Context(),
		commands: &commands{pace: pace{limit: work.NewLimit(8)}}, clicks: &clicks{reasons: &reasons{signer: sign, texts: w}}, stopping: func() bool { return false },
		seen: work.NewCache[string, *delivery](8), poster: slackapi.NewPoster(nil, nil, nil),
	}
	submission := json.RawMessage(`{"type":"view_submission","user":{"id":"U1"},"view":{"callback_id":"` + texts.ModalReason + `","private_metadata":"{}"}}`)
	for name, tt := range map[string]struct {
		envelope envelope
		ack      any
		others   bool // each in another envelope
	}{
		"a refused reason":      {envelope{Type: "interactive", Payload: submission}, slackapi.ModalAck(texts.BlockReason, w.ModalOutdated()), false},
		"no room for a command": {envelope{Type: "slash_commands", AcceptsAck: true, Payload: json.RawMessage(`{"user_id":"U1","channel_id":"C1"}`)}, slackapi.CommandAck(w.Overloaded()), false},
		"another type":          {envelope{Type: "events_api"}, nil, false},
		"other envelopes":       {envelope{Type: "slash_commands", AcceptsAck: true, Payload: json.RawMessage(`{"user_id":"U1","channel_id":"C1","trigger_id":"1"}`)}, slackapi.CommandAck(w.Overloaded()), true},
	} {
		t.Run(name, func(t *testing.T) {
			var all sync.WaitGroup
			var mu sync.Mutex
			started := 0
			for i := range 8 {
				all.Go(func() {
					e := tt.envelope
					if e.ID = name; tt.others {
						e.ID += strconv.Itoa(i)
					}
					ack, work := r.accept(e)
					mu.Lock()
					defer mu.Unlock()
					if work != nil {
						started++
					}
					if !reflect.DeepEqual(ack, tt.ack) {
						t.Errorf("acknowledged with %v", ack)
					}
				})
			}
			all.Wait()
			if started > 1 {
				t.Errorf("work was started %d times", started)
			}
		})
	}
}
