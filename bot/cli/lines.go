package cli

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueuedLines bounds the queue for stderr. A pipe whose reader stalls
	// must not delay a decision.
	maxQueuedLines = 4096

	// lastLinesTimeout is how long the process waits for the queue at its end.
	lastLinesTimeout = time.Second
)

// lineQueue passes lines to a writer that may stall, and drops lines that
// don't fit into its queue. Its goroutine ends with close, or when a stalled
// writer returns.
type lineQueue struct {
	dropped atomic.Int64

	mu     sync.Mutex // guards lines against a send after close
	closed bool
	lines  chan []byte
	done   chan struct{}
}

func newLineQueue(to io.Writer) *lineQueue {
	q := &lineQueue{lines: make(chan []byte, maxQueuedLines), done: make(chan struct{})}
	go func() {
		defer close(q.done)
		for line := range q.lines {
			if _, err := to.Write(line); err != nil {
				q.dropped.Add(1)
			}
		}
	}()
	return q
}

// Write queues one line. It neither blocks nor fails.
func (q *lineQueue) Write(line []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.closed {
		select {
		case q.lines <- bytes.Clone(line):
			return len(line), nil
		default:
		}
	}
	q.dropped.Add(1)
	return len(line), nil
}

// close waits a moment for the queued lines to be written.
func (q *lineQueue) close() {
	q.mu.Lock()
	if !q.closed {
		q.closed = true
		close(q.lines)
	}
	q.mu.Unlock()
	select {
	case <-q.done:
	case <-time.After(lastLinesTimeout):
	}
}
