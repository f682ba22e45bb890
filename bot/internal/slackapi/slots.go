package slackapi

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// callsAtOnce bounds the concurrent calls to Slack of a kind, callsInChannel those
	// that are about one channel, and callsToPerson those that answer one person there.
	// So a channel in which calls hang delays only itself, and a person who presses again
	// and again only that person.
	callsAtOnce    = 256
	callsInChannel = 16
	callsToPerson  = 4
)

// slots bounds the concurrent calls of a kind: all of them, those about each channel, and
// those to each person there.
type slots struct {
	all      *semaphore.Weighted
	channels *shares
	people   *shares
}

func newSlots() *slots {
	return &slots{all: semaphore.NewWeighted(callsAtOnce), channels: newShares(callsInChannel), people: newShares(callsToPerson)}
}

// acquire waits for a slot: first for one of the person's, if the call is to one, and for
// one of the channel's, so that waiting takes nothing from the others. The caller must
// call release at the end.
func (s *slots) acquire(ctx context.Context, channel, person string) (release func(), err error) {
	if person == "" {
		return s.inChannel(ctx, channel)
	}
	leave, err := s.people.acquire(ctx, channel+" "+person)
	if err != nil {
		return nil, err
	}
	free, err := s.inChannel(ctx, channel)
	if err != nil {
		leave()
		return nil, err
	}
	return func() {
		free()
		leave()
	}, nil
}

// inChannel waits for one of a channel's slots.
func (s *slots) inChannel(ctx context.Context, channel string) (release func(), err error) {
	leave, err := s.channels.acquire(ctx, channel)
	if err != nil {
		return nil, err
	}
	if err := s.all.Acquire(ctx, 1); err != nil {
		leave()
		return nil, err
	}
	return func() {
		s.all.Release(1)
		leave()
	}, nil
}

// shares bounds the concurrent calls about each of many things.
type shares struct {
	atOnce int64

	mu sync.Mutex
	of map[string]*share // with calls, running or waiting
}

// share is the calls about one thing.
type share struct {
	running *semaphore.Weighted
	calls   int
}

func newShares(atOnce int64) *shares { return &shares{atOnce: atOnce, of: map[string]*share{}} }

// acquire waits until a call about what may begin; those that wait begin in the
// order in which they came. The caller must call release at the end.
func (s *shares) acquire(ctx context.Context, what string) (release func(), err error) {
	in := s.enter(what)
	if err := in.running.Acquire(ctx, 1); err != nil {
		s.leave(what, in)
		return nil, err
	}
	return func() {
		in.running.Release(1)
		s.leave(what, in)
	}, nil
}

func (s *shares) enter(what string) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.of[what]
	if in == nil {
		in = &share{running: semaphore.NewWeighted(s.atOnce)}
		s.of[what] = in
	}
	in.calls++
	return in
}

func (s *shares) leave(what string, in *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.calls--; in.calls == 0 {
		delete(s.of, what)
	}
}
