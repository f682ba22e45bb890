package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// environment returns one in which traces are enabled, with some more
// variables.
func environment(more map[string]string) func(string) string {
	return func(name string) string {
		if value, set := more[name]; set {
			return value
		}
		if name == "OTEL_EXPORTER_OTLP_ENDPOINT" {
			return "http://collector:4318"
		}
		return ""
	}
}

func configured(t *testing.T, variables map[string]string) Config {
	t.Helper()
	cfg, problems := FromEnv(environment(variables))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return cfg
}

// collector answers requests one after the other, and repeats the last answer.
type collector struct {
	answers []answer
	seen    []*http.Request
	bodies  [][]byte
	at      []time.Duration
	began   time.Time
}

type answer struct {
	status int
	header map[string]string
	body   []byte
	err    error
}

func (c *collector) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	c.seen, c.bodies, c.at = append(c.seen, r), append(c.bodies, body), append(c.at, time.Since(c.began))
	a := c.answers[min(len(c.seen), len(c.answers))-1]
	if a.err != nil {
		return nil, a.err
	}
	w := httptest.NewRecorder()
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	return w.Result(), nil
}

var spans = []*tracepb.ResourceSpans{{ScopeSpans: []*tracepb.ScopeSpans{{Spans: []*tracepb.Span{{Name: "claim"}}}}}}

// upload sends one batch in virtual time.
func upload(t *testing.T, variables map[string]string, answers ...answer) (c *collector, err error) {
	t.Helper()
	cfg := configured(t, variables)
	synctest.Test(t, func(t *testing.T) {
		c = &collector{answers: answers, began: time.Now()}
		err = newClient(cfg, c).UploadTraces(t.Context(), spans)
	})
	return c, err
}

func name(t *testing.T, batch []byte) string {
	t.Helper()
	var got tracepb.TracesData
	if err := proto.Unmarshal(batch, &got); err != nil {
		t.Fatal(err)
	}
	return got.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName()
}

func TestBatchFollowsVariables(t *testing.T) {
	c, err := upload(t, map[string]string{
		"OTEL_EXPORTER_OTLP_HEADERS":     "api-key=a%2Cb%3D1, Authorization=Bearer%20token==,",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
	}, answer{status: 200})
	if err != nil {
		t.Fatal(err)
	}
	r := c.seen[0]
	if r.Method != http.MethodPost || r.URL.String() != "http://collector:4318/v1/traces" {
		t.Error(r.Method, r.URL)
	}
	for header, want := range map[string]string{
		"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip", "Api-Key": "a,b=1", "Authorization": "Bearer token==", "User-Agent": "cancelbot",
	} {
		if got := r.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	plain, err := gzip.NewReader(bytes.NewReader(c.bodies[0]))
	if err != nil {
		t.Fatal(err)
	}
	batch, err := io.ReadAll(plain)
	if err != nil || name(t, batch) != "claim" {
		t.Error(batch, err)
	}
}

func TestEndpointPath(t *testing.T) {
	for _, row := range []struct{ general, traces, want string }{
		{"http://c:4318", "", "http://c:4318/v1/traces"},
		{"https://c/otlp/", "", "https://c/otlp/v1/traces"},
		{"https://c/otlp?tenant=1", "", "https://c/otlp/v1/traces?tenant=1"},
		{"http://general", "https://c/spans?tenant=1", "https://c/spans?tenant=1"},
		{"", " https://c ", "https://c"},
	} {
		cfg := configured(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": row.general, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": row.traces})
		if cfg.endpoint != row.want {
			t.Errorf("%q, %q: %s, want %s", row.general, row.traces, cfg.endpoint, row.want)
		}
	}
}

func TestRetryableStatuses(t *testing.T) {
	slow := context.DeadlineExceeded
	for _, row := range []struct {
		name  string
		first answer
		wait  time.Duration // at least; 0 if it is final
	}{
		{"too many", answer{status: 429}, time.Second},
		{"bad gateway", answer{status: 502}, time.Second},
		{"unavailable, for a time", answer{status: 503, header: map[string]string{"Retry-After": "20"}}, 20 * time.Second},
		{"unavailable, for no time", answer{status: 503, header: map[string]string{"Retry-After": "0"}}, time.Second},
		{"unavailable, until a time", answer{status: 503, header: map[string]string{"Retry-After": "Sat, 01 Jan 2000 00:00:30 GMT"}}, 30 * time.Second},
		{"unavailable, for too long", answer{status: 503, header: map[string]string{"Retry-After": "9999999999"}}, 0},
		{"gateway timeout", answer{status: 504}, time.Second},
		{"no answer", answer{err: slow}, time.Second},
		{"nobody there", answer{err: errors.New("connection refused")}, 0},
		{"internal error", answer{status: 500}, 0},
		{"not allowed", answer{status: 401}, 0},
		{"elsewhere", answer{status: 308, header: map[string]string{"Location": "http://elsewhere/"}}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := upload(t, nil, row.first, answer{status: 200})
			if row.wait == 0 {
				if err == nil || len(c.seen) != 1 {
					t.Errorf("%v, %d requests", err, len(c.seen))
				}
				return
			}
			if err != nil || len(c.seen) != 2 || c.at[1] < row.wait || c.at[1] > row.wait+firstWait*2 {
				t.Errorf("%v, requests after %v", err, c.at)
			}
			if name(t, c.bodies[len(c.bodies)-1]) != "claim" {
				t.Error("the second request has another body")
			}
		})
	}
}

func TestRetriesEnd(t *testing.T) {
	c, err := upload(t, nil, answer{status: 503})
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") || len(c.seen) < 3 || c.at[len(c.at)-1] > patience {
		t.Errorf("%v, requests after %v", err, c.at)
	}
}

func TestStopCancelsUpload(t *testing.T) {
	cfg := configured(t, nil)
	synctest.Test(t, func(t *testing.T) {
		c := newClient(cfg, &collector{answers: []answer{{status: 503}}, began: time.Now()})
		ended := make(chan error)
		began := time.Now()
		go func() { ended <- c.UploadTraces(t.Context(), spans) }()
		synctest.Wait()
		_ = c.Stop(t.Context())
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "503") || time.Since(began) > 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

func TestRejectedSpansAreReported(t *testing.T) {
	partial := protowire.AppendTag(nil, 1, protowire.VarintType)
	partial = protowire.AppendVarint(partial, 3)
	partial = protowire.AppendTag(partial, 2, protowire.BytesType)
	partial = protowire.AppendString(partial, "too old")
	body := protowire.AppendTag(nil, 1, protowire.BytesType)
	body = protowire.AppendBytes(body, partial)
	protobuf := map[string]string{"Content-Type": "application/x-protobuf"}

	c, err := upload(t, nil, answer{status: 200, header: protobuf, body: body})
	if err == nil || !strings.Contains(err.Error(), `refused 3 spans: "too old"`) || len(c.seen) != 1 {
		t.Errorf("%v, %d requests", err, len(c.seen))
	}
	for _, nothing := range [][]byte{nil, {0x0a, 0x00}, []byte("\xff\xff\xff"), body[:3]} {
		if _, err := upload(t, nil, answer{status: 200, header: protobuf, body: nothing}); err != nil {
			t.Errorf("%x: %v", nothing, err)
		}
	}
}

// Errors are logged. They must contain neither the address nor a header.
func TestErrorsContainNoSecret(t *testing.T) {
	variables := map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://user:topsecret@collector/topsecret?key=topsecret",
		"OTEL_EXPORTER_OTLP_HEADERS":         "api-key=topsecret",
	}
	for _, a := range []answer{
		{err: errors.New("connection refused")}, {err: context.DeadlineExceeded},
		{status: 401, body: []byte("no topsecret")}, {status: 503, body: []byte("topsecret")},
	} {
		if _, err := upload(t, variables, a); err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Error(err)
		}
	}
	if got := configured(t, variables).Secrets(); len(got) != 1 || got[0] != "topsecret" {
		t.Error(got)
	}
}

func TestMissingAnswerTimesOut(t *testing.T) {
	var requests atomic.Int32
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		<-r.Context().Done()
	}))
	defer silent.Close()
	cfg := configured(t, map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": silent.URL, "OTEL_EXPORTER_OTLP_TIMEOUT": "50"})
	c := New(cfg).(*client)
	began := time.Now()
	if err := c.send(t.Context(), nil); err == nil || requests.Load() != 1 || time.Since(began) > 20*time.Second {
		t.Errorf("%v after %v, %d requests", err, time.Since(began), requests.Load())
	}
}
