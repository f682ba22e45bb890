package chamelio_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Each answer to a cancel request, over a real connection, has its kind and
// its meaning. The whole table of meanings is in classify_test.go.
func TestEveryCancelErrorHasAMeaning(t *testing.T) {
	const (
		certain   = "nothing happened"
		settled   = "ambiguous"
		uncertain = "ambiguous, in flight"
	)
	post := func(f chameliotest.Fault) chameliotest.Fault { f.Method = "POST"; return f }
	json := func(status int, body string) chameliotest.Fault {
		return post(chameliotest.Fault{Status: status, Body: body})
	}
	problem := json(404, `{"type":"about:blank","detail":"Task not found"}`)
	problem.ContentType = "application/problem+json; charset=utf-8"
	tests := []struct {
		name    string
		task    chamelio.TaskID
		fault   chameliotest.Fault
		kind    error
		meaning string
		fromAPI bool
	}{
		{"not found", 99, chameliotest.Fault{}, chamelio.ErrNotFound, certain, true},
		{"completed", chameliotest.CompletedTask, chameliotest.Fault{}, chamelio.ErrConflict, certain, true},
		{"401", 12345, json(401, `{"detail":"API key has expired"}`), chamelio.ErrUnauthorized, certain, true},
		{"403", 12345, json(403, `{"detail":"Forbidden"}`), chamelio.ErrRefused, certain, true},
		{"422", 12345, json(422, `{"detail":[{"msg":"value is not a valid integer"}]}`), chamelio.ErrRefused, certain, true},
		{"500", 12345, post(chameliotest.ServerError(false)), chamelio.ErrServer, settled, true},
		{"500 after the effect", 12345, post(chameliotest.ServerError(true)), chamelio.ErrServer, settled, true},
		{"429", 12345, post(chameliotest.Busy("7")), chamelio.ErrRateLimited, certain, true},
		{"gateway's 429", 12345, post(chameliotest.Gateway(429)), chamelio.ErrRateLimited, certain, false},
		{"gateway's 401", 12345, post(chameliotest.Gateway(401)), chamelio.ErrUnauthorized, uncertain, false},
		{"gateway's 403", 12345, post(chameliotest.Gateway(403)), chamelio.ErrRefused, uncertain, false},
		{"gateway's 404", 12345, post(chameliotest.Gateway(404)), chamelio.ErrNotFound, uncertain, false},
		{"gateway's 408", 12345, post(chameliotest.Gateway(408)), chamelio.ErrRefused, uncertain, false},
		{"gateway's 409", 12345, post(chameliotest.Gateway(409)), chamelio.ErrConflict, uncertain, false},
		{"gateway's 500", 12345, post(chameliotest.Gateway(500)), chamelio.ErrServer, uncertain, false},
		{"gateway's 502", 12345, post(chameliotest.ProxyError()), chamelio.ErrServer, uncertain, false},
		{"503 with detail", 12345, json(503, `{"detail":"Service unavailable"}`), chamelio.ErrServer, uncertain, true},
		{"504 empty", 12345, json(504, ""), chamelio.ErrServer, uncertain, false},
		{"500 empty", 12345, json(500, ""), chamelio.ErrServer, uncertain, false},
		{"404 empty", 12345, json(404, ""), chamelio.ErrNotFound, uncertain, false},
		{"404, a gateway's JSON", 12345, json(404, `{"message":"no Route matched"}`), chamelio.ErrNotFound, uncertain, false},
		{"404, problem details", 12345, problem, chamelio.ErrNotFound, uncertain, false},
		{"404, empty detail", 12345, json(404, `{"detail":""}`), chamelio.ErrNotFound, uncertain, false},
		{"404, odd detail", 12345, json(404, `{"detail":{"x":1}}`), chamelio.ErrNotFound, uncertain, false},
		{"404, other case", 12345, json(404, `{"Detail":"Task not found"}`), chamelio.ErrNotFound, uncertain, false},
		{"404, not an object", 12345, json(404, `"Task not found"`), chamelio.ErrNotFound, uncertain, false},
		{"redirect", 12345, post(chameliotest.Fault{Status: 302, Location: "https://elsewhere.example/"}), chamelio.ErrRefused, uncertain, false},
		{"202", 12345, json(202, `{}`), chamelio.ErrRefused, uncertain, false},
		{"204", 12345, post(chameliotest.Fault{Status: 204}), chamelio.ErrRefused, uncertain, false},
		{"hang", 12345, post(chameliotest.Fault{Hang: true}), chamelio.ErrUnreachable, uncertain, false},
		{"cut before", 12345, post(chameliotest.Fault{CutBefore: true}), chamelio.ErrUnreachable, uncertain, false},
		{"cut after", 12345, post(chameliotest.Fault{CutAfter: true}), chamelio.ErrUnreachable, uncertain, false},
		{"200 not JSON", 12345, json(200, `<html>`), chamelio.ErrMalformed, uncertain, false},
		{"200 empty", 12345, json(200, ""), chamelio.ErrMalformed, uncertain, false},
		{"200 other task", 12345, json(200, `{"task_id":12344,"status":"cancelled"}`), chamelio.ErrMalformed, uncertain, false},
		{"200 no task", 12345, json(200, `{"status":"cancelled"}`), chamelio.ErrMalformed, uncertain, false},
		{"200 odd task", 12345, json(200, `{"task_id":[12345],"status":"cancelled"}`), chamelio.ErrMalformed, uncertain, false},
		{"200 other status", 12345, json(200, `{"task_id":12345,"status":"in_progress"}`), chamelio.ErrMalformed, uncertain, false},
		{"200 odd status", 12345, json(200, `{"task_id":12345,"status":{"x":1}}`), chamelio.ErrMalformed, uncertain, false},
		{"200 with much behind it", 12345, json(200, `{"task_id":12345,"status":"cancelled"}`+strings.Repeat(" ", 1<<20)), chamelio.ErrMalformed, uncertain, false},
		{"200 too large", 12345, json(200, strings.Repeat(" ", 1<<20)+`{"task_id":12345,"status":"cancelled"}`), chamelio.ErrMalformed, uncertain, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api := newAPI(t)
			api.Break(tt.fault)
			c := newClient(t, api.URL(), func(o *chamelio.Options) {
				if tt.fault.Hang {
					impatient(o)
				}
			})
			err := c.Cancel(t.Context(), tt.task, nil)
			var e *chamelio.Error
			if !errors.As(err, &e) || !errors.Is(err, tt.kind) || errors.Is(err, chamelio.ErrNotSent) {
				t.Fatalf("got %v, want kind %v", err, tt.kind)
			}
			got := certain
			switch {
			case e.InFlight && e.Ambiguous:
				got = uncertain
			case e.Ambiguous:
				got = settled
			}
			if got != tt.meaning || e.FromAPI != tt.fromAPI {
				t.Errorf("%s, from the API %v; want %s, %v (%v)", got, e.FromAPI, tt.meaning, tt.fromAPI, err)
			}
		})
	}
}

// A header alone proves nothing, nor does half a body.
func TestTruncatedResponseIsNoAnswer(t *testing.T) {
	for status, kind := range map[int]error{200: chamelio.ErrMalformed, 404: chamelio.ErrNotFound, 500: chamelio.ErrServer} {
		body := map[bool]string{true: `{"task_id":12345,"status":"cancelled"}`, false: `{"detail":"Task not found"}`}[status == 200]
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}))
		t.Cleanup(srv.Close)
		err := newClient(t, srv.URL).Cancel(t.Context(), 12345, nil)
		var e *chamelio.Error
		if !errors.As(err, &e) || !errors.Is(err, kind) || !e.Ambiguous || !e.InFlight || e.FromAPI {
			t.Errorf("%d: got %+v", status, e)
		}
	}
}

func TestUnsentCancelIsNotAmbiguous(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	err := newClient(t, gone.URL).Cancel(t.Context(), 12345, nil)
	var e *chamelio.Error
	if !errors.As(err, &e) || !errors.Is(err, chamelio.ErrUnreachable) || !errors.Is(err, chamelio.ErrNotSent) || e.Ambiguous || e.InFlight {
		t.Errorf("got %v", err)
	}
}

// roundTripper is a transport other than net/http's.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestUnknownTransportErrorMayHaveSent(t *testing.T) {
	c := newClient(t, chamelio.DefaultBaseURL, func(o *chamelio.Options) {
		o.Transport = roundTripper(func(*http.Request) (*http.Response, error) { return nil, errors.New("something broke") })
	})
	err := c.Cancel(t.Context(), 12345, nil)
	var e *chamelio.Error
	if !errors.As(err, &e) || e.NotSent || !e.Ambiguous || !e.InFlight {
		t.Errorf("got %+v", e)
	}
}

func TestRefusedKeyHasOneOfFiveReasons(t *testing.T) {
	for detail, want := range map[string]chamelio.Reason{
		"API key required":         chamelio.KeyMissing,
		"Invalid API key":          chamelio.KeyInvalid,
		"API key is inactive":      chamelio.KeyInactive,
		"API key has been revoked": chamelio.KeyRevoked,
		"API key has expired":      chamelio.KeyExpired,
		"Something new":            chamelio.KeyUnclear,
	} {
		api := newAPI(t)
		api.RefuseKey(detail)
		_, err := newClient(t, api.URL()).OrgInfo(t.Context())
		var e *chamelio.Error
		if !errors.As(err, &e) || !errors.Is(err, chamelio.ErrUnauthorized) || e.Reason != want || !e.FromAPI {
			t.Errorf("%s: got %v", detail, err)
		}
	}
}

func TestRetryAfterIsSecondsOrADate(t *testing.T) {
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "": 0, "soon": 0, "-3": 0, "99999999": 24 * time.Hour,
		time.Now().Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
		"Mon, 02 Jan 2006 15:04:05 GMT":                         0,
	} {
		for _, fault := range []chameliotest.Fault{chameliotest.Busy(header), {Status: 503, RetryAfter: header}} {
			api := newAPI(t)
			api.Break(fault)
			err := newClient(t, api.URL()).Cancel(t.Context(), 12345, nil)
			var e *chamelio.Error
			if !errors.As(err, &e) || (want-e.RetryAfter).Abs() > 5*time.Second {
				t.Errorf("%d, Retry-After %q: got %v, want about %v", fault.Status, header, err, want)
			}
		}
	}
}

func TestTaskFailuresAreNeverAmbiguous(t *testing.T) {
	for name, f := range map[string]chameliotest.Fault{
		"500": {Status: 500}, "cut": {CutBefore: true}, "not JSON": {Status: 200, Body: "x"},
		"no task": {Status: 200, Body: `{}`}, "other task": {Status: 200, Body: `{"task":{"task_id":1}}`},
	} {
		api := newAPI(t)
		api.Break(f)
		_, err := newClient(t, api.URL()).Task(t.Context(), 12345)
		var e *chamelio.Error
		if !errors.As(err, &e) || e.Ambiguous || e.InFlight {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestTaskNotFoundIsOnlyTheAPIs404(t *testing.T) {
	for body, want := range map[string]bool{
		`{"detail":"Task not found"}`: true, `{"detail":"Not Found"}`: false, `<html>`: false, ``: false,
		`{"detail":["Task"]}`: false, `{"message":"Task not found"}`: false,
	} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: 404, Body: body})
		_, err := newClient(t, api.URL()).Task(t.Context(), 1)
		var e *chamelio.Error
		if !errors.As(err, &e) || e.TaskNotFound() != want {
			t.Errorf("%q: got %v", body, err)
		}
	}
}
