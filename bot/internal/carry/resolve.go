package carry

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// attempts is the part of the journal that resolving needs.
type attempts interface {
	MarkSent(ctx context.Context, l journal.Lease, task int) (journal.Lease, error)
	MarkUnsent(ctx context.Context, l journal.Lease, task int) (journal.Lease, error)
	Restore(context.Context, decision.Record) (journal.Lease, []decision.Item, error)
	Unsettled(context.Context, decision.ID, chamelio.TaskID) (bool, error)
}

// send sends one cancel request, if it is still ours to send.
func (l *life) send() decision.Event {
	ctx, sent := l.Tracer.Step(l.ctx, "cancel", attribute.Int64("chamelio.task", int64(l.item().ID)))
	err := l.Chamelio.Cancel(ctx, l.item().ID, l.authorize)
	sent(err)
	if stopped := new(notAuthorizedError); errors.As(err, &stopped) {
		return l.denied(stopped.err)
	}
	e := l.facts.cancelled(err)
	if e.Kind == decision.CancelServerError || e.Kind == decision.CancelUnanswered {
		l.Metrics.Retries.WithLabelValues("cancel").Inc()
		l.log.Warn("no clear answer to a cancel request", "try", l.state.Task.Tries+1, "error", err)
	}
	return e
}

// notAuthorizedError wraps why a request wasn't sent.
type notAuthorizedError struct{ err error }

func (e *notAuthorizedError) Error() string { return "not sent: " + e.err.Error() }

func (e *notAuthorizedError) Unwrap() error { return e.err }

// authorize checks, immediately before a request, that the click is young
// enough, that this process still owns the decision, and that the journal has
// the request on record (laws 1 and 2).
func (l *life) authorize(ctx context.Context) error {
	if !l.within(l.Protocol.ClickAge) { // it has waited for the rate limit since
		return &notAuthorizedError{journal.ErrTooLate}
	}
	if l.recorded() {
		return nil
	}
	lease, err := l.Journal.MarkSent(ctx, l.lease(), l.task)
	if err != nil {
		return &notAuthorizedError{err}
	}
	l.renewed(lease)
	if !l.valid() { // it took longer than the lease
		return &notAuthorizedError{journal.ErrLost}
	}
	return nil
}

// claimCounts is how long a claim is the record of a request. After that, the
// request has waited for the rate limit, and the lease alone doesn't show that
// no one else has the decision: leases end early if the journal's clock is set.
const claimCounts = 2 * time.Second

// recorded reports whether the claim, which is the record of the first request,
// was made a moment ago.
func (l *life) recorded() bool {
	claimed := l.began.Add(l.state.Task.Began)
	return l.state.Task.Marked && l.valid() && !l.outdated() && Before(time.Now(), claimed.Add(claimCounts))
}

// denied returns the event for a request that wasn't sent.
func (l *life) denied(err error) decision.Event {
	switch {
	case errors.Is(err, journal.ErrTooLate):
		return decision.Event{Kind: decision.Denied}
	case errors.Is(err, journal.ErrGone), errors.Is(err, journal.ErrLost):
		return l.event(err)
	}
	l.log.Warn("cancel request not recorded; not sent yet", "error", err)
	return decision.Event{Kind: decision.Unmarked}
}

// get gets the task once.
func (l *life) get() decision.Event {
	ctx, end := l.Tracer.Step(l.ctx, "get", attribute.Int64("chamelio.task", int64(l.item().ID)))
	asked := time.Now()
	task, err := l.Chamelio.Check(ctx, l.item().ID)
	end(err)
	e := l.facts.seen(task, err, asked)
	if e.Kind == decision.TaskUnseen || e.Kind == decision.TaskMissing {
		l.Metrics.Retries.WithLabelValues("status_check").Inc()
		l.log.Warn("status check failed", "error", err)
	}
	return e
}

// ask asks whether another decision's request may still take effect.
func (l *life) ask() decision.Event {
	others, err := l.Journal.Unsettled(l.ctx, l.ID, l.item().ID)
	if err == nil && !others {
		return decision.Event{Kind: decision.Alone}
	}
	l.log.Info("another decision about the task may still take effect", "error", err)
	return decision.Event{Kind: decision.Shared}
}

// facts has the parts of an announcement other than the outcome.
type facts struct {
	task    chamelio.Task   // as last seen by a status check; zero if never
	running time.Time       // when it was last seen running
	err     *chamelio.Error // the last answer, if it was one
	refusal *chamelio.Error // the last answer to a cancel, if it was one
	details <-chan details
	beside  details // once they are there
}

// cancelled classifies the answer to a cancel request.
func (f *facts) cancelled(err error) decision.Event {
	f.err = nil
	var pause time.Duration
	if errors.As(err, &f.err) {
		pause = f.err.RetryAfter
	}
	f.refusal = f.err
	return decision.Event{Kind: cancelKind(err, f.err), Pause: pause}
}

func cancelKind(err error, e *chamelio.Error) decision.Kind {
	switch {
	case err == nil:
		return decision.CancelDone
	case e == nil:
		return decision.CancelUnanswered
	case e.NotSent:
		return decision.CancelNotSent
	case e.InFlight:
		return decision.CancelUnanswered
	case e.Ambiguous:
		return decision.CancelServerError
	case errors.Is(err, chamelio.ErrRateLimited):
		return decision.CancelRateLimited
	case !e.FromAPI:
		return decision.CancelRefused
	case errors.Is(err, chamelio.ErrConflict):
		return decision.CancelConflict
	case e.TaskNotFound():
		return decision.CancelNotFound
	case errors.Is(err, chamelio.ErrUnauthorized):
		return decision.CancelKeyRefused
	}
	return decision.CancelRefused
}

// seen classifies the answer to a GET that began at asked.
func (f *facts) seen(task chamelio.Task, err error, asked time.Time) decision.Event {
	f.err = nil
	var pause time.Duration
	if errors.As(err, &f.err) {
		pause = f.err.RetryAfter
	}
	kind := taskKind(task, err, f.err)
	if err == nil {
		f.task = task
	}
	if kind == decision.TaskRunning {
		f.running = asked
	}
	return decision.Event{Kind: kind, Pause: pause}
}

func taskKind(task chamelio.Task, err error, e *chamelio.Error) decision.Kind {
	switch {
	case err == nil && task.Status == chamelio.Cancelled:
		return decision.TaskCancelled
	case err == nil && task.Status.Final():
		return decision.TaskEnded
	case err == nil && task.Status.Cancellable():
		return decision.TaskRunning
	case err == nil:
		return decision.TaskOdd
	case e != nil && e.TaskNotFound():
		return decision.TaskMissing
	case e != nil && e.FromAPI && errors.Is(err, chamelio.ErrUnauthorized):
		return decision.TaskKeyRefused
	}
	return decision.TaskUnseen
}

// result returns the result of a decision. It waits for the details.
func (f *facts) result(s decision.State) decision.Result {
	task := f.task
	if f.details != nil {
		f.beside, f.details = <-f.details, nil
	}
	if task.ID == 0 {
		task = f.beside.Task
	}
	res := decision.Describe(task)
	if f.task.ID == 0 { // seen before or during the cancel: its state then is outdated
		res.Status, res.Over = "", time.Time{}
	}
	res.Outcome, res.Cause, res.Seen, res.People = s.Outcome, s.Cause, f.running, f.beside.people
	if f.refusal != nil && s.Cause == decision.CauseRefused {
		res.Detail = f.refusal.Detail
	}
	if f.err != nil {
		res.Key = f.err.Reason
	}
	if s.Cause == decision.CauseBusy {
		res.RetryIn = s.RetryIn
	}
	return res
}

// stepCounts is how old the sight of a task may be for a result to say at which step it
// stopped. A request that waits for the rate limit takes effect later.
const stepCounts = 10 * time.Second

// mayHaveMoved reports whether a cancelled task may have reached another step since it was
// seen.
func (f *facts) mayHaveMoved(res decision.Result) bool {
	seen := f.beside.asked
	if f.task.ID != 0 {
		seen = f.running
	}
	return res.Outcome == decision.Cancelled && !f.task.Status.Final() && !Before(time.Now(), seen.Add(stepCounts))
}
