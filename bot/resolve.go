package bot

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// maxTries bounds the cancel requests that get no clear answer.
	maxTries = 3

	// busyLimit bounds the wait for Chamelio's rate limit.
	busyLimit = 60 * time.Second

	// minFlight is the least time that a request without an answer is taken to
	// be under way; else it is flightTimeouts of the client's own time-outs.
	// Nothing is sent again before.
	minFlight      = 30 * time.Second
	flightTimeouts = 3

	// readLag is how long after a request a look may still show how things
	// were before it.
	readLag = 10 * time.Second

	// resumeWithin is how long after a click its cancel may be sent. Later,
	// people count on the task being as they see it: a cancel out of the blue
	// would be one that nobody means any more.
	resumeWithin = 30 * time.Minute
)

// canceller is what resolving needs of Chamelio.
type canceller interface {
	// Task looks at a task to learn what became of a decision.
	Task(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Preview looks at a task when nothing more important wants to.
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Cancel cancels a task, for good. before is called right before the
	// request is sent, and can stop it.
	Cancel(ctx context.Context, id chamelio.TaskID, before func(context.Context) error) error
}

// attempts is what resolving needs of the journal.
type attempts interface {
	MarkSent(context.Context, journal.Lease) (journal.Lease, error)
	MarkUnsent(context.Context, journal.Lease) (journal.Lease, error)
	restorer
	Unsettled(context.Context, decision.Record) (bool, error)
}

// resolver brings decisions to their outcomes.
type resolver struct {
	tasks    canceller
	journal  attempts
	texts    texts.Texts
	recent   *seenTasks
	people   *peopleFinder
	metrics  *observe.Metrics
	trace    *observe.Tracer
	now      func() time.Time
	patience time.Duration // for answers that do not come
	flight   time.Duration // how long a request without an answer is under way
}

// resolution is the work on one decision.
type resolution struct {
	*resolver
	h      *holding
	prompt *prompt

	state   state
	do      action
	marked  bool // the next request is in the journal already
	alone   bool // no other decision about the task may still take effect
	tooLate bool // the journal's clock says that the click is too old

	wait       *backoff.ExponentialBackOff
	started    time.Time
	lastSent   time.Time // the last request without a clear answer
	conflict   time.Time // when one was answered with a conflict
	tries      int       // how many of them
	seen       time.Time // when the task was last seen running
	retryAfter time.Duration
	waited     time.Duration     // for the rate limit
	err        *chamelio.Error   // the last answer, if it was one
	refusal    *chamelio.Error   // the last answer to a cancel, if it was one
	task       chamelio.Task     // as last seen; zero if never
	found      []decision.Person // on the task; written before details are sent
}

// resolve returns the outcome. An error means that there is none of ours: the
// decision was lost, or the process stops.
func (r *resolver) resolve(h *holding, p *prompt) (decision.Result, error) {
	w := &resolution{resolver: r, h: h, prompt: p, started: time.Now(), do: send, marked: !h.resumed()}
	w.wait = backoff.NewExponentialBackOff()
	w.wait.MaxInterval = 10 * time.Second
	if h.resumed() && h.Sent {
		// What came of what a former owner sent is not known.
		w.state, w.do, w.lastSent, w.tries = inFlight, look, w.started, h.Tries
	}
	beside := w.beginDetails()
	for {
		if err := context.Cause(h.ctx); err != nil {
			return decision.Result{}, err
		}
		var a answer
		var err error
		switch w.do {
		case send:
			over, again := w.mayNotSend()
			if over != nil {
				if w.certain(*over) {
					return w.told(*over, beside), nil
				}
				continue
			}
			if again {
				w.do = look
				continue
			}
			a, err = w.cancel()
		case look:
			if !w.pause() {
				return w.told(w.outOfPatience(), beside), nil
			}
			a = w.look()
		case finish:
		}
		if err != nil {
			switch {
			case errors.Is(err, errAgain):
				continue
			case errors.Is(err, errOverruled):
				return w.told(step{outcome: decision.Unknown, cause: decision.CauseOverruled}, beside), nil
			}
			return decision.Result{}, err
		}
		s := next(w.state, a)
		w.state, w.do = s.state, s.action
		over := &s
		if s.action != finish {
			over = w.beforeNext(a)
		}
		if over != nil && w.certain(*over) {
			return w.told(*over, beside), nil
		}
	}
}

// certain reports whether an end may be told. A clear no is certain only if no
// request of another decision about the task may be in flight either, told as
// unknown and not settled yet: then the work goes on as if it were our own. And
// that a task runs in spite of a conflict only when the look is no older than
// the conflict.
func (w *resolution) certain(s step) bool {
	if s.state == conflicted && s.cause == decision.CauseRefused && w.seen.Before(w.conflict.Add(readLag)) {
		w.do = look
		return false
	}
	ours := s.state == untouched || s.state == conflicted
	ended := s.outcome == decision.Cancelled || s.outcome == decision.AlreadyCancelled || w.task.Status.Final()
	if !ours || ended || w.alone {
		return true
	}
	others, err := w.journal.Unsettled(w.h.ctx, w.h.Record)
	if err == nil && !others {
		w.alone = true
		return true
	}
	w.h.log.Info("another decision about the task may still take effect", "cause", err)
	w.state, w.do = inFlight, look
	return false
}

// mayNotSend tells why no request may be sent now: over ends it, again means
// to look first.
func (w *resolution) mayNotSend() (over *step, again bool) {
	late := w.late()
	spent := w.tries >= maxTries
	why := decision.CauseServer
	if late {
		why = decision.CauseTooLate
	}
	switch {
	case w.state == untouched && late:
		return &step{w.state, finish, decision.Failed, decision.CauseTooLate}, false
	case w.state == untouched:
		return nil, false
	case (late || spent) && w.surelyRuns():
		return &step{w.state, finish, decision.Failed, why}, false
	case late || spent:
		return nil, true
	case w.state == inFlight && time.Since(w.lastSent) < w.flight:
		return nil, true
	}
	return nil, false
}

// late reports whether the click is too old to be acted upon.
func (w *resolution) late() bool { return w.tooLate || w.now().Sub(w.h.DecidedAt) > resumeWithin }

// surelyRuns reports whether the task was seen running by a look that began
// after everything that was sent had its answer, and long enough after to show
// it.
func (w *resolution) surelyRuns() bool {
	return w.state == answered && !w.seen.Before(w.lastSent.Add(readLag))
}

// outOfPatience says what is known when nobody waits any longer.
func (w *resolution) outOfPatience() step {
	if w.surelyRuns() {
		return step{w.state, finish, decision.Failed, decision.CauseServer}
	}
	return step{w.state, finish, decision.Unknown, ""}
}

// pause comes before each look. It is as long as Chamelio asks for, if it
// does, but never longer than patience lasts: the last look comes at its end.
// False if that has come.
func (w *resolution) pause() bool {
	left := w.patience - time.Since(w.started)
	if left <= 0 {
		return false
	}
	if w.seen.IsZero() && (w.state == conflicted || w.lastSent.Equal(w.started) && w.err == nil) {
		return true // nothing to wait for: the first look
	}
	pause := w.wait.NextBackOff()
	if w.retryAfter > 0 {
		pause = w.retryAfter
	}
	return work.Sleep(w.h.ctx, min(pause, left)) || w.h.ctx.Err() != nil
}

// beforeNext waits before a request that is sent because the last certainly
// did nothing. It returns how it ends where that would take too long.
func (w *resolution) beforeNext(a answer) *step {
	if w.do != send {
		return nil
	}
	pause := w.retryAfter
	switch a {
	case cancelRateLimited:
		if pause == 0 {
			pause = max(w.wait.NextBackOff(), time.Second)
		}
		if w.waited+pause > busyLimit {
			w.retryAfter = pause
			return &step{w.state, finish, decision.Failed, decision.CauseBusy}
		}
		w.waited += pause
		w.h.log.Info("Chamelio's rate limit; waiting", "pause", pause)
		w.prompt.progress(w.texts.WaitingForChamelio(w.h.Record, pause))
	case cancelNotSent:
		if pause == 0 {
			pause = w.wait.NextBackOff()
		}
		if time.Since(w.started)+pause > w.patience {
			return &step{w.state, finish, decision.Failed, decision.CauseUnreachable}
		}
		w.metrics.Retries.WithLabelValues("cancel").Inc()
		w.h.log.Warn("cannot reach Chamelio; trying again", "error", w.err, "pause", pause)
		w.prompt.progress(w.texts.StillTrying(w.h.Record))
	default: // that it runs was seen
		return nil
	}
	// A successor may then go by what it sees. If the journal does not take
	// it, a successor is more careful than it need be.
	if l, err := w.journal.MarkUnsent(w.h.ctx, w.h.current()); err == nil {
		w.h.renewed(l)
	}
	work.Sleep(w.h.ctx, pause)
	return nil
}
