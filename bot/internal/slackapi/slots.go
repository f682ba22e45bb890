package slackapi

import (
	"context"
	"sync"

	"golang.org/x/sync/semaphore"
)

const (
	// callsAtOnce bounds the concurrent calls to Slack, callsInChannel those that
	// are about one channel. So a channel in which calls hang delays only itself.
	callsAtOnce    = 256
	callsInChannel = 16
)

// slots bounds the concurrent calls, in all and about each channel.
type slots struct {
	all *semaphore.Weighted

	mu       sync.Mutex
	channels map[string]*share // of channels with calls, running or waiting
}

// share is the slots of one channel.
type share struct {
	running *semaphore.Weighted
	calls   int
}

func newSlots() *slots {
	return &slots{all: semaphore.NewWeighted(callsAtOnce), channels: map[string]*share{}}
}

// acquire waits for a slot: first for one of the channel's, so that waiting takes
// nothing from the others. The caller must call release at the end.
func (s *slots) acquire(ctx context.Context, channel string) (release func(), err error) {
	in := s.enter(channel)
	if err := in.running.Acquire(ctx, 1); err != nil {
		s.leave(channel, in)
		return nil, err
	}
	if err := s.all.Acquire(ctx, 1); err != nil {
		in.running.Release(1)
		s.leave(channel, in)
		return nil, err
	}
	return func() {
		s.all.Release(1)
		in.running.Release(1)
		s.leave(channel, in)
	}, nil
}

func (s *slots) enter(channel string) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.channels[channel]
	if in == nil {
		in = &share{running: semaphore.NewWeighted(callsInChannel)}
		s.channels[channel] = in
	}
	in.calls++
	return in
}

func (s *slots) leave(channel string, in *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.calls--; in.calls == 0 {
		delete(s.channels, channel)
	}
}
