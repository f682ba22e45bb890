// Package chamelio is a client of Chamelio's external API: look at a task,
// cancel it, and ask what the key may do.
//
// It knows nothing of Slack. Every call returns a typed result or an *Error,
// whose kind tells what the answer means for the task.
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
	BaseURL   string            // https, or http on a loopback address
	APIKey    string            // "ca_…", sent as X-API-Key and nowhere else
	Timeout   time.Duration     // one API call; DefaultTimeout if zero
	UserAgent string            // "cancelbot" if empty
	Transport http.RoundTripper // a clone of http.DefaultTransport if nil
}

// Client calls the API. It is safe for concurrent use.
type Client struct {
	base      *url.URL
	apiKey    string
	timeout   time.Duration
	userAgent string
	http      *http.Client
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
		o.Transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return &Client{
		base:      base,
		apiKey:    o.APIKey,
		timeout:   o.Timeout,
		userAgent: o.UserAgent,
		limit:     newLimiter(),
		http: &http.Client{
			Transport: o.Transport,
			// A redirect would carry the key to wherever the answer points.
			// The API documents none, so one is an answer like any other.
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}, nil
}

// SetRateLimit tells the client the key's limit in calls per minute, as
// OrgInfo reports it. Zero or less is ignored.
func (c *Client) SetRateLimit(perMinute int) { c.limit.set(perMinute) }

// Host is the host name that the client talks to, without a port.
func (c *Client) Host() string { return c.base.Hostname() }

func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		// The parse error is dropped: it quotes its input, which may be a
		// secret pasted into the wrong variable.
		return nil, errors.New("the Chamelio base URL must be an absolute URL such as " + DefaultBaseURL)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the Chamelio base URL must not have a user, a query or a fragment")
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	default:
		return nil, errors.New("the Chamelio base URL must be https (http is accepted on a loopback address only): the API key travels with every request")
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
		return errors.New(`the Chamelio API key must start with "ca_"`)
	}
	for _, r := range body {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=", r) {
			return errors.New(`the Chamelio API key has characters that no key has: it is "ca_" and base64url, on one line, without quotes`)
		}
	}
	return nil
}

// call performs one request and decodes a 200 into result. Every error it
// returns is an *Error. On a method other than GET, an error that leaves open
// whether the request took effect is marked ambiguous.
func (c *Client) call(ctx context.Context, method, path string, result any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("nothing came within %s", c.timeout))
	defer cancel()

	fail := &Error{Method: method, Path: path}
	changes := method != http.MethodGet

	// Once a connection is in hand the request may be on its way: from then
	// on "no answer" no longer means "not done".
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.Store(true) },
	})

	req, err := http.NewRequestWithContext(ctx, method, c.base.JoinPath(path).String(), nil)
	if err != nil {
		return fail.as(ErrUnreachable, err)
	}
	req.Header.Set("X-API-Key", c.apiKey)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", c.userAgent)

	resp, err := c.http.Do(req)
	if err != nil {
		fail.Ambiguous = changes && sent.Load()
		return fail.as(ErrUnreachable, withoutURL(err))
	}
	defer resp.Body.Close()
	fail.Status = resp.StatusCode

	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if resp.StatusCode != http.StatusOK {
		return fail.fromResponse(resp, body, changes)
	}
	// A 200 that cannot be read in full is a promise half heard.
	fail.Ambiguous = changes
	if err != nil {
		return fail.as(ErrMalformed, fmt.Errorf("reading the answer: %w", err))
	}
	if len(body) > maxBody {
		return fail.as(ErrMalformed, fmt.Errorf("the answer is larger than %d bytes", maxBody))
	}
	if err := json.Unmarshal(body, result); err != nil {
		// The decoding error may quote what it read; only its type is kept.
		return fail.as(ErrMalformed, fmt.Errorf("the answer is not the documented JSON (%T)", err))
	}
	return nil
}

// malformed reports a 200 whose JSON says something that was not asked for.
func malformed(method, path, what string) *Error {
	return &Error{
		Method: method, Path: path, Status: http.StatusOK,
		Kind: ErrMalformed, Ambiguous: method != http.MethodGet, Err: errors.New(what),
	}
}

// withoutURL unwraps the *url.Error of net/http: method and path stand in
// *Error already, and the full URL may hold more than belongs in a log.
func withoutURL(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err
	}
	return err
}
