package cli

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxQueuedLines bounds what waits for stderr. A pipe whose reader stalls
	// must not hold up a decision.
	maxQueuedLines = 4096

	// lastLinesTimeout is how long the end of the process waits for them.
	lastLinesTimeout = time.Second
)

// lineQueue passes lines on to a writer that may stall, and drops what it
// cannot keep. Its goroutine lives until close, or as long as the writer
// stalls.
type lineQueue struct {
	dropped atomic.Int64

	mu     sync.Mutex // for lines, against a send after close
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

// Write takes one line. It neither blocks nor fails.
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

// close waits a moment for what was taken to be written.
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
