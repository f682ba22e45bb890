package bot

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	settleEvery   = 5 * time.Second
	maxSettling   = 8
	settleTimeout = 30 * time.Second

	// maxLookPause bounds the pause between two looks at a task whose outcome
	// is unknown. It begins at firstLookPause and doubles.
	firstLookPause = 15 * time.Second
	maxLookPause   = 10 * time.Minute
)

// unsettled is what settling needs of the journal.
type unsettled interface {
	TakeUnsettled(ctx context.Context, limit int, mine []decision.ID) ([]journal.Held, error)
	LookAgain(ctx context.Context, l journal.Lease, wait time.Duration) error
	BeginSettling(ctx context.Context, l journal.Lease, o decision.Outcome, detail string) (journal.Lease, error)
	MarkSettled(context.Context, decision.ID) error
	SetAside(context.Context, journal.Lease) error
}

// previewer looks at a task when nothing more important wants to.
type previewer interface {
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// settler goes on looking at tasks whose outcome was told as unknown, and says
// once more what came of them when it is known. It never sends a cancel.
type settler struct {
	journal unsettled
	tasks   previewer
	poster  *slackapi.Poster
	signer  signed.Signer
	texts   texts.Texts
	metrics *observe.Metrics
	now     func() time.Time
	log     *slog.Logger
}

// settle is a loop's.
func (s *settler) settle(ctx context.Context) error {
	due, err := s.journal.TakeUnsettled(ctx, maxSettling, nil)
	if err != nil {
		return err
	}
	var failed error
	for _, held := range due {
		log := s.log.With("confirmation", string(held.Record.ID), "task", held.TaskID, "channel", held.Channel)
		genuine, err := s.signer.Examine(ctx, held.Record, func(why error) error {
			s.metrics.Unverified.Inc()
			log.Error("a row of the journal is not genuine; it is set aside", "reason", why)
			return s.journal.SetAside(ctx, held.Lease)
		})
		if genuine {
			err = s.one(ctx, log, held)
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// one looks at one task, and tells what it finds if that is final.
func (s *settler) one(loop context.Context, log *slog.Logger, held journal.Held) error {
	ctx, cancel := context.WithTimeout(loop, settleTimeout)
	defer cancel()
	res, known := held.Record.Settled(), held.SettledOutcome != ""
	if !known {
		res, known = s.look(ctx, log, held)
	}
	if !known {
		pause := min(firstLookPause<<min(held.Looks, 16), maxLookPause)
		return s.journal.LookAgain(ctx, held.Lease, pause)
	}
	l, err := s.journal.BeginSettling(ctx, held.Lease, res.Outcome, res.Encode())
	if err != nil {
		return err
	}
	if err := s.tell(ctx, log, held.Record, res); err != nil {
		log.Warn("Slack does not take what came of an unknown outcome; trying again", "error", err)
		return s.journal.LookAgain(ctx, l, firstLookPause)
	}
	log.Info("settled", "outcome", string(res.Outcome))
	s.metrics.Settled.WithLabelValues(string(res.Outcome)).Inc()
	// Said: it must not be said again, however long the journal is away.
	return work.Retry(loop, 0, func() error { return s.journal.MarkSettled(context.WithoutCancel(loop), held.Record.ID) })
}

// look tells what came of it, if that is certain for good: the task has ended;
// or it runs a day later.
func (s *settler) look(ctx context.Context, log *slog.Logger, held journal.Held) (decision.Result, bool) {
	task, err := s.tasks.Preview(ctx, held.Record.Task())
	over := !s.now().Before(held.FollowUntil)
	if err != nil {
		log.Info("cannot see yet what became of a cancel", "error", err)
		if over {
			return decision.Result{Outcome: decision.Unknown}, true
		}
		return decision.Result{}, false
	}
	res := decision.Describe(task)
	switch {
	case task.Status == chamelio.Cancelled:
		res.Outcome, res.Cause = decision.Cancelled, decision.CauseSeen
	case task.Status.Final():
		res.Outcome = decision.NotCancellable
	case over && task.Status.Cancellable():
		res.Outcome, res.Cause = decision.Failed, decision.CauseStillRuns
	case over:
		res.Outcome, res.Cause = decision.Unknown, decision.CauseStatus
	default:
		return decision.Result{}, false
	}
	return res, true
}

// tell says it in the thread of the announcement, or beside it; to the
// requester where the channel cannot be reached.
func (s *settler) tell(ctx context.Context, log *slog.Logger, d decision.Record, res decision.Result) error {
	m := s.texts.Settled(d, res)
	_, err := s.poster.Post(ctx, d.Channel, d.MessageTS, m)
	if said, _ := slackapi.Classify(err); said == slackapi.Refused && d.MessageTS != "" {
		_, err = s.poster.Post(ctx, d.Channel, "", m) // the announcement may have been deleted
	}
	if said, _ := slackapi.Classify(err); said != slackapi.Refused {
		return err
	}
	if d.ResponseURL != "" && s.now().Sub(d.DecidedAt) < slackapi.ResponseURLLife {
		if err := s.poster.Respond(ctx, d.ResponseURL, m, slackapi.InChannel); err == nil {
			return nil
		}
	}
	log.Info("cannot reach the channel; telling the requester alone", "reason", err)
	_, err = s.poster.Post(ctx, d.Requester, "", s.texts.SettledInPerson(d, res))
	if said, _ := slackapi.Classify(err); said == slackapi.Refused {
		return backoff.Permanent(err)
	}
	return err
}
