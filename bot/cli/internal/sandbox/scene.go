package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// confirm confirms as a person, and waits until the channel knows the outcome.
func confirm(user string, want decision.Outcome) doing {
	return func(ctx context.Context, s *scene) error {
		s.Click(user, s.prompt, "cancel_task")
		return s.announced(ctx, patience, want)
	}
}

// confirmBatch confirms while Chamelio takes longer with each task, so that the
// progress shows.
func confirmBatch(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, slowAnswers(s.tasks))
	s.waits("Cancelling five tasks", 4*time.Second)
	s.Click(slacktest.Ada, s.prompt, "cancel_task")
	err := s.announced(ctx, slow, decision.Cancelled)
	s.web.setBroken(map[string]bool{}, nil)
	return err
}

// announced waits until the outcome was announced in the channel.
func (s *scene) announced(ctx context.Context, limit time.Duration, want decision.Outcome) error {
	var d decision.Record
	err := s.until(ctx, limit, "the outcome in the channel", func() bool {
		row, found := s.record.of(s.tasks[0])
		d = row
		return found && !d.AnnouncedAt.IsZero()
	})
	if err == nil && d.Outcome() != want {
		return fmt.Errorf("the outcome is “%s”, and this story is about “%s”: did you switch something on?", d.Outcome(), want)
	}
	return err
}

func keep(ctx context.Context, s *scene) error {
	s.Click(slacktest.Ada, s.prompt, "keep_task")
	return s.until(ctx, patience, "the row in the journal", func() bool {
		d, found := s.record.of(s.tasks[0])
		return found && d.Outcome() == decision.Withdrawn
	})
}

// confirmAlone confirms as the requester.
func confirmAlone(ctx context.Context, s *scene) error {
	before := len(s.Slack.Private(slacktest.Ada, slacktest.General))
	s.Click(slacktest.Ada, s.prompt, "cancel_task")
	return s.until(ctx, patience, "a private answer", func() bool {
		return len(s.Slack.Private(slacktest.Ada, slacktest.General)) > before
	})
}

// letItRunOut waits until the bot closes the request: a little after it expires,
// because a click may still be on its way.
func letItRunOut(ctx context.Context, s *scene) error {
	s.waits("The request expires, and the bot closes it a little later", 25*time.Second)
	return s.until(ctx, slow, "a request without buttons", s.answered)
}

// answered reports whether the prompt has become something else.
func (s *scene) answered() bool {
	for _, m := range s.Slack.View(slacktest.Ada, slacktest.General) {
		if m.TS == s.prompt.TS {
			return m.Button("cancel_task") == nil
		}
	}
	return true
}

func complete(_ context.Context, s *scene) error {
	s.Chamelio.SetStatus(s.tasks[0], "completed")
	return nil
}

func revoke(_ context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{"key": true}, nil)
	return nil
}

// crash kills the bot when its request is under way and has no answer yet.
func crash(ctx context.Context, s *scene) error {
	dead := make(chan struct{})
	defer close(dead)
	if err := s.sent(ctx, dead); err != nil {
		return err
	}
	s.killed = true
	s.KillAll()
	return nil
}

// sent confirms, and returns while Chamelio works on the request, which it does
// until a channel is closed.
func (s *scene) sent(ctx context.Context, until <-chan struct{}) error {
	s.web.setBroken(map[string]bool{}, slowAnswer(s.tasks[0], until))
	s.Click(slacktest.Ada, s.prompt, "cancel_task")
	return s.until(ctx, patience, "the request", func() bool { return s.Chamelio.Cancels(s.tasks[0]) > 0 && s.answered() })
}

func resume(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, nil)
	s.waits("Starting the bot", time.Second)
	if err := s.StartBot(ctx); err != nil {
		return err
	}
	s.killed = false
	s.waits("The new process takes the decision over", 2*time.Second)
	return s.announced(ctx, slow, decision.Cancelled)
}

// loseAnswer refuses the key between the cancel request and its answer. The bot also
// gets the task meanwhile, for the announcement: that is answered first.
func loseAnswer(ctx context.Context, s *scene) error {
	refused := make(chan struct{})
	answer := sync.OnceFunc(func() { close(refused) })
	defer answer()
	read := s.read()
	s.web.setBroken(map[string]bool{}, lostAnswer(s.tasks[0], refused))
	s.waits("The bot asks Chamelio what happened", 2*time.Second)
	s.Click(slacktest.Ada, s.prompt, "cancel_task")
	if err := s.until(ctx, patience, "the request", func() bool { return s.Chamelio.Cancels(s.tasks[0]) > 0 && s.read() > read }); err != nil {
		return err
	}
	s.web.setBroken(map[string]bool{}, refusedKey(s.tasks[0]))
	answer()
	return s.announced(ctx, slow, decision.Unknown)
}

// read returns how often the bot has got the task.
func (s *scene) read() (n int) {
	for _, r := range s.Chamelio.Requests() {
		if r.Method == http.MethodGet && r.Task == s.tasks[0] && r.Status == http.StatusOK {
			n++
		}
	}
	return n
}

func settled(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, nil)
	s.waits("The bot waits 15 seconds before it checks again", 20*time.Second)
	return s.until(ctx, slow, "the reply in the thread", func() bool {
		d, found := s.record.of(s.tasks[0])
		s.web.mu.Lock()
		defer s.web.mu.Unlock()
		s.thread = d.MessageTS
		return found && !d.SettledAt.IsZero()
	})
}

// until waits for what Slack, Chamelio or the journal show, and says in plain
// words why it does not come.
func (s *scene) until(ctx context.Context, limit time.Duration, what string, cond func() bool) error {
	waiting, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	gone := make(chan struct{})
	err := s.Slack.WaitFor(waiting, func() bool {
		if !s.killed && !s.Alive() {
			select {
			case <-gone:
			default:
				close(gone)
			}
			return true
		}
		return cond()
	})
	select {
	case <-gone:
		return errors.New("the bot isn't running any more, so this can't go on. Leave the story, or play it again")
	default:
	}
	if err != nil {
		return fmt.Errorf("this waited %s for %s without success%s. Leave the story, or play it again", limit, what, s.brokenNow())
	}
	return nil
}

// brokenNow names what is broken, as the likely reason.
func (s *scene) brokenNow() string {
	var on []string
	shown, _ := s.web.switches()
	for _, f := range shown {
		if f.On {
			on = append(on, f.Side+" "+f.Label)
		}
	}
	if len(on) == 0 {
		return ""
	}
	slices.Sort(on)
	return ". What is broken now: " + strings.Join(on, ", ")
}
