package chamelio

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// The kinds of failure; test for them with errors.Is. Each *Error has exactly
// one, and besides may be ErrAmbiguous.
var (
	// ErrUnauthorized is a 401; Error.Reason says which of the five.
	ErrUnauthorized = errors.New("the API key was refused")
	// ErrNotFound is a 404: no such thing, or this key may not see it.
	ErrNotFound = errors.New("not found")
	// ErrConflict is a 409: the task is not in a state that can be cancelled.
	ErrConflict = errors.New("not possible in the task's current state")
	// ErrRateLimited is a 429; Error.RetryAfter says how long to wait, if told.
	ErrRateLimited = errors.New("rate limited")
	// ErrServer is a 5xx.
	ErrServer = errors.New("server error")
	// ErrRefused is any other status: 403, 405, 422, a redirect.
	ErrRefused = errors.New("refused")
	// ErrMalformed is a 200 that does not say what the API documents.
	ErrMalformed = errors.New("malformed answer")
	// ErrUnreachable is no answer at all: no connection, a cut one, a timeout.
	ErrUnreachable = errors.New("no answer")

	// ErrAmbiguous holds besides another kind when a request that changes
	// something was sent and no clear answer came: it may have taken effect.
	// Ask Task before telling anyone anything.
	ErrAmbiguous = errors.New("may have taken effect")
)

// Reason tells why a key was refused.
type Reason string

// The documented reasons of a 401.
const (
	KeyMissing  Reason = "missing"
	KeyInvalid  Reason = "invalid"
	KeyInactive Reason = "inactive"
	KeyRevoked  Reason = "revoked"
	KeyExpired  Reason = "expired"
	KeyUnclear  Reason = "" // a 401 with another text
)

// reasons maps the "detail" of a 401 to its Reason
// (Chamelio API reference, introduction: authentication).
var reasons = map[string]Reason{
	"API key required":         KeyMissing,
	"Invalid API key":          KeyInvalid,
	"API key is inactive":      KeyInactive,
	"API key has been revoked": KeyRevoked,
	"API key has expired":      KeyExpired,
}

// Error is what every call of a Client returns when it fails. Its text is for
// operators; it never holds the key, a full URL or a body.
type Error struct {
	Method string
	Path   string
	Status int    // HTTP status; 0 without an answer
	Detail string // the answer's "detail", shortened to 200 characters; may be empty

	Kind       error         // one of the Err… variables
	Ambiguous  bool          // see ErrAmbiguous
	Reason     Reason        // with ErrUnauthorized
	RetryAfter time.Duration // with ErrRateLimited; 0 if the answer does not say
	Err        error         // what caused it; may be nil
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "chamelio: %s %s: %v", e.Method, e.Path, e.Kind)
	if e.Status != 0 {
		fmt.Fprintf(&b, " (status %d)", e.Status)
	}
	if e.Detail != "" {
		fmt.Fprintf(&b, ": %q", e.Detail)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Is makes errors.Is work with the kinds and with ErrAmbiguous.
func (e *Error) Is(target error) bool {
	return target == e.Kind || target == ErrAmbiguous && e.Ambiguous
}

// Unwrap gives the cause, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.Err }

// TaskNotFound reports whether the API said that the task was not found, as
// opposed to a 404 about something else, such as a wrong base URL.
func (e *Error) TaskNotFound() bool {
	return e.Kind == ErrNotFound && strings.Contains(strings.ToLower(e.Detail), "task")
}

func (e *Error) as(kind, cause error) *Error {
	e.Kind, e.Err = kind, cause
	return e
}

// fromResponse classifies a status other than 200. changes says whether the
// request was one that changes something.
func (e *Error) fromResponse(resp *http.Response, body []byte, changes bool) *Error {
	e.Detail = detail(body)
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		e.Kind, e.Reason = ErrUnauthorized, reasons[e.Detail]
	case status == http.StatusNotFound:
		e.Kind = ErrNotFound
	case status == http.StatusConflict:
		e.Kind = ErrConflict
	case status == http.StatusTooManyRequests:
		e.Kind = ErrRateLimited
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	case status >= 500:
		e.Kind, e.Ambiguous = ErrServer, changes
	case status >= 400:
		e.Kind = ErrRefused
	default: // another 2xx, or a redirect: nobody documents what it means
		e.Kind, e.Ambiguous = ErrRefused, changes
	}
	return e
}

// detail takes {"detail": "<text>"} out of an error body. A proxy's HTML, an
// empty body or a list of validation errors give "".
func detail(body []byte) string {
	var answer struct {
		Detail any `json:"detail"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	text, _ := answer.Detail.(string)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:199]) + "…"
	}
	return text
}

// retryAfter reads a Retry-After header: seconds or an HTTP date
// (RFC 9110, section 10.2.3). Absent, unreadable or past gives 0.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	const longest = 24 * time.Hour // beyond any wait that makes sense; keeps arithmetic safe
	if s, err := strconv.ParseUint(header, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, longest)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), longest)
	}
	return 0
}
