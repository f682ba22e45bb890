// Package carry is the runtime of decisions. It carries each from an accepted
// click, or from a row that another process left behind, to its announcement: one
// goroutine for each task asks decision.Protocol what to do next, does it, and reports
// the result. The one that records the last outcome goes on to announce the decision.
//
// Read carry.go, press.go, life.go and the files that do what the kernel asks
// for: save.go, resolve.go, announce.go, follow.go. set.go says which decisions
// are this process's, turns.go whose turn a channel is, takeover.go takes over
// what others left, prompt.go keeps the clicked message up to date. keep.go,
// late.go, second.go and redelivered.go answer presses that don't decide, sign.go
// shows that an answer takes long, buttons.go shows the prompt again after it,
// aside.go has what only the approver of a request reads.
package carry

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Journal is the part of the journal that carrying needs. *journal.Journal
// implements it.
type Journal interface {
	claims
	attempts
	outbox
	followUps
	leases
	Get(context.Context, decision.ID) (decision.Record, error)
	TakeExpired(ctx context.Context, w journal.Work, limit int, mine []decision.ID) ([]journal.Held, error)
}

// Tasks is the part of Chamelio's API that carrying needs. *chamelio.Client
// implements it.
type Tasks interface {
	// Check gets a task to find out the effect of a cancel request.
	Check(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Preview gets a task when nothing more important waits for the rate limit.
	Preview(context.Context, chamelio.TaskID) (chamelio.Task, error)
	// Cancel cancels a task, irreversibly. It calls before immediately before
	// the request, which isn't sent if that returns an error.
	Cancel(ctx context.Context, id chamelio.TaskID, before func(context.Context) error) error
}

// Options configure New. All fields are required.
type Options struct {
	Protocol decision.Protocol
	Journal  Journal
	Chamelio Tasks
	Details  *Details
	Poster   *slackapi.Poster
	Signer   signed.Signer
	Texts    texts.Texts
	Metrics  *observe.Metrics
	Tracer   *observe.Tracer
	Log      *slog.Logger
}

// How many answers may wait outside the workers, and how many of them for one channel.
const (
	answersAtOnce    = 2048
	answersInChannel = 256
)

// Carrier carries the decisions of this process. It is safe for concurrent use.
type Carrier struct {
	Options
	Aside     *work.Aside // runs answers outside the workers
	clocks    Clocks
	set       *workingSet
	turns     *turns
	followers *followers
	reached   *lru.Cache[string, struct{}] // channels in which chat.postMessage has worked
	checks    atomic.Int32                 // of unknown outcomes that are under way
	draining  atomic.Bool                  // nothing more is taken over
	up        time.Time                    // when this process began
	process   context.Context              // ends when this process stops carrying
	stop      context.CancelCauseFunc
	group     *work.Group
}

// maxReached bounds how many channels are remembered.
const maxReached = 4096

// New returns a Carrier. Its loops have to be run; see Loops.
func New(o Options, clocks Clocks) *Carrier {
	c := &Carrier{
		Options: o, clocks: clocks, set: newWorkingSet(o.Journal, o.Log), turns: newTurns(o.Protocol.Gap),
		reached: work.NewCache[string, struct{}](maxReached),
		group:   work.NewGroup(o.Log), up: time.Now(),
	}
	c.process, c.stop = context.WithCancelCause(context.Background())
	c.Aside = work.NewAside(c.group, answersAtOnce, answersInChannel)
	c.followers = newFollowers(c.process, o.Journal, c.group, o.Log)
	return c
}

// Loops returns the background work: leases, takeovers, follow-ups, and
// answers to people whose click came second.
func (c *Carrier) Loops() []*work.Loop {
	return []*work.Loop{
		work.NewLoop("leases", c.Journal.Lease()/3, c.Log, c.set.renew),
		work.NewLoop("decisions", takeEvery, c.Log, c.takeToResolve),
		work.NewLoop("announcements", takeEvery, c.Log, c.takeToAnnounce),
		work.NewLoop("unknown outcomes", followUpEvery, c.Log, c.takeToFollowUp),
		c.followers.loop,
	}
}

// Drained stops taking over, and waits until every decision is carried to its
// end; false if ctx ends first. Then the last prompts have a moment to be updated, also
// those that follow another prompt's decision.
func (c *Carrier) Drained(ctx context.Context) bool {
	c.draining.Store(true)
	if !c.set.empty(ctx) {
		return false
	}
	c.set.endChecks()
	ctx, cancel := context.WithTimeout(ctx, promptsTimeout)
	defer cancel()
	_ = c.followers.check(ctx) // if the journal doesn't answer, they keep saying where the result is posted
	c.group.Wait(ctx)
	return true
}

// promptsTimeout bounds the wait for prompts at the end of the process.
const promptsTimeout = 10 * time.Second

// Stop stops carrying and waits until every goroutine has ended. The journal has
// unfinished decisions.
func (c *Carrier) Stop(cause error) {
	c.stop(cause)
	c.Wait()
}

// Wait waits until every goroutine has ended, also those that answer what came
// after Stop.
func (c *Carrier) Wait() { c.group.Wait(context.Background()) }

// Release gives every decision up, so that the next process needn't wait for
// the leases to expire.
func (c *Carrier) Release(ctx context.Context) error { return c.set.releaseAll(ctx) }
