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
	choose  slackapi.Choose             // what to show instead, at each try; nil if the message stays true
	find    func(context.Context) reply // finds the reply to send instead, if that may take minutes; nil otherwise
	where   slackapi.Placement
	press   *carry.Press          // that it answers; nil for a command
	then    func(context.Context) // what to do after that, even without a message; may be nil
}

// alone returns a reply that only the person who typed or clicked sees.
func alone(m texts.Message) reply { return reply{message: m, where: slackapi.Ephemeral} }

// send sends a reply outside the workers, since Slack may ask to wait for minutes.
func (r *router) send(ctx context.Context, log *slog.Logger, to slackapi.Target, a reply) {
	r.aside.Run(ctx, to.Channel, func(ctx context.Context) {
		if a.find != nil {
			a = a.find(ctx)
		}
		r.answer(ctx, log, to, a)
	})
}

// answer is the one place that answers commands and clicks about which nothing was
// decided.
func (r *router) answer(ctx context.Context, log *slog.Logger, to slackapi.Target, a reply) {
	switch {
	case a.press != nil && a.where != slackapi.ReplaceOriginal && a.press.Sign.Replaced():
		r.clicks.carrier.Restore(*a.press, a.message, r.texts.CannotTell(a.press.Confirmation))
	case a.message.Text == "":
	case a.press != nil:
		r.clicks.carrier.AnswerUndecided(ctx, *a.press, a.message, a.where)
	case a.choose != nil:
		r.poster.Answer(ctx, log, to, a.choose, a.where)
	default:
		r.poster.Answer(ctx, log, to, slackapi.Always(a.message), a.where)
	}
	if a.then != nil {
		a.then(ctx)
	}
}

// untilExpired returns a prompt until it expires, since Slack may take it later.
func (c *commands) untilExpired(asked decision.Confirmation, prompt texts.Message) slackapi.Choose {
	return func(context.Context) (texts.Message, error) {
		if !c.prompter.now().Before(asked.ExpiresAt) {
			return c.texts.Expired(asked), nil
		}
		return prompt, nil
	}
}
