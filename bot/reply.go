package bot

import (
	"context"
	"log/slog"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// reply is the answer to a command or a click. The zero reply says nothing.
type reply struct {
	message texts.Message
	where   slackapi.Placement
	press   *carry.Press          // that it answers, if it may replace the press's prompt
	refusal *decision.Note        // to be recorded once the person has their answer
	then    func(context.Context) // what to do then; may be nil
}

// alone returns a reply that only the person who typed or clicked sees.
func alone(m texts.Message) reply { return reply{message: m, where: slackapi.Ephemeral} }

// send sends a reply. It is the one place that answers commands and clicks
// about which nothing was decided.
func (r *router) send(ctx context.Context, log *slog.Logger, to slackapi.Target, a reply) {
	switch {
	case a.message.Text == "":
	case a.press != nil:
		r.clicks.carrier.AnswerUndecided(ctx, *a.press, a.message, a.where)
	default:
		r.poster.Answer(ctx, log, to, slackapi.Always(a.message), a.where)
	}
	if a.refusal != nil {
		r.gate.record(ctx, log, *a.refusal)
	}
	if a.then != nil {
		a.then(ctx)
	}
}
