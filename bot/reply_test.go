package bot

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// neverPaused is a journal without a pause.
type neverPaused struct{}

func (neverPaused) Paused(context.Context) (journal.Pause, error) { return journal.Pause{}, nil }

// empty is a journal without decisions.
type empty struct{ carry.Journal }

func (empty) Get(context.Context, decision.ID) (decision.Record, error) {
	return decision.Record{}, journal.ErrGone
}

// refused keeps the refusals that are recorded.
type refused []decision.Note

func (r *refused) Refused(_ context.Context, n decision.Note) error {
	*r = append(*r, n)
	return nil
}

// Clicks without a decision are answered by a value, so the test needs no
// Slack to see what is said, and where.
func TestClicksWithoutDecision(t *testing.T) {
	now := time.Now()
	sign, err := signed.NewSigner("xoxb-test", chamelio.DefaultBaseURL, nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	mine := decision.Confirmation{ID: "x", Tasks: []decision.Named{{ID: 1}}, Channel: "C1", Requester: "U1", RequestedAt: now, ExpiresAt: now.Add(time.Minute)}
	w := texts.Texts{Command: "/cancel-task"}
	var recorded refused
	at := &gate{known: make(chan struct{}), journal: &recorded, now: time.Now, aside: work.NewAside(nil, 0, 0)} // Slack hasn't said where the bot is installed
	c := &clicks{
		gate: at, signer: sign, texts: w, pace: pace{work.NewLimit(100), work.NewLimit(1)}, reasons: &reasons{}, judging: newJudging(), paused: pauseSwitch{neverPaused{}},
		metrics: observe.NewMetrics(nil), trace: observe.NewTracer(nil),
		carrier: carry.New(carry.Options{Journal: empty{}, Log: slog.New(slog.DiscardHandler)}, carry.Clocks{}),
	}
	click := slackapi.Click{User: "U1", Channel: "C1", Action: texts.ActionCancel, Value: sign.Encode(mine), Ephemeral: true, Received: now.Add(-carry.JudgeTimeout)} // the gate doesn't wait
	log := slog.New(slog.DiscardHandler)
	handle := func(change func(*slackapi.Click)) reply {
		changed := click
		change(&changed)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		answer := c.handle(ctx, log, changed)
		if answer.find != nil {
			answer = answer.find(ctx)
		}
		return answer
	}
	for name, tt := range map[string]struct {
		change func(*slackapi.Click)
		text   string
		where  slackapi.Placement
	}{
		"another user":    {func(k *slackapi.Click) { k.User = "U2" }, w.NotYourPrompt().Text, slackapi.ReplaceOriginal},
		"another channel": {func(k *slackapi.Click) { k.Channel = "C2" }, w.NotYourPrompt().Text, slackapi.ReplaceOriginal},
		"forged":          {func(k *slackapi.Click) { k.Value += "x" }, w.OutdatedPrompt().Text, slackapi.ReplaceOriginal},
		"forged, public":  {func(k *slackapi.Click) { k.Value, k.Ephemeral = "", false }, w.OutdatedPrompt().Text, slackapi.Ephemeral},
		"not to be judged yet": {func(*slackapi.Click) {},
			w.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheck}, mine).Text, slackapi.Ephemeral},
	} {
		t.Run(name, func(t *testing.T) {
			got := handle(tt.change)
			if got.message.Text != tt.text || got.where != tt.where {
				t.Errorf("got %q, placement %d", got.message.Text, got.where)
			}
			if refused := name == "not to be judged yet"; (len(recorded) == 1) != refused || refused && recorded[0].Person != "U1" {
				t.Errorf("recorded: %+v", recorded)
			}
			recorded = nil
		})
	}
	c.pace.limit = work.NewLimit(0)
	for _, want := range []string{w.ClickedTooFast().Text, ""} {
		if got, is := c.tooMany(log, slackapi.Click{User: "U1"}); !is || got.message.Text != want || got.where != slackapi.Ephemeral {
			t.Errorf("too fast: %q", got.message.Text)
		}
	}
}
