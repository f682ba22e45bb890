package carry

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// outbox is the part of the journal that announcing needs.
type outbox interface {
	Finish(ctx context.Context, l journal.Lease, task int, res decision.Result, tell bool) (journal.Lease, error)
	BeginAnnouncing(context.Context, journal.Lease) (journal.Lease, error)
	NotAnnounced(context.Context, journal.Lease) (journal.Lease, error)
	MarkAnnounced(ctx context.Context, announced decision.Record, messageTS string) error
	Conclude(ctx context.Context, announced decision.Record, messageTS string) error
	taker
}

// record saves the outcome of this life's task. If it is the last and the channel
// is free, "finished" and "about to be announced" are one write.
func (l *life) record() decision.Event {
	res := l.tasks.result(l.task)
	if res.Outcome == "" {
		res = l.facts.result(l.state)
		res.Was = texts.Moved(l.item().Named(), res)
		if l.facts.mayHaveMoved(res) {
			res.Step, res.StepsDone, res.StepsTotal, res.Was.Step = "", 0, 0, l.item().Step
		}
	}
	if l.state.Cause == decision.CauseOverruled && res.Cause != decision.CauseOverruled {
		res = res.Overruled()
	}
	l.tasks.found(l.task, res)
	announces := l.tasks.announces(l.task)
	l.turn = l.turn || announces && l.turns.try(l.Channel)
	e := l.renew(l.Journal.Finish(l.ctx, l.lease(), l.task, res, l.turn))
	if e.Kind != decision.Done {
		return e
	}
	l.tasks.record(l.task)
	switch {
	case !announces && !l.tasks.announces(l.task):
		e.Kind = decision.Pending
	case l.turn:
		e.Kind = decision.Marked
	}
	return e
}

// post posts the outcome once, if it is still ours to announce.
func (l *life) post(where decision.Where) decision.Event {
	ctx, end := l.Tracer.Step(l.ctx, "announce",
		attribute.String("cancelbot.confirmation", string(l.ID)), attribute.String("cancelbot.outcome", string(l.decided().Outcome())))
	ts, err := l.postTo(ctx, where)
	end(err)
	if l.state.Stage == decision.Announcing {
		l.turns.posted(l.Channel)
	}
	if e, withheld := withheld(err); withheld {
		return e
	}
	inChannel := where <= decision.InChannel
	if err == nil {
		if l.posted = ""; inChannel { // elsewhere it can't be edited, or linked to
			l.posted = ts
			l.reached.Add(l.Channel, struct{}{})
		}
		return decision.Event{Kind: decision.Posted}
	}
	l.log.Info("post failed", "where", where.String(), "error", err)
	status, pause := slackapi.Classify(err)
	if status == slackapi.Refused && inChannel {
		l.reached.Remove(l.Channel)
	}
	return decision.Event{Kind: posts[status], Pause: pause, Troubled: l.turns.troubled(l.Channel)}
}

// posts maps Slack's answers to a post to the kernel's events.
var posts = map[slackapi.Status]decision.Kind{
	slackapi.Posted: decision.Posted, slackapi.Refused: decision.Refused, slackapi.Later: decision.Later, slackapi.Unclear: decision.Unclear,
}

func (l *life) postTo(ctx context.Context, where decision.Where) (ts string, err error) {
	d := l.decided()
	thread := d.Thread
	say := func(d decision.Current) texts.Message { return l.Texts.Announcement(d, l.now()) }
	alone := func(to string, d decision.Current) texts.Message { return l.Texts.AnnouncementInPerson(to, d, l.now()) }
	if l.state.Stage == decision.Settling {
		d, say = l.final(), l.Texts.Settled
		if alone = l.Texts.SettledInPerson; l.state.Follow.Some {
			alone = l.Texts.SettledSoFar
		}
		thread = cmp.Or(d.Thread, d.MessageTS)
	}
	toAll := l.ifOurs(slackapi.CallTimeout, d, say)
	to := func(user string) slackapi.Choose {
		return l.ifOurs(slackapi.CallTimeout, d, func(d decision.Current) texts.Message { return alone(user, d) })
	}
	switch where {
	case decision.ByResponseURL:
		return "", l.Poster.Respond(ctx, slackapi.Target{Channel: d.Channel, User: d.Confirmer, ResponseURL: d.ResponseURL}, toAll, slackapi.InChannel)
	case decision.InPerson: // to the person's ID: their chat with the app, which needs no scope but chat:write
		return l.Poster.Post(ctx, d.Requester, "", to(d.Requester))
	case decision.ToApprover:
		return l.Poster.Post(ctx, d.Confirmer, "", to(d.Confirmer))
	case decision.InThread:
		return l.Poster.Post(ctx, d.Channel, thread, toAll)
	case decision.InChannel:
	}
	return l.Poster.Post(ctx, d.Channel, "", toAll)
}

// taker is the part of the journal that says who has tasks since a decision.
type taker interface {
	Taken(context.Context, decision.Record) ([]chamelio.TaskID, error)
}

// AsOfNow returns d as it may be quoted now: it asks who has since the tasks that d
// didn't cancel. Each text that quotes the outcome of a decision needs that, because it may
// appear after another decision: it waited for another task, for Slack or for a check, or
// it answers someone much later. With an error, it returns d as it may be quoted if that
// isn't known.
func AsOfNow(ctx context.Context, j taker, d decision.Record) (decision.Current, error) {
	free := d.Free()
	if len(free.Tasks) == 0 {
		return d.AsOfNow(), nil
	}
	taken, err := j.Taken(ctx, free)
	if err != nil {
		return d.Unread(), err
	}
	return d.AsOfNow(taken...), nil
}

const (
	// blindFor is how long an announcement or a final result waits if the journal doesn't
	// say whether other decisions have the tasks. After that, it says that this isn't known.
	blindFor = 10 * time.Minute

	// blindPause is the time between two tries meanwhile.
	blindPause = 5 * time.Second
)

// errBlind means that the journal doesn't say whether other decisions have the tasks.
var errBlind = errors.New("the journal doesn't say who has the tasks")

// asOfNow is AsOfNow. The error is errBlind if that isn't known, until it has been so for
// blindFor.
func (l *life) asOfNow(ctx context.Context, d decision.Record) (decision.Current, error) {
	now, err := AsOfNow(ctx, l.Journal, d)
	if err == nil {
		l.blind = time.Time{}
		return now, nil
	}
	l.log.Info("can't see whether other decisions have the tasks now", "error", err)
	if l.blind.IsZero() {
		l.blind = time.Now()
	}
	if time.Since(l.blind) < blindFor {
		return decision.Current{}, errBlind
	}
	return now, nil
}

// Quoted is AsOfNow for the decisions in an answer, or in the last update of a prompt. If
// the journal doesn't answer within undecidedTimeout, the text says that it isn't known
// whether other decisions have the tasks.
func (c *Carrier) Quoted(ctx context.Context, all ...decision.Record) []decision.Current {
	ctx, cancel := context.WithTimeout(ctx, undecidedTimeout)
	defer cancel()
	now := make([]decision.Current, len(all))
	for i, d := range all {
		now[i], _ = AsOfNow(ctx, c.Journal, d)
	}
	return now
}

// outcomeLine returns the last text of a prompt, chosen at each try.
func (c *Carrier) outcomeLine(d decision.Record) slackapi.Choose {
	return func(ctx context.Context) (texts.Message, error) {
		return c.Texts.OutcomeLine(c.Quoted(ctx, d)[0]), nil
	}
}

// errWithheld means that an outcome isn't shown, because another process may show it.
var errWithheld = errors.New("the lease ends too early")

// withheld returns the event for an error with which nothing was posted; false for others.
func withheld(err error) (decision.Event, bool) {
	switch {
	case errors.Is(err, errWithheld):
		return decision.Event{Kind: decision.Withheld}, true
	case errors.Is(err, errBlind):
		return decision.Event{Kind: decision.Withheld, Pause: blindPause}, true
	}
	return decision.Event{}, false
}

// ifOurs returns a Choose for a text that quotes a decision, if that stays this process's
// to tell for the given time. It composes the text at its turn: what it says of other
// decisions may have changed during the wait for that.
func (l *life) ifOurs(valid time.Duration, d decision.Record, say func(decision.Current) texts.Message) slackapi.Choose {
	return func(ctx context.Context) (texts.Message, error) {
		now, err := l.asOfNow(ctx, d)
		switch {
		case err != nil:
			return texts.Message{}, err
		case !l.validFor(valid):
			return texts.Message{}, errWithheld
		}
		return say(now), nil
	}
}

// probe asks Slack whether it answers at all.
func (l *life) probe() decision.Event {
	if err := l.Poster.Probe(l.ctx); err != nil {
		l.log.Info("Slack doesn't answer; waiting to post again", "error", err)
		return decision.Event{Kind: decision.Uncertain}
	}
	return decision.Event{Kind: decision.Done}
}

// note saves that the outcome was posted. It tries even while the process
// stops, because that avoids a duplicate. It needs no lease.
func (l *life) note() decision.Event {
	l.giveTurn()
	ctx, cancel := l.detached()
	defer cancel()
	announced := l.decided()
	err := l.Journal.MarkAnnounced(ctx, announced, l.posted)
	if errors.Is(err, journal.ErrUnresolved) { // another process has restored the row
		err = l.Journal.Conclude(ctx, announced, l.posted)
	}
	return l.event(err)
}
