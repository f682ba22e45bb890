package socketmode

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Envelope is what Slack delivers: a command, a click, an event.
type Envelope struct {
	ID              string          // of this delivery
	Type            string          // slash_commands, interactive, events_api, …
	Payload         json.RawMessage // as Slack sent it
	AcceptsResponse bool            // the acknowledgement may carry an answer
	RetryAttempt    int             // events_api only: 0 for the first delivery
	RetryReason     string          // events_api only
	Received        time.Time       // when it was read
}

// Handler takes envelopes, and must be safe for concurrent use.
type Handler interface {
	// Accept takes an envelope and returns what its acknowledgement is to
	// carry, nil for nothing, and what to do afterwards, which may be nil.
	//
	// It must return at once, since the acknowledgement waits for it. The
	// acknowledgement may be 20 kB long with what it carries; what does not
	// fit is left out. A panic is not recovered from.
	//
	// work is called in a goroutine that the whole client shares, after the
	// acknowledgement was written or could not be, in a burst up to 20 ms
	// later. It should only start something: the work of other envelopes waits
	// for it, though no acknowledgement does. Run returns only after all work
	// has been called.
	Accept(Envelope) (ack any, work func())
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(Envelope) (ack any, work func())

// Accept calls f.
func (f HandlerFunc) Accept(e Envelope) (ack any, work func()) { return f(e) }

// Hello is what Slack says when a connection is open.
type Hello struct {
	AppID               string        // whose token it is
	NumConnections      int           // of the app, over all replicas, this one included
	ApproximateLifetime time.Duration // after which Slack means to replace it
}

// Client keeps connections open while Run runs.
type Client struct {
	options Options
	opener  *opener
	gate    *gate
	release *release
	state   state

	serving  sync.WaitGroup // the goroutines of connections
	open     atomic.Int32
	started  atomic.Bool
	handBack chan struct{} // closed by the first HandBack
	leaving  sync.Once     // closes it
	ended    chan struct{} // closed when Run returns
}

// New checks the options. A client that exists is a valid one; whether Slack
// takes the token is seen by Run, or before it by [CheckToken].
func New(o Options) (*Client, error) {
	if o.Handler == nil {
		return nil, errors.New("socketmode: Handler is required")
	}
	op, err := newOpener(&o)
	if err != nil {
		return nil, err
	}
	return &Client{
		options: o, opener: op, gate: newGate(), release: newRelease(),
		handBack: make(chan struct{}), ended: make(chan struct{}),
	}, nil
}

// UseToken makes another app-level token the one for all connections from now
// on. Those that are open stay. [CheckToken] tells whether Slack takes it.
func (c *Client) UseToken(token string) error {
	if !isAppToken(token) {
		return errNoAppToken
	}
	c.opener.token.Store(&token)
	return nil
}

// CheckToken is [CheckToken] for the token in use.
func (c *Client) CheckToken(ctx context.Context) error {
	_, err := c.opener.address(ctx)
	return err
}

// Open says how many connections serve: they are open, and Slack has not
// called them back. It may be asked at any time.
func (c *Client) Open() int { return int(c.open.Load()) }

// Run serves until ctx ends or [Client.HandBack] is called, and returns nil
// then. It returns an error if no retry can help: a [*TokenError], or one that
// is [ErrOtherApp]. In each case it first closes its connections, goes on
// reading them until Slack confirms, for a second after ctx has ended, and
// waits for all its goroutines. A client runs once.
func (c *Client) Run(ctx context.Context) error {
	if !c.started.CompareAndSwap(false, true) {
		return errors.New("socketmode: a Client runs only once")
	}
	defer close(c.ended)
	var releasing sync.WaitGroup
	releasing.Go(c.release.run)
	err := c.keepSlots(ctx)
	c.serving.Wait()
	c.release.stop()
	releasing.Wait()
	return err
}

// keepSlots returns when no slot will open a connection any more. Those that
// are open then hear that they are to leave.
func (c *Client) keepSlots(ctx context.Context) error {
	leaving, leave := context.WithCancel(ctx)
	defer leave()
	slots, leaving := errgroup.WithContext(leaving)
	for i := range c.options.Connections {
		s := newSlot(c, c.options.Log.With(slog.Int("connection", i+1)))
		slots.Go(func() error {
			if !sleep(leaving, time.Duration(i)*c.options.Stagger) {
				return nil
			}
			return s.run(leaving, ctx.Done())
		})
	}
	finished := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-c.handBack:
			leave()
		case <-finished:
		}
	})
	err := slots.Wait()
	close(finished)
	watching.Wait()
	return err
}

// HandBack gives the connections back to Slack, so that it sends what comes
// next to other replicas of the app. It opens no new ones, and tells Slack on
// each that it is closed from here; what was on its way is still read and
// handed over, until Slack confirms, within 5 seconds. Run returns then.
//
// A close cannot be atomic: an envelope that crosses with ours can no longer
// be acknowledged (RFC 6455 allows no data after Close). Its work is done all
// the same, and [Unacknowledged] is counted.
//
// HandBack returns when Run has ended, or with the error of ctx before. It
// may be called at any time, also twice.
func (c *Client) HandBack(ctx context.Context) error {
	c.leaving.Do(func() { close(c.handBack) })
	if !c.started.Load() {
		return nil
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("socketmode: handing connections back: %w", context.Cause(ctx))
	}
}

// sleep waits; false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
