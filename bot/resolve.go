package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// maxTries bounds the cancel requests that get no clear answer.
	maxTries = 3

	// busyLimit bounds the wait for Chamelio's rate limit.
	busyLimit = 60 * time.Second

	// detailsLimit bounds the look at a cancelled task, which only makes the
	// announcement say more.
	detailsLimit = 2 * time.Second
)

// resolution is the work of bringing one decision to its outcome:
//
//	POST ──clear answer──▶ outcome
//	 │ ▲
//	 │ └──it still runs──┐
//	 └──no clear answer──▶ GET ──it has ended──▶ outcome
type resolution struct {
	bot      *Bot
	log      *slog.Logger
	decision journal.Decision
	prompt   *prompt

	wait     *backoff.ExponentialBackOff
	deadline time.Time     // for answers that do not come
	tries    int           // cancel requests sent without a clear answer
	waited   time.Duration // for the rate limit
	mayBe    bool          // a cancel was sent, perhaps by a former life, that may have taken effect
	giveUp   result        // what to tell if the task still runs; zero while there are tries left
	warned   bool          // the prompt says that it takes longer
}

// run returns the outcome. Its error is the context's end: then the decision
// is neither done nor lost.
func (r *resolution) run(ctx context.Context, resumed bool) (result, error) {
	r.deadline = r.bot.now().Add(r.bot.cfg.Patience)
	r.wait = backoff.NewExponentialBackOff()
	r.wait.MaxInterval = 10 * time.Second

	// What a former life did between its claim and its end is not known: look
	// before doing anything.
	r.mayBe = resumed
	look := resumed
	for ctx.Err() == nil {
		if look {
			if res, done := r.look(ctx); done {
				return res, ctx.Err()
			}
		}
		res, done := r.cancel(ctx)
		if done {
			return res, ctx.Err()
		}
		look = r.mayBe
	}
	return result{}, ctx.Err()
}

// cancel sends one cancel request. Not done means: look, or try again.
func (r *resolution) cancel(ctx context.Context) (result, bool) {
	sending, sent := r.bot.trace.step(ctx, "cancel", attribute.Int64("chamelio.task", r.decision.TaskID))
	err := r.bot.tasks.Cancel(sending, taskOf(r.decision), nil)
	sent(err)
	var e *chamelio.Error
	errors.As(err, &e)
	switch {
	case err == nil:
		return r.details(ctx, result{Outcome: Cancelled}), true
	case ctx.Err() != nil:
		r.mayBe = true
		return result{}, false
	case errors.Is(err, chamelio.ErrRateLimited):
		return r.busy(ctx, e)
	case errors.Is(err, chamelio.ErrConflict):
		return r.conflict(ctx)
	case errors.Is(err, chamelio.ErrNotFound):
		return result{Outcome: NotFound}, true
	case errors.Is(err, chamelio.ErrUnauthorized):
		return r.keyRefused(e), true
	case errors.Is(err, chamelio.ErrAmbiguous), e == nil:
		r.mayBe = true
		if r.tries++; r.tries >= maxTries {
			r.giveUp = result{Outcome: Failed, Cause: causeServer}
		}
		r.bot.metrics.retries.WithLabelValues("cancel").Inc()
		r.log.Warn("a cancel got no clear answer", "try", r.tries, "error", err)
		r.takesLonger()
		return result{}, false
	case errors.Is(err, chamelio.ErrUnreachable):
		return r.unreachable(ctx, err)
	default:
		return r.details(ctx, result{Outcome: Failed, Cause: causeRefused, Detail: e.Detail}), true
	}
}

// look asks for the task until there is an answer or patience ends. Not done
// means that the task still runs, and may be tried again.
func (r *resolution) look(ctx context.Context) (result, bool) {
	for {
		looking, looked := r.bot.trace.step(ctx, "look", attribute.Int64("chamelio.task", r.decision.TaskID))
		task, err := r.bot.tasks.Task(looking, taskOf(r.decision))
		looked(err)
		var e *chamelio.Error
		switch {
		case err == nil:
			return r.judge(ctx, task)
		case ctx.Err() != nil:
			return result{}, true
		case errors.Is(err, chamelio.ErrNotFound) && errors.As(err, &e) && e.TaskNotFound():
			return result{Outcome: NotFound}, true
		case errors.Is(err, chamelio.ErrUnauthorized) && errors.As(err, &e):
			return result{Outcome: Unknown, Cause: causeKey, Key: e.Reason}, true
		}
		r.bot.metrics.retries.WithLabelValues("look").Inc()
		r.log.Warn("cannot see what became of a cancel", "error", err)
		r.takesLonger()
		pause := r.wait.NextBackOff()
		if errors.As(err, &e) && e.RetryAfter > 0 {
			pause = e.RetryAfter
		}
		if r.bot.now().Add(pause).After(r.deadline) {
			return result{Outcome: Unknown}, true
		}
		sleep(ctx, pause)
	}
}

// judge tells what a task's state says about a cancel that may have been.
func (r *resolution) judge(ctx context.Context, task chamelio.Task) (result, bool) {
	switch res := describe(task); {
	case task.Status == chamelio.Cancelled:
		res.Outcome = Cancelled
		return res, true
	case task.Status.Final():
		res.Outcome = NotCancellable
		return res, true
	case !task.Status.Cancellable():
		res.Outcome, res.Cause = Unknown, causeStatus
		return res, true
	case r.giveUp.Outcome != "":
		res.Outcome, res.Cause, res.RetryIn = r.giveUp.Outcome, r.giveUp.Cause, r.giveUp.RetryIn
		return res, true
	case r.bot.now().Sub(r.decision.DecidedAt) > resumeWithin:
		res.Outcome, res.Cause = Failed, causeTooLate
		return res, true
	}
	if r.tries > 0 {
		sleep(ctx, r.wait.NextBackOff())
	}
	return result{}, false
}

// conflict explains a 409. It may be the echo of a cancel of our own.
func (r *resolution) conflict(ctx context.Context) (result, bool) {
	task, err := r.bot.tasks.Task(ctx, taskOf(r.decision))
	res := describe(task)
	switch {
	case err != nil && r.mayBe:
		return r.look(ctx)
	case err != nil:
		return result{Outcome: NotCancellable}, true
	case task.Status == chamelio.Cancelled && r.mayBe:
		res.Outcome = Cancelled
	case task.Status == chamelio.Cancelled:
		res.Outcome = AlreadyCancelled
	case task.Status.Cancellable():
		res.Outcome, res.Cause = Failed, causeRefused
	default:
		res.Outcome = NotCancellable
	}
	return res, true
}

// keyRefused is only the whole truth if nothing was sent before.
func (r *resolution) keyRefused(e *chamelio.Error) result {
	if r.mayBe {
		return result{Outcome: Unknown, Cause: causeKey, Key: e.Reason}
	}
	return result{Outcome: RejectedKey, Key: e.Reason}
}

// busy waits as Chamelio says, as long as that is bearable.
func (r *resolution) busy(ctx context.Context, e *chamelio.Error) (result, bool) {
	pause := e.RetryAfter
	if pause == 0 {
		pause = max(r.wait.NextBackOff(), time.Second)
	}
	if r.waited+pause > busyLimit {
		r.giveUp = result{Outcome: Failed, Cause: causeBusy, RetryIn: pause}
		if r.mayBe {
			return r.look(ctx)
		}
		return r.giveUp, true
	}
	r.waited += pause
	if !r.warned {
		r.warned = true
		r.prompt.show(r.bot.words.waitingForChamelio(taskOf(r.decision), pause))
	}
	r.log.Info("Chamelio's rate limit; waiting", "pause", pause)
	sleep(ctx, pause)
	return result{}, false
}

// unreachable goes on trying what was never sent.
func (r *resolution) unreachable(ctx context.Context, err error) (result, bool) {
	pause := r.wait.NextBackOff()
	if r.bot.now().Add(pause).After(r.deadline) {
		if r.mayBe {
			return result{Outcome: Unknown}, true
		}
		return result{Outcome: Failed, Cause: causeUnreachable}, true
	}
	r.bot.metrics.retries.WithLabelValues("cancel").Inc()
	r.log.Warn("cannot reach Chamelio; trying again", "error", err, "pause", pause)
	r.takesLonger()
	sleep(ctx, pause)
	return result{}, false
}

// takesLonger tells the requester, once, that it is not forgotten.
func (r *resolution) takesLonger() {
	if !r.warned {
		r.warned = true
		r.prompt.show(r.bot.words.stillTrying(taskOf(r.decision)))
	}
}

// details adds what the announcement can say about the task, if Chamelio
// tells it soon.
func (r *resolution) details(ctx context.Context, res result) result {
	ctx, cancel := context.WithTimeout(ctx, detailsLimit)
	defer cancel()
	task, err := r.bot.tasks.Preview(ctx, taskOf(r.decision)) // gives way to cancels
	if err != nil {
		return res
	}
	full := describe(task)
	full.Outcome, full.Cause, full.Detail = res.Outcome, res.Cause, res.Detail
	return full
}

// describe takes over what may be shown of a task.
func describe(t chamelio.Task) result {
	return result{Title: t.Title, URL: t.URL, Flow: t.Workflow, Step: t.Step, Status: t.Status, Over: taskOver(t)}
}

func taskOf(d journal.Decision) chamelio.TaskID { return chamelio.TaskID(d.TaskID) }
