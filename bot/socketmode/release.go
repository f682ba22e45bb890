package socketmode

import (
	"sync"
	"time"
)

const (
	// Envelopes that arrive within burstGap of each other are a burst from the
	// burstSize-th on, until none has arrived for burstEnd.
	burstGap  = time.Millisecond
	burstSize = 4
	burstEnd  = 3 * time.Millisecond

	// maxHold bounds how long work waits for the end of a burst.
	maxHold = 20 * time.Millisecond
)

// release starts the work of acknowledged envelopes: at once, or in a burst
// once no more arrive, or after maxHold. Work that is started earlier would
// compete with the acknowledgements of the next envelopes, which have three
// seconds and a person waiting.
type release struct {
	mu      sync.Mutex
	work    []func()
	first   time.Time     // when the oldest of it arrived
	last    time.Time     // when the last envelope was acknowledged
	inBurst int           // how many arrived in quick succession
	started chan struct{} // signals that there is work where there was none
	stopped chan struct{} // closed when no more work will come
}

func newRelease() *release {
	return &release{started: make(chan struct{}, 1), stopped: make(chan struct{})}
}

// acknowledged adds the work of an envelope, which may be nil.
func (r *release) acknowledged(work func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	switch gap := now.Sub(r.last); {
	case gap < burstGap:
		r.inBurst++
	case gap >= burstEnd || r.inBurst < burstSize:
		r.inBurst = 1
	}
	r.last = now
	if work == nil {
		return
	}
	if r.work = append(r.work, work); len(r.work) == 1 {
		r.first = now
		r.started <- struct{}{} // has room: run empties it before it takes the work
	}
}

// stop makes run end once all work has been started. acknowledged must not be
// called afterwards.
func (r *release) stop() { close(r.stopped) }

// run starts work, in the order of the acknowledgements, until stop.
func (r *release) run() {
	for {
		select {
		case <-r.started:
			r.hold()
			r.setOff()
		case <-r.stopped:
			r.setOff()
			return
		}
	}
}

// hold waits for the end of a burst.
func (r *release) hold() {
	for wait := r.wait(); wait > 0; wait = r.wait() {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-r.stopped:
			timer.Stop()
			return
		}
	}
}

func (r *release) wait() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inBurst < burstSize {
		return 0
	}
	return min(time.Until(r.last.Add(burstEnd)), time.Until(r.first.Add(maxHold)))
}

func (r *release) setOff() {
	r.mu.Lock()
	work := r.work
	r.work = nil
	r.mu.Unlock()
	for _, f := range work {
		f()
	}
}
