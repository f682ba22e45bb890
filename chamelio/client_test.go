package chamelio_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func newAPI(t *testing.T) *chameliotest.Server {
	t.Helper()
	api := chameliotest.NewServer()
	t.Cleanup(api.Close)
	return api
}

func newClient(t *testing.T, url string, change ...func(*chamelio.Options)) *chamelio.Client {
	t.Helper()
	transport := http.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	o := chamelio.Options{BaseURL: url, APIKey: chameliotest.Key, Timeout: 2 * time.Second, Transport: transport}
	for _, f := range change {
		f(&o)
	}
	c, err := chamelio.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func impatient(o *chamelio.Options) { o.Timeout = 50 * time.Millisecond }

func TestCancelFollowsTheAPI(t *testing.T) {
	api := newAPI(t)
	c := newClient(t, api.URL(), func(o *chamelio.Options) { o.UserAgent = "cancelbot/1.2.3" })
	if err := c.Cancel(t.Context(), 12345, nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := api.Task(12345); got.Status != "cancelled" {
		t.Errorf("task 12345 is %s, want cancelled", got.Status)
	}
	r := api.Requests()[0]
	if r.Method != "POST" || r.Path != "/tasks/12345/cancel" || r.Key != chameliotest.Key || r.Agent != "cancelbot/1.2.3" {
		t.Errorf("the request was %+v", r)
	}
}

func TestKeyIsNotSentToRedirects(t *testing.T) {
	called := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called <- r.Header.Get("X-API-Key")
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: status, Location: elsewhere.URL})
		c := newClient(t, api.URL())
		if err := c.Cancel(t.Context(), 12345, nil); err == nil {
			t.Errorf("%d: a redirect counts as success", status)
		}
		if _, err := c.Task(t.Context(), 12345); err == nil {
			t.Errorf("%d: a redirect counts as a task", status)
		}
	}
	select {
	case key := <-called:
		t.Errorf("the redirect was followed, with key %q", key)
	default:
	}
}

func TestNewRejectsInvalidOptions(t *testing.T) {
	for _, url := range []string{"", "platform.chamelio.ai", "http://platform.chamelio.ai", "ftp://127.0.0.1", "https://u:p@x.example", "https://x.example?a=b", "http://127.0.0.1.evil.example", "https://"} {
		if _, err := chamelio.New(chamelio.Options{BaseURL: url, APIKey: chameliotest.Key}); err == nil {
			t.Errorf("base URL %q was accepted", url)
		}
	}
	for _, url := range []string{"https://platform.chamelio.ai/", "http://127.0.0.1:8080", "http://[::1]:80/api", "http://localhost"} {
		if _, err := chamelio.New(chamelio.Options{BaseURL: url, APIKey: chameliotest.Key}); err != nil {
			t.Errorf("base URL %q: %v", url, err)
		}
	}
	for _, key := range []string{"", "ca_", "xoxb-1", "ca_a b", "ca_a\r\nX: y", `"ca_abc"`} {
		_, err := chamelio.New(chamelio.Options{BaseURL: chamelio.DefaultBaseURL, APIKey: key})
		if err == nil {
			t.Errorf("key %q was accepted", key)
		} else if len(key) > 3 && strings.Contains(err.Error(), key) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
}

// However an address is spelled, its tasks are the same.
func TestAddressHasOneSpelling(t *testing.T) {
	for url, want := range map[string]string{
		chamelio.DefaultBaseURL:                chamelio.DefaultBaseURL,
		"HTTPS://Platform.Chamelio.AI:443//":   chamelio.DefaultBaseURL,
		"https://platform.chamelio.ai:8443/":   "https://platform.chamelio.ai:8443",
		"https://platform.chamelio.ai/Staging": "https://platform.chamelio.ai/Staging",
		"http://[::1]:80/api/":                 "http://[::1]/api",
	} {
		if got, err := chamelio.AddressOf(url); got != want || err != nil {
			t.Errorf("%s: %s, %v; want %s", url, got, err, want)
		}
	}
	if got, err := chamelio.AddressOf("http://platform.chamelio.ai"); err == nil {
		t.Errorf("plain http: %s", got)
	}
}

func TestCallEndsWithItsContext(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	api.OnReceived(func(chameliotest.Request) { cancel() })
	if err := newClient(t, api.URL()).Cancel(ctx, 12345, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
