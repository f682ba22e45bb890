package bot

import (
	"context"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// outbox is what telling needs of the journal.
type outbox interface {
	Finish(ctx context.Context, l journal.Lease, o decision.Outcome, detail string, tell bool) (journal.Lease, error)
	BeginTelling(context.Context, journal.Lease) (journal.Lease, error)
	NotTold(context.Context, journal.Lease) (journal.Lease, error)
	MarkAnnounced(ctx context.Context, id decision.ID, messageTS string) error
	restorer
}

// announcer tells outcomes in their channels: in each channel one at a time,
// in the order in which they came to be, no faster than Slack likes, for as
// long as it takes. Channels do not wait for each other.
type announcer struct {
	journal outbox
	poster  *slackapi.Poster
	set     *workingSet
	texts   texts.Texts
	gap     time.Duration // between two messages in a channel
	metrics *observe.Metrics
	trace   *observe.Tracer
	ctx     context.Context // the process's
	work    *work.Group

	mu       sync.Mutex
	channels map[string]*channel
}

// channel is one in which something is, or a moment ago was, announced.
type channel struct {
	waiting []*telling
	turn    bool      // somebody has the turn: to finish and to post, or is posting
	served  bool      // a goroutine sees to what is waiting
	next    time.Time // when the next message may be posted
	trouble time.Time // when chat.postMessage last failed
}

// rests returns from when on nothing need be known of an idle channel.
func (c *channel) rests() time.Time {
	if healed := c.trouble.Add(troubled); healed.After(c.next) {
		return healed
	}
	return c.next
}

// telling is one outcome on its way to its channel.
type telling struct {
	h     *holding
	res   decision.Result
	begun bool   // the journal knows that it is about to be posted
	told  func() // called when it is; may be nil
}

// takeTurn gives a decision that is about to be finished its channel's turn,
// if nobody has or waits for it and a message may be posted right now: then
// "finished" and "about to be posted" are one write. False gives none.
func (a *announcer) takeTurn(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.channel(id)
	if c.turn || len(c.waiting) > 0 || time.Now().Before(c.next) {
		return false
	}
	c.turn = true
	return true
}

// giveTurn gives the turn back unused.
func (a *announcer) giveTurn(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.channel(id)
	c.turn = false
	a.goOn(id, c)
}

// announce has an outcome told. One that has begun has its channel's turn.
func (a *announcer) announce(t *telling) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.channel(t.h.Channel)
	if t.begun {
		c.waiting = append([]*telling{t}, c.waiting...)
		c.turn = false
	} else {
		c.waiting = append(c.waiting, t)
	}
	a.goOn(t.h.Channel, c)
}

// channel makes one of which nothing is known. Called with mu held.
func (a *announcer) channel(id string) *channel {
	c := a.channels[id]
	if c == nil {
		c = &channel{}
		a.channels[id] = c
	}
	return c
}

// goOn has somebody see to what is waiting. A channel in which nothing is
// costs no goroutine, and is forgotten when it has rested. Called with mu held.
func (a *announcer) goOn(id string, c *channel) {
	switch {
	case c.turn || c.served: // whoever that is will go on
	case len(c.waiting) > 0:
		c.served = true
		a.work.Run(func() { a.serve(id, c) })
	default:
		time.AfterFunc(time.Until(c.rests()), func() { a.forget(id, c) })
	}
}

// serve announces what is due in one channel, until nothing is.
func (a *announcer) serve(id string, c *channel) {
	for {
		a.mu.Lock()
		if c.turn || len(c.waiting) == 0 {
			c.served = false
			a.goOn(id, c)
			a.mu.Unlock()
			return
		}
		t := c.waiting[0]
		c.waiting, c.turn = c.waiting[1:], true
		pause := time.Until(c.next)
		a.mu.Unlock()
		if !t.begun {
			work.Sleep(t.h.ctx, pause)
		}
		a.tell(t, c)
		a.mu.Lock()
		c.turn, c.next = false, time.Now().Add(a.gap)
		a.mu.Unlock()
	}
}

// forget ends what is known of a channel that has rested.
func (a *announcer) forget(id string, c *channel) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.channels[id] == c && !c.turn && !c.served && len(c.waiting) == 0 && !time.Now().Before(c.rests()) {
		delete(a.channels, id)
	}
}
