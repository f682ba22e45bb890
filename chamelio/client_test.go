package chamelio_test

import (
	"context"
	"encoding/json"
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

func TestCancelStopsTheTaskAndSendsWhatTheAPIDocuments(t *testing.T) {
	api := newAPI(t)
	c := newClient(t, api.URL(), func(o *chamelio.Options) { o.UserAgent = "cancelbot/1.2.3" })
	if err := c.Cancel(t.Context(), 12345); err != nil {
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

func TestTaskDecodesWhatMayBeShown(t *testing.T) {
	api := newAPI(t)
	got, err := newClient(t, api.URL()).Task(t.Context(), chameliotest.CompletedTask)
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != 12346 || got.Status != chamelio.Completed || got.Title != "Lease for Springfield office" ||
		got.Workflow != "Contract review" || got.Step != "Legal approval" || got.Owner != "ada@acme.example" ||
		got.CompletedAt.IsZero() || len(got.Collaborators) != 1 {
		t.Errorf("got %+v", got)
	}
	// Variables may be confidential: no field holds them.
	if all, _ := json.Marshal(got); strings.Contains(string(all), "CONFIDENTIAL") {
		t.Error("the task's variables were decoded")
	}
}

func TestTaskSurvivesNullsAbsencesAndOddDates(t *testing.T) {
	for name, body := range map[string]string{
		"nulls":      `{"task":{"task_id":12345,"task_title":null,"status":null,"created_at":null,"collaborator_emails":null}}`,
		"absent":     `{"task":{}}`,
		"unknown":    `{"task":{"task_id":12345,"brand_new":{"a":1}},"more":true}`,
		"odd dates":  `{"task":{"task_id":12345,"created_at":"yesterday","updated_at":17}}`,
		"naive date": `{"task":{"task_id":12345,"created_at":"2026-01-02T03:04:05.678"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			api := newAPI(t)
			api.Break(chameliotest.Fault{Status: 200, Body: body})
			got, err := newClient(t, api.URL()).Task(t.Context(), 12345)
			if err != nil || got.ID != 12345 {
				t.Fatalf("got %+v, %v", got, err)
			}
			if name == "naive date" && !got.CreatedAt.Equal(time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)) {
				t.Errorf("created at %v", got.CreatedAt)
			}
		})
	}
}

func TestBothSpellingsOfCancelledAreTheSame(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Method: "POST", Status: 200, Body: `{"task_id":12345,"status":"canceled"}`})
	api.Break(chameliotest.Fault{Method: "GET", Status: 200, Body: `{"task":{"task_id":12345,"status":"canceled"}}`})
	c := newClient(t, api.URL())
	if err := c.Cancel(t.Context(), 12345); err != nil {
		t.Error(err)
	}
	if task, err := c.Task(t.Context(), 12345); err != nil || task.Status != chamelio.Cancelled {
		t.Errorf("got %q, %v", task.Status, err)
	}
}

// Each answer to a cancel has a kind, and is ambiguous exactly where the
// cancel may have happened.
func TestEveryFailedCancelTellsWhatItMeans(t *testing.T) {
	post := func(f chameliotest.Fault) chameliotest.Fault { f.Method = "POST"; return f }
	tests := []struct {
		name      string
		task      chamelio.TaskID
		fault     chameliotest.Fault
		kind      error
		ambiguous bool
	}{
		{"not found", 99, chameliotest.Fault{}, chamelio.ErrNotFound, false},
		{"completed", chameliotest.CompletedTask, chameliotest.Fault{}, chamelio.ErrConflict, false},
		{"500", 12345, post(chameliotest.Fault{Status: 500, Body: `{"detail":"Failed to cancel task"}`}), chamelio.ErrServer, true},
		{"proxy's HTML", 12345, post(chameliotest.ProxyError()), chamelio.ErrServer, true},
		{"429", 12345, post(chameliotest.Busy("7")), chamelio.ErrRateLimited, false},
		{"403", 12345, post(chameliotest.Fault{Status: 403}), chamelio.ErrRefused, false},
		{"redirect", 12345, post(chameliotest.Fault{Status: 302, Location: "https://elsewhere.example/"}), chamelio.ErrRefused, true},
		{"204", 12345, post(chameliotest.Fault{Status: 204}), chamelio.ErrRefused, true},
		{"hang", 12345, post(chameliotest.Fault{Hang: true}), chamelio.ErrUnreachable, true},
		{"cut before", 12345, post(chameliotest.Fault{CutBefore: true}), chamelio.ErrUnreachable, true},
		{"cut after", 12345, post(chameliotest.Fault{CutAfter: true}), chamelio.ErrUnreachable, true},
		{"200 not JSON", 12345, post(chameliotest.Fault{Status: 200, Body: `<html>`}), chamelio.ErrMalformed, true},
		{"200 empty", 12345, post(chameliotest.Fault{Status: 200}), chamelio.ErrMalformed, true},
		{"200 other task", 12345, post(chameliotest.Fault{Status: 200, Body: `{"task_id":12344,"status":"cancelled"}`}), chamelio.ErrMalformed, true},
		{"200 no task", 12345, post(chameliotest.Fault{Status: 200, Body: `{"status":"cancelled"}`}), chamelio.ErrMalformed, true},
		{"200 other status", 12345, post(chameliotest.Fault{Status: 200, Body: `{"task_id":12345,"status":"in_progress"}`}), chamelio.ErrMalformed, true},
		{"200 too large", 12345, post(chameliotest.Fault{Status: 200, Body: strings.Repeat(" ", 1<<20) + `{"task_id":12345,"status":"cancelled"}`}), chamelio.ErrMalformed, true},
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
			err := c.Cancel(t.Context(), tt.task)
			if !errors.Is(err, tt.kind) {
				t.Errorf("got %v, want kind %v", err, tt.kind)
			}
			if got := errors.Is(err, chamelio.ErrAmbiguous); got != tt.ambiguous {
				t.Errorf("ambiguous = %v, want %v (%v)", got, tt.ambiguous, err)
			}
			if strings.Contains(err.Error(), chameliotest.Key) {
				t.Errorf("the key stands in %q", err)
			}
		})
	}
}

func TestACancelThatWasNeverSentIsNotAmbiguous(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	err := newClient(t, gone.URL).Cancel(t.Context(), 12345)
	if !errors.Is(err, chamelio.ErrUnreachable) || errors.Is(err, chamelio.ErrAmbiguous) {
		t.Errorf("got %v", err)
	}
}

func TestARefusedKeyTellsWhichOfTheFiveReasons(t *testing.T) {
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
		if !errors.As(err, &e) || !errors.Is(err, chamelio.ErrUnauthorized) || e.Reason != want {
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
		api := newAPI(t)
		api.Break(chameliotest.Busy(header))
		err := newClient(t, api.URL()).Cancel(t.Context(), 12345)
		var e *chamelio.Error
		if !errors.As(err, &e) || (want-e.RetryAfter).Abs() > 5*time.Second {
			t.Errorf("Retry-After %q: got %v, want about %v", header, err, want)
		}
	}
}

func TestTheKeyDoesNotFollowARedirect(t *testing.T) {
	called := make(chan string, 1)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called <- r.Header.Get("X-API-Key")
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		api := newAPI(t)
		api.Break(chameliotest.Fault{Status: status, Location: elsewhere.URL})
		c := newClient(t, api.URL())
		if err := c.Cancel(t.Context(), 12345); err == nil {
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

func TestTaskFailuresAreNeverAmbiguous(t *testing.T) {
	for name, f := range map[string]chameliotest.Fault{
		"500": {Status: 500}, "cut": {CutBefore: true}, "not JSON": {Status: 200, Body: "x"},
		"no task": {Status: 200, Body: `{}`}, "other task": {Status: 200, Body: `{"task":{"task_id":1}}`},
	} {
		api := newAPI(t)
		api.Break(f)
		if _, err := newClient(t, api.URL()).Task(t.Context(), 12345); err == nil || errors.Is(err, chamelio.ErrAmbiguous) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOnlyATaskThatIsNotFoundIsATaskNotFound(t *testing.T) {
	for body, want := range map[string]bool{
		`{"detail":"Task not found"}`: true, `{"detail":"Not Found"}`: false, `<html>`: false, ``: false,
		`{"detail":["Task"]}`: false,
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

func TestNewRefusesWhatWouldLeakOrNeverWork(t *testing.T) {
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

func TestACallEndsWithItsContext(t *testing.T) {
	api := newAPI(t)
	api.Break(chameliotest.Fault{Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	api.OnReceived(func(chameliotest.Request) { cancel() })
	if err := newClient(t, api.URL()).Cancel(ctx, 12345); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{`{"task":{"task_id":12345,"status":"canceled"}}`, `{"task_id":12345,"status":"cancelled"}`, `{"detail":"x"}`, `null`, `[]`, `{"task":null}`} {
		f.Add(200, seed)
		f.Add(401, seed)
	}
	body, status := "", 200
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	f.Cleanup(srv.Close)
	c, err := chamelio.New(chamelio.Options{BaseURL: srv.URL, APIKey: chameliotest.Key})
	if err != nil {
		f.Fatal(err)
	}
	c.SetRateLimit(1 << 40)
	f.Fuzz(func(t *testing.T, s int, b string) {
		status, body = 200+(s%400+400)%400, b
		if err := c.Cancel(t.Context(), 12345); err == nil && (status != 200 || !strings.Contains(b, "12345")) {
			t.Errorf("%d %q counts as a cancelled task", status, b)
		}
		if task, err := c.Task(t.Context(), 12345); err == nil && (status != 200 || task.ID != 12345) {
			t.Errorf("%d %q counts as task %v", status, b, task)
		}
	})
}
