package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// loopStalled is how long a loop may go without success, in addition to its
// interval, before the process isn't ready.
const loopStalled = 12 * time.Second

// Ready returns nil if the bot works: at least one connection to Slack is
// open, its envelopes are read and acknowledged, workers handle them, and
// every loop has succeeded recently. Otherwise it returns the problems.
func (b *Bot) Ready(context.Context) error {
	var problems []error
	if b.draining.Load() {
		problems = append(problems, errors.New("stopping"))
	}
	if !b.clock.measured() {
		problems = append(problems, errors.New("journal: its clock isn't known yet"))
	}
	if b.socket.Open() == 0 {
		problems = append(problems, errors.New("slack: no connection"))
	}
	if err := b.pulse.check(); err != nil {
		problems = append(problems, err)
	}
	if age := b.router.stalled(); age > workStalled {
		problems = append(problems, fmt.Errorf("workers: none was free for %s", age.Round(time.Second)))
	}
	if age := b.beats.Age(); age > loopStalled+b.beats.Every {
		problems = append(problems, fmt.Errorf("journal: no success for %s", age.Round(time.Second)))
	}
	for _, l := range b.loops {
		if age := l.Age(); l != b.beats && age > loopStalled+l.Every {
			problems = append(problems, fmt.Errorf("loop %q: no success for %s", l.Name, age.Round(time.Second)))
		}
	}
	return errors.Join(problems...)
}

// Health serves /healthz, which reports that the process is alive, and
// /readyz, which reports Ready: 503 with one problem per line.
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
