package bot

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	// acceptStalled is how long an envelope may take to be accepted, and then
	// to be acknowledged, before the process isn't ready. Slack waits for 3
	// seconds.
	acceptStalled = 10 * time.Second

	// workStalled is how long jobs may wait without one getting a worker. No
	// job takes that long.
	workStalled = 2 * time.Minute
)

// pulse checks that Slack's envelopes are read and acknowledged.
type pulse struct {
	mu        sync.Mutex
	next      uint64
	accepting map[uint64]time.Time // when each envelope that is being accepted was read
	owed      time.Time            // when the first envelope was accepted since the last acknowledgement; zero if none was
}

// accept records that an envelope was read. The caller must call accepted when
// it can be acknowledged.
func (p *pulse) accept() (accepted func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accepting == nil {
		p.accepting = map[uint64]time.Time{}
	}
	p.next++
	id := p.next
	p.accepting[id] = time.Now()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.accepting, id)
		if p.owed.IsZero() {
			p.owed = time.Now()
		}
	}
}

// acknowledged records that an acknowledgement was written, or that its
// connection is gone.
func (p *pulse) acknowledged() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.owed = time.Time{}
}

// check returns an error that names the stuck part.
func (p *pulse) check() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var stuck []error
	for _, since := range p.accepting {
		if age := time.Since(since); age > acceptStalled {
			stuck = append(stuck, fmt.Errorf("slack: an envelope isn't accepted for %s", age.Round(time.Second)))
			break
		}
	}
	if age := time.Since(p.owed); !p.owed.IsZero() && age > acceptStalled {
		stuck = append(stuck, fmt.Errorf("slack: nothing is acknowledged for %s", age.Round(time.Second)))
	}
	return errors.Join(stuck...)
}
