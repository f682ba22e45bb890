package chamelio

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
)

// TaskID identifies a task. Valid IDs are positive.
type TaskID int64

func (id TaskID) String() string { return strconv.FormatInt(int64(id), 10) }

// Status is a task's state.
type Status string

// The documented states. Parts of the API spell Cancelled "canceled"; this
// package decodes both as Cancelled.
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
// neither Cancellable nor Final isn't known to this package.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// UnmarshalJSON accepts both spellings of Cancelled. Anything that isn't a
// string, or is much too long for a state, gives "".
func (s *Status) UnmarshalJSON(data []byte) error {
	text := ifShort(data, maxWhole)
	if text == "canceled" {
		text = string(Cancelled)
	}
	*s = Status(text)
	return nil
}

// StepType is the kind of a task's current step, in lower case.
type StepType string

// The step types in Chamelio's examples, and StepSignature for the signing steps of its
// guide, which has no example. There may be others.
const (
	StepIntake    StepType = "intake"
	StepAgent     StepType = "agent"
	StepReview    StepType = "review"
	StepApproval  StepType = "approval"
	StepSignature StepType = "signature"
)

// stepTypeOf returns a step's type. How Chamelio calls a signing step isn't documented, so
// each word for it counts, as in signing or e_signature.
func stepTypeOf(raw string) StepType {
	t := strings.ToLower(raw)
	for word := range strings.FieldsFuncSeq(t, func(r rune) bool { return !unicode.IsLetter(r) }) {
		if strings.HasPrefix(word, "sign") || strings.HasSuffix(word, "signature") {
			return StepSignature
		}
	}
	return StepType(t)
}

// Task has the fields of a task that may be shown. The task's variables, which
// can hold confidential contract values, aren't decoded. Any field but ID may
// be empty: absent, null, of an undocumented type, or much longer than any that people
// would write. A title and a step's name are cut instead.
type Task struct {
	ID            TaskID
	URL           string // of the task's page in the web application
	Title         string
	Workflow      string // name
	Status        Status
	Step          string // name of the current step
	StepType      StepType
	StepsDone     int // completed step runs, at most StepsTotal
	StepsTotal    int // step runs known to the API; 0 if it doesn't say
	CreatedAt     Timestamp
	UpdatedAt     Timestamp
	CompletedAt   Timestamp
	Owner         string   // e-mail
	Assignee      string   // e-mail
	Collaborators []string // e-mails
}

// wireTask is a task as the API sends it.
type wireTask struct {
	ID            integer   `json:"task_id"`
	URL           whole     `json:"task_url"`
	Title         brief     `json:"task_title"`
	Workflow      whole     `json:"workflow_name"`
	Status        Status    `json:"status"`
	Step          brief     `json:"current_step_name"`
	StepType      whole     `json:"current_step_type"`
	StepRuns      progress  `json:"step_runs"`
	CreatedAt     Timestamp `json:"created_at"`
	UpdatedAt     Timestamp `json:"updated_at"`
	CompletedAt   Timestamp `json:"completed_at"`
	Owner         address   `json:"owner_email"`
	Assignee      address   `json:"assignee_email"`
	Collaborators addresses `json:"collaborator_emails"`
}

func (w *wireTask) task() Task {
	return Task{
		ID: TaskID(w.ID), URL: string(w.URL), Title: string(w.Title), Workflow: string(w.Workflow),
		Status: w.Status, Step: string(w.Step), StepType: stepTypeOf(string(w.StepType)),
		StepsDone: w.StepRuns.done, StepsTotal: w.StepRuns.total,
		CreatedAt: w.CreatedAt, UpdatedAt: w.UpdatedAt, CompletedAt: w.CompletedAt,
		Owner: string(w.Owner), Assignee: string(w.Assignee), Collaborators: w.Collaborators,
	}
}

// Task calls GET /tasks/{task_id}
// (https://docs.chamelio.ai/api-reference/endpoint/tasks/get) for someone who
// waits for the answer: under the rate limit it goes first (see SetRateLimit).
// Errors are *Error, and never ambiguous. If the task doesn't exist,
// Error.TaskNotFound returns true.
func (c *Client) Task(ctx context.Context, id TaskID) (Task, error) {
	return c.task(ctx, id, awaited)
}

// Check is like Task, but with the priority of Cancel, for finding out the
// effect of one.
func (c *Client) Check(ctx context.Context, id TaskID) (Task, error) {
	return c.task(ctx, id, urgent)
}

// Preview is like Task, but with the lowest priority: it uses the part of the
// key's rate limit that the other calls leave (see SetRateLimit), and waits for
// it until ctx ends.
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

// Cancel cancels a task permanently: POST /tasks/{task_id}/cancel
// (https://docs.chamelio.ai/api-reference/endpoint/tasks/cancel). It returns
// nil if the API confirmed the cancellation of this task.
//
// Unless before is nil, Cancel calls it with ctx, at most once, when the rate
// limit has let the request through and nothing is left to wait for. It is the
// place for a final check of the right to cancel, since a check before the
// wait may be outdated. Its time doesn't count against Options.Timeout. If it
// fails, nothing is sent, and the returned error is ErrNotSent and wraps its
// error.
//
// Errors are *Error. If Error.Ambiguous is set, the task may have been
// cancelled: call Task, and consider Error.InFlight. Cancel never sends a
// request twice.
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
