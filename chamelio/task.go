package chamelio

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
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
// (API reference, tasks/cancel).
func (s Status) Cancellable() bool { return s == Pending || s == InProgress }

// Final reports whether a task in this state has ended. A state that is
// neither Cancellable nor Final is one this package does not know.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// UnmarshalJSON accepts both spellings of Cancelled, and null.
func (s *Status) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	*s = ""
	if text != nil {
		*s = Status(*text)
	}
	if *s == "canceled" {
		*s = Cancelled
	}
	return nil
}

// Timestamp is a moment that the API may leave out or write in a way we do
// not know; then it is the zero time. A date is never a reason to refuse the
// rest of a task.
type Timestamp struct{ time.Time }

// UnmarshalJSON reads RFC 3339, also without a zone (taken as UTC).
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	t.Time = time.Time{}
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at
			return nil
		}
	}
	return nil
}

// Task is what the API tells about a task, as far as the bot may show it. The
// task's variables can hold confidential contract values and are not decoded.
// Any field but ID may be empty.
type Task struct {
	ID            TaskID    `json:"task_id"`
	URL           string    `json:"task_url"`
	Title         string    `json:"task_title"`
	Workflow      string    `json:"workflow_name"`
	Status        Status    `json:"status"`
	Step          string    `json:"current_step_name"`
	CreatedAt     Timestamp `json:"created_at"`
	UpdatedAt     Timestamp `json:"updated_at"`
	CompletedAt   Timestamp `json:"completed_at"`
	Owner         string    `json:"owner_email"`
	Assignee      string    `json:"assignee_email"`
	Collaborators []string  `json:"collaborator_emails"`
}

// Task reads a task: GET /tasks/{task_id} (API reference, tasks/get).
func (c *Client) Task(ctx context.Context, id TaskID) (Task, error) {
	if err := c.limit.wait(ctx); err != nil {
		return Task{}, (&Error{Method: http.MethodGet, Path: taskPath(id)}).as(ErrRateLimited, err)
	}
	return c.task(ctx, id)
}

// Preview is Task for somebody who is only looking: of the key's rate limit
// it takes what Cancel and Task leave, waiting as long as ctx allows.
func (c *Client) Preview(ctx context.Context, id TaskID) (Task, error) {
	if err := c.limit.yield(ctx); err != nil {
		return Task{}, (&Error{Method: http.MethodGet, Path: taskPath(id)}).as(ErrRateLimited, err)
	}
	return c.task(ctx, id)
}

func (c *Client) task(ctx context.Context, id TaskID) (Task, error) {
	var answer struct {
		Task *Task `json:"task"`
	}
	path := taskPath(id)
	if err := c.call(ctx, http.MethodGet, path, &answer); err != nil {
		return Task{}, err
	}
	if answer.Task == nil {
		return Task{}, malformed(http.MethodGet, path, "the answer holds no task")
	}
	task := *answer.Task
	if task.ID == 0 { // any field may be absent
		task.ID = id
	}
	if task.ID != id {
		return Task{}, malformed(http.MethodGet, path, fmt.Sprintf("the answer is about task %d", task.ID))
	}
	return task, nil
}

// Cancel cancels a task, for good: POST /tasks/{task_id}/cancel (API
// reference, tasks/cancel). Nil means that the API said, for this very task,
// that it is cancelled. On ErrAmbiguous it may be: ask Task.
func (c *Client) Cancel(ctx context.Context, id TaskID) error {
	path := taskPath(id) + "/cancel"
	if err := c.limit.wait(ctx); err != nil {
		return (&Error{Method: http.MethodPost, Path: path}).as(ErrRateLimited, err)
	}
	var answer struct {
		ID     TaskID `json:"task_id"`
		Status Status `json:"status"`
	}
	if err := c.call(ctx, http.MethodPost, path, &answer); err != nil {
		return err
	}
	if answer.ID != id {
		return malformed(http.MethodPost, path, fmt.Sprintf("the answer is about task %d", answer.ID))
	}
	if answer.Status != Cancelled {
		return malformed(http.MethodPost, path, "the answer says 200 but not that the task is cancelled")
	}
	return nil
}

func taskPath(id TaskID) string { return "/tasks/" + id.String() }
