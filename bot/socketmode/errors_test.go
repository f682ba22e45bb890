package socketmode

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachCodeHasItsClass(t *testing.T) {
	for class, codes := range map[Class]string{
		TokenRefused:  "invalid_auth not_authed account_inactive token_revoked token_expired not_allowed_token_type",
		Configuration: "missing_scope no_permission access_denied accesslimited ekm_access_denied enterprise_is_restricted forbidden_team team_access_not_granted two_factor_setup_required link_disabled",
		Transient:     "internal_error fatal_error service_unavailable request_timeout ratelimited rate_limited team_added_to_org org_login_required too_many_websockets warning refresh_requested",
		Other:         "channel_not_found not_in_channel invalid_blocks a_code_of_next_year",
	} {
		for code := range strings.FieldsSeq(codes) {
			if got := Classify(code); got != class {
				t.Errorf("%s: %s, want %s", code, got, class)
			}
		}
	}
	if Classify("") != Other {
		t.Error("no code is of no class")
	}
}

func TestAnswersOfAppsConnectionsOpen(t *testing.T) {
	for _, c := range []struct {
		status    int
		retry     string
		body      string
		is        error
		class     Class
		message   string
		wantRetry time.Duration
	}{
		{200, "", `{"ok":false,"error":"invalid_auth"}`, ErrTokenRefused, TokenRefused, "Slack refuses the app-level token: apps.connections.open: invalid_auth", 0},
		{200, "", `{"ok":false,"error":"missing_scope","needed":"connections:write"}`, ErrTokenRefused, Configuration, "missing_scope (connections:write)", 0},
		{200, "", `{"ok":false,"error":"forbidden_team"}`, nil, Configuration, "forbidden_team", 0},
		{200, "", `{"ok":false,"error":"internal_error"}`, nil, Transient, "internal_error", 0},
		{200, "", `{"ok":false,"error":"ratelimited"}`, ErrRateLimited, Transient, "ratelimited", 0},
		{200, "", `{"ok":false,"error":"token xapp-1-secret"}`, nil, Other, "unreadable_error", 0},
		{200, "", `{"ok":false,"error":"` + strings.Repeat("x", 65) + `"}`, nil, Other, "unreadable_error", 0},
		{200, "", `<html>`, nil, Transient, "the answer is not Slack's", 0},
		{200, "", `{"ok":true,"url":"wss://evil.example/?ticket=secret"}`, errAddress, Other, "refused to connect", 0},
		{429, "7", ``, ErrRateLimited, Transient, "HTTP status 429", 7 * time.Second},
		{503, "7", `<html>`, nil, Transient, "HTTP status 503", 7 * time.Second},
		{404, "-7", `xapp-1-secret`, nil, Transient, "HTTP status 404", 0},
		{401, "", `{"ok":false,"error":"token_revoked"}`, ErrTokenRefused, TokenRefused, "token_revoked", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.opens = func(int) (int, http.Header, string) {
				return c.status, http.Header{"Retry-After": {c.retry}}, c.body
			}
			err := CheckToken(context.Background(), f.options(nil))
			if err == nil || !strings.Contains(err.Error(), c.message) || strings.Contains(err.Error(), "secret") {
				t.Fatalf("%d %s: %v", c.status, c.body, err)
			}
			for _, known := range []error{ErrTokenRefused, ErrRateLimited, ErrUnreachable, errAddress} {
				if errors.Is(err, known) != errors.Is(c.is, known) {
					t.Errorf("%d %s: %v is %v", c.status, c.body, err, known)
				}
			}
			answer, ok := errors.AsType[*APIError](err)
			if errors.Is(c.is, errAddress) {
				return
			}
			if !ok || answer.Class() != c.class || answer.RetryAfter != c.wantRetry {
				t.Errorf("%d %s: %+v", c.status, c.body, answer)
			}
		})
	}
}

func TestRetryAfterMayBeADate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for said, want := range map[string]time.Duration{
			time.Now().Add(time.Minute).UTC().Format(http.TimeFormat):  time.Minute,
			time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat): 0,
			"1.5": 0, "": 0, "99999999999999999999": 0,
		} {
			if got := retryAfter(http.Header{"Retry-After": {said}}); got != want {
				t.Errorf("%q: %v, want %v", said, got, want)
			}
		}
	})
}

func TestNetworkErrorsKeepTheCauseAndDropTheAddress(t *testing.T) {
	refused := &net.OpError{Op: "dial", Err: errors.New("connection refused")}
	err := unreachable("opening the WebSocket", fmt.Errorf("x: %w", &url.Error{Op: "Get", URL: "wss://slack.com/?ticket=secret", Err: refused}))
	if !errors.Is(err, ErrUnreachable) || !errors.Is(err, refused) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

func TestRefusedHandshakeReportsOnlyTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.opens = func(int) (int, http.Header, string) {
			return 200, nil, `{"ok":true,"url":"ws://127.0.0.1/elsewhere?ticket=secret"}`
		}
		_, err := Probe(context.Background(), f.options(nil))
		if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "HTTP status 404") || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	})
}

func TestReasonsAreBounded(t *testing.T) {
	for said, want := range map[string]Reason{
		"warning": ReasonWarning, "refresh_requested": ReasonRefreshRequested, "link_disabled": ReasonLinkDisabled,
		"too_many_websockets": ReasonTooMany, "lost": ReasonOther, "": ReasonOther, "because I can": ReasonOther,
	} {
		if got := reasonOf(said); got != want {
			t.Errorf("%q: %q", said, got)
		}
	}
}
