package socketmode

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Errors for errors.Is.
var (
	// ErrTokenRefused means that Slack refuses the token permanently. Only
	// another token helps.
	ErrTokenRefused = errors.New("Slack refuses the token")

	// ErrOtherApp means that the token's app isn't [Options.AppID].
	ErrOtherApp = errors.New("the app-level token belongs to another app")

	// ErrSocketModeOff means that Socket Mode is switched off for the app (app
	// settings, Socket Mode, Enable).
	ErrSocketModeOff = errors.New("Socket Mode is switched off")

	// ErrTooManyConnections means that the app has ten open connections
	// already, over all its replicas.
	ErrTooManyConnections = errors.New("too many connections")

	// ErrUnreachable means that Slack didn't answer: check the network, the
	// proxy and the address.
	ErrUnreachable = errors.New("Slack cannot be reached")

	// ErrRateLimited means that Slack asks to call less often.
	ErrRateLimited = errors.New("rate limited")
)

// TokenError means that Slack refuses the app-level token permanently. No
// retry helps. errors.Is finds [ErrTokenRefused] in it, errors.As the
// *APIError.
type TokenError struct {
	Err *APIError // Slack's answer
}

func (e *TokenError) Error() string { return "Slack refuses the app-level token: " + e.Err.Error() }

// Is reports whether target is [ErrTokenRefused].
func (e *TokenError) Is(target error) bool { return target == ErrTokenRefused }

// Unwrap returns Slack's answer.
func (e *TokenError) Unwrap() error { return e.Err }

// APIError is an error from the Web API.
type APIError struct {
	Method     string        // such as apps.connections.open
	Status     int           // HTTP status
	Code       string        // Slack's error; "" if the answer was not Slack's JSON
	Needed     string        // the missing scope, if Slack names it
	RetryAfter time.Duration // as Slack asks for; 0 if it doesn't
}

func (e *APIError) Error() string {
	switch {
	case e.Code == "" && e.Status == 200:
		return e.Method + ": the answer is not Slack's"
	case e.Code == "":
		return fmt.Sprintf("%s: HTTP status %d", e.Method, e.Status)
	case e.Needed != "":
		return fmt.Sprintf("%s: %s (%s)", e.Method, e.Code, e.Needed)
	}
	return e.Method + ": " + e.Code
}

// Class returns the class of the answer. An answer without a code is
// [Transient]: it is from a gateway, or Slack is in trouble.
func (e *APIError) Class() Class {
	if e.Code == "" {
		return Transient
	}
	return Classify(e.Code)
}

// Is reports whether target is [ErrTokenRefused] or [ErrRateLimited] and
// matches the answer.
func (e *APIError) Is(target error) bool {
	switch target {
	case ErrTokenRefused:
		return e.final()
	case ErrRateLimited:
		return e.limited()
	}
	return false
}

// final reports whether only another token helps. A missing scope counts: an
// app-level token keeps the scopes that it was generated with.
func (e *APIError) final() bool {
	return e.Class() == TokenRefused || e.Code == "missing_scope"
}

func (e *APIError) limited() bool {
	return e.Status == 429 || e.Code == "ratelimited" || e.Code == "rate_limited"
}

// DisconnectError means that Slack disconnected a connection instead of saying
// hello.
type DisconnectError struct {
	Reason Reason
}

func (e *DisconnectError) Error() string {
	return "Slack disconnected instead of saying hello: " + string(e.Reason)
}

// Is reports whether target is [ErrSocketModeOff] or [ErrTooManyConnections]
// and matches the reason.
func (e *DisconnectError) Is(target error) bool {
	return target == ErrSocketModeOff && e.Reason == ReasonLinkDisabled ||
		target == ErrTooManyConnections && e.Reason == ReasonTooMany
}

// networkError means that Slack couldn't be reached.
type networkError struct {
	doing string
	err   error
}

// unreachable wraps the cause of a network error without its address, which
// may contain a ticket.
func unreachable(doing string, err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		err = ue.Err
	}
	return &networkError{doing, err}
}

func (e *networkError) Error() string { return e.doing + ": " + e.err.Error() }

func (e *networkError) Is(target error) bool { return target == ErrUnreachable }

func (e *networkError) Unwrap() error { return e.err }

// cause describes the end of a connection in a few words for the log.
func cause(err error) string {
	if ce, ok := errors.AsType[*websocket.CloseError](err); ok {
		return fmt.Sprintf("Slack closed it (%d)", ce.Code)
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() {
		return "nothing came for " + silenceTimeout.String()
	}
	return err.Error()
}

// code returns text only if it looks like one of Slack's codes, scopes or IDs.
// It keeps other texts, such as a gateway's that quotes the token, out of
// errors and logs.
func code(said string) string {
	plain := func(r rune) bool {
		return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == ':' || r == ',' || r == '.'
	}
	if len(said) > 64 || strings.ContainsFunc(said, func(r rune) bool { return !plain(r) }) {
		return "unreadable_error"
	}
	return said
}
