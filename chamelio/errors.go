package chamelio

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The kinds of failure, for errors.Is. Each *Error has exactly one. The kind
// doesn't say what a failure means for the task: check Error.NotSent,
// Error.Ambiguous, Error.InFlight and Error.FromAPI first.
var (
	// ErrNotSent means that a request wasn't sent, because the check passed to
	// Cancel failed or the context ended. It also matches errors of another
	// kind for which Error.NotSent is set.
	ErrNotSent = errors.New("not sent")
	// ErrRateLimited is a 429, or a wait for this client's own rate limit that
	// ended with the context. Only the latter also matches ErrNotSent.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnreachable means that there was no answer: no connection, a cut one,
	// or a timeout.
	ErrUnreachable = errors.New("no answer")
	// ErrUnauthorized is a 401. If Error.FromAPI is set, Error.Reason says
	// which of the five.
	ErrUnauthorized = errors.New("the API key was refused")
	// ErrNotFound is a 404: the task doesn't exist, this key may not see it,
	// or a gateway doesn't know the path. See Error.TaskNotFound.
	ErrNotFound = errors.New("not found")
	// ErrConflict is a 409: the task's state doesn't allow cancelling it.
	ErrConflict = errors.New("not possible in the task's current state")
	// ErrServer is a 5xx.
	ErrServer = errors.New("server error")
	// ErrRefused is any other status: 403, 422, a redirect, 204.
	ErrRefused = errors.New("refused")
	// ErrMalformed is a 200 whose body isn't what the API documents.
	ErrMalformed = errors.New("malformed answer")

	// ErrAmbiguous also matches errors of another kind for which
	// Error.Ambiguous is set.
	ErrAmbiguous = errors.New("may have taken effect")
)

// Reason is the reason why a key was refused.
type Reason string

// The documented reasons of a 401
// (https://docs.chamelio.ai/api-reference/introduction).
const (
	KeyMissing  Reason = "missing"
	KeyInvalid  Reason = "invalid"
	KeyInactive Reason = "inactive"
	KeyRevoked  Reason = "revoked"
	KeyExpired  Reason = "expired"
	KeyUnclear  Reason = "" // a 401 with another text
)

// KeyForeign isn't one of Chamelio's reasons. A caller uses it to refuse a key of the
// wrong organisation.
const KeyForeign Reason = "other_organisation"

// Error is the error that every method of Client returns. Its text is for
// operators; it never contains the key, a full URL or a body.
//
// When a cancel request fails, it is in one of four positions:
//
//	NotSent                 nothing has left this process
//	none of the three       the API itself refused it: it had no effect, and
//	                        will have none
//	Ambiguous               it may have taken effect, but the server is done
//	                        with it: checking the task once gives a final answer
//	Ambiguous and InFlight  it may have taken effect, or may still do so later:
//	                        a check that finds the task running proves nothing
type Error struct {
	Method string
	Path   string
	Status int    // HTTP status; 0 without an answer
	Detail string // the answer's "detail", at most 200 characters; only with FromAPI

	Kind error // one of the Err… variables, never ErrAmbiguous

	// NotSent reports that no part of the request can have reached a server:
	// the context or the caller's check ended it first, or no connection could
	// be made.
	NotSent bool

	// Ambiguous reports that the request may have taken effect. It is never
	// set for a request that changes nothing.
	Ambiguous bool

	// InFlight reports that the request may still take effect later, because
	// the server or something in between may still be processing it. It is set
	// if there was no answer, or if the answer wasn't the API's own: a gateway
	// that times out doesn't recall the request it forwarded. InFlight implies
	// Ambiguous.
	InFlight bool

	// FromAPI reports that the answer has the documented form of the API's
	// errors, {"detail": "<text>"}, rather than the HTML, empty body or other
	// JSON of a gateway or firewall.
	FromAPI bool

	Reason     Reason        // with ErrUnauthorized
	RetryAfter time.Duration // of a 429 or 503, up to 24 hours; 0 if the answer does not say
	Err        error         // the cause; may be nil
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

// Is makes errors.Is work with the kinds, ErrAmbiguous and ErrNotSent.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrAmbiguous:
		return e.Ambiguous
	case ErrNotSent:
		return e.NotSent
	}
	return target == e.Kind
}

// Unwrap returns the cause, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.Err }

// TaskNotFound reports whether the API itself said that the task wasn't found.
// A 404 from a gateway, or because of a wrong base URL, doesn't count.
func (e *Error) TaskNotFound() bool {
	return errors.Is(e.Kind, ErrNotFound) && strings.Contains(strings.ToLower(e.Detail), "task")
}

// outcome has everything about the end of a request that its meaning depends
// on.
type outcome struct {
	sent    bool // there was a connection to send it on
	status  int  // 0 if there was no answer
	fromAPI bool // the answer has the form of the API's own errors
}

// meaning is the consequence of an outcome for the task.
type meaning struct {
	kind                         error
	notSent, ambiguous, inFlight bool
}

// classify returns the meaning of a request that didn't end in a valid 200.
// The rule behind every line: only the API itself can say that nothing
// happened, and only the API itself can say that it is done. Everything
// undocumented counts as the worst case.
func classify(o outcome) meaning {
	switch s := o.status; {
	case !o.sent:
		return meaning{kind: ErrUnreachable, notSent: true}
	case s == 0: // a timeout or a cut connection: the request may be in flight
		return meaning{kind: ErrUnreachable, ambiguous: true, inFlight: true}
	case s == http.StatusOK: // an incomplete answer, or one about something else
		return meaning{kind: ErrMalformed, ambiguous: true, inFlight: true}
	case s == http.StatusTooManyRequests:
		// Rate limiters reject requests before doing anything, and the body of
		// a 429 isn't documented.
		return meaning{kind: ErrRateLimited}
	case s == http.StatusInternalServerError && o.fromAPI:
		// "Failed to cancel task" doesn't say how far it got.
		return meaning{kind: ErrServer, ambiguous: true}
	case s >= 500: // 502, 503, 504 and the like: from a gateway, regardless of the body
		return meaning{kind: ErrServer, ambiguous: true, inFlight: true}
	case s == http.StatusRequestTimeout: // some gateways use it for the server's timeout
		return meaning{kind: ErrRefused, ambiguous: true, inFlight: true}
	case s >= 400:
		return meaning{kind: kindOf4xx(s), ambiguous: !o.fromAPI, inFlight: !o.fromAPI}
	default: // another 2xx, or a redirect: undocumented
		return meaning{kind: ErrRefused, ambiguous: true, inFlight: true}
	}
}

func kindOf4xx(status int) error {
	switch status {
	case http.StatusUnauthorized:
		return ErrUnauthorized
	case http.StatusNotFound:
		return ErrNotFound
	case http.StatusConflict:
		return ErrConflict
	}
	return ErrRefused
}

// means fills in the meaning of an outcome. A request that changes nothing
// can't have taken effect.
func (e *Error) means(o outcome, cause error) *Error {
	m := classify(o)
	changes := e.Method != http.MethodGet
	e.Kind, e.Status, e.FromAPI, e.Err = m.kind, o.status, o.fromAPI, cause
	e.NotSent = m.notSent
	e.Ambiguous, e.InFlight = changes && m.ambiguous, changes && m.inFlight
	return e
}

// notSent marks a request that wasn't sent.
func (e *Error) notSent(kind, cause error) *Error {
	e.Kind, e.NotSent, e.Err = kind, true, cause
	return e
}
