package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// loopStalled is how long a loop may go without success, beyond its interval,
// until the process isn't ready.
const loopStalled = 12 * time.Second

// Ready returns nil if the bot does its work: at least one connection to Slack
// serves, and each of its loops has succeeded lately. Else it says what does
// not.
func (b *Bot) Ready(context.Context) error {
	var problems []error
	if b.draining.Load() {
		problems = append(problems, errors.New("stopping"))
	}
	if b.socket.Open() == 0 {
		problems = append(problems, errors.New("slack: no connection"))
	}
	if age := b.beats.Age(); age > loopStalled+b.beats.Every {
		problems = append(problems, fmt.Errorf("journal: no success for %s", age.Round(time.Second)))
	}
	for _, l := range b.loops {
		if age := l.Age(); age > loopStalled+l.Every {
			problems = append(problems, fmt.Errorf("loop %q: no success for %s", l.Name, age.Round(time.Second)))
		}
	}
	return errors.Join(problems...)
}

// Health serves /healthz (the process lives) and /readyz (it does its work;
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
