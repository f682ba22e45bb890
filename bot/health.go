package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Ready returns nil if the bot can do its work: at least one connection to
// Slack serves, and the journal answers. Else it says which part does not.
func (b *Bot) Ready(ctx context.Context) error {
	var problems []error
	if b.draining.Load() {
		problems = append(problems, errors.New("stopping"))
	}
	if b.listener.open.Load() == 0 {
		problems = append(problems, errors.New("slack: no connection"))
	}
	ctx, cancel := context.WithTimeout(ctx, backlogLimit)
	defer cancel()
	if _, _, err := b.journal.Backlog(ctx); err != nil {
		problems = append(problems, fmt.Errorf("journal: %w", err))
	}
	return errors.Join(problems...)
}

// Health serves /healthz (the process lives) and /readyz (it can do its work;
// 503 with what it lacks, a line each).
func (b *Bot) Health() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := b.Ready(r.Context()); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux
}
