package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// logged returns the output of some log lines.
func logged(cfg config, say func(*slog.Logger)) string {
	var out bytes.Buffer
	l := newLogs(cfg, &out)
	say(l.Logger)
	l.lines.close()
	return out.String()
}

func TestLogLineOmitsEmptyAttributes(t *testing.T) {
	t.Parallel()
	say := func(log *slog.Logger) {
		log.Info("done", "took", 1499.6*1000*time.Microsecond, "error", nil, "cause", "")
		log.Warn("odd", "error", errors.New("this"))
	}
	text := logged(config{LogFormat: formatText}, say)
	if !strings.Contains(text, " INF done took=1.5s\n") || !strings.Contains(text, " WRN odd error=this\n") || strings.Contains(text, "\x1b") {
		t.Errorf("as text:\n%s", text)
	}
	json := logged(config{}, say)
	if !strings.Contains(json, `"msg":"done","took_seconds":1.4996,"event":"other"}`) || !strings.Contains(json, `"msg":"odd","error":"this","event":"other"}`) {
		t.Errorf("as JSON:\n%s", json)
	}
}

// A terminal gets the time of day and colours, unless NO_COLOR is set.
func TestTerminalLine(t *testing.T) {
	terminal, err := os.Open(os.DevNull) // a character device is taken for one
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	if !isTerminal(terminal) {
		t.Skip("the null device is no character device here")
	}
	line := func() string {
		var out bytes.Buffer
		slog.New(newHandler(&out, slog.LevelInfo, formatText, terminal)).Error("stopped", "error", errors.New("this"))
		return out.String()
	}
	t.Setenv("NO_COLOR", "1")
	if got := line(); !regexp.MustCompile(`^\d\d:\d\d:\d\d ERR stopped error=this\n$`).MatchString(got) {
		t.Errorf("%q", got)
	}
	t.Setenv("NO_COLOR", "")
	if got := line(); !strings.Contains(got, "\x1b[") {
		t.Errorf("%q has no colours", got)
	}
}

func TestServerEchoIsRedacted(t *testing.T) {
	t.Parallel()
	cfg := config{
		SlackBotToken: secret.New("xoxb-topsecret"), ChamelioAPIKey: secret.New("ca_topsecret"),
		DatabaseURL: secret.New("postgres://u:databasesecret@h/d"),
	}
	said := logged(cfg, func(log *slog.Logger) {
		log.Error("no xoxb-topsecret", "error", errors.New(`bad "ca_topsecret"`), "url", "postgres://u:databasesecret@h/d")
	})
	if strings.Contains(said, "secret") || strings.Count(said, "…") != 3 {
		t.Error(said)
	}
}

func TestCollectorEchoIsRedacted(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20collectorsecret")
	said := logged(config{}, func(log *slog.Logger) { log.Warn("traces lost", "error", errors.New("no collectorsecret")) })
	if strings.Contains(said, "collectorsecret") {
		t.Error(said)
	}
}

// stalled is a pipe that is never read.
type stalled struct{ open chan struct{} }

func (s stalled) Write(p []byte) (int, error) {
	<-s.open
	return len(p), nil
}

// gone is a pipe whose reader has gone.
type gone struct{}

func (gone) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestDroppedLinesAreCounted(t *testing.T) {
	l := newLogs(config{}, gone{})
	l.Info("a line")
	l.lines.close()
	if n := l.lines.dropped.Load(); n != 1 {
		t.Errorf("%d lines were dropped", n)
	}
}

func TestStalledLogDoesNotBlock(t *testing.T) {
	t.Parallel()
	pipe := stalled{make(chan struct{})}
	l := newLogs(config{}, pipe)
	began := time.Now()
	for range maxQueuedLines + 100 {
		l.Info("a line")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	if n := l.lines.dropped.Load(); n < 90 || n > 100 {
		t.Errorf("%d lines were dropped", n)
	}
	close(pipe.open)
	l.lines.close()
	l.Info("after the end")
}
