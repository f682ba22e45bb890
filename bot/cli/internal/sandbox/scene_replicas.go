package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func withTwo(ctx context.Context, s *scene) error {
	s.waits("Starting a second replica", time.Second)
	if _, err := s.StartReplica(ctx); err != nil {
		return err
	}
	return ask(ctx, s)
}

// crashOwner kills the replica that holds the decision: the one whose log says
// so.
func crashOwner(ctx context.Context, s *scene) error {
	dead := make(chan struct{})
	defer close(dead)
	if err := s.sent(ctx, dead); err != nil {
		return err
	}
	var owner int
	err := s.until(ctx, patience, "the replica that took the click", func() bool {
		for _, l := range s.record.logged() {
			if l.Text == "decided" && l.attrs["task"] == fmt.Sprint(s.tasks[0]) {
				owner = l.Replica
			}
		}
		return owner > 0
	})
	for _, r := range s.Living() {
		if r.number == owner {
			s.Kill(r)
		}
	}
	return err
}

func takenOver(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, nil)
	s.waits("The other replica notices that this one is dead", 6*time.Second)
	return s.announced(ctx, slow, decision.Cancelled)
}

// noticed is how long it takes until a replica notices another one. They write
// to the journal twice a lease.
const noticed = 11 * time.Second

func startNew(ctx context.Context, s *scene) error {
	s.waits("A new replica starts, and makes itself known through the journal", noticed+time.Second)
	if _, err := s.StartReplica(ctx); err != nil {
		return err
	}
	wait(ctx, noticed)
	return nil
}

// replaceOld stops the older replica while Grace types.
func replaceOld(ctx context.Context, s *scene) error {
	living := s.Living()
	if len(living) < 2 {
		return errors.New("one of the two replicas isn't running any more, so this can't go on. Play the story again")
	}
	connections := s.Slack.Connections()
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop(living[0]) }()
	s.waits("The old replica hands its connections back", 2*time.Second)
	// A close is not atomic: an envelope that crosses with it can no longer be
	// acknowledged. Grace types right after.
	if err := s.until(ctx, patience, "the old replica's connections to close", func() bool { return s.Slack.Connections() < connections-1 }); err != nil {
		return err
	}
	failed := len(s.Slack.Failed())
	own := s.tasks[0] + 10_000
	s.Chamelio.Put(chameliotest.NewTask(own, "in_progress", "Rental agreement for Springfield", time.Now().Add(-3*time.Hour)))
	s.waits("Grace types, and the old replica finishes", 3*time.Second)
	_, err := s.types(ctx, slacktest.Grace, "", fmt.Sprint(own))
	select {
	case last := <-stopped:
		err = errors.Join(err, last)
	case <-ctx.Done():
		return ctx.Err()
	}
	if now := s.Slack.Failed(); err == nil && len(now) > failed {
		return fmt.Errorf("a command failed with the error “%s”", now[len(now)-1].State)
	}
	return err
}
