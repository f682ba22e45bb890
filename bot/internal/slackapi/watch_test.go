package slackapi

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

type answers func(*http.Request) (*http.Response, error)

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWatchReportsRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, kind, body string
		want             []string
	}{
		{"an error", "application/json; charset=utf-8", `{"ok":false,"error":"not_in_channel"}`, []string{"/api/chat.postMessage not_in_channel"}},
		{"no error", "application/json", `{"ok":true,"error":"no"}`, nil},
		{"not Slack's JSON", "application/json", `["ok"]`, nil},
		{"text", "text/plain", `{"ok":false,"error":"not_in_channel"}`, nil},
		{"larger than the bound", "application/json", `{"ok":false,"error":"x","more":"` + strings.Repeat("x", maxWatched) + `"}`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			watched := Watch(answers(func(*http.Request) (*http.Response, error) {
				return &http.Response{Header: http.Header{"Content-Type": {tt.kind}}, Body: io.NopCloser(strings.NewReader(tt.body))}, nil
			}), func(path, code string) { got = append(got, path+" "+code) })
			req, err := http.NewRequest("POST", "https://slack.com/api/chat.postMessage", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := watched.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || string(body) != tt.body || resp.Body.Close() != nil {
				t.Errorf("%v, %d bytes of %d", err, len(body), len(tt.body))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestMethodOfNamesNoResponseURL(t *testing.T) {
	for _, api := range []string{"https://slack.com/api/", "http://127.0.0.1:1/", "http://127.0.0.1:1"} {
		name := MethodOf(api)
		for _, path := range []string{"/actions/T012ACME/123/ticket", "/api/actions/T012ACME/ticket", "/commands/1", "/"} {
			if got := name(path); got != ResponseURL {
				t.Errorf("%s: %s is %s", api, path, got)
			}
		}
	}
	if got := MethodOf("https://slack.com/api/")("/api/apps.connections.open"); got != "apps.connections.open" {
		t.Error(got)
	}
}

func TestCodesBoundTheLabels(t *testing.T) {
	var codes Codes
	for _, odd := range []string{"", "Not_In_Channel", "two words", strings.Repeat("x", 41)} {
		if got := codes.Label(odd); got != "other" {
			t.Errorf("%q is %q", odd, got)
		}
	}
	for i := range maxCodes {
		code := fmt.Sprintf("code_%c%c", 'a'+i/26, 'a'+i%26)
		if got := codes.Label(code); got != code {
			t.Errorf("%q is %q", code, got)
		}
	}
	if got := codes.Label("one_more"); got != "other" {
		t.Error(got)
	}
	if got := codes.Label("code_aa"); got != "code_aa" {
		t.Error(got)
	}
}
