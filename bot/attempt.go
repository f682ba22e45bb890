package bot

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// errAgain means that nothing was learnt, and the same is to be done again.
var errAgain = errors.New("again")

// cancel sends one cancel request.
func (w *resolution) cancel() (answer, error) {
	ctx, sent := w.trace.Step(w.h.ctx, "cancel", attribute.Int64("chamelio.task", w.h.TaskID))
	err := w.tasks.Cancel(ctx, w.h.Record.Task(), w.right)
	sent(err)
	if stopped := new(notAllowedError); errors.As(err, &stopped) {
		return 0, w.denied(stopped.err)
	}
	w.marked = false
	a := w.classifyCancel(err)
	w.refusal = w.err
	switch a {
	case cancelServerError, cancelUnanswered:
		w.lastSent = time.Now()
		w.tries++
		w.metrics.Retries.WithLabelValues("cancel").Inc()
		w.h.log.Warn("a cancel got no clear answer", "try", w.tries, "error", err)
		w.prompt.progress(w.texts.StillTrying(w.h.Record))
	case cancelConflict:
		w.conflict = time.Now()
	default: // a clear answer
	}
	return a, nil
}

// notAllowedError wraps why a request was not sent.
type notAllowedError struct{ err error }

func (e *notAllowedError) Error() string { return "not sent: " + e.err.Error() }

func (e *notAllowedError) Unwrap() error { return e.err }

// right is asked right before a request is sent: the journal must know of it,
// and the decision must be ours at this very moment.
func (w *resolution) right(ctx context.Context) error {
	if w.late() { // it has waited for its turn since
		return &notAllowedError{journal.ErrTooLate}
	}
	if w.marked && w.h.valid() {
		return nil
	}
	w.marked = false
	l, err := w.journal.MarkSent(ctx, w.h.current())
	if err != nil {
		return &notAllowedError{err}
	}
	w.h.renewed(l)
	w.marked = true
	if !w.h.valid() { // it took longer than the lease
		return &notAllowedError{journal.ErrLost}
	}
	return nil
}

// denied says what to do where right said no.
func (w *resolution) denied(err error) error {
	switch {
	case context.Cause(w.h.ctx) != nil:
		return context.Cause(w.h.ctx)
	case errors.Is(err, journal.ErrTooLate):
		w.tooLate = true
		return errAgain
	case errors.Is(err, journal.ErrGone):
		if err = w.h.putBack(w.h.ctx, w.journal, w.metrics, decision.Result{}); err == nil {
			w.marked = true
			return errAgain
		}
	}
	if errors.Is(err, journal.ErrLost) || errors.Is(err, errOverruled) {
		return err
	}
	// Perhaps it is noted and perhaps not. Nothing is sent without.
	w.h.log.Warn("the journal does not take note of a cancel; it is not sent yet", "error", err)
	w.prompt.progress(w.texts.StillTrying(w.h.Record))
	work.Sleep(w.h.ctx, min(w.wait.NextBackOff(), work.MaxPause))
	return errAgain
}

func (w *resolution) classifyCancel(err error) answer {
	w.err, w.retryAfter = nil, 0
	if err == nil {
		return cancelDone
	}
	var e *chamelio.Error
	if !errors.As(err, &e) {
		return cancelUnanswered
	}
	w.err, w.retryAfter = e, e.RetryAfter
	switch {
	case e.NotSent:
		return cancelNotSent
	case e.InFlight:
		return cancelUnanswered
	case e.Ambiguous:
		return cancelServerError
	case errors.Is(err, chamelio.ErrRateLimited):
		return cancelRateLimited
	case !e.FromAPI:
		return cancelRefused
	case errors.Is(err, chamelio.ErrConflict):
		return cancelConflict
	case e.TaskNotFound():
		return cancelNotFound
	case errors.Is(err, chamelio.ErrUnauthorized):
		return cancelKeyRefused
	}
	return cancelRefused
}

// look asks for the task once.
func (w *resolution) look() answer {
	asked := time.Now() // what is seen may be as old as that, and readLag older
	ctx, looked := w.trace.Step(w.h.ctx, "look", attribute.Int64("chamelio.task", w.h.TaskID))
	task, err := w.tasks.Task(ctx, w.h.Record.Task())
	looked(err)
	w.err, w.retryAfter = nil, 0
	if errors.As(err, &w.err) {
		w.retryAfter = w.err.RetryAfter
	}
	a := classifyLook(task, err)
	if err == nil {
		w.task = task
	}
	switch a {
	case lookRunning:
		w.seen = asked
	case lookUnavailable, lookNotFound:
		w.metrics.Retries.WithLabelValues("look").Inc()
		w.h.log.Warn("cannot see what became of a cancel", "error", err)
		w.prompt.progress(w.texts.StillTrying(w.h.Record))
	default: // an answer
	}
	return a
}

func classifyLook(task chamelio.Task, err error) answer {
	var e *chamelio.Error
	switch errors.As(err, &e); {
	case err == nil && task.Status == chamelio.Cancelled:
		return lookCancelled
	case err == nil && task.Status.Final():
		return lookEnded
	case err == nil && task.Status.Cancellable():
		return lookRunning
	case err == nil:
		return lookOdd
	case e != nil && e.TaskNotFound():
		return lookNotFound
	case e != nil && e.FromAPI && errors.Is(err, chamelio.ErrUnauthorized):
		return lookKeyRefused
	}
	return lookUnavailable
}
