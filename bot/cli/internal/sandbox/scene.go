package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// scene is what a story plays with, and its task.
type scene struct {
	*Engine
	web    *web
	play   *play
	task   int64
	prompt slacktest.Message
	began  time.Time // the step that is played
	killed bool      // the story itself has ended the bot
}

type doing func(context.Context, *scene) error

// Times of the scenes. What goes beyond patience has failed.
const (
	patience = 12 * time.Second
	slow     = 45 * time.Second // with a line that says what it waits for
)

func ask(ctx context.Context, s *scene) error {
	title := "Master agreement with Initech"
	s.Chamelio.Put(chameliotest.NewTask(s.task, "in_progress", title, time.Now().Add(-26*time.Hour)))
	p, err := s.types(ctx, slacktest.Ada, s.task, "duplicate of 12345")
	s.prompt = p
	return err
}

// types runs the command and returns its prompt.
func (s *scene) types(ctx context.Context, user string, task int64, reason string) (prompt slacktest.Message, err error) {
	asked := time.Now()
	d, err := s.Slack.Slash(user, slacktest.General, fmt.Sprintf("/cancel-task %d %s", task, reason)).Wait(ctx)
	if err != nil {
		return prompt, err
	}
	if d.State != slacktest.Acknowledged {
		return prompt, fmt.Errorf("the command failed with the error “%s”: the bot isn't connected", d.State)
	}
	var refused error
	err = s.until(ctx, patience, "a prompt", func() bool {
		for _, m := range s.Slack.View(user, slacktest.General) {
			switch {
			case m.At.Before(asked.Add(-time.Second)) || m.Author != slacktest.BotUser:
			case m.Button("cancel_task") != nil && strings.Contains(m.Text, fmt.Sprint(task)):
				prompt = m
				return true
			case m.Only == user && m.At.After(asked):
				refused = fmt.Errorf("the bot answered without a prompt: “%s”", m.Text)
				return true
			}
		}
		return false
	})
	return prompt, errors.Join(err, refused)
}

// press confirms as Ada, and waits until the channel knows the outcome.
func press(want decision.Outcome) doing { return confirm(slacktest.Ada, want) }

func confirm(user string, want decision.Outcome) doing {
	return func(ctx context.Context, s *scene) error {
		s.Slack.Click(user, s.prompt, "cancel_task")
		return s.told(ctx, patience, want)
	}
}

// told waits until the outcome was told in the channel.
func (s *scene) told(ctx context.Context, limit time.Duration, want decision.Outcome) error {
	var d decision.Record
	err := s.until(ctx, limit, "the outcome in the channel", func() bool {
		row, found := s.record.of(s.task)
		d = row
		return found && !d.AnnouncedAt.IsZero()
	})
	if err == nil && d.Outcome() != want {
		return fmt.Errorf("it came out as “%s”, and this story is about “%s”: was something broken meanwhile?", d.Outcome(), want)
	}
	return err
}

func keep(ctx context.Context, s *scene) error {
	s.Slack.Click(slacktest.Ada, s.prompt, "keep_task")
	return s.until(ctx, patience, "the row in the journal", func() bool {
		d, found := s.record.of(s.task)
		return found && d.Outcome() == decision.Withdrawn
	})
}

// pressInVain confirms what somebody asked for themselves.
func pressInVain(ctx context.Context, s *scene) error {
	before := len(s.Slack.Private(slacktest.Ada, slacktest.General))
	s.Slack.Click(slacktest.Ada, s.prompt, "cancel_task")
	return s.until(ctx, patience, "a private answer", func() bool {
		return len(s.Slack.Private(slacktest.Ada, slacktest.General)) > before
	})
}

func letItRunOut(ctx context.Context, s *scene) error {
	left := time.Until(s.prompt.At.Add(10*time.Second + 500*time.Millisecond))
	s.waits("The request runs out in 10 seconds", max(left, 0))
	wait(ctx, left)
	return nil
}

func pressTooLate(ctx context.Context, s *scene) error {
	s.Slack.Click(slacktest.Grace, s.prompt, "cancel_task")
	return s.until(ctx, 3*patience, "a prompt without buttons", s.answered)
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
	s.Chamelio.SetStatus(s.task, "completed")
	return nil
}

func revoke(_ context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{"key": true}, nil)
	return nil
}

// crash kills the bot when its request is under way and has no answer yet.
func crash(ctx context.Context, s *scene) error {
	if err := s.sent(ctx); err != nil {
		return err
	}
	s.killed = true
	s.KillAll()
	return nil
}

// sent confirms, and returns while Chamelio works on the request.
func (s *scene) sent(ctx context.Context) error {
	s.web.setBroken(map[string]bool{}, slowAnswer(s.task))
	s.Slack.Click(slacktest.Ada, s.prompt, "cancel_task")
	return s.until(ctx, patience, "the request", func() bool { return s.Chamelio.Cancels(s.task) > 0 && s.answered() })
}

func resume(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, nil)
	s.waits("Starting the bot", time.Second)
	if err := s.StartBot(ctx); err != nil {
		return err
	}
	s.killed = false
	s.waits("The dead process's lease on the decision has to run out: nobody else may touch it before", 12*time.Second)
	return s.told(ctx, slow, decision.Cancelled)
}

func answerLost(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, lostAnswer(s.task))
	s.waits("The bot looks what became of it", 2*time.Second)
	s.Slack.Click(slacktest.Ada, s.prompt, "cancel_task")
	return s.told(ctx, slow, decision.Unknown)
}

func settled(ctx context.Context, s *scene) error {
	s.web.setBroken(map[string]bool{}, nil)
	s.waits("The bot waits 15 seconds before it looks again", 20*time.Second)
	return s.until(ctx, slow, "the reply in the thread", func() bool {
		d, found := s.record.of(s.task)
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
		return errors.New("the bot isn't running any more, so this can't go on. Leave the story, or play it anew")
	default:
	}
	if err != nil {
		return fmt.Errorf("this waited %s for %s, in vain%s. Leave the story, or play it anew", limit, what, s.brokenNow())
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
