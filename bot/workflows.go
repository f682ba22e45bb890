package bot

import (
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

// enoughTasks is how many tasks have to be seen before a listed workflow that
// matches none of them is considered misspelt.
const enoughTasks = 50

// workflows finds names in the list of workflows that need a second person and
// that match no task. Such a name restricts nothing, and nothing else shows
// that, because the API doesn't list workflows.
type workflows struct {
	rule policy.SecondPerson
	seen *prometheus.CounterVec // tasks, by the entry of the list

	mu      sync.Mutex
	tasks   int
	matched map[string]bool // by entry
}

func newWorkflows(rule policy.SecondPerson, seen *prometheus.CounterVec) *workflows {
	for _, entry := range rule.Workflows {
		seen.WithLabelValues(entry)
	}
	return &workflows{rule: rule, seen: seen, matched: map[string]bool{}}
}

// see counts a task, and warns once about each entry that matched none of the
// first enoughTasks.
func (w *workflows) see(log *slog.Logger, workflow string) {
	if len(w.rule.Workflows) == 0 {
		return
	}
	entry, listed := w.rule.Listed(workflow)
	if listed {
		w.seen.WithLabelValues(entry).Inc()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.matched[entry] = true
	if w.tasks++; w.tasks != enoughTasks {
		return
	}
	for _, entry := range w.rule.Workflows {
		if !w.matched[entry] {
			log.Warn("no task has this workflow that needs a second person; check its name in Chamelio", "workflow", entry, "tasks", w.tasks)
		}
	}
}
