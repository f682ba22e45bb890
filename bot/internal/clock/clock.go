// Package clock measures how far this machine's clock is from another one.
package clock

import (
	"net/http"
	"sync"
	"time"
)

// Offset is how far this machine's clock is ahead of another one; negative if
// it is behind. The true offset differs from By by at most Error.
type Offset struct {
	By    time.Duration
	Error time.Duration
}

// AtLeast returns the smallest absolute value that the offset can have.
func (o Offset) AtLeast() time.Duration { return max(0, o.By.Abs()-o.Error) }

// Between compares this machine's clock with another one, from an answer that
// was requested at sent and arrived at answered. In between, the other clock
// showed theirs, truncated to a multiple of resolution.
func Between(sent, answered, theirs time.Time, resolution time.Duration) Offset {
	took := answered.Sub(sent)
	middle := sent.Add(took / 2)
	return Offset{By: middle.Sub(theirs.Add(resolution / 2)), Error: took/2 + resolution/2}
}

// OfHeader compares the clocks by the Date header of an HTTP answer (RFC 9110,
// section 6.6.1), which has a resolution of a second. It returns false if
// there is none, or if the answer comes from a cache.
func OfHeader(h http.Header, sent, answered time.Time) (Offset, bool) {
	theirs, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" && h.Get("Age") != "0" {
		return Offset{}, false
	}
	return Between(sent, answered, theirs, time.Second), true
}

// keepFor is how long a better measurement is preferred to later, worse ones.
const keepFor = 5 * time.Minute

// Meter measures the offset to a server's clock from the server's answers. It
// is safe for concurrent use; the zero Meter has no measurement.
type Meter struct {
	mu   sync.Mutex
	best Offset
	at   time.Time // when it was measured, zero if never
}

// Offset returns the best recent measurement; false if there is none.
func (m *Meter) Offset() (Offset, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.best, !m.at.IsZero()
}

// Learn adds a measurement.
func (m *Meter) Learn(o Offset, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A measurement that contradicts the best one shows that a clock was set.
	contradicts := (o.By - m.best.By).Abs() > o.Error+m.best.Error
	if m.at.IsZero() || contradicts || o.Error <= m.best.Error || now.Sub(m.at) > keepFor {
		m.best, m.at = o, now
	}
}

// Transport takes a measurement from each answer that next returns.
func (m *Meter) Transport(next http.RoundTripper) http.RoundTripper {
	return &measuring{m, next}
}

type measuring struct {
	meter *Meter
	next  http.RoundTripper
}

func (t *measuring) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answered := time.Now()
	if o, ok := OfHeader(resp.Header, sent, answered); ok {
		t.meter.Learn(o, answered)
	}
	return resp, nil
}
