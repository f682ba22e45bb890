package bot

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

func TestUnmatchedWorkflowIsReportedOnce(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	registry := prometheus.NewRegistry()
	w := newWorkflows(policy.SecondPerson{Workflows: []string{"Contract review", "NDAs"}}, observe.NewMetrics(registry).SecondPersonTasks)
	for range enoughTasks - 1 {
		w.see(log, "contract  REVIEW")
	}
	if out.Len() > 0 {
		t.Errorf("too early: %s", &out)
	}
	for range 2 * enoughTasks {
		w.see(log, "NDA")
	}
	if said := out.String(); strings.Count(said, "no task has this workflow") != 1 || !strings.Contains(said, "workflow=NDAs") {
		t.Errorf("said %s", said)
	}
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP cancelbot_second_person_tasks_total Tasks seen at commands whose workflow is listed in SECOND_PERSON_WORKFLOWS, by entry of the list.
# TYPE cancelbot_second_person_tasks_total counter
cancelbot_second_person_tasks_total{workflow="Contract review"} 49
cancelbot_second_person_tasks_total{workflow="NDAs"} 0
`), "cancelbot_second_person_tasks_total")
	if err != nil {
		t.Error(err)
	}
}

func TestNoWorkflowListCountsNothing(t *testing.T) {
	registry := prometheus.NewRegistry()
	newWorkflows(policy.SecondPerson{Always: true}, observe.NewMetrics(registry).SecondPersonTasks).see(slog.New(slog.DiscardHandler), "NDA")
	if n, err := testutil.GatherAndCount(registry, "cancelbot_second_person_tasks_total"); n != 0 || err != nil {
		t.Errorf("%d series, %v", n, err)
	}
}
