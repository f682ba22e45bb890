package bot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	requestsEvery = 2 * time.Second
	maxRequests   = 64 // taken at a time

	// replaceFor bounds how long after its end a request is updated, unless this process
	// has hardly tried: see trying. A later click still updates it.
	replaceFor = 24 * time.Hour
)

// openRequests is the part of the journal that the requests need.
type openRequests interface {
	pauses
	BeginAsking(ctx context.Context, event, by string) (first bool, err error)
	Opened(ctx context.Context, r journal.Request, remind, end time.Duration) error
	TakeToRemind(ctx context.Context, limit int) ([]journal.Request, error)
	TakeEnded(ctx context.Context, limit int) ([]journal.Request, error)
	BeginReminding(ctx context.Context, id decision.ID, by uint32) (first bool, err error)
	RemindLater(ctx context.Context, id decision.ID, by uint32, wait time.Duration) error
	Forget(context.Context, decision.ID) error
	Get(context.Context, decision.ID) (decision.Record, error)
	Became(ctx context.Context, prompt decision.ID, tasks []chamelio.TaskID) ([]decision.Record, error)
}

// requests are the prompts in channels that a second person must approve. The
// journal's list of them is a to-do list without authority: a click counts by
// its button's content. Whether a request was confirmed, withdrawn or has
// expired is decided by its row in the journal, of which there is only one.
type requests struct {
	journal openRequests
	carrier *carry.Carrier
	judging *judging
	poster  *slackapi.Poster
	signer  signed.Signer
	texts   texts.Texts
	remind  time.Duration // before the end; 0 for never
	now     func() time.Time
	trying  trying
	log     *slog.Logger
	lanes   *lanes
}

// look starts the reminders that are due, and the last updates of requests
// that have ended. It runs in a loop, which succeeds if the journal answers.
func (r *requests) look(ctx context.Context) error {
	due, failed := r.take(ctx, r.journal.TakeToRemind)
	for _, one := range due {
		if one.err == nil {
			r.lanes.run(ctx, one.Channel, func(ctx context.Context) { r.remindOf(ctx, one) })
		}
	}
	ended, err := r.take(ctx, r.journal.TakeEnded)
	for _, one := range ended {
		r.lanes.run(ctx, one.Channel, func(ctx context.Context) {
			if err := r.end(ctx, one); err != nil {
				one.log.Warn("can't end a request now; retrying", "error", err)
			}
		})
	}
	return errors.Join(failed, err)
}

// request is a listed request whose confirmation was decoded, unless err says
// why not.
type request struct {
	journal.Request
	decision.Confirmation
	err error
	log *slog.Logger
}

func (r *requests) take(ctx context.Context, take func(context.Context, int) ([]journal.Request, error)) ([]request, error) {
	limit := min(maxRequests, r.lanes.free())
	if limit == 0 {
		return nil, nil
	}
	taken, err := take(ctx, limit)
	all := make([]request, len(taken))
	for i, one := range taken {
		c, err := r.signer.DecodeKept(one.Confirmation, r.now())
		if err == nil && c.ID != string(one.ID) {
			err = errNotTheirs
		}
		all[i] = request{one, c, err, r.log.With("confirmation", string(one.ID))}
	}
	return all, err
}

// end replaces a request with its result. If it has none, it records that the
// request has expired, which competes with a click's claim.
func (r *requests) end(ctx context.Context, one request) error {
	switch {
	case one.err == nil:
		return nil // by this clock a click still counts: taken again later
	case !errors.Is(one.err, signed.ErrExpired) || one.Confirmation.ID != string(one.Request.ID):
		one.log.Warn("request from before the bot token changed; dropped it", "reason", one.err)
		return r.journal.Forget(ctx, one.Request.ID)
	}
	found, left, err := r.became(ctx, one)
	if errors.Is(err, journal.ErrDecided) {
		return r.lost(ctx, one)
	}
	if err != nil || len(found) == 0 {
		return err
	}
	overtaken := string(found[0].ID) != one.Confirmation.ID
	underWay := slices.ContainsFunc(found, func(d decision.Record) bool { return d.Outcome() == "" })
	if underWay && !overtaken {
		return nil // the process that carries the decision shows the result; taken again later
	}
	if overtaken { // no click counts once everyone reads so
		row, err := r.carrier.Expire(ctx, one.Confirmation, one.Request.Confirmation)
		if err != nil || !row.Outcome().Closed() {
			return err
		}
	}
	err = r.replace(ctx, one, func(ctx context.Context) (texts.Message, error) {
		return r.texts.Overtaken(left, r.carrier.Quoted(ctx, found...)...), nil
	})
	if err != nil || underWay { // taken again later, to show the result
		return err
	}
	one.log.Info("request ended", "outcome", string(together(found).Outcome()))
	return r.journal.Forget(ctx, one.Request.ID)
}

// lost ends a request that was decided, if the row that says how is missing.
func (r *requests) lost(ctx context.Context, one request) error {
	one.log.Error("can't tell what became of a prompt", "error", journal.ErrDecided)
	if err := r.replace(ctx, one, slackapi.Always(r.texts.CannotTell(one.Confirmation))); err != nil {
		return err
	}
	return r.journal.Forget(ctx, one.Request.ID)
}

// replace replaces a request's message. It returns an error if another try may
// succeed: the request is taken again later, until it has been tried for long enough.
func (r *requests) replace(ctx context.Context, one request, choose slackapi.Choose) error {
	err := r.poster.Update(ctx, one.Channel, one.MessageTS, choose)
	switch said, _ := slackapi.Classify(err); {
	case err == nil:
	case said.MayWork() && !r.trying.longEnough(r.now().Sub(one.ExpiresAt), replaceFor):
		return err
	default: // deleted, the channel is gone, or Slack has taken no update for long enough
		one.log.Info("can't update a request", "reason", err)
	}
	return nil
}

// together returns a record with the tasks of several.
func together(found []decision.Record) (all decision.Record) {
	for _, d := range found {
		all.Tasks = append(all.Tasks, d.Tasks...)
	}
	return all
}

// became returns how a request ended: the decision on it or, if other prompts' decisions
// have its tasks, those, and the request without the tasks that they have cancelled. It
// returns no decision while a click on it is being judged or saved here, and ErrDecided if
// the request was decided and its row is missing.
func (r *requests) became(ctx context.Context, one request) ([]decision.Record, decision.Confirmation, error) {
	found, err := r.journal.Became(ctx, one.Request.ID, one.IDs())
	missing := errors.Is(err, journal.ErrDecided)
	if !missing && !errors.Is(err, journal.ErrGone) {
		return found, one.Confirmation, err
	}
	left := leftOf(one.Confirmation, found)
	switch {
	case r.judging.has(one.Confirmation.ID) || !r.carrier.MayExpire(one.Confirmation):
		return nil, left, nil
	case missing:
		return nil, left, err
	}
	if _, err := r.carrier.Expire(ctx, one.Confirmation, one.Request.Confirmation); err != nil {
		return nil, left, err
	}
	found, err = r.journal.Became(ctx, one.Request.ID, one.IDs())
	if err == nil && string(found[0].ID) != one.Confirmation.ID {
		left = one.Confirmation
	}
	return found, left, err
}

// leftOf returns a confirmation with the tasks that the decisions of other prompts
// haven't cancelled, or with all if none is left.
func leftOf(c decision.Confirmation, others []decision.Record) decision.Confirmation {
	left := slices.DeleteFunc(slices.Clone(c.Tasks), func(t decision.Named) bool {
		return slices.ContainsFunc(together(others).Tasks, func(item decision.Item) bool {
			return item.ID == t.ID && item.Outcome == decision.Cancelled
		})
	})
	if len(left) > 0 {
		c.Tasks = left
	}
	return c
}
