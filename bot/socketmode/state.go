package socketmode

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// state logs when trouble begins, changes or ends, but not each try in
// between.
type state struct {
	mu      sync.Mutex
	trouble string // "" while there is none
	since   time.Time
}

// failed must be called each time a connection couldn't be made.
func (s *state) failed(log *slog.Logger, err error, wait time.Duration) {
	if !s.begins(troubleOf(err)) {
		log.Debug("still can't connect to Slack", "error", err, "again_in", wait)
		return
	}
	switch {
	case errors.Is(err, ErrSocketModeOff):
		log.Error("Socket Mode is switched off; enable it in the app settings (Socket Mode → Enable). Retrying")
	case errors.Is(err, ErrTooManyConnections):
		log.Error("too many connections: Slack allows an app 10, over all replicas. Retrying")
	case needsSetting(err):
		log.Error("Slack refuses to connect this app until a setting is changed. Retrying", "error", err)
	default:
		log.Warn("can't connect to Slack", "error", err, "again_in", wait)
	}
}

// connected must be called for each new connection.
func (s *state) connected(log *slog.Logger) {
	s.mu.Lock()
	trouble, lasted := s.trouble, time.Since(s.since)
	s.trouble = ""
	s.mu.Unlock()
	if trouble != "" {
		log.Info("connected to Slack again", "after", lasted.Round(time.Millisecond), "trouble", trouble)
		return
	}
	log.Info("connected to Slack")
}

// begins returns false if that is the current trouble already.
func (s *state) begins(trouble string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trouble == trouble {
		return false
	}
	if s.trouble == "" {
		s.since = time.Now()
	}
	s.trouble = trouble
	return true
}

// troubleOf returns the kind of trouble, without details that differ between
// tries, such as the ports in a network error.
func troubleOf(err error) string {
	if errors.Is(err, ErrUnreachable) {
		return ErrUnreachable.Error()
	}
	return err.Error()
}

// needsSetting reports whether someone has to change a setting first.
func needsSetting(err error) bool {
	answer, ok := errors.AsType[*APIError](err)
	return ok && answer.Class() == Configuration
}
