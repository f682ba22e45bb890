package bot

import (
	"context"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// outbox is what telling needs of the journal.
type outbox interface {
	Finish(ctx context.Context, l journal.Lease, o journal.Outcome, detail string, tell bool) (journal.Lease, error)
	BeginTelling(context.Context, journal.Lease) (journal.Lease, error)
	NotTold(context.Context, journal.Lease) (journal.Lease, error)
	MarkAnnounced(ctx context.Context, id journal.ID, messageTS string) error
	restorer
}

// announcer tells outcomes in their channels: in each channel one at a time,
// in the order in which they came to be, no faster than Slack likes, for as
// long as it takes. Channels do not wait for each other.
type announcer struct {
	journal outbox
	poster  *poster
	set     *workingSet
	texts   texts
	gap     time.Duration // between two messages in a channel
	metrics *metrics
	trace   *tracer
	ctx     context.Context // the process's
	work    *group

	mu       sync.Mutex
	channels map[string]*channel
}

// channel is one in which something is, or a moment ago was, announced.
type channel struct {
	waiting []*telling
	turn    bool          // somebody has the turn: to finish and to post, or is posting
	next    time.Time     // when the next message may be posted
	wake    chan struct{} // has one element when waiting or turn changed
	trouble time.Time     // when chat.postMessage last failed
}

// telling is one outcome on its way to its channel.
type telling struct {
	h     *holding
	res   result
	begun bool // the journal knows that it is about to be posted
	told  func()
}

// takeTurn gives a decision that is about to be finished its channel's turn,
// if nobody has or waits for it and a message may be posted right now: then
// "finished" and "about to be posted" are one write. False gives none.
func (a *announcer) takeTurn(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.channels[id]
	if c == nil {
		c = a.open(id)
	}
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
	if c := a.channels[id]; c != nil {
		c.turn = false
		c.signal()
	}
}

// announce has an outcome told. One that has begun has its channel's turn.
func (a *announcer) announce(t *telling) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.channels[t.h.Channel]
	if c == nil {
		c = a.open(t.h.Channel)
	}
	if t.begun {
		c.waiting = append([]*telling{t}, c.waiting...)
		c.turn = false
	} else {
		c.waiting = append(c.waiting, t)
	}
	c.signal()
}

// open begins to serve a channel. Called with mu held.
func (a *announcer) open(id string) *channel {
	c := &channel{wake: make(chan struct{}, 1)}
	a.channels[id] = c
	a.work.run(func() { a.serve(id, c) })
	return c
}

func (c *channel) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// serve announces what is due in one channel, until nothing is and nothing has
// been for a while. It holds nothing while it waits.
func (a *announcer) serve(id string, c *channel) {
	idle := time.NewTimer(a.gap)
	defer idle.Stop()
	for {
		a.mu.Lock()
		var t *telling
		if !c.turn && len(c.waiting) > 0 {
			t, c.waiting = c.waiting[0], c.waiting[1:]
			c.turn = true
		}
		pause := time.Until(c.next)
		a.mu.Unlock()
		if t != nil {
			if !t.begun {
				sleep(t.h.ctx, pause)
			}
			a.tell(t, c)
			a.mu.Lock()
			c.turn, c.next = false, time.Now().Add(a.gap)
			a.mu.Unlock()
			continue
		}
		idle.Reset(max(pause, 0) + a.gap)
		select {
		case <-c.wake:
			continue
		case <-idle.C:
		case <-a.ctx.Done():
		}
		if a.forget(id, c) {
			return
		}
	}
}

// forget ends the service of a channel in which nothing is due.
func (a *announcer) forget(id string, c *channel) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	idle := len(c.waiting) == 0 && !c.turn
	if idle {
		delete(a.channels, id)
	}
	return idle
}
