package sandbox

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParsesLogLine(t *testing.T) {
	r, to := &replica{number: 2}, newRecord()
	w := &logWriter{line: func(raw []byte) { r.logged(to, raw) }}
	for _, piece := range []string{`{"time":"2026-11-25T01:00:00Z","level":"INFO","msg":"serving health`, ` and metrics","addr":"127.0.0.1:4711"}` + "\n" + `{"level":"WARN","msg":"odd","task":12345,"b":"x"}` + "\npanic: ", "help\n", "unfinished"} {
		if n, err := w.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if at := r.metricsAddr(); at != "127.0.0.1:4711" {
		t.Errorf("its metrics are at %q", at)
	}
	if at := to.logged()[0].At; at != time.Date(2026, 11, 25, 1, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("the line was written at %d", at)
	}
	var got []string
	for _, l := range to.logged() {
		got = append(got, strings.TrimSpace(l.Level+" "+l.Text+" "+l.More))
	}
	want := []string{"INFO serving health and metrics addr=127.0.0.1:4711", "WARN odd b=x  task=12345", "ERROR panic: help"}
	if !slices.Equal(got, want) {
		t.Errorf("it heard %q", got)
	}
}

func TestBotMetricsAreKept(t *testing.T) {
	got := readMetrics(strings.NewReader(`# HELP cancelbot_slack_connections Open.
cancelbot_slack_connections 2
cancelbot_decisions_total{outcome="cancelled"} 1
cancelbot_ack_duration_seconds_bucket{le="+Inf"} 3
cancelbot_ack_duration_seconds_count 3
go_goroutines 12
`), 1)
	want := []metric{{"slack_connections", "", "2", 1}, {"decisions_total", `outcome="cancelled"`, "1", 1}, {"ack_duration_seconds_count", "", "3", 1}}
	if !slices.Equal(got, want) {
		t.Errorf("it kept %v", got)
	}
}

// A story never begins with what another one left: each names what it needs.
func TestStoriesNameWhatTheyNeed(t *testing.T) {
	seen, all := map[string]bool{}, allStories()
	for _, s := range all {
		for _, next := range s.Then {
			if !slices.ContainsFunc(all, func(other story) bool { return other.ID == next }) {
				t.Errorf("the end of %s offers %q, which is no story", s.ID, next)
			}
		}
		if _, known := policyOf(s.policy); !known || seen[s.ID] || s.Title == "" || s.Shows == "" || s.Offer == "" {
			t.Errorf("%+v", s)
		}
		seen[s.ID] = true
		for i, step := range s.steps {
			if !strings.HasSuffix(step.watch, ".") {
				t.Errorf("%s, step %d: %q isn't a sentence", s.ID, i+1, step.watch)
			}
			if i > 0 && step.label == "" {
				t.Errorf("%s: no button plays step %d", s.ID, i+1)
			}
		}
	}
}

func TestFindsTheTasksThatAMessageNames(t *testing.T) {
	known := map[int64]bool{7: true, 12345: true, 12346: true}
	blocks := []json.RawMessage{[]byte(`{"text":"<https://app.chamelio.ai/workflows/tasks/12346|T>, 123457"}`)}
	if got, want := tasksNamed("12345 of 99, and 12345 again", blocks, known), []int64{12345, 12346}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
