package slackapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Status is the certain result of a call to Slack.
type Status int

// The statuses.
const (
	Posted  Status = iota // no error: it is done
	Refused               // certainly not done, and another try doesn't help
	Later                 // certainly not done, but another try may succeed
	Unclear               // may have been done: there was no whole answer of Slack's about it
)

// MayWork reports whether another try may succeed.
func (s Status) MayWork() bool { return s == Later || s == Unclear }

// Classify returns what the error of a call means, and how long Slack asks to
// wait; 0 if it doesn't say. Only Slack's own word proves that nothing was done: an error
// code, or status 429. The page of something in between, whatever its status, may have
// replaced Slack's answer on its way back.
func Classify(err error) (Status, time.Duration) {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var said slack.SlackErrorResponse
	var response *responseError
	switch {
	case err == nil:
		return Posted, 0
	case errors.Is(err, errNotSlack):
		return Refused, 0
	case errors.As(err, &limited):
		return Later, limited.RetryAfter
	case errors.As(err, &status):
		return byStatus(status.Code), 0
	case errors.As(err, &said):
		return byCode(said.Err), 0
	case errors.As(err, &response) && response.isSlacks():
		return byCode(response.code), response.retryAfter
	case errors.As(err, &response):
		return byStatus(response.status), response.retryAfter
	case notSent(err):
		return Later, 0
	}
	return Unclear, 0 // the network failed
}

// byStatus returns what a status says without a code of Slack's.
func byStatus(status int) Status {
	if status == http.StatusTooManyRequests {
		return Later
	}
	return Unclear
}

// Answered reports whether the result of a call to the Web API is a clear answer of Slack's
// own: not that of something in between, and none that leaves open what happened.
func Answered(err error) bool {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var said slack.SlackErrorResponse
	switch {
	case err == nil, errors.As(err, &limited):
		return true
	case errors.As(err, &status):
		return status.Code == http.StatusTooManyRequests
	case errors.As(err, &said):
		return byCode(said.Err) != Unclear
	}
	return false
}

// notSent reports whether an error proves that nothing reached Slack: there was
// no connection, a proxy refused to open one, or there was no slot for the call.
func notSent(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var proxy interface{ ProxyStatus() int }
	return errors.Is(err, errNotBegun) || errors.As(err, &dns) || errors.As(err, &proxy) ||
		errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
}

// byCode returns what an answer says by its error code. That something went wrong or took
// too long doesn't say that nothing happened, and neither does an answer without a code. A
// refused token says nothing about the message: the token can be replaced.
func byCode(code string) Status {
	switch code {
	case "", "fatal_error", "internal_error", "service_unavailable", "request_timeout":
		return Unclear
	}
	switch socketmode.Classify(code) {
	case socketmode.Transient, socketmode.TokenRefused:
		return Later
	case socketmode.Configuration, socketmode.Other:
	}
	return Refused
}

// Retryable turns the error of a call to Slack into what work.Retry expects:
// permanent if another try doesn't help, or with the pause that Slack asks for.
func Retryable(err error) error {
	switch a, pause := Classify(err); {
	case a == Posted:
		return nil
	case a == Refused:
		return backoff.Permanent(err)
	case pause > 0:
		return errors.Join(err, &backoff.RetryAfterError{Duration: pause})
	}
	return err
}

// UnlessPosted is Retryable for a message that must not appear twice: the error
// is permanent, too, if the message may have been posted.
func UnlessPosted(err error) error {
	if a, _ := Classify(err); a == Unclear {
		return backoff.Permanent(err)
	}
	return Retryable(err)
}

// Retry is work.Retry for calls to Slack: a pause that Slack asks for doesn't
// count towards limit. All tries and pauses together are bounded by most.
func Retry(ctx context.Context, limit, most time.Duration, try func() error) error {
	begun, asked := time.Now(), time.Duration(0)
	return work.Retry(ctx, most, func() error {
		err := try()
		_, pause := Classify(err)
		asked += pause
		if err != nil && pause == 0 && time.Since(begun)-asked > limit {
			return work.Permanent(err)
		}
		return err
	})
}

// Code returns Slack's error code; "" if the error contains none.
func Code(err error) string {
	var said slack.SlackErrorResponse
	if errors.As(err, &said) {
		return said.Err
	}
	return ""
}

// Opened reports whether a view wasn't opened because another delivery of the same
// event has opened one: a trigger opens one view
// (docs.slack.dev/reference/methods/views.open).
func Opened(err error) bool { return Code(err) == "exchanged_trigger_id" }

// errNotBegun means that a call got no slot before its context ended.
var errNotBegun = errors.New("no slot for a call to Slack in time")

// errNotSlack means that a response_url would make the bot call some other
// host than Slack.
var errNotSlack = errors.New("the response_url is not on Slack's host")

// responseError is an answer of a response_url that isn't a success.
type responseError struct {
	status     int
	code       string // Slack's error code; "" if the answer may be someone else's
	retryAfter time.Duration
}

func (e *responseError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("Slack answered %d %s", e.status, e.code))
}

// isSlacks reports whether the answer is a refusal of Slack's own.
func (e *responseError) isSlacks() bool {
	return e.code != "" && e.status < 500 && e.status != http.StatusTooManyRequests
}
