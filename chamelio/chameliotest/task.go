package chameliotest

import (
	"fmt"
	"time"
)

// IDs of the tasks that every server starts with, one in each state.
const (
	PendingTask    = 12344
	InProgressTask = 12345
	CompletedTask  = 12346
	FailedTask     = 12347
	CancelledTask  = 12348
)

// Task is a task in the API's JSON. Nil pointers are null.
type Task struct {
	ID            int64      `json:"task_id"`
	URL           *string    `json:"task_url"`
	Title         *string    `json:"task_title"`
	WorkflowID    int64      `json:"workflow_id"`
	Workflow      *string    `json:"workflow_name"`
	Status        string     `json:"status"`
	Step          *string    `json:"current_step_name"`
	StepType      *string    `json:"current_step_type"`
	CreatedAt     *time.Time `json:"created_at"`
	UpdatedAt     *time.Time `json:"updated_at"`
	CompletedAt   *time.Time `json:"completed_at"`
	Owner         *string    `json:"owner_email"`
	Assignee      *string    `json:"assignee_email"`
	Collaborators []string   `json:"collaborator_emails"`
	StepRuns      []StepRun  `json:"step_runs"`
	Variables     any        `json:"variables"` // confidential in the real API
}

// StepRun is one step of a task's workflow.
type StepRun struct {
	ID     int64  `json:"step_run_id"`
	Name   string `json:"step_name"`
	Type   string `json:"step_type"`
	Status string `json:"status"`
}

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

// NewTask returns a task with every field set, updated an hour after it was
// created. It is at an approval, the fourth of five steps, unless its status
// says that it hasn't started or is completed.
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
		StepType:      new("approval"),
		CreatedAt:     new(created),
		UpdatedAt:     new(created.Add(time.Hour)),
		Owner:         new("ada@acme.example"),
		Assignee:      new("grace@acme.example"),
		Collaborators: []string{"linus@acme.example"},
		StepRuns:      stepRuns(status),
		Variables:     map[string]any{"contract_value": "CONFIDENTIAL-4200000"},
	}
	if status == "completed" || status == "failed" {
		t.CompletedAt = t.UpdatedAt
	}
	return t
}

func stepRuns(status string) []StepRun {
	runs := []StepRun{
		{1, "Request", "intake", "completed"},
		{2, "Draft", "agent", "completed"},
		{3, "Negotiation", "review", "completed"},
		{4, "Legal approval", "approval", status},
		{5, "Signature", "signature", "pending"},
	}
	for i := range runs {
		if status == "pending" || status == "completed" {
			runs[i].Status = status
		}
	}
	return runs
}
