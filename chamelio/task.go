package chamelio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// TaskID names a task. Valid ids are positive.
type TaskID int64

func (id TaskID) String() string { return strconv.FormatInt(int64(id), 10) }

// Status is a task's state.
type Status string

// The documented states. Cancelled is also spelled "canceled" by parts of the
// API; a Status decoded by this package has this spelling.
const (
	Pending    Status = "pending"
	InProgress Status = "in_progress"
	Completed  Status = "completed"
	Failed     Status = "failed"
	Cancelled  Status = "cancelled"
)

// Cancellable reports whether a task in this state can be cancelled
// (https://docs.chamelio.ai/api-reference/endpoint/tasks/cancel).
func (s Status) Cancellable() bool { return s == Pending || s == InProgress }

// Final reports whether a task in this state has ended. A state that is
// neither Cancellable nor Final is one this package does not know.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// UnmarshalJSON accepts both spellings of Cancelled; whatever is not a string
// gives "".
func (s *Status) UnmarshalJSON(data []byte) error {
	var text string
	_ = json.Unmarshal(data, &text) // anything but a string leaves ""
	if text == "canceled" {
		text = string(Cancelled)
	}
	*s = Status(text)
	return nil
}

// StepType is the kind of step that a task is at, in lower case.
type StepType string

// The step types that Chamelio's pages name. Others may come.
const (
	StepIntake    StepType = "intake"
	StepAgent     StepType = "agent"
	StepReview    StepType = "review"
	StepApproval  StepType = "approval"
	StepSignature StepType = "signature"
)

// Task is what the API tells about a task, as far as it may be shown. The
// task's variables can hold confidential contract values and are not decoded.
// Any field but ID may be empty: absent, null, or of a type that the API does
// not document.
type Task struct {
	ID            TaskID
	URL           string // of the task's page in the web application
	Title         string
	Workflow      string // name
	Status        Status
	Step          string // name of the current step
	StepType      StepType
	StepsDone     int // completed step runs, at most StepsTotal
	StepsTotal    int // step runs known to the API; 0 if not told
	CreatedAt     Timestamp
	UpdatedAt     Timestamp
	CompletedAt   Timestamp
	Owner         string   // e-mail
	Assignee      string   // e-mail
	Collaborators []string // e-mails
}

// wireTask is a task as the API sends it.
type wireTask struct {
	ID            integer         `json:"task_id"`
	URL           lenient[string] `json:"task_url"`
	Title         lenient[string] `json:"task_title"`
	Workflow      lenient[string] `json:"workflow_name"`
	Status        Status          `json:"status"`
	Step          lenient[string] `json:"current_step_name"`
	StepType      lenient[string] `json:"current_step_type"`
	StepRuns      progress        `json:"step_runs"`
	CreatedAt     Timestamp       `json:"created_at"`
	UpdatedAt     Timestamp       `json:"updated_at"`
	CompletedAt   Timestamp       `json:"completed_at"`
	Owner         lenient[string] `json:"owner_email"`
	Assignee      lenient[string] `json:"assignee_email"`
	Collaborators addresses       `json:"collaborator_emails"`
}

func (w *wireTask) task() Task {
	return Task{
		ID: TaskID(w.ID), URL: w.URL.value, Title: w.Title.value, Workflow: w.Workflow.value,
		Status: w.Status, Step: w.Step.value, StepType: StepType(strings.ToLower(w.StepType.value)),
		StepsDone: w.StepRuns.done, StepsTotal: w.StepRuns.total,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, CompletedAt: w.CompletedAt,
		Owner: w.Owner.value, Assignee: w.Assignee.value, Collaborators: w.Collaborators,
	}
}

// Task reads a task: GET /tasks/{task_id}
// (https://docs.chamelio.ai/api-reference/endpoint/tasks/get), at the rank of
// Cancel, for whoever must know what became of one. Errors are *Error, never
// ambiguous; of a task that is not there, Error.TaskNotFound.
func (c *Client) Task(ctx context.Context, id TaskID) (Task, error) {
	return c.task(ctx, id, urgent)
}

// Preview is Task for somebody who is only looking: of the key's rate limit
// it takes what Cancel and Task leave (see SetRateLimit), waiting as long as
// ctx allows.
func (c *Client) Preview(ctx context.Context, id TaskID) (Task, error) {
	return c.task(ctx, id, patient)
}

func (c *Client) task(ctx context.Context, id TaskID, rank rank) (Task, error) {
	var answer struct {
		Task *wireTask `json:"task"`
	}
	r := request{method: http.MethodGet, path: taskPath(id), rank: rank}
	if err := c.call(ctx, r, &answer); err != nil {
		return Task{}, err
	}
	if answer.Task == nil {
		return Task{}, r.malformed("the answer holds no task")
	}
	task := answer.Task.task()
	if task.ID == 0 { // any field may be absent
		task.ID = id
	}
	if task.ID != id {
		return Task{}, r.malformed(fmt.Sprintf("the answer is about task %d", task.ID))
	}
	return task, nil
}

// Cancel cancels a task, for good: POST /tasks/{task_id}/cancel
// (https://docs.chamelio.ai/api-reference/endpoint/tasks/cancel). Nil means
// that the API said, for this very task, that it is cancelled.
//
// Before, unless nil, is the caller's last word. It is called at most once,
// with ctx, when the rate limit has let the request through and nothing is
// left to wait for; whatever gave the right to cancel is to be checked there,
// not before a wait that may have outlived it. Its time does not count against
// Options.Timeout. If it fails nothing is sent, and the returned error is
// ErrNotSent and wraps its error.
//
// Errors are *Error. Where Error.Ambiguous is set the task may be cancelled:
// ask Task, and heed Error.InFlight. Cancel never sends a request twice.
func (c *Client) Cancel(ctx context.Context, id TaskID, before func(context.Context) error) error {
	var answer struct {
		ID     integer `json:"task_id"`
		Status Status  `json:"status"`
	}
	r := request{method: http.MethodPost, path: taskPath(id) + "/cancel", rank: urgent, before: before}
	if err := c.call(ctx, r, &answer); err != nil {
		return err
	}
	if TaskID(answer.ID) != id {
		return r.malformed(fmt.Sprintf("the answer is about task %d", answer.ID))
	}
	if answer.Status != Cancelled {
		return r.malformed("the answer says 200 but not that the task is cancelled")
	}
	return nil
}

func taskPath(id TaskID) string { return "/tasks/" + id.String() }
