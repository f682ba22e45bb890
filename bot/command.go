package bot

import (
	"context"
	"log/slog"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// commands answers commands: with a prompt, or with a reason why there is
// none.
type commands struct {
	prompter    *prompter
	poster      *slackapi.Poster
	signer      signed.Signer
	requests    *requests
	submissions *lru.Cache[string, *submission] // by the confirmation's ID
	texts       texts.Texts
	pace        pace // of commands and shortcuts together
	rules       input.Rules
	metrics     *observe.Metrics
}

// tooMany reports whether someone types commands or uses the shortcut too fast, and
// whether to warn them now, where that takes a call. It is asked before a worker is taken,
// so this delays no one else.
func (c *commands) tooMany(log *slog.Logger, user string) (is, warn bool) {
	if is, warn = c.pace.exceeded(user, user); is {
		c.prompter.refused("too_many_commands")
	}
	if warn {
		log.Warn("command refused", "reason", "too many commands")
	}
	return is, warn
}

// tooFast answers someone for whom tooMany holds.
func (c *commands) tooFast() texts.Message { return c.texts.TooFast(c.pace.limit.PerMinute) }

func (c *commands) handle(ctx context.Context, log *slog.Logger, cmd slackapi.Command) reply {
	req, err := input.ParseCommand(cmd.Text, c.rules)
	if err != nil {
		log.Info("command not understood", "reason", err)
		c.metrics.Commands.WithLabelValues("not_understood").Inc()
		return alone(c.texts.NotUnderstood(err))
	}
	log = log.With("tasks", req.Tasks)
	late := func(ctx context.Context) { // in one try: a prompt follows
		_ = c.poster.To(ctx, cmd.Target(), slackapi.Always(c.texts.GettingDetails(req.Tasks...)), slackapi.Ephemeral)
	}
	found := c.prompter.consider(ctx, log, asker{event: cmd.Event, user: cmd.User, team: cmd.TeamID, channel: cmd.Channel, origin: cmd.Origin(), late: late}, req)
	answer := reply{where: slackapi.Ephemeral}
	switch {
	case found.explained.Text != "":
		answer.message = found.explained
	case found.confirmation.Public:
		answer.find = func(ctx context.Context) reply { return c.askByCommand(ctx, log, cmd, found) }
	default:
		answer.message = c.promptOf(found)
		answer.choose = c.untilExpired(found.confirmation, answer.message)
	}
	return answer
}

// promptOf returns the prompt for the tasks that can be cancelled.
func (c *commands) promptOf(found considered) texts.Message {
	return c.texts.Prompt(found.confirmation, found.preview, c.signer.Encode(found.confirmation))
}

// asker is the person who asks to cancel tasks, and the conversation.
type asker struct {
	event               string // see slackapi.EventOf; "" in a modal
	user, team, channel string
	thread              string // the timestamp of the thread; "" outside of threads
	origin              slackapi.Origin
	late                func(context.Context) // says that the prompt comes late; nil in a modal, which says so already
	form                bool                  // the tasks are shown in a modal, which asks for the reason
}
