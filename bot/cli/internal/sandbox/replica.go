package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"
)

// replica is one process of the bot.
type replica struct {
	number int
	cmd    *exec.Cmd
	input  io.Closer
	ended  chan struct{}
	err    error // once ended

	mu   sync.Mutex
	http string // where its metrics are; "" before it says so
}

func startReplica(cmd *exec.Cmd, number int, to *record) (*replica, error) {
	r := &replica{number: number, cmd: cmd, ended: make(chan struct{})}
	said := &logWriter{line: func(raw []byte) { r.logged(to, raw) }}
	cmd.Stderr = said
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	r.input = input
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	to.event(time.Now(), "started", number, fmt.Sprintf("Replica %d was started.", number))
	go func() {
		defer close(r.ended)
		if err := cmd.Wait(); err != nil {
			r.err = fmt.Errorf("%w\n%s", err, to.last(number, 5))
		}
	}()
	return r, nil
}

func (r *replica) alive() bool {
	select {
	case <-r.ended:
		return false
	default:
		return true
	}
}

// metricsAddr is where the process serves its metrics; "" if it does not yet.
func (r *replica) metricsAddr() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.http
}

// logged reads a line of the process's log.
func (r *replica) logged(to *record, raw []byte) {
	l := parseLog(raw)
	l.Replica = r.number
	if l.attrs["epoch"] != "" && l.attrs["stage"] != "" {
		l.Kind = "takeover"
	}
	if addr := l.attrs["addr"]; addr != "" && strings.HasPrefix(l.Text, "serving health") {
		r.mu.Lock()
		r.http = addr
		r.mu.Unlock()
	}
	to.log(l)
}

// logWriter splits what is written into lines.
type logWriter struct {
	line func([]byte)
	rest []byte
}

func (w *logWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		w.line(line)
		w.rest = bytes.Clone(rest)
	}
}

// logLine is a line of a process's log, or, with Event, something that was
// done to the bot from outside.
type logLine struct {
	At      int64  `json:"at"` // milliseconds since 1970
	Replica int    `json:"replica"`
	Level   string `json:"level"`
	Text    string `json:"text"`
	More    string `json:"more"`
	Event   bool   `json:"event"`
	Kind    string `json:"kind"` // started, stopping, killed or takeover; "" for others

	attrs map[string]string
}

// parseLog reads a line of log/slog's JSON, which says when it was written. A line
// that isn't JSON becomes an error.
func parseLog(raw []byte) logLine {
	var fields map[string]any
	l := logLine{At: time.Now().UnixMilli(), attrs: map[string]string{}}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if decoder.Decode(&fields) != nil {
		l.Level, l.Text = "ERROR", string(raw)
		return l
	}
	l.Level, l.Text = fmt.Sprint(fields["level"]), fmt.Sprint(fields["msg"])
	if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(fields["time"])); err == nil {
		l.At = at.UnixMilli()
	}
	for _, known := range []string{"time", "level", "msg"} {
		delete(fields, known)
	}
	var more []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		l.attrs[name] = fmt.Sprint(fields[name])
		more = append(more, name+"="+l.attrs[name])
	}
	l.More = strings.Join(more, "  ")
	return l
}
