package carry

import (
	"context"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// troubleFor is how long chat.postMessage counts as broken in a channel after it
// failed there: the next announcements try it once, and then use another way.
const troubleFor = time.Minute

// turns gives each channel's turn to one decision at a time, in the order of
// their requests, and no faster than Slack's rate limit. Channels don't wait
// for each other.
type turns struct {
	gap time.Duration // between two turns in a channel

	mu       sync.Mutex
	channels map[string]*channel
}

// channel is one in which something is being announced, or was a moment ago.
type channel struct {
	waiting []chan struct{} // each is closed when its turn has come
	taken   bool
	next    time.Time // when the next message may be posted
	trouble time.Time // when chat.postMessage last failed
}

func newTurns(gap time.Duration) *turns {
	return &turns{gap: gap, channels: map[string]*channel{}}
}

// channel returns a channel's state. Must be called with mu held.
func (t *turns) channel(id string) *channel {
	c := t.channels[id]
	if c == nil {
		c = &channel{}
		t.channels[id] = c
	}
	return c
}

// try takes a turn if the channel is free right now.
func (t *turns) try(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.channel(id)
	if c.taken || time.Now().Before(c.next) {
		return false
	}
	c.taken = true
	return true
}

// wait waits for a turn, and then until a message may be posted. It returns false, without
// a turn, if ctx ends first.
func (t *turns) wait(ctx context.Context, id string) bool {
	t.mu.Lock()
	c := t.channel(id)
	var granted chan struct{}
	if c.taken {
		granted = make(chan struct{})
		c.waiting = append(c.waiting, granted)
	}
	c.taken = true
	t.mu.Unlock()
	if granted != nil {
		select {
		case <-granted:
		case <-ctx.Done():
			t.abandon(id, granted)
			return false
		}
	}
	t.mu.Lock()
	pause := time.Until(c.next)
	t.mu.Unlock()
	if !work.Sleep(ctx, pause) {
		t.give(id)
		return false
	}
	return true
}

// abandon leaves the queue, or passes on a turn that was granted at the same
// moment.
func (t *turns) abandon(id string, granted chan struct{}) {
	t.mu.Lock()
	c := t.channels[id]
	for i, one := range c.waiting {
		if one == granted {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			t.mu.Unlock()
			return
		}
	}
	t.mu.Unlock()
	t.give(id)
}

// give passes the turn on. A channel without anyone waiting costs no goroutine,
// and is forgotten once it has rested.
func (t *turns) give(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.channels[id]
	if len(c.waiting) > 0 {
		close(c.waiting[0])
		c.waiting = c.waiting[1:]
		return
	}
	c.taken = false
	time.AfterFunc(time.Until(c.rested()), func() { t.forget(id, c) })
}

// posted records a post: the next may follow after the gap.
func (t *turns) posted(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.channel(id).next = time.Now().Add(t.gap)
}

// failed records that chat.postMessage doesn't work in a channel.
func (t *turns) failed(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.channel(id).trouble = time.Now()
}

// troubled reports whether chat.postMessage failed in a channel a moment ago.
func (t *turns) troubled(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.channels[id]
	return c != nil && time.Since(c.trouble) < troubleFor
}

// rested returns the time after which an idle channel can be forgotten.
func (c *channel) rested() time.Time {
	if healed := c.trouble.Add(troubleFor); healed.After(c.next) {
		return healed
	}
	return c.next
}

func (t *turns) forget(id string, c *channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.channels[id] == c && !c.taken && !time.Now().Before(c.rested()) {
		delete(t.channels, id)
	}
}
