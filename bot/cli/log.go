package cli

import (
	"cmp"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/prometheus/client_golang/prometheus"
)

// The values of LOG_FORMAT.
const (
	formatText = "text"
	formatJSON = "json"
)

// logs is the process's log.
type logs struct {
	*slog.Logger
	lines   *lineQueue
	secrets redactors
}

// newLogs returns the log. The configuration may be wrong, since that has to
// be logged too.
func newLogs(cfg config, out io.Writer) *logs {
	secrets := cfg.redactors()
	queue := newLineQueue(secrets.output.Writer(out))
	format := cmp.Or(cfg.LogFormat, formatJSON)
	if cfg.LogFormat == "" && isTerminal(out) {
		format = formatText
	}
	return &logs{slog.New(newHandler(queue, cfg.LogLevel, format, out)), queue, secrets}
}

func newHandler(to io.Writer, level slog.Level, format string, out io.Writer) slog.Handler {
	if format != formatText {
		return newEventHandler(slog.NewJSONHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: tidyJSON}))
	}
	options := &tint.Options{Level: level, ReplaceAttr: tidy, TimeFormat: time.DateTime, NoColor: true}
	if isTerminal(out) {
		options.TimeFormat = time.TimeOnly
		options.NoColor = os.Getenv("NO_COLOR") != "" // no-color.org
	}
	return tint.NewTextHandler(to, options)
}

// tidyJSON is tidy for JSON: a duration becomes a number of seconds, under a
// name that ends in _seconds.
func tidyJSON(groups []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration && a.Value.Duration() != 0 {
		return slog.Float64(a.Key+"_seconds", a.Value.Duration().Round(10*time.Microsecond).Seconds())
	}
	return tidy(groups, a)
}

// tidy removes empty attributes, and writes durations for people.
func tidy(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindDuration:
		if a.Value.Duration() == 0 {
			return slog.Attr{}
		}
		return slog.String(a.Key, short(a.Value.Duration()).String())
	case slog.KindAny:
		if a.Value.Any() == nil {
			return slog.Attr{}
		}
	case slog.KindString:
		if a.Value.String() == "" && (a.Key == "error" || a.Key == "cause" || a.Key == "precondition") {
			return slog.Attr{}
		}
	case slog.KindBool, slog.KindFloat64, slog.KindInt64, slog.KindTime, slog.KindUint64, slog.KindGroup, slog.KindLogValuer:
	}
	return a
}

// short rounds a duration to about three digits.
func short(d time.Duration) time.Duration {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second)
	case d >= time.Second:
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// count registers a counter of lost lines.
func (l *logs) count(to prometheus.Registerer) {
	to.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "cancelbot_log_lines_dropped_total", Help: "Log lines lost because stderr did not accept them.",
	}, func() float64 { return float64(l.lines.dropped.Load()) }))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
