package cli

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
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
			_, _ = to.Write(line)
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

// minSecret is the length from which a text is taken for a secret: shorter
// ones would turn up in words of every day.
const minSecret = 6

// redacting keeps secrets out of what is written, also where a server has
// echoed them. Each Write must be whole lines.
func redacting(to io.Writer, secrets []secret.Value) io.Writer {
	var all [][]byte
	for _, s := range secrets {
		if text := s.Reveal(); len(text) >= minSecret {
			all = append(all, []byte(text))
		}
	}
	return writerFunc(func(p []byte) (int, error) {
		clean := p
		for _, s := range all {
			if bytes.Contains(clean, s) {
				clean = bytes.ReplaceAll(clean, s, []byte("…"))
			}
		}
		if _, err := to.Write(clean); err != nil {
			return 0, err
		}
		return len(p), nil
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
