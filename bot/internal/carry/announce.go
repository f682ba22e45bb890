package carry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
)

// outbox is what announcing needs of the journal.
type outbox interface {
	Finish(ctx context.Context, l journal.Lease, o decision.Outcome, detail string, tell bool) (journal.Lease, error)
	BeginTelling(context.Context, journal.Lease) (journal.Lease, error)
	NotTold(context.Context, journal.Lease) (journal.Lease, error)
	MarkAnnounced(ctx context.Context, id decision.ID, messageTS string) error
}

// record saves the outcome. If the channel is free, "finished" and "about to be
// announced" are one write.
func (l *life) record() decision.Event {
	if l.result.Outcome == "" {
		l.result = l.facts.result(l.state)
	}
	if l.state.Cause == decision.CauseOverruled && l.result.Cause != decision.CauseOverruled {
		l.result = l.result.Overruled()
	}
	l.turn = l.turn || l.turns.try(l.Channel)
	lease, err := l.Journal.Finish(l.ctx, l.current(), l.result.Outcome, l.result.Encode(), l.turn)
	e := l.renew(lease, err)
	if e.Kind == decision.Done && l.turn {
		e.Kind = decision.Marked
	}
	return e
}

// post posts the outcome once, if it is still ours to announce.
func (l *life) post(where decision.Where) decision.Event {
	if !l.valid() {
		return decision.Event{Kind: decision.Withheld}
	}
	ctx, end := l.Tracer.Step(l.ctx, "announce",
		attribute.String("cancelbot.confirmation", string(l.ID)), attribute.String("cancelbot.outcome", string(l.result.Outcome)))
	ts, err := l.postTo(ctx, where)
	end(err)
	if l.state.Stage == decision.Announcing {
		l.turns.posted(l.Channel)
	}
	if err == nil {
		l.posted = ts
		return decision.Event{Kind: decision.Posted}
	}
	l.log.Info("a post failed", "where", where.String(), "error", err)
	status, pause := slackapi.Classify(err)
	return decision.Event{Kind: posts[status], Pause: pause, Troubled: l.turns.troubled(l.Channel)}
}

// posts says what Slack's answers to a post are to the kernel.
var posts = map[slackapi.Status]decision.Kind{
	slackapi.Posted: decision.Posted, slackapi.Refused: decision.Refused, slackapi.Later: decision.Later, slackapi.Unclear: decision.Unclear,
}

func (l *life) postTo(ctx context.Context, where decision.Where) (ts string, err error) {
	say, alone := l.Texts.Announcement, l.Texts.AnnouncementInPerson
	if l.state.Stage == decision.Settling {
		say, alone = l.Texts.Settled, l.Texts.SettledInPerson
	}
	switch where {
	case decision.InThread:
		return l.Poster.Post(ctx, l.Channel, l.MessageTS, say(l.Record, l.result))
	case decision.ByResponseURL:
		return "", l.Poster.Respond(ctx, l.ResponseURL, say(l.Record, l.result), slackapi.InChannel)
	case decision.InPerson: // to the person's ID: their chat with the app, which needs no scope but chat:write
		return l.Poster.Post(ctx, l.Requester, "", alone(l.Record, l.result))
	case decision.InChannel:
	}
	return l.Poster.Post(ctx, l.Channel, "", say(l.Record, l.result))
}

// note saves that the outcome was posted, also while the process stops: a moment
// here spares a duplicate. It asks for no lease.
func (l *life) note() decision.Event {
	l.giveTurn()
	ctx, cancel := l.detached()
	defer cancel()
	return l.event(l.Journal.MarkAnnounced(ctx, l.ID, l.posted))
}
