package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// A decision is one trace, from its click to its announcement.
func TestTracesGoFromTheEnvelopeToTheAnnouncement(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	traces := map[string][]byte{} // span name → its trace
	var raw bytes.Buffer
	collects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		var export tracepb.TracesData // on the wire, an ExportTraceServiceRequest
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
			t.Errorf("not understood: %s %v", r.URL.Path, err)
		}
		raw.Write(body)
		for _, resource := range export.ResourceSpans {
			for _, scope := range resource.ScopeSpans {
				for _, span := range scope.Spans {
					traces[span.Name] = span.TraceId
				}
			}
		}
	}))
	defer collects.Close()
	s := newFakes(t)
	p := start(t, s.env(sqlite(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+collects.URL))
	s.connected(2)
	s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345 my private reason")
	s.eventually("a prompt", 20*time.Second, func() bool { return len(s.slack.Private(slacktest.Ada, slacktest.General)) == 1 })
	s.slack.Click(slacktest.Ada, s.slack.Private(slacktest.Ada, slacktest.General)[0], "cancel_task")
	s.eventually("the outcome", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // the rest is flushed
	if code := p.exit(t); code != 0 {
		t.Fatalf("exit code %d\n%s", code, p.output)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, name := range []string{"command", "preview", "click", "policy", "claim", "cancel", "announce"} {
		if traces[name] == nil {
			t.Errorf("no span %q", name)
		}
	}
	for _, name := range []string{"policy", "claim", "cancel", "announce"} {
		if !bytes.Equal(traces[name], traces["click"]) {
			t.Errorf("%s is not in the click's trace", name)
		}
	}
	for event, span := range map[string]string{"prompted": "command", "decided": "click", "announced": "click"} {
		want := fmt.Sprintf(`"trace_id":"%x"`, traces[span])
		if !regexp.MustCompile(want + `.*"event":"` + event + `"`).MatchString(p.output.String()) {
			t.Errorf("the log's line %q has no %s", event, want)
		}
	}
	if !bytes.Equal(traces["preview"], traces["command"]) {
		t.Error("the preview is not in the command's trace")
	}
	for _, hidden := range append(s.slack.Secrets(), "my private reason", "Globex") {
		if bytes.Contains(raw.Bytes(), []byte(hidden)) {
			t.Errorf("the traces hold %q", hidden)
		}
	}
}

// A collector that doesn't answer delays nothing.
func TestUnavailableCollectorDelaysNothing(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	p := start(t, s.env(sqlite(t), "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1"))
	s.connected(2)
	s.slack.Click(slacktest.Ada, s.prompt(slacktest.Ada, slacktest.General, 12345), "cancel_task")
	s.eventually("the outcome", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 })
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if code := p.exit(t); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.output)
	}
}
