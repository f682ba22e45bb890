package chamelio_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// paddedKey has characters that may be escaped: padding, minus, underscore.
const paddedKey = "ca_YWJj-ZGVm_Z2hpam==" // not a real one

// everything returns everything that an error can print, including its causes.
func everything(err error) string {
	text := ""
	for ; err != nil; err = errors.Unwrap(err) {
		text += fmt.Sprintf("%v %+v %#v\n", err, err, err)
	}
	return text
}

// Whatever the server echoes, and wherever: the key is in no error, in none of
// its fields and in none of its causes.
func TestErrorsDoNotContainKey(t *testing.T) {
	echo := func(r *http.Request) string { return r.Header.Get("X-API-Key") }
	for name, answer := range map[string]func(w http.ResponseWriter, r *http.Request){
		"detail": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"detail":"Invalid API key %s"}`, echo(r))
		},
		"escaped in JSON": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"detail":"Invalid API key %s"}`, strings.Replace(echo(r), "c", `\u0063`, 1))
		},
		"cut off by the limit of a detail": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			fmt.Fprintf(w, `{"detail":"%s %s"}`, strings.Repeat("x", 185), echo(r))
		},
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/?key="+echo(r), http.StatusFound)
		},
		"redirect that is no URL": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://[::bad?"+echo(r))
			w.WriteHeader(302)
		},
		"not HTTP": func(w http.ResponseWriter, r *http.Request) {
			raw(w, echo(r)+"\r\n\r\n")
		},
		"status line": func(w http.ResponseWriter, r *http.Request) {
			raw(w, "HTTP/1.1 "+echo(r)+"\r\n\r\n")
		},
		"header line": func(w http.ResponseWriter, r *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\n"+echo(r)+"\r\n\r\n")
		},
		"length": func(w http.ResponseWriter, r *http.Request) {
			raw(w, "HTTP/1.1 200 OK\r\nContent-Length: "+echo(r)+"\r\n\r\n")
		},
		"200": func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, echo(r)) },
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(answer))
			t.Cleanup(srv.Close)
			c := newClient(t, srv.URL, func(o *chamelio.Options) { o.APIKey = paddedKey })
			err := c.Cancel(t.Context(), 12345, nil)
			if err == nil {
				t.Fatal("the cancel counts as done")
			}
			if all := everything(err); strings.Contains(all, "YWJj") {
				t.Errorf("the key stands in %s", all)
			}
		})
	}
}

// raw answers with bytes that are not necessarily HTTP.
func raw(w http.ResponseWriter, answer string) {
	conn, buffer, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = buffer.WriteString(answer)
	_ = buffer.Flush()
}

func TestRedactedTransportErrorKeepsItsType(t *testing.T) {
	c := newClient(t, chamelio.DefaultBaseURL, func(o *chamelio.Options) {
		o.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("proxy said %q: %w", r.Header.Get("X-API-Key"), &net.OpError{Op: "read", Err: context.DeadlineExceeded})
		})
	})
	err := c.Cancel(t.Context(), 12345, nil)
	if strings.Contains(everything(err), chameliotest.Key) {
		t.Errorf("the key stands in %s", everything(err))
	}
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, chamelio.ErrUnreachable) || !strings.Contains(err.Error(), "proxy said") {
		t.Errorf("got %v", err)
	}
}

func TestResultsDoNotContainKey(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Status: 200, Body: `{"task":{"task_title":"for ` + chameliotest.Key + `"},"org_name":"` + chameliotest.Key + `"}`})
	c := newClient(t, api.URL())
	task, err := c.Task(t.Context(), 12345)
	if err != nil || task.Title != "for [redacted]" {
		t.Errorf("got %q, %v", task.Title, err)
	}
	if org, err := c.OrgInfo(t.Context()); err != nil || org.Name != "[redacted]" {
		t.Errorf("got %q, %v", org.Name, err)
	}
}

func TestDetailIsOneShortLine(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Status: 403, Body: `{"detail":"a\u0000b\nc ` + strings.Repeat("ü", 300) + `"}`})
	var e *chamelio.Error
	if err := newClient(t, api.URL()).Cancel(t.Context(), 12345, nil); !errors.As(err, &e) ||
		!strings.HasPrefix(e.Detail, "a b c ü") || len([]rune(e.Detail)) != 200 || !strings.HasSuffix(e.Detail, "…") {
		t.Errorf("got %+v", e)
	}
}
