package cli

import (
	"io"
	"log/slog"
	"os"
)

func newLogger(cfg config, out io.Writer) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	format := cfg.LogFormat
	if format == "" && isTerminal(out) {
		format = "text"
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(out, options)), nil
	case "", "json":
		return slog.New(slog.NewJSONHandler(out, options)), nil
	}
	return nil, usageError("LOG_FORMAT is neither text nor json")
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
