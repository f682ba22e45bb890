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
	// clicksPerCommand is how many clicks each person has a minute for each
	// command they may type: more than anyone needs, far fewer than would delay
	// other people's.
	clicksPerCommand = 3

	// toldPerMinute bounds how often someone is told that they click too fast.
	toldPerMinute = 2
)

// clicks handles presses of buttons.
type clicks struct {
	signer  signed.Signer
	gate    *gate
	tasks   looker
	carrier *carry.Carrier
	poster  *slackapi.Poster
	texts   texts.Texts
	limit   *work.Limit
	reasons *reasons
	told    *work.Limit // how often somebody is told that they press too fast
	metrics *observe.Metrics
	trace   *observe.Tracer
}

// looker looks at a task for what is being decided.
type looker interface {
	Task(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// handle handles one press: it keeps the task, or decides to cancel it.
func (c *clicks) handle(ctx context.Context, log *slog.Logger, k slackapi.Click) {
	log = log.With("user", k.User, "channel", k.Channel)
	if !c.limit.Allow(k.User) {
		c.metrics.Refusals.WithLabelValues("click", "too_many_clicks").Inc()
		log.Debug("click refused", "reason", "too many clicks")
		if c.told.Allow(k.User) {
			log.Warn("somebody presses too fast")
			c.poster.Answer(ctx, log, k.ResponseURL, c.texts.ClickedTooFast(), slackapi.Ephemeral)
		}
		return
	}
	// A click counts by the moment at which it came.
	confirmed, err := c.signer.Decode(k.Value, k.Received)
	if err == nil && !confirmed.MeantFor(k.User, k.Channel) {
		err = errNotTheirs
	}
	if err != nil {
		c.invalid(ctx, log, k, confirmed, err)
		return
	}
	log = log.With("confirmation", confirmed.ID, "task", confirmed.Task)
	c.metrics.Clicks.WithLabelValues(k.Action).Inc()
	if k.Action == texts.ActionKeep {
		c.carrier.Keep(ctx, carry.Press{Click: k, Confirmation: confirmed, Log: log})
		return
	}
	checking, checked := c.trace.Step(ctx, "policy")
	no := c.mayConfirm(checking, k, confirmed)
	checked(nil)
	if !no.Allowed() {
		c.refuse(ctx, log, k, confirmed, no)
		return
	}
	if c.reasons.missing(confirmed) {
		c.reasons.ask(ctx, log, k, confirmed)
		return
	}
	c.carrier.Decide(ctx, carry.Press{Click: k, Confirmation: confirmed, Log: log})
}

func (c *clicks) invalid(ctx context.Context, log *slog.Logger, k slackapi.Click, confirmed decision.Confirmation, err error) {
	log.Warn("click refused", "reason", err, "confirmation", confirmed.ID, "task", confirmed.Task)
	c.metrics.Refusals.WithLabelValues("click", invalidReason(err)).Inc()
	if errors.Is(err, signed.ErrExpired) {
		c.carrier.Late(ctx, carry.Press{Click: k, Confirmation: confirmed, Log: log})
		return
	}
	answer := c.texts.OutdatedPrompt()
	if errors.Is(err, errNotTheirs) {
		answer = c.texts.NotYourPrompt()
	}
	c.poster.Answer(ctx, log, k.ResponseURL, answer, k.Aside())
}

func (c *clicks) refuse(ctx context.Context, log *slog.Logger, k slackapi.Click, confirmed decision.Confirmation, no policy.Verdict) {
	log.Warn("click refused", "reason", string(no.Code), "cause", no.Cause)
	c.metrics.Refusals.WithLabelValues("click", string(no.Code)).Inc()
	where := k.Aside()
	if !no.Code.Final() { // worth another try with the same prompt
		where = slackapi.Ephemeral
	}
	c.poster.Answer(ctx, log, k.ResponseURL, c.texts.RefusedClick(no, confirmed), where)
	c.gate.record(ctx, log, decision.Note{
		ConfirmationID: decision.ID(confirmed.ID), TaskID: int64(confirmed.Task), Team: confirmed.Team,
		Channel: k.Channel, Person: k.User, Code: string(no.Code),
	})
}

// errNotTheirs is a genuine confirmation in the wrong hands or place.
var errNotTheirs = errors.New("the confirmation is somebody else's, or of another channel")

// invalidReason is a label of bounded cardinality.
func invalidReason(err error) string {
	for reason, known := range map[string]error{
		"malformed": signed.ErrMalformed, "forged": signed.ErrForged, "expired": signed.ErrExpired, "not_theirs": errNotTheirs,
	} {
		if errors.Is(err, known) {
			return reason
		}
	}
	return "invalid"
}

// mayConfirm applies the policy anew, with fresh look-ups: to the person who
// clicks and, where two people have to stand for it, to the one who asked. The
// task is looked at only for somebody who might cancel it.
func (c *clicks) mayConfirm(ctx context.Context, k slackapi.Click, confirmed decision.Confirmation) policy.Verdict {
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtClick, Origin: originOf(k.Origin),
		Place: policy.Place{Channel: policy.ChannelID(k.Channel), Workspace: policy.TeamID(confirmed.Team)},
		User:  policy.UserID(k.User), Requester: policy.UserID(confirmed.Requester), TwoAsked: confirmed.Public,
	})
	if !v.Allowed() {
		return v
	}
	var task policy.Task
	if cleared.NeedsTask() {
		looking, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		task = peopleOn(c.tasks.Task(looking, confirmed.Task))
	}
	return cleared.OnTask(ctx, task)
}

// lookTimeout bounds the look at a task while somebody waits at a button.
const lookTimeout = 5 * time.Second
