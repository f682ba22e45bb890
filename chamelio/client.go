// Package chamelio is a client of Chamelio's external API: look at a task,
// cancel it, and ask what the key may do.
//
// It knows nothing of Slack. Every call returns a typed result or an *Error
// that tells what the answer means for the task: whether the request was sent,
// whether it may have taken effect, and whether it may yet do so.
package chamelio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// DefaultBaseURL is Chamelio's public platform.
	DefaultBaseURL = "https://platform.chamelio.ai"

	// DefaultTimeout bounds one API call, from dialling to the last byte.
	DefaultTimeout = 10 * time.Second

	// maxBody bounds what is read of any answer. A task's variables may be
	// large; nothing the bot shows needs more than this.
	maxBody = 1 << 20
)

// Options configure a Client. BaseURL and APIKey are required.
type Options struct {
	BaseURL   string            // https, or http on a loopback address; a path is kept
	APIKey    string            // "ca_…", sent as X-API-Key and nowhere else
	Timeout   time.Duration     // of one call, waits for the rate limit apart; DefaultTimeout if not positive
	UserAgent string            // "cancelbot" if empty
	Transport http.RoundTripper // NewTransport() if nil; must not retry a POST
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	apiKey    string
	timeout   time.Duration
	userAgent string
	transport http.RoundTripper
	limit     *limiter
}

// New checks the options and returns a Client. A Client that exists is a
// valid one: New fails on a base URL that would send the key in the clear or
// somewhere unexpected, and on a key that is not one.
func New(o Options) (*Client, error) {
	base, err := parseBaseURL(o.BaseURL)
	if err != nil {
		return nil, err
	}
	if err := checkKey(o.APIKey); err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.UserAgent == "" {
		o.UserAgent = "cancelbot"
	}
	if o.Transport == nil {
		o.Transport = NewTransport()
	}
	return &Client{
		base:      base,
		apiKey:    o.APIKey,
		timeout:   o.Timeout,
		userAgent: o.UserAgent,
		transport: o.Transport,
		limit:     newLimiter(),
	}, nil
}

// SetRateLimit tells the client the key's limit in calls per minute, as
// OrgInfo reports it; 120 is assumed until then. Zero or less is ignored. It
// may be called at any time.
//
// No minute, however it is cut, sees more calls than that, counted over all
// the methods of this Client. A quarter of the limit may be used at once, the
// rest is spread over the minute. Previews leave half of that quarter for
// Cancel, Task and OrgInfo, and wait while any of these waits.
func (c *Client) SetRateLimit(perMinute int) { c.limit.setLimit(perMinute) }

// SetShare tells the client how many processes use the key at this time, this
// one included: it takes the limit divided by replicas, but at least one call
// a minute. Zero or less is ignored. It may be called at any time; calls that
// were made under the old share still count.
func (c *Client) SetShare(replicas int) { c.limit.setShare(replicas) }

// RateLimit returns how many requests a minute the client may send, its share
// of the key's limit, and how many of them it may send now without waiting.
func (c *Client) RateLimit() (perMinute, available int) { return c.limit.state() }

// Host is the host name that the client talks to, without a port.
func (c *Client) Host() string { return c.base.Hostname() }

// OptionError says what is wrong with an option, without quoting it: it may
// be a secret in the wrong place.
type OptionError struct {
	Option string // as Options names it
	Advice string // what it must be, to be read after the name
}

func (e *OptionError) Error() string { return "chamelio: " + e.Option + " " + e.Advice }

func wrongURL(advice string) error { return &OptionError{"BaseURL", advice} }

func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		// The parse error is dropped: it quotes its input, which may be a
		// secret pasted into the wrong variable.
		return nil, wrongURL("must be an absolute URL such as " + DefaultBaseURL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, wrongURL("must not have a user, a query or a fragment")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	default:
		return nil, wrongURL("must be https (http is accepted on a loopback address only): the API key travels with every request")
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func checkKey(key string) error {
	body, ok := strings.CutPrefix(key, "ca_")
	if !ok || body == "" {
		return &OptionError{"APIKey", `must start with "ca_"`}
	}
	for _, r := range body {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=", r) {
			return &OptionError{"APIKey", `has characters that no key has: it is "ca_" and base64url, on one line, without quotes`}
		}
	}
	return nil
}

// request is one call of the API, as the file of its endpoint describes it.
type request struct {
	method string
	path   string
	rank   rank                        // who goes first under the rate limit
	before func(context.Context) error // see Cancel; may be nil
}

// malformed reports a 200 whose JSON says something that was not asked for.
func (r request) malformed(what string) *Error {
	return (&Error{Method: r.method, Path: r.path}).
		means(outcome{sent: true, status: http.StatusOK}, errors.New(what))
}

// call performs one request and decodes a 200 into result. Every error it
// returns is an *Error.
func (c *Client) call(ctx context.Context, r request, result any) error {
	fail := &Error{Method: r.method, Path: r.path}
	if err := c.limit.wait(ctx, r.rank); err != nil {
		return fail.notSent(ErrRateLimited, err)
	}
	if r.before != nil {
		if err := r.before(ctx); err != nil {
			return fail.notSent(ErrNotSent, err)
		}
	}
	if ctx.Err() != nil {
		return fail.notSent(ErrNotSent, context.Cause(ctx))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, timeoutError(c.timeout))
	defer cancel()
	resp, sent, err := c.send(ctx, r)
	if err != nil {
		return fail.means(outcome{sent: sent}, c.safe(err))
	}
	defer resp.Body.Close()

	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	body = []byte(c.redact(string(body)))
	if resp.StatusCode != http.StatusOK {
		if err != nil {
			body = nil // half an answer is none that the API can be held to
		}
		return fail.refusal(resp, body)
	}
	switch half := (outcome{sent: true, status: http.StatusOK}); {
	case err != nil:
		return fail.means(half, fmt.Errorf("reading the answer: %w", c.safe(err)))
	case len(body) > maxBody:
		return fail.means(half, fmt.Errorf("the answer is larger than %d bytes", maxBody))
	}
	if err := json.Unmarshal(body, result); err != nil {
		// The decoding error may quote what it read; only its type is kept.
		return r.malformed(fmt.Sprintf("the answer is not the documented JSON (%T)", err))
	}
	return nil
}

// send hands the request to the transport, and reports whether any of it may
// have left. It goes to the transport itself, without an http.Client: a
// redirect would carry the key to wherever the answer points. The API
// documents none, so one is an answer like any other.
func (c *Client) send(ctx context.Context, r request) (resp *http.Response, sent bool, err error) {
	// Once a connection is in hand the request may be on its way: from then
	// on "no answer" no longer means "not done". A transport that does not
	// even report that it looks for one is not believed to have sent nothing.
	var looking, found atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { looking.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { found.Store(true) },
	})
	req, err := http.NewRequestWithContext(ctx, r.method, c.base.JoinPath(r.path).String(), nil)
	if err != nil {
		return nil, false, err
	}
	req.Header.Set("X-API-Key", c.apiKey)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)
	resp, err = c.transport.RoundTrip(req)
	return resp, found.Load() || !looking.Load(), err
}

// timeoutError is the end of Options.Timeout.
type timeoutError time.Duration

func (e timeoutError) Error() string { return "nothing came within " + time.Duration(e).String() }

// Timeout makes it a net.Error like any other time-out.
func (e timeoutError) Timeout() bool { return true }

// Is makes it context.DeadlineExceeded, which it stands in for.
func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
