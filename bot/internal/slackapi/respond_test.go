package slackapi

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOnlySlackGetsAnAnswer(t *testing.T) {
	p := NewPoster(nil, nil, &url.URL{Scheme: "https", Host: "slack.com"})
	for address, want := range map[string]bool{
		"https://hooks.slack.com/commands/T/1/x": true, "https://hooks.slack-gov.com/actions/x": true,
		"http://hooks.slack.com/x": false, "https://hooks.slack.com.evil.example/x": false, "https://u@hooks.slack.com/": false,
		"http://127.0.0.1:8080/x": false, "http://169.254.169.254/": false, "file:///etc/passwd": false, "": false, "::": false,
	} {
		if got := p.check(address) == nil; got != want {
			t.Errorf("%q: accepted = %v", address, got)
		}
	}
}

type answering func(*http.Request) (*http.Response, error)

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestOnlySlackRefusesAnAnswer(t *testing.T) {
	for _, tt := range []struct {
		status int
		body   string
		want   Status
	}{
		{200, "", Posted}, {200, "ok", Posted}, {200, `{"ok":true}`, Posted},
		{404, "used_url", Refused}, {404, "expired_url\n", Refused}, {400, "invalid_payload", Refused},
		{404, `{"ok":false,"error":"used_url"}`, Refused}, {200, `{"ok":false,"error":"invalid_blocks"}`, Refused},
		{200, "<html>Please log in</html>", Unclear}, {302, "", Unclear}, {302, "Found", Unclear}, {200, "used_url", Unclear},
		{403, "<html>Blocked</html>", Unclear}, {403, "forbidden", Unclear}, {403, `{"error":"policy_denied"}`, Unclear},
		{407, "Proxy Authentication Required", Unclear}, {404, "404 page not found", Unclear},
	} {
		p := NewPoster(nil, &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: tt.status, Body: io.NopCloser(strings.NewReader(tt.body)), Request: r}, nil
		})}, nil)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://hooks.slack.com/x", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := Classify(p.send(req)); got != tt.want {
			t.Errorf("%d %q: %d, want %d", tt.status, tt.body, got, tt.want)
		}
	}
}
