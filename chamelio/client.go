// Package chamelio is a client for Chamelio's external API. It reads a task,
// cancels it, and returns what the API key may do.
//
// It is independent of Slack. Every call returns a typed result or an *Error,
// which says whether the request was sent, whether it may have taken effect,
// and whether it may still do so.
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

	// maxBody bounds how much of an answer is read. A task's variables may be
	// large, but the fields that are used fit into this.
	maxBody = 1 << 20
)

// Options configure a Client. BaseURL and APIKey are required.
type Options struct {
	BaseURL   string            // https, or http on a loopback address; a path is kept
	APIKey    string            // "ca_…", sent as X-API-Key and nowhere else
	Together  int               // how many Previews one caller makes at once; if the client was idle, that many don't wait for the rate limit
	Timeout   time.Duration     // of one call, without waits for the rate limit; DefaultTimeout if not positive
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

// New checks the options and returns a Client. It fails if the base URL would
// send the key unencrypted or to an unexpected place, and if the key is
// malformed.
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
		limit:     newLimiter(o.Together),
	}, nil
}

// SetRateLimit sets the key's limit in calls per minute, as OrgInfo returns
// it; 120 is assumed until then. Zero or less is ignored. It may be called at
// any time.
//
// The calls of all methods of this Client stay within the limit in every
// interval of a minute. A quarter of the limit may be used at once, up to half if
// Options.Together needs it; the rest is spread over the minute. Calls that have
// to wait take turns, one for each caller that OnBehalfOf names; in a turn, Task
// goes first. Previews leave a part of what may be used at once to the other
// calls, half of it if Together allows that, and wait while any of these waits.
func (c *Client) SetRateLimit(perMinute int) { c.limit.setLimit(perMinute) }

// SetShare sets the number of processes that use the key, including this one.
// The client then uses an equal share of the limit, at least one call a
// minute. Zero or less is ignored. It may be called at any time; calls that
// were made under the old share still count.
func (c *Client) SetShare(replicas int) { c.limit.setShare(replicas) }

// RateLimit returns how many requests a minute the client may send, its share
// of the key's limit, and how many of them it may send now without waiting.
func (c *Client) RateLimit() (perMinute, available int) { return c.limit.state() }

// Host returns the host name that the client connects to, without a port.
func (c *Client) Host() string { return c.base.Hostname() }

// Address returns where the client finds its tasks, as AddressOf does.
func (c *Client) Address() string { return c.base.String() }

// AddressOf returns a base URL in a form that is the same for all spellings of
// an address: with a lower-case host, without the scheme's own port, and
// without a slash at its end. The error is an *OptionError.
func AddressOf(baseURL string) (string, error) {
	base, err := parseBaseURL(baseURL)
	if err != nil {
		return "", err
	}
	return base.String(), nil
}

// OptionError describes what is wrong with an option. It doesn't quote the
// value, which may be a misplaced secret.
type OptionError struct {
	Option string // name of the field in Options
	Advice string // the requirement, to be read after the name
}

func (e *OptionError) Error() string { return "chamelio: " + e.Option + " " + e.Advice }

func wrongURL(advice string) error { return &OptionError{"BaseURL", advice} }

func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		// The parse error is dropped: it quotes its input, which may be a
		// secret in the wrong variable.
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
	u.Host = strings.ToLower(u.Host)
	if port := u.Port(); port == ownPort[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+port)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

// ownPort has the port of each scheme. An address may name it, or not.
var ownPort = map[string]string{"https": "443", "http": "80"}

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

// request is one call of the API.
type request struct {
	method string
	path   string
	rank   rank                        // priority under the rate limit
	before func(context.Context) error // see Cancel; may be nil
}

// malformed returns the error for a 200 whose JSON has unexpected content.
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
			body = nil // an incomplete answer says nothing reliable
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
		// The decoding error may quote its input, so only its type is kept.
		return r.malformed(fmt.Sprintf("the answer is not the documented JSON (%T)", err))
	}
	return nil
}

// send passes the request to the transport, and reports whether any of it may
// have been sent. It doesn't use an http.Client, which would follow redirects
// and send the key elsewhere. The API documents no redirects, so one is an
// answer like any other.
func (c *Client) send(ctx context.Context, r request) (resp *http.Response, sent bool, err error) {
	// Once there is a connection, the request may have been sent: from then
	// on, no answer doesn't mean that nothing happened. If a transport doesn't
	// even report that it looks for a connection, its request counts as sent.
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

// timeoutError is returned when Options.Timeout has passed.
type timeoutError time.Duration

func (e timeoutError) Error() string { return "nothing came within " + time.Duration(e).String() }

// Timeout returns true, as for any net.Error that is a timeout.
func (e timeoutError) Timeout() bool { return true }

// Is makes errors.Is(err, context.DeadlineExceeded) true.
func (e timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }
