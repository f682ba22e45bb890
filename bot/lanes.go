package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// maxInLanes bounds the jobs of all lanes, maxInLane those of one, and
	// laneWidth how many of those run at a time.
	maxInLanes = 512
	maxInLane  = 32
	laneWidth  = 4

	// laneWait is how long a job waits for the ones before it. Together with
	// its own time, that is about as long as the journal leases its request.
	laneWait = 8 * time.Second
)

// lanes runs jobs of different channels in parallel, so that a problem with
// one channel delays only that channel.
type lanes struct {
	group *work.Group

	mu   sync.Mutex
	jobs int
	lane map[string]*lane // of channels that have jobs
}

// lane is the jobs of one channel.
type lane struct {
	running *semaphore.Weighted
	jobs    int
}

func newLanes(log *slog.Logger) *lanes {
	return &lanes{group: work.NewGroup(log), lane: map[string]*lane{}}
}

// free returns the room for further jobs.
func (l *lanes) free() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maxInLanes - l.jobs
}

// run runs a job in its channel's lane, unless that is full or stuck.
func (l *lanes) run(ctx context.Context, channel string, job func(context.Context)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.lane[channel]
	if in == nil {
		in = &lane{running: semaphore.NewWeighted(laneWidth)}
		l.lane[channel] = in
	}
	if in.jobs == maxInLane {
		return
	}
	in.jobs++
	l.jobs++
	l.group.Run(func() {
		defer l.done(channel, in)
		waiting, cancel := context.WithTimeout(ctx, laneWait)
		defer cancel()
		if in.running.Acquire(waiting, 1) != nil {
			return
		}
		defer in.running.Release(1)
		job(ctx)
	})
}

func (l *lanes) done(channel string, in *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs--
	if in.jobs--; in.jobs == 0 {
		delete(l.lane, channel)
	}
}

// wait blocks until every job has ended.
func (l *lanes) wait() { l.group.Wait(context.Background()) }
