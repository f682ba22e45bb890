package bot

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// previewer gets a task for a prompt: at once, or when nothing more important waits for
// the rate limit.
type previewer interface {
	taskGetter
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
}

// previews gets tasks for prompts.
type previews struct {
	tasks   previewer
	details *carry.Details
	checker *policy.Checker
	limit   time.Duration
	trace   *observe.Tracer
}

// previewed is a task from Chamelio for a prompt, or the error.
type previewed struct {
	id    chamelio.TaskID
	task  chamelio.Task
	facts policy.Task
	err   error
}

func notPreviewed(id chamelio.TaskID, err error) previewed {
	return previewed{id: id, err: err, facts: policy.Task{Cause: err}}
}

// previewsAtOnce is how many tasks of one command are fetched side by side.
const previewsAtOnce = 8

var errPanicked = errors.New("the preview panicked")

// rateWait is how much longer a prompt waits for tasks that the key's rate limit has held
// up.
const rateWait = 6 * time.Second

// busyPause is how long a prompt waits if Chamelio says that its rate limit is used up, and
// not for how long.
const busyPause = rateWait / 2

// askedToWait returns the pause before a task that the rate limit has held up may be
// asked for again.
func askedToWait(err error) time.Duration {
	if e, ok := errors.AsType[*chamelio.Error](err); ok && !e.NotSent {
		return cmp.Or(e.RetryAfter, busyPause)
	}
	return 0 // the client's own limit
}

// get gets tasks, with a short timeout: someone is waiting, and the cancel request
// decides anyway. If the rate limit has been in the way, it says so, and tries once more,
// unless Chamelio asks for a longer wait.
func (p *previews) get(ctx context.Context, log *slog.Logger, who asker, ids []chamelio.TaskID) []previewed {
	all := p.within(ctx, log, p.limit, ids)
	var missing []chamelio.TaskID
	var pause time.Duration
	for _, one := range all {
		if errors.Is(one.err, chamelio.ErrRateLimited) {
			missing, pause = append(missing, one.id), max(pause, askedToWait(one.err))
		}
	}
	if len(missing) == 0 || pause >= rateWait || ctx.Err() != nil {
		return all
	}
	var saying sync.WaitGroup
	if who.late != nil {
		saying.Go(func() {
			defer work.RecoverPanic(log)
			ctx, cancel := context.WithTimeout(ctx, rateWait)
			defer cancel()
			who.late(ctx)
		})
	}
	work.Sleep(ctx, pause)
	for _, found := range p.within(ctx, log, rateWait-pause, missing) {
		all[slices.Index(ids, found.id)] = found
	}
	saying.Wait()
	return all
}

// within gets tasks in parallel.
func (p *previews) within(ctx context.Context, log *slog.Logger, limit time.Duration, ids []chamelio.TaskID) []previewed {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	all := make([]previewed, len(ids))
	getTask := p.tasks.Preview
	if len(ids) == 1 { // many would go before other people's
		getTask = p.tasks.Task
	}
	get := func(i int) {
		defer work.RecoverPanic(log)
		all[i] = notPreviewed(ids[i], errPanicked)
		all[i] = p.one(ctx, ids[i], getTask)
	}
	var getting errgroup.Group
	getting.SetLimit(previewsAtOnce)
	for i := range ids[1:] {
		getting.Go(func() error { get(i + 1); return nil })
	}
	get(0)             // in this goroutine: most commands name one task
	_ = getting.Wait() // they return nothing
	return all
}

func (p *previews) one(ctx context.Context, id chamelio.TaskID, get func(context.Context, chamelio.TaskID) (chamelio.Task, error)) previewed {
	ctx, end := p.trace.Step(ctx, "preview", attribute.Int64("chamelio.task", int64(id)))
	asked := time.Now()
	task, err := get(ctx, id)
	end(err)
	if err != nil {
		return notPreviewed(id, err)
	}
	facts := factsOf(task, asked)
	p.details.Keep(task)
	p.checker.KeepTask(int64(id), facts)
	return previewed{id: id, task: task, facts: facts}
}
