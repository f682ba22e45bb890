package slackapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
)

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
		{"status 404", slack.StatusCodeError{Code: 404}, Refused, 0},
		{"status 408", slack.StatusCodeError{Code: 408}, Later, 0},
		{"status 429", slack.StatusCodeError{Code: 429}, Later, 0},
		{"status 503", slack.StatusCodeError{Code: 503}, Unclear, 0},
		{"a final code", slack.SlackErrorResponse{Err: "channel_not_found"}, Refused, 0},
		{"a transient code", slack.SlackErrorResponse{Err: "service_unavailable"}, Later, 0},
		{"response_url, used up", &responseError{status: 404, code: "used_url"}, Refused, 0},
		{"response_url, final code with 200", &responseError{status: 200, code: "invalid_blocks"}, Refused, 0},
		{"response_url, transient code with 200", &responseError{status: 200, code: "internal_error"}, Later, 0},
		{"response_url, 429", &responseError{status: 429, retryAfter: time.Second}, Later, time.Second},
		{"response_url, 503", &responseError{status: 503, retryAfter: time.Second}, Unclear, time.Second},
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
