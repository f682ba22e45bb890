package carry

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// unseen is a Chamelio that returns no task, or one.
type unseen struct {
	Tasks

	task chamelio.Task
}

func (u unseen) Preview(context.Context, chamelio.TaskID) (chamelio.Task, error) {
	if u.task.ID == 0 {
		return u.task, errors.New("no answer")
	}
	return u.task, nil
}

// A task that a prompt showed hours ago may have another title, step and owner now.
func TestOldSightsOfTasksAreNotShown(t *testing.T) {
	old := chamelio.Task{ID: 500, Title: "Old", URL: "https://old.example", Workflow: "Review", Step: "Draft", StepsDone: 1, StepsTotal: 2, Owner: "old@acme.example"}
	button := decision.Named{ID: 500, Title: "On the button", URL: "https://button.example"}
	asked := decision.Confirmation{ID: "P1", Tasks: []decision.Named{button}}
	row := decision.Record{Tasks: []decision.Item{button.Item()}}
	for name, c := range map[string]struct {
		after    time.Duration
		workflow string
	}{"a moment ago": {time.Minute, "Review"}, "hours ago": {6 * time.Hour, ""}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := NewDetails(unseen{}, nil)
				d.Keep(old)
				time.Sleep(c.after)
				found := <-d.find(t.Context(), slog.Default(), row, 0)
				if found.Workflow != c.workflow || found.Title != "" || found.URL != "" || found.Step != "" || found.StepsTotal != 0 {
					t.Errorf("an announcement says %+v", found.Task)
				}
				if c.workflow == "" && found.Owner != "" {
					t.Errorf("an announcement mentions %s", found.Owner)
				}
				if shown := d.shown(t.Context(), asked).Tasks[0]; shown.Title != button.Title || shown.Step != "" {
					t.Errorf("without an answer, a prompt says %+v", shown)
				}
				d.tasks = unseen{task: chamelio.Task{ID: 500, Title: "New"}}
				if shown := d.shown(t.Context(), asked).Tasks[0]; shown.Title != "New" {
					t.Errorf("a prompt says %+v", shown)
				}
			})
		})
	}
}
