package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
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

// click is a press of one of our buttons, as far as it matters.
type click struct {
	user        string
	origin      policy.Origin
	channel     string
	action      string
	value       string
	responseURL string
	trigger     string    // by which a modal can be opened for three seconds
	ephemeral   bool      // only this person sees the message
	received    time.Time // by which it counts, however long it waits
}

// aside is where an answer goes that concerns the clicker alone: in place of
// a prompt that only they see, beside one that everybody sees.
func (k click) aside() placement {
	if k.ephemeral {
		return replaceOriginal
	}
	return ephemeral
}

// clickPayload is what is needed of a block_actions payload (docs.slack.dev:
// interaction-payloads/block_actions-payload), and nothing else: an odd field
// elsewhere in it costs nobody their click.
type clickPayload struct {
	Type       string `json:"type"`
	AppID      string `json:"api_app_id"`
	Team       *idRef `json:"team"`
	Enterprise *idRef `json:"enterprise"`
	User       idRef  `json:"user"`
	Channel    *idRef `json:"channel"`
	Container  struct {
		ChannelID   string `json:"channel_id"`
		IsEphemeral bool   `json:"is_ephemeral"`
	} `json:"container"`
	ResponseURL string `json:"response_url"`
	TriggerID   string `json:"trigger_id"`
	Actions     []struct {
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
	} `json:"actions"`
}

type idRef struct {
	ID           string `json:"id"`
	EnterpriseID string `json:"enterprise_id"`
}

// parseClick takes a payload apart. Whatever is not one of our buttons is an
// error: the payload came over our own socket, but an old version of the bot
// or a replay may have made it.
func parseClick(payload json.RawMessage, received time.Time) (click, error) {
	var p clickPayload
	if err := json.Unmarshal(payload, &p); err != nil {
		return click{}, errors.New("it is not the documented JSON")
	}
	if p.Type != string(slack.InteractionTypeBlockActions) {
		return click{}, errors.New("it is not a press of a button")
	}
	if len(p.Actions) != 1 {
		return click{}, errors.New("it does not name exactly one button")
	}
	pressed := p.Actions[0]
	if pressed.ActionID != texts.ActionCancel && pressed.ActionID != texts.ActionKeep {
		return click{}, errors.New("the button is none of ours")
	}
	k := click{
		user: p.User.ID, origin: p.origin(), channel: p.Container.ChannelID,
		action: pressed.ActionID, value: pressed.Value, responseURL: p.ResponseURL,
		trigger: p.TriggerID, ephemeral: p.Container.IsEphemeral, received: received,
	}
	if p.Channel != nil && p.Channel.ID != "" {
		k.channel = p.Channel.ID
	}
	if k.user == "" || k.channel == "" {
		return click{}, errors.New("it does not say who clicked, or where")
	}
	return k, nil
}

// origin is what the payload says of the installation that it belongs to.
func (p clickPayload) origin() policy.Origin {
	o := policy.Origin{AppID: policy.AppID(p.AppID)}
	if p.Team != nil {
		o.TeamID, o.EnterpriseID = policy.TeamID(p.Team.ID), policy.EnterpriseID(p.Team.EnterpriseID)
	}
	if p.Enterprise != nil && p.Enterprise.ID != "" {
		o.EnterpriseID = policy.EnterpriseID(p.Enterprise.ID)
	}
	return o
}

// clicks handles presses of buttons.
type clicks struct {
	signer  signed.Signer
	gate    *gate
	tasks   looker
	decider *decider
	poster  *poster
	texts   texts.Texts
	limit   *work.Limit
	reasons *reasons
	told    *work.Limit // how often somebody is told that they press too fast
	metrics *metrics
	trace   *tracer
}

// looker looks at a task for what is being decided.
type looker interface {
	Task(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// handle handles one press: it keeps the task, or decides to cancel it.
func (c *clicks) handle(ctx context.Context, log *slog.Logger, k click) {
	log = log.With("user", k.user, "channel", k.channel)
	if !c.limit.Allow(k.user) {
		c.metrics.refusals.WithLabelValues("click", "too_many_clicks").Inc()
		log.Debug("click refused", "reason", "too many clicks")
		if c.told.Allow(k.user) {
			log.Warn("somebody presses too fast")
			c.poster.tell(ctx, log, k.responseURL, c.texts.ClickedTooFast(), ephemeral)
		}
		return
	}
	// A click counts by the moment at which it came.
	confirmed, err := c.signer.Decode(k.value, k.received)
	if err == nil && !confirmed.MeantFor(k.user, k.channel) {
		err = errNotTheirs
	}
	if err != nil {
		c.invalid(ctx, log, k, confirmed, err)
		return
	}
	log = log.With("confirmation", confirmed.ID, "task", confirmed.Task)
	c.metrics.clicks.WithLabelValues(k.action).Inc()
	if k.action == texts.ActionKeep {
		c.decider.keep(ctx, log, k, confirmed)
		return
	}
	checking, checked := c.trace.step(ctx, "policy")
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
	c.decider.decide(ctx, log, k, confirmed)
}

func (c *clicks) invalid(ctx context.Context, log *slog.Logger, k click, confirmed decision.Confirmation, err error) {
	log.Warn("click refused", "reason", err, "confirmation", confirmed.ID, "task", confirmed.Task)
	c.metrics.refusals.WithLabelValues("click", invalidReason(err)).Inc()
	if errors.Is(err, signed.ErrExpired) {
		c.decider.late(ctx, log, k, confirmed)
		return
	}
	answer := c.texts.OutdatedPrompt()
	if errors.Is(err, errNotTheirs) {
		answer = c.texts.NotYourPrompt()
	}
	c.poster.tell(ctx, log, k.responseURL, answer, k.aside())
}

func (c *clicks) refuse(ctx context.Context, log *slog.Logger, k click, confirmed decision.Confirmation, no policy.Verdict) {
	log.Warn("click refused", "reason", string(no.Code), "cause", no.Cause)
	c.metrics.refusals.WithLabelValues("click", string(no.Code)).Inc()
	where := k.aside()
	if !no.Code.Final() { // worth another try with the same prompt
		where = ephemeral
	}
	c.poster.tell(ctx, log, k.responseURL, c.texts.RefusedClick(no, confirmed), where)
	c.gate.record(ctx, log, decision.Note{
		ConfirmationID: decision.ID(confirmed.ID), TaskID: int64(confirmed.Task), Team: confirmed.Team,
		Channel: k.channel, Person: k.user, Code: string(no.Code),
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
func (c *clicks) mayConfirm(ctx context.Context, k click, confirmed decision.Confirmation) policy.Verdict {
	cleared, v := c.gate.standing(ctx, policy.Question{
		Moment: policy.AtClick, Origin: k.origin,
		Place: policy.Place{Channel: policy.ChannelID(k.channel), Workspace: policy.TeamID(confirmed.Team)},
		User:  policy.UserID(k.user), Requester: policy.UserID(confirmed.Requester), TwoAsked: confirmed.Public,
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
