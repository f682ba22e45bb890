package chameliotest

import (
	"fmt"
	"time"
)

// seed returns one task in each state.
func seed(now time.Time) []Task {
	return []Task{
		NewTask(PendingTask, "pending", "NDA with Initech", now.Add(-2*time.Hour)),
		NewTask(InProgressTask, "in_progress", "Master agreement with Globex", now.Add(-26*time.Hour)),
		NewTask(CompletedTask, "completed", "Lease for Springfield office", now.Add(-72*time.Hour)),
		NewTask(FailedTask, "failed", "Supplier onboarding: Hooli", now.Add(-49*time.Hour)),
		NewTask(CancelledTask, "cancelled", "Duplicate of 12345", now.Add(-25*time.Hour)),
	}
}

// NewTask returns a task with every field filled, updated an hour after it
// was created.
func NewTask(id int64, status, title string, created time.Time) Task {
	created = created.UTC().Truncate(time.Second)
	t := Task{
		ID:            id,
		URL:           new(fmt.Sprintf("https://app.chamelio.ai/workflows/tasks/%d", id)),
		Title:         new(title),
		WorkflowID:    7,
		Workflow:      new("Contract review"),
		Status:        status,
		Step:          new("Legal approval"),
		CreatedAt:     new(created),
		UpdatedAt:     new(created.Add(time.Hour)),
		Owner:         new("ada@acme.example"),
		Assignee:      new("grace@acme.example"),
		Collaborators: []string{"linus@acme.example"},
		StepRuns:      []any{},
		Variables:     map[string]any{"contract_value": "CONFIDENTIAL-4200000"},
	}
	if status == "completed" || status == "failed" {
		t.CompletedAt = t.UpdatedAt
	}
	return t
}
