package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// record is what can be seen from outside of the bot: its log, its journal and
// its metrics, as they were last read.
type record struct {
	mu      sync.Mutex
	lines   []logLine
	acts    []act
	rows    []decision.Record // newest first
	metrics []metric
}

const (
	linesKept    = 500
	rowsRead     = 20
	journalEvery = 150 * time.Millisecond
	metricsEvery = time.Second
)

func newRecord() *record { return &record{} }

func (r *record) log(l logLine) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
	r.lines = r.lines[max(0, len(r.lines)-linesKept):]
}

// event records what was done to a process from outside.
func (r *record) event(at time.Time, kind string, replica int, text string) {
	r.log(logLine{At: at.UnixMilli(), Replica: replica, Text: text, Event: true, Kind: kind})
}

// logged returns the lines so far.
func (r *record) logged() []logLine {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.lines)
}

// last is what a process said last.
func (r *record) last(replica, n int) string {
	var said []string
	for _, l := range r.logged() {
		if l.Replica == replica {
			said = append(said, strings.TrimSpace(l.Text+"  "+l.More))
		}
	}
	return strings.Join(said[max(0, len(said)-n):], "\n")
}

// decisions are the journal's latest rows, newest first.
func (r *record) decisions() []decision.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows
}

// of finds the latest row about a task.
func (r *record) of(task int64) (decision.Record, bool) {
	for _, d := range r.decisions() {
		if slices.Contains(d.IDs(), chamelio.TaskID(task)) {
			return d, true
		}
	}
	return decision.Record{}, false
}

func (r *record) measured() []metric {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.metrics
}

// pollJournal reads the journal until ctx ends, as anybody may who is allowed
// to read the file.
func (e *Engine) pollJournal(ctx context.Context) {
	j, err := journal.OpenReadOnly(ctx, e.databaseURL())
	if err != nil {
		e.record.event(time.Now(), "", 0, "The journal can't be read: "+err.Error())
		return
	}
	defer j.Close()
	for wait(ctx, journalEvery) {
		rows, err := j.Recent(ctx, journal.Query{Limit: rowsRead})
		if err != nil {
			continue // the bot may be busy with it; the next look is soon
		}
		records := make([]decision.Record, len(rows))
		for i, row := range rows {
			records[i] = row.Record
		}
		e.record.mu.Lock()
		e.record.rows = records
		e.record.mu.Unlock()
	}
}

// leftBehind says what a process that was killed left in the journal.
func (e *Engine) leftBehind() string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	j, err := journal.OpenReadOnly(ctx, e.databaseURL())
	if err != nil {
		return ""
	}
	defer j.Close()
	rows, err := j.Recent(ctx, journal.Query{Limit: rowsRead})
	if err != nil {
		return ""
	}
	var left []string
	for _, d := range rows {
		for _, t := range d.Tasks {
			switch {
			case t.Outcome == "" && t.Sent:
				left = append(left, fmt.Sprintf("task %d: decided, request under way, outcome unknown, not announced", t.ID))
			case t.Outcome == "":
				left = append(left, fmt.Sprintf("task %d: decided, nothing sent, not announced", t.ID))
			case d.AnnouncedAt.IsZero():
				left = append(left, fmt.Sprintf("task %d: %s, not announced", t.ID, t.Outcome))
			}
		}
	}
	if len(left) == 0 {
		return "Nothing was under way."
	}
	return "The journal holds " + strings.Join(left, "; ") + "."
}

// metric is a sample of the bot's metrics.
type metric struct {
	Name   string `json:"name"`
	Labels string `json:"labels"`
	Value  string `json:"value"`
	From   int    `json:"from"` // the replica
}

// pollMetrics reads the metrics of every process that runs, until ctx ends.
func (e *Engine) pollMetrics(ctx context.Context) {
	client := &http.Client{Timeout: metricsEvery}
	defer client.CloseIdleConnections()
	for wait(ctx, metricsEvery) {
		var all []metric
		for _, r := range e.Living() {
			if addr := r.metricsAddr(); addr != "" {
				all = append(all, scrape(ctx, client, addr, r.number)...)
			}
		}
		e.record.mu.Lock()
		e.record.metrics = all
		e.record.mu.Unlock()
	}
}

func scrape(ctx context.Context, client *http.Client, addr string, from int) []metric {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/metrics", nil)
	if err != nil {
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	return readMetrics(resp.Body, from)
}

// readMetrics keeps the bot's own samples of Prometheus' text format, without
// the buckets of histograms.
func readMetrics(in io.Reader, from int) []metric {
	var all []metric
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		sample, value, found := strings.Cut(lines.Text(), "} ")
		if found {
			sample += "}"
		} else {
			sample, value, found = strings.Cut(lines.Text(), " ")
		}
		name, labels, _ := strings.Cut(strings.TrimSuffix(sample, "}"), "{")
		name, ours := strings.CutPrefix(name, "cancelbot_")
		if found && ours && !strings.HasSuffix(name, "_bucket") && name != "build_info" {
			all = append(all, metric{name, labels, value, from})
		}
	}
	return all
}

// wait waits, and reports whether ctx goes on.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
