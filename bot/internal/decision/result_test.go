package decision_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// A task may be updated long after it was cancelled, so that isn't when it was cancelled.
func TestLaterUpdateIsNotTheEndOfATask(t *testing.T) {
	ended, updated := chamelio.Timestamp{Time: time.Unix(1, 0)}, chamelio.Timestamp{Time: time.Unix(1e6, 0)}
	if r := decision.Describe(chamelio.Task{Status: chamelio.Cancelled, UpdatedAt: updated}); !r.Over.IsZero() {
		t.Errorf("it ended at %v", r.Over)
	}
	if r := decision.Describe(chamelio.Task{Status: chamelio.Completed, UpdatedAt: updated, CompletedAt: ended}); !r.Over.Equal(ended.Time) {
		t.Errorf("it ended at %v", r.Over)
	}
}

// A detail that can't be read doesn't say whose request cancelled the task.
func TestUnreadableDetailNamesNoAuthor(t *testing.T) {
	for detail, want := range map[string]decision.Cause{`{}`: "", `{"cause":"seen_aft`: decision.CauseSeen, ``: decision.CauseSeen} {
		if r := (decision.Item{Outcome: decision.Cancelled, Detail: detail}).Final(); r.Cause != want || r.Outcome != decision.Cancelled {
			t.Errorf("%s: got %+v", detail, r)
		}
	}
}
