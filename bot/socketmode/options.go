package socketmode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	defaultAPIURL      = "https://slack.com/api/"
	defaultConnections = 2
	defaultStagger     = 2 * time.Second

	// maxConnections is Slack's limit for one app, over all its replicas
	// (docs.slack.dev, "Using Socket Mode").
	maxConnections = 10
)

// Options configures a Client. AppToken and Handler are required; the zero
// values of the other fields are good defaults.
type Options struct {
	// AppToken is an app-level token (xapp-…) with the scope
	// connections:write.
	AppToken string

	// Handler receives the envelopes. [Probe] and [CheckToken] need none.
	Handler Handler

	// Connections is the number of slots, 1 to 10; 2 if zero. Slack allows an
	// app ten connections over all its replicas, and each slot needs two while
	// it replaces one.
	Connections int

	// Stagger is the time between the first connections of two slots, so that
	// Slack does not replace them at the same moment; 2 s if zero.
	Stagger time.Duration

	// TokenPatience is how long a refused token is tried again, because another
	// one may be on its way to [Client.UseToken]; not at all if zero.
	TokenPatience time.Duration

	// AppID, if set, is the ID (A…) of the app that the token must belong to.
	// Run ends with [ErrOtherApp] if Slack names another.
	AppID string

	// APIURL is the base of Slack's Web API; https://slack.com/api/ if empty.
	// It must be https, or http on loopback for tests.
	APIURL string

	// HTTPClient calls apps.connections.open. If its Transport is an
	// *http.Transport, WebSockets use its proxy, TLS configuration and dial
	// function too. If nil, a client is made that uses the proxy of the
	// environment. Redirects are never followed.
	HTTPClient *http.Client

	// DialContext makes network connections, for WebSockets and, unless
	// HTTPClient is set, for HTTP. If nil, the network is used.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)

	// Log gets a line for each connection made or lost, none for envelopes.
	// Reading and acknowledging never wait for it; making the next connection
	// does. If nil, nothing is logged.
	Log *slog.Logger

	// Observer is called for everything that a metric would count.
	Observer Observer
}

// Observer has functions for metrics. Each may be nil, must be safe for
// concurrent use, and must return at once.
type Observer struct {
	// Connected is called when Slack has said hello.
	Connected func(Hello)

	// Reconnect is called with the reason when a slot needs its next
	// connection.
	Reconnect func(Reason)

	// Acked is called when an acknowledgement has been written, with the time
	// since its envelope was read.
	Acked func(time.Duration)

	// Anomaly is called for unexpected events.
	Anomaly func(Anomaly)
}

// Reason is why a slot needs its next connection. It is always one of the
// constants below, whatever Slack says, so that it can label a metric.
type Reason string

// The reasons. The first four are Slack's, from its disconnect frame.
const (
	ReasonWarning          Reason = "warning"             // about to be closed
	ReasonRefreshRequested Reason = "refresh_requested"   // to be replaced now
	ReasonLinkDisabled     Reason = "link_disabled"       // Socket Mode was switched off
	ReasonTooMany          Reason = "too_many_websockets" // more than ten are open
	ReasonOther            Reason = "other"               // Slack said something else
	ReasonLost             Reason = "lost"                // the connection broke
	ReasonCannotConnect    Reason = "cannot_connect"      // no connection could be made
)

// reasonOf maps Slack's reason to one of the constants.
func reasonOf(said string) Reason {
	switch r := Reason(said); r {
	case ReasonWarning, ReasonRefreshRequested, ReasonLinkDisabled, ReasonTooMany:
		return r
	default:
		return ReasonOther
	}
}

// Anomaly is an unexpected event that the client has handled.
type Anomaly string

// The anomalies.
const (
	GarbageFrame   Anomaly = "garbage_frame"  // a frame that isn't an envelope was ignored
	OversizedAck   Anomaly = "oversized_ack"  // an acknowledgement's payload was too large or not JSON, and was left out
	Unacknowledged Anomaly = "unacknowledged" // an envelope was handled, but couldn't be acknowledged
)

func (o Observer) connected(h Hello) {
	if o.Connected != nil {
		o.Connected(h)
	}
}

func (o Observer) reconnect(r Reason) {
	if o.Reconnect != nil {
		o.Reconnect(r)
	}
}

func (o Observer) acked(d time.Duration) {
	if o.Acked != nil {
		o.Acked(d)
	}
}

func (o Observer) anomaly(a Anomaly) {
	if o.Anomaly != nil {
		o.Anomaly(a)
	}
}

// String omits the token, so that Options can be printed.
func (o Options) String() string {
	return fmt.Sprintf("socketmode.Options{APIURL: %q, Connections: %d}", o.APIURL, o.Connections)
}

// GoString returns String, for %#v.
func (o Options) GoString() string { return o.String() }

// LogValue returns String, for package slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// complete sets the defaults and returns an error if an option is invalid.
func (o *Options) complete() (*url.URL, error) {
	o.APIURL = cmp.Or(o.APIURL, defaultAPIURL)
	o.Connections = cmp.Or(o.Connections, defaultConnections)
	o.Stagger = cmp.Or(o.Stagger, defaultStagger)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	api, err := checkAPIURL(o.APIURL)
	switch {
	case err != nil:
		return nil, err
	case !isAppToken(o.AppToken):
		return nil, errNoAppToken
	case o.Connections < 1 || o.Connections > maxConnections:
		return nil, fmt.Errorf("socketmode: Connections must be from 1 to %d", maxConnections)
	case o.Stagger < 0:
		return nil, errors.New("socketmode: Stagger must not be negative")
	}
	return api, nil
}

var errNoAppToken = errors.New(`socketmode: AppToken must be an app-level token: it starts with "xapp-"`)

// isAppToken reports whether a text has the form of an app-level token and
// fits into an HTTP header.
func isAppToken(token string) bool {
	return strings.HasPrefix(token, "xapp-") &&
		!strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// AppIDOf returns the ID (A…) of the app that an app-level token belongs to.
// The token contains it: xapp-1-A…-…. AppIDOf returns "" if it doesn't.
func AppIDOf(token string) string {
	parts := strings.Split(token, "-")
	if len(parts) < 4 || parts[0] != "xapp" || len(parts[2]) < 2 || parts[2][0] != 'A' {
		return ""
	}
	if strings.ContainsFunc(parts[2], func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		return ""
	}
	return parts[2]
}
