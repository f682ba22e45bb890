package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (status int, body string)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := f(r)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// If a key is refused after another one has replaced it, the call is made again with
// that. Only an answer of Chamelio's own shows that the first request had no effect.
func TestRefusalOfAReplacedKeyIsNoVerdict(t *testing.T) {
	const refused = `{"detail":"API key has been revoked"}`
	cancel := func(key *tasks, before func(context.Context) error) error { return key.Cancel(t.Context(), 1, before) }
	for name, c := range map[string]struct {
		call     func(*tasks, func(context.Context) error) error
		next     string // the key that replaces the first one while the call is under way
		answer   string // to the first key
		used     string
		recorded int
		fails    bool
	}{
		"cancel": {call: cancel, next: "ca_new", answer: refused, used: "ca_old ca_new", recorded: 2},
		"task": {call: func(key *tasks, _ func(context.Context) error) error {
			_, err := key.Task(t.Context(), 1)
			return err
		}, next: "ca_new", answer: refused, used: "ca_old ca_new"},
		"preview": {call: func(key *tasks, _ func(context.Context) error) error {
			_, err := key.Preview(t.Context(), 1)
			return err
		}, next: "ca_new", answer: refused, used: "ca_old ca_new"},
		"check": {call: func(key *tasks, _ func(context.Context) error) error {
			_, err := key.check(t.Context())
			return err
		}, next: "ca_new", answer: refused, used: "ca_old ca_new"},
		"current key":          {call: cancel, next: "ca_old", answer: refused, used: "ca_old", recorded: 1, fails: true},
		"answer of a gateway":  {call: cancel, next: "ca_new", answer: "<html>", used: "ca_old", recorded: 1, fails: true},
		"new key refused, too": {call: cancel, next: "ca_new_refused", answer: refused, used: "ca_old ca_new_refused", recorded: 2, fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			var key *tasks
			var used []string
			asking := false
			key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(r *http.Request) (int, string) {
				sent := r.Header.Get("X-API-Key")
				if asking {
					return http.StatusOK, `{"org_name":"Acme","rate_limit_per_minute":60}`
				}
				used = append(used, sent)
				if sent == "ca_old" {
					asking = true
					if err := key.use(t.Context(), secret.New(c.next)); err != nil {
						t.Error(err)
					}
					asking = false
				}
				if sent != "ca_new" {
					return http.StatusUnauthorized, c.answer
				}
				return http.StatusOK, `{"task_id":1,"status":"cancelled","task":{"id":1},"org_name":"Acme","rate_limit_per_minute":60}`
			})}, emptyJournal(t))
			if err != nil {
				t.Fatal(err)
			}
			key.proven = true
			recorded := 0
			err = c.call(key, func(context.Context) error { recorded++; return nil })
			if (err != nil) != c.fails || strings.Join(used, " ") != c.used || recorded != c.recorded {
				t.Errorf("%v; sent with %v, recorded %d times", err, used, recorded)
			}
		})
	}
}

// Soon after the start, a cancel first asks whose key it is. A refusal there is the
// cancel's, and not only a request that wasn't sent. Each error names the call.
func TestRefusalToSayWhoseKeyItIsIsTheAnswer(t *testing.T) {
	for status, c := range map[int]struct {
		body    string
		want    error
		notSent bool
	}{
		http.StatusUnauthorized:        {`{"detail":"API key has been revoked"}`, chamelio.ErrUnauthorized, false},
		http.StatusTooManyRequests:     {"", chamelio.ErrRateLimited, false},
		http.StatusInternalServerError: {"", chamelio.ErrNotSent, true},
		http.StatusNotFound:            {"<html>", chamelio.ErrNotSent, true},
	} {
		key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(r *http.Request) (int, string) {
			if r.Method != http.MethodGet {
				t.Errorf("%d: %s %s", status, r.Method, r.URL.Path)
			}
			return status, c.body
		})}, emptyJournal(t))
		if err != nil {
			t.Fatal(err)
		}
		var e *chamelio.Error
		err = key.Cancel(t.Context(), 1, func(context.Context) error { t.Errorf("%d: recorded", status); return nil })
		if !errors.As(err, &e) || !errors.Is(e.Kind, c.want) || e.NotSent != c.notSent {
			t.Errorf("%d: %v", status, err)
		}
		if said := err.Error(); !strings.Contains(said, "GET /users/org-info") || !strings.Contains(said, fmt.Sprintf("(status %d)", status)) {
			t.Error(said)
		}
	}
}

// bound is a journal about the tasks of an organisation.
type bound journal.Organisation

func (b bound) Bind(context.Context, journal.Organisation) (journal.Organisation, error) {
	return journal.Organisation(b), nil
}

// Until it is known that the key is of the journal's organisation, nothing is asked about
// a task: another organisation's task of that number may have ended, or must not be seen.
func TestNoTaskIsReadBeforeTheKeyIsKnown(t *testing.T) {
	for name, whose := range map[string]struct {
		status int
		body   string
	}{
		"another organisation's": {http.StatusOK, `{"org_name":"Other","api_key_id":7}`},
		"no name":                {http.StatusOK, `{}`},
		"in trouble":             {http.StatusServiceUnavailable, `{"detail":"try later"}`},
		"not there":              {http.StatusNotFound, `{"detail":"no task runs this service"}`},
		"too often":              {http.StatusTooManyRequests, ""},
	} {
		t.Run(name, func(t *testing.T) {
			known := false
			key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(r *http.Request) (int, string) {
				switch {
				case r.URL.Path != "/users/org-info" && !known:
					t.Errorf("sent: %s %s", r.Method, r.URL.Path)
				case r.URL.Path != "/users/org-info":
					return http.StatusOK, `{"task_id":1,"task":{"status":"pending"},"status":"cancelled"}`
				case known:
					return http.StatusOK, `{"org_name":"Acme"}`
				}
				return whose.status, whose.body
			})}, bound{Name: "Acme"})
			if err != nil {
				t.Fatal(err)
			}
			calls := map[string]func() error{
				"task":    func() error { _, err := key.Task(t.Context(), 1); return err },
				"check":   func() error { _, err := key.Check(t.Context(), 1); return err },
				"preview": func() error { _, err := key.Preview(t.Context(), 1); return err },
				"cancel":  func() error { return key.Cancel(t.Context(), 1, always) },
			}
			for call, do := range calls {
				var e *chamelio.Error
				if err := do(); err == nil || errors.As(err, &e) && e.TaskNotFound() {
					t.Errorf("%s: %v", call, err)
				}
			}
			known = true
			_, _ = key.check(t.Context()) // as every few minutes
			for call, do := range calls {
				if err := do(); err != nil {
					t.Errorf("%s, once the key is known: %v", call, err)
				}
			}
		})
	}
}

// Calls that come together, soon after the start, ask only once whose key it is. Later
// ones don't ask.
func TestKeyIsProvenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asks atomic.Int64
		key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(r *http.Request) (int, string) {
			time.Sleep(time.Second)
			if r.URL.Path == "/users/org-info" {
				asks.Add(1)
			}
			return http.StatusOK, `{"org_name":"Acme","task":{"status":"pending"}}`
		})}, bound{Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		go func() { _, _ = key.Task(gone, 1) }() // this one doesn't wait
		for range 2 {
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					if _, err := key.Task(t.Context(), 1); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
		}
		if n := asks.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Someone writes a new key into the file and revokes the old one before the file is read
// again. Calls that meet the refusal at the same time read the file.
func TestRefusedKeyIsReadAgain(t *testing.T) {
	const calls = 20
	for name, c := range map[string]struct {
		file string
		asks int64 // whose the file's key is
		used bool
	}{
		"new key":               {file: "ca_new", asks: 1, used: true},
		"the same key":          {file: "ca_old"},
		"a key that is refused": {file: "ca_refused", asks: calls / 2}, // usually two: the second is for all that waited for the first
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(file, []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("CHAMELIO_API_KEY_FILE", file)
			var asks atomic.Int64
			var refused sync.WaitGroup
			refused.Add(calls)
			key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(r *http.Request) (int, string) {
				switch {
				case r.Header.Get("X-API-Key") == "ca_new":
					if r.Method == http.MethodGet {
						asks.Add(1)
					}
					return http.StatusOK, `{"task_id":1,"status":"cancelled","org_name":"Acme","rate_limit_per_minute":6000}`
				case r.Method == http.MethodGet:
					asks.Add(1)
					time.Sleep(200 * time.Millisecond)
				default:
					refused.Done()
					refused.Wait()
				}
				return http.StatusUnauthorized, `{"detail":"API key has been revoked"}`
			})}, emptyJournal(t))
			if err != nil {
				t.Fatal(err)
			}
			key.proven = true
			watch := &credentials{log: slog.New(slog.DiscardHandler), learn: func(...secret.Value) {}, looking: readEvery}
			in := newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), key.use, nil)
			key.reread = func(ctx context.Context) { watch.look(ctx, in) }
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					if err := key.Cancel(t.Context(), 1, always); (err == nil) != c.used {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if n := asks.Load(); n > c.asks {
				t.Errorf("asked %d times whose the file's key is, want at most %d", n, c.asks)
			}
		})
	}
}
