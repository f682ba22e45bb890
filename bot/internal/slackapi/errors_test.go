package slackapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
)

// proxyError is how the transport reports a proxy that refuses CONNECT.
type proxyError int

func (proxyError) Error() string      { return "the proxy refuses" }
func (p proxyError) ProxyStatus() int { return int(p) }

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		name  string
		err   error
		want  Status
		pause time.Duration
	}{
		{"no error", nil, Posted, 0},
		{"not Slack's host", errNotSlack, Refused, 0},
		{"rate limited", &slack.RateLimitedError{RetryAfter: time.Minute}, Later, time.Minute},
		{"status 302, of a proxy", slack.StatusCodeError{Code: 302}, Unclear, 0},
		{"status 403, of a proxy", slack.StatusCodeError{Code: 403}, Unclear, 0},
		{"status 204", slack.StatusCodeError{Code: 204}, Unclear, 0},
		{"status 404, of a proxy", slack.StatusCodeError{Code: 404}, Unclear, 0},
		{"status 407, of a proxy", slack.StatusCodeError{Code: 407}, Unclear, 0},
		{"status 408", slack.StatusCodeError{Code: 408}, Unclear, 0},
		{"status 429", slack.StatusCodeError{Code: 429}, Later, 0},
		{"status 503", slack.StatusCodeError{Code: 503}, Unclear, 0},
		{"a final code", slack.SlackErrorResponse{Err: "channel_not_found"}, Refused, 0},
		{"a transient code", slack.SlackErrorResponse{Err: "ratelimited"}, Later, 0},
		{"response_url, used up", &responseError{status: 404, code: "used_url"}, Refused, 0},
		{"response_url, final code with 200", &responseError{status: 200, code: "invalid_blocks"}, Refused, 0},
		{"a code that leaves it open", slack.SlackErrorResponse{Err: "internal_error"}, Unclear, 0},
		{"another", slack.SlackErrorResponse{Err: "fatal_error"}, Unclear, 0},
		{"a third", slack.SlackErrorResponse{Err: "service_unavailable"}, Unclear, 0},
		{"a fourth", slack.SlackErrorResponse{Err: "request_timeout"}, Unclear, 0},
		{"no message in the answer", &OtherAnswerError{Asked: "a message"}, Unclear, 0},
		{"response_url, transient code with 200", &responseError{status: 200, code: "ratelimited"}, Later, 0},
		{"response_url, a code that leaves it open", &responseError{status: 200, code: "fatal_error"}, Unclear, 0},
		{"response_url, 200 with an unknown body", &responseError{status: 200}, Unclear, 0},
		{"response_url, 404 of a proxy", &responseError{status: 404}, Unclear, 0},
		{"response_url, transient code with 404", &responseError{status: 404, code: "ratelimited"}, Later, 0},
		{"response_url, 500 with a code", &responseError{status: 500, code: "rollup_error"}, Unclear, 0},
		{"response_url, 429", &responseError{status: 429, retryAfter: time.Second}, Later, time.Second},
		{"response_url, 503", &responseError{status: 503, retryAfter: time.Second}, Unclear, time.Second},
		{"a proxy opens no connection", proxyError(407), Later, 0},
		{"no connection to a proxy", &net.OpError{Op: "proxyconnect", Err: io.EOF}, Later, 0},
		{"connection cut", io.ErrUnexpectedEOF, Unclear, 0},
		{"timeout", context.DeadlineExceeded, Unclear, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err
			if err != nil {
				err = fmt.Errorf("wrapped: %w", err)
			}
			got, pause := Classify(err)
			if got != tt.want || pause != tt.pause {
				t.Errorf("got %d, %v; want %d, %v", got, pause, tt.want, tt.pause)
			}
			if got.MayWork() != (tt.want == Later || tt.want == Unclear) {
				t.Errorf("may work: %t", got.MayWork())
			}
			var permanent *backoff.PermanentError
			var after *backoff.RetryAfterError
			again := Retryable(err)
			if (again == nil) != (tt.want == Posted) || errors.As(again, &permanent) != (tt.want == Refused) ||
				errors.As(again, &after) != (tt.pause > 0) || after != nil && after.Duration != tt.pause {
				t.Errorf("Retryable: %v", again)
			}
			permanent = nil
			if once := UnlessPosted(err); (once == nil) != (tt.want == Posted) || errors.As(once, &permanent) != (tt.want == Refused || tt.want == Unclear) {
				t.Errorf("UnlessPosted: %v", once)
			}
		})
	}
}

func TestOnlySlacksClearAnswersAreAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"success": {nil, true}, "status 429": {&slack.RateLimitedError{RetryAfter: time.Minute}, true},
		"status 429, without a pause": {slack.StatusCodeError{Code: 429}, true}, "ratelimited in a 200": {slack.SlackErrorResponse{Err: "ratelimited"}, true},
		"a refused token": {slack.SlackErrorResponse{Err: "token_revoked"}, true}, "a refusal": {slack.SlackErrorResponse{Err: "access_denied"}, true},
		"internal_error":      {slack.SlackErrorResponse{Err: "internal_error"}, false},
		"service_unavailable": {slack.SlackErrorResponse{Err: "service_unavailable"}, false}, "no code": {slack.SlackErrorResponse{}, false},
		"a proxy's page": {slack.StatusCodeError{Code: 403}, false}, "status 503": {slack.StatusCodeError{Code: 503}, false},
		"no connection": {&net.OpError{Op: "dial", Err: io.EOF}, false}, "no answer": {context.DeadlineExceeded, false},
	} {
		if tt.err != nil {
			tt.err = fmt.Errorf("wrapped: %w", tt.err)
		}
		if Answered(tt.err) != tt.want {
			t.Errorf("%s: %t", name, !tt.want)
		}
	}
}
