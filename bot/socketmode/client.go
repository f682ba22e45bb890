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

// Envelope is a command, a click or an event, as Slack delivers it.
type Envelope struct {
	ID              string          // of this delivery
	Type            string          // slash_commands, interactive, events_api, …
	Payload         json.RawMessage // as Slack sent it
	AcceptsResponse bool            // whether the acknowledgement may carry an answer
	RetryAttempt    int             // events_api only: 0 for the first delivery
	RetryReason     string          // events_api only
	Received        time.Time       // when it was read
}

// Handler accepts envelopes. It must be safe for concurrent use.
type Handler interface {
	// Accept accepts an envelope and returns the payload of its
	// acknowledgement, nil for none, and a function to call afterwards, which
	// may be nil.
	//
	// It must return at once, since the acknowledgement waits for it. With its
	// payload, an acknowledgement may be 20 kB long; a larger payload is left
	// out. A panic isn't recovered.
	//
	// work is called in one goroutine for the whole client, after the
	// acknowledgement was written or has failed; in a burst up to 20 ms later.
	// It should only start something: other envelopes' work waits for it,
	// though no acknowledgement does. Run returns only after all work has been
	// called.
	Accept(Envelope) (ack any, work func())
}

// HandlerFunc is a function that is a [Handler].
type HandlerFunc func(Envelope) (ack any, work func())

// Accept calls f.
func (f HandlerFunc) Accept(e Envelope) (ack any, work func()) { return f(e) }

// Hello is Slack's first message on a connection.
type Hello struct {
	AppID               string        // the app that the token belongs to
	NumConnections      int           // of the app, over all replicas, including this one
	ApproximateLifetime time.Duration // after which Slack intends to replace it
}

// Client keeps connections open while Run is running.
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

// New checks the options and returns a Client. It doesn't ask Slack whether
// the token is valid; Run does, or [CheckToken] before it.
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

// UseToken replaces the app-level token for all new connections. Open ones
// stay. [CheckToken] reports whether Slack accepts a token.
func (c *Client) UseToken(token string) error {
	if !isAppToken(token) {
		return errNoAppToken
	}
	c.opener.token.Store(&token)
	return nil
}

// CheckToken calls the function [CheckToken] with the current token.
func (c *Client) CheckToken(ctx context.Context) error {
	_, err := c.opener.address(ctx)
	return err
}

// Open returns the number of connections that serve: they are open, and Slack
// hasn't asked to replace them. It may be called at any time.
func (c *Client) Open() int { return int(c.open.Load()) }

// Run serves until ctx ends or [Client.HandBack] is called, and then returns
// nil. It returns an error if no retry can help: a [*TokenError], or one that
// is [ErrOtherApp]. Before it returns, it closes its connections, keeps
// reading them until Slack confirms, for a second if ctx has ended, and waits
// for all its goroutines. It must be called only once.
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

// keepSlots returns when no slot will open a connection any more, and then
// asks the open ones to leave.
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

// HandBack gives the connections back to Slack, so that it sends new envelopes
// to other replicas of the app. It opens no new ones, and closes each from
// this side. Envelopes that are already on their way are still read and
// handled, until Slack confirms, within 5 seconds. Then Run returns.
//
// A close can't be atomic: an envelope that crosses with it can't be
// acknowledged any more (RFC 6455 allows no data after Close). Its work is
// done anyway, and [Unacknowledged] is counted.
//
// HandBack returns when Run has ended, or earlier with the error of ctx. It
// may be called at any time, and more than once.
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

// sleep waits. It returns false if ctx ended first.
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
