package chamelio

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The kinds of failure; test for them with errors.Is. Each *Error has exactly
// one. What a failure means for the task is not told by its kind but by
// Error.NotSent, Error.Ambiguous, Error.InFlight and Error.FromAPI: look at
// those first.
var (
	// ErrNotSent is a request that was given up before it was sent, by the
	// check that was passed to Cancel or by the end of the context. It also
	// holds besides another kind wherever Error.NotSent is set.
	ErrNotSent = errors.New("not sent")
	// ErrRateLimited is a 429, or a wait for this client's own rate limit that
	// ended with the context. Only the latter is ErrNotSent besides.
	ErrRateLimited = errors.New("rate limited")
	// ErrUnreachable is no answer at all: no connection, a cut one, a timeout.
	ErrUnreachable = errors.New("no answer")
	// ErrUnauthorized is a 401; with Error.FromAPI, Error.Reason says which of
	// the five.
	ErrUnauthorized = errors.New("the API key was refused")
	// ErrNotFound is a 404: no such thing, or this key may not see it, or a
	// gateway that does not know the path. See Error.TaskNotFound.
	ErrNotFound = errors.New("not found")
	// ErrConflict is a 409: the task is not in a state that can be cancelled.
	ErrConflict = errors.New("not possible in the task's current state")
	// ErrServer is a 5xx.
	ErrServer = errors.New("server error")
	// ErrRefused is any other status: 403, 422, a redirect, 204.
	ErrRefused = errors.New("refused")
	// ErrMalformed is a 200 that does not say what the API documents.
	ErrMalformed = errors.New("malformed answer")

	// ErrAmbiguous holds besides another kind wherever Error.Ambiguous is set.
	ErrAmbiguous = errors.New("may have taken effect")
)

// Reason tells why a key was refused.
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

// Error is what every call of a Client returns when it fails. Its text is for
// operators; it never holds the key, a full URL or a body.
//
// A request that cancels a task is in one of four positions when it fails:
//
//	NotSent                 nothing has left this process
//	none of the three       the API itself has refused it: nothing happened,
//	                        and nothing will come of it
//	Ambiguous               it may have taken effect, but the server is done
//	                        with it: one look at the task tells for good
//	Ambiguous and InFlight  it may have taken effect, or may yet do so at any
//	                        later moment: a look that finds the task running
//	                        proves nothing
type Error struct {
	Method string
	Path   string
	Status int    // HTTP status; 0 without an answer
	Detail string // the answer's "detail", at most 200 characters; only with FromAPI

	Kind error // one of the Err… variables, never ErrAmbiguous

	// NotSent says that no part of the request can have reached anybody: the
	// context or the caller's check ended it before, or no connection came
	// about.
	NotSent bool

	// Ambiguous says that the request may have taken effect. It is never set
	// for a request that changes nothing.
	Ambiguous bool

	// InFlight says that the request may still take effect after this answer:
	// somebody on the way, or the server itself, may hold it yet. That is so
	// wherever the answer is missing, or was not given by the API itself, since
	// a gateway that tires of waiting does not recall what it has passed on.
	// InFlight implies Ambiguous.
	InFlight bool

	// FromAPI says that the answer has the form in which the API documents its
	// errors, {"detail": "<text>"}, as opposed to the HTML, empty body or other
	// JSON of a gateway or firewall in between.
	FromAPI bool

	Reason     Reason        // with ErrUnauthorized
	RetryAfter time.Duration // of a 429 or 503, up to 24 hours; 0 if the answer does not say
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

// Unwrap gives the cause, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.Err }

// TaskNotFound reports whether the API itself said that the task was not
// found, as opposed to a 404 of a gateway, or about something else, such as a
// wrong base URL.
func (e *Error) TaskNotFound() bool {
	return errors.Is(e.Kind, ErrNotFound) && strings.Contains(strings.ToLower(e.Detail), "task")
}

// outcome is how a request ended, as far as its meaning depends on it.
type outcome struct {
	sent    bool // a connection was there to send it on
	status  int  // 0: no answer came
	fromAPI bool // the answer has the API's own form of an error
}

// meaning is what an outcome says.
type meaning struct {
	kind                         error
	notSent, ambiguous, inFlight bool
}

// classify tells what it means that a request did not end in a good 200. The
// rule behind every line: only the API itself can say that nothing happened,
// and only the API itself can say that it is done. Everything undocumented is
// taken for the worst.
func classify(o outcome) meaning {
	switch s := o.status; {
	case !o.sent:
		return meaning{kind: ErrUnreachable, notSent: true}
	case s == 0: // a timeout or a cut connection: the request is out there
		return meaning{kind: ErrUnreachable, ambiguous: true, inFlight: true}
	case s == http.StatusOK: // half an answer, or one about something else
		return meaning{kind: ErrMalformed, ambiguous: true, inFlight: true}
	case s == http.StatusTooManyRequests:
		// Whoever counts requests turns them away before they do anything,
		// and the body of a 429 is not documented.
		return meaning{kind: ErrRateLimited}
	case s == http.StatusInternalServerError && o.fromAPI:
		// "Failed to cancel task" does not say how far it came.
		return meaning{kind: ErrServer, ambiguous: true}
	case s >= 500: // 502, 503, 504 and the like: a gateway's, whatever the body
		return meaning{kind: ErrServer, ambiguous: true, inFlight: true}
	case s == http.StatusRequestTimeout: // some gateways mean the server's time by it
		return meaning{kind: ErrRefused, ambiguous: true, inFlight: true}
	case s >= 400:
		return meaning{kind: kindOf4xx(s), ambiguous: !o.fromAPI, inFlight: !o.fromAPI}
	default: // another 2xx, or a redirect: nobody documents what it means
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

// means fills in what the outcome says. A request that changes nothing cannot
// have taken effect.
func (e *Error) means(o outcome, cause error) *Error {
	m := classify(o)
	changes := e.Method != http.MethodGet
	e.Kind, e.Status, e.FromAPI, e.Err = m.kind, o.status, o.fromAPI, cause
	e.NotSent = m.notSent
	e.Ambiguous, e.InFlight = changes && m.ambiguous, changes && m.inFlight
	return e
}

// notSent marks a request that was given up before it was sent.
func (e *Error) notSent(kind, cause error) *Error {
	e.Kind, e.NotSent, e.Err = kind, true, cause
	return e
}
