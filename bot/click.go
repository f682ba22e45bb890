package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// clicksPerCommand is how many clicks a minute each person has for each
	// command they may type: more than anyone needs, but too few to delay
	// other people's.
	clicksPerCommand = 3

	// warningsPerMinute bounds how often a person is warned that they click, or use the
	// shortcut, too fast.
	warningsPerMinute = 2
)

// pace bounds how often each person does something, and how often they are warned that
// they do it too fast. The warnings are counted for all they do.
type pace struct{ limit, warned *work.Limit }

// exceeded reports whether a person does what is counted as key too fast, and whether to
// warn them now.
func (p pace) exceeded(user, key string) (is, warn bool) {
	if p.limit.Allow(key) {
		return false, false
	}
	return true, p.warned.Allow(user)
}

// clicks handles clicks on the buttons of prompts.
type clicks struct {
	signer  signed.Signer
	gate    *gate
	carrier *carry.Carrier
	texts   texts.Texts
	paused  pauseSwitch
	pace    pace
	reasons *reasons
	judging *judging
	metrics *observe.Metrics
	trace   *observe.Tracer
}

// tooMany refuses a click of a person who clicks too fast, and warns them now and then.
// Each button counts for itself: too many clicks on *Cancel task* don't keep anyone from
// pressing *Keep task*. A submitted modal isn't counted; the click that opened it was.
func (c *clicks) tooMany(log *slog.Logger, k slackapi.Click) (reply, bool) {
	is, warn := c.pace.exceeded(k.User, k.Action+" "+k.User)
	if !is {
		return reply{}, false
	}
	c.metrics.Refusals.WithLabelValues("click", "too_many_clicks").Inc()
	log.Debug("click refused", "reason", "too many clicks")
	if !warn {
		return reply{}, true
	}
	log.Warn("clicks too fast")
	return alone(c.texts.ClickedTooFast()), true
}

// handle handles one click: it keeps the task, or decides to cancel it. If a
// decision follows, the Carrier answers, and the reply is empty.
func (c *clicks) handle(ctx context.Context, log *slog.Logger, k slackapi.Click) reply {
	// The time of receipt counts, not the time of processing.
	confirmation, err := c.signer.Decode(k.Value, k.At)
	p := carry.Press{Click: k, Confirmation: confirmation, Log: log.With("confirmation", confirmation.ID, "tasks", confirmation.IDs())}
	if err == nil && !confirmation.MeantFor(k.User, k.Channel) {
		err = errNotTheirs
	}
	if err != nil {
		return c.invalid(ctx, p, err)
	}
	c.metrics.Clicks.WithLabelValues(k.Action).Inc()
	if k.Action == texts.ActionKeep {
		p.Sign = c.watch(ctx, p, c.checkingKeep(p), false)
		c.carrier.Keep(p)
		return reply{}
	}
	return c.judge(ctx, p)
}

// checking says that judging a click takes long. The prompt of someone who is to give a
// reason stays: they press again if no dialog opens.
func (c *clicks) checking(asked decision.Confirmation) texts.Message {
	if c.reasons.missing(asked) {
		return c.texts.CheckingReason(asked)
	}
	return c.texts.Checking(asked)
}

// checkingKeep says that Keep task takes long.
func (c *clicks) checkingKeep(p carry.Press) texts.Message {
	if p.User != p.Confirmation.Requester {
		return c.texts.CheckingEnd(p.Confirmation)
	}
	return c.texts.CheckingKeep(p.Confirmation)
}

// whilePaused answers an allowed click while cancelling is paused, or while that isn't
// known. It leaves the prompt as it is, since the same click may count later.
func (c *clicks) whilePaused(ctx context.Context, p carry.Press) (reply, bool) {
	pause, err := c.paused.atClick(ctx)
	switch {
	case err != nil:
		p.Log.Error("click refused; can't check whether cancelling is paused", "error", err)
		c.metrics.Refusals.WithLabelValues("click", "pause_unknown").Inc()
		return alone(c.texts.PauseUnknown(p.Confirmation)), true
	case pause.Active():
		p.Log.Info("click refused; cancelling is paused")
		c.metrics.Refusals.WithLabelValues("click", "paused").Inc()
		return alone(c.texts.PausedClick(p.Confirmation, pause.Note)), true
	}
	return reply{}, false
}

// judge decides to cancel if the person may. The click is being judged before
// anything is waited for, and for no longer than carry.JudgeTimeout after it was
// received: until then, nothing says that its prompt has expired.
func (c *clicks) judge(ctx context.Context, p carry.Press) reply {
	earlier, end := c.judging.begin(p.Confirmation.ID)
	defer end()
	p.Sign = c.watch(ctx, p, c.checking(p.Confirmation), c.reasons.missing(p.Confirmation))
	judging, cancel := context.WithTimeout(ctx, max(carry.JudgeTimeout-time.Since(p.Received), 0))
	defer cancel()
	var answer reply
	verdict, stopped := c.mayConfirm(judging, &p), false
	if verdict.Allowed() { // only someone who may confirm reads the operator's note
		answer, stopped = c.whilePaused(judging, p)
	}
	if ctx.Err() != nil { // the process stops, so none of this is known
		answer, stopped = alone(c.texts.Interrupted(p.Confirmation)), true
	}
	if stopped || !verdict.Allowed() {
		earlier(ctx) // wait for earlier clicks on this prompt: one of them may count
	}
	switch {
	case stopped:
		return c.unlessSecond(p, func(context.Context) reply { return answer })
	case !verdict.Allowed():
		return c.unlessSecond(p, func(ctx context.Context) reply { return c.refuse(ctx, p, verdict) })
	case c.reasons.missing(p.Confirmation):
		return c.unlessSecond(p, func(ctx context.Context) reply { return c.reasons.ask(ctx, p) })
	case c.carrier.Decide(ctx, p):
		return reply{}
	}
	return c.answerTo(p, alone(c.texts.Interrupted(p.Confirmation)))
}

// unlessSecond returns the reply to a press that doesn't count. Whatever keeps it
// from counting, an earlier press may count, and then its result is the answer.
func (c *clicks) unlessSecond(p carry.Press, say func(context.Context) reply) reply {
	return reply{find: func(ctx context.Context) reply {
		if c.carrier.AnswerSecond(ctx, p) {
			return reply{}
		}
		return c.answerTo(p, say(ctx))
	}}
}

// answerTo returns a as the reply to a press.
func (c *clicks) answerTo(p carry.Press, a reply) reply {
	if p.View != "" {
		a.then = func(ctx context.Context) { c.carrier.OtherDelivery(ctx, p) }
	}
	a.press = &p
	return a
}

func (c *clicks) invalid(ctx context.Context, p carry.Press, err error) reply {
	p.Log.Warn("click refused", "reason", err)
	c.metrics.Refusals.WithLabelValues("click", invalidReason(err)).Inc()
	switch {
	case errors.Is(err, signed.ErrExpired):
		p.Sign = c.watch(ctx, p, c.texts.CheckingEnd(p.Confirmation), false)
		c.carrier.Late(p, func() bool { return c.judging.has(p.Confirmation.ID) })
		return reply{}
	case errors.Is(err, errNotTheirs):
		return reply{message: c.texts.NotYourPrompt(), where: p.Aside(), press: &p}
	}
	return reply{message: c.texts.OutdatedPrompt(), where: p.Aside(), press: &p}
}

func (c *clicks) refuse(ctx context.Context, p carry.Press, no policy.Verdict) reply {
	p.Log.Warn("click refused", "reason", string(no.Code), "cause", no.Cause, "facts_age_seconds", p.FactsAge.Seconds())
	c.metrics.Refusals.WithLabelValues("click", string(no.Code)).Inc()
	where := p.Aside()
	// The prompt stays if another try with it may help. Below it, a person may have read
	// that the press is being checked.
	if !no.Code.Final() || p.Sign.Below() {
		where = slackapi.Ephemeral
	}
	tasks := p.Confirmation.IDs()
	if no.Task != 0 {
		tasks = []chamelio.TaskID{chamelio.TaskID(no.Task)}
	}
	c.gate.record(ctx, p.Log, decision.Note{
		ConfirmationID: decision.ID(p.Confirmation.ID), Tasks: tasks, Team: p.Confirmation.Team,
		Channel: p.Channel, Person: p.User, Code: string(no.Code),
	})
	return reply{message: c.texts.RefusedClick(no, p.Confirmation), where: where}
}

// errNotTheirs means that a valid confirmation was used by the wrong user or in
// the wrong channel.
var errNotTheirs = errors.New("the confirmation belongs to another person or channel")

// invalidReason returns a label of bounded cardinality.
func invalidReason(err error) string {
	for reason, known := range invalidReasons() {
		if errors.Is(err, known) {
			return reason
		}
	}
	return invalidOther
}

// invalidOther is the reason if the error is none of invalidReasons.
const invalidOther = "invalid"

func invalidReasons() map[string]error {
	return map[string]error{
		"malformed": signed.ErrMalformed, "forged": signed.ErrForged, "expired": signed.ErrExpired, "not_theirs": errNotTheirs,
	}
}

// mayConfirm applies the policy again, to facts that are fresh enough: to the
// person who clicks and, if two people are needed, to the requester. It
// records how old the facts are, and whether titles are withheld.
func (c *clicks) mayConfirm(ctx context.Context, p *carry.Press) policy.Verdict {
	ctx, checked := c.trace.Step(ctx, "policy")
	defer checked(nil)
	v, age := c.gate.confirm(ctx, policy.Question{
		Moment: policy.AtClick, Origin: originOf(p.Origin),
		Place: policy.Place{Channel: policy.ChannelID(p.Channel), Workspace: policy.TeamID(p.Confirmation.Team)},
		User:  policy.UserID(p.User), Requester: policy.UserID(p.Confirmation.Requester), TwoAsked: p.Confirmation.Public,
	}, p.Confirmation.IDs())
	p.FactsAge = age
	if v.Untitled { // since the prompt, or by a new setting
		p.Confirmation.Untitled = true
	}
	return v
}
