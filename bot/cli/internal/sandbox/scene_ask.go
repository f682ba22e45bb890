package sandbox

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// scene is what a story plays with.
type scene struct {
	*Engine
	web  *web
	play *play

	tasks    []int64
	original int64 // what the task is a duplicate of
	command  string
	prompt   slacktest.Message
	asked    slacktest.Message // the message with a link
	modal    slacktest.Modal
	values   map[string]string // what a person entered in it
	thread   string            // the thread that the page opens
	killed   bool              // the story itself has ended the bot
}

type doing func(context.Context, *scene) error

// Times of the scenes. Anything that takes longer than patience has failed.
const (
	patience = 12 * time.Second
	slow     = 45 * time.Second // with a line that says what it waits for
)

func nothing(context.Context, *scene) error { return nil }

// ask types the command as Ada, and waits for its prompt.
func ask(ctx context.Context, s *scene) error { return askAs(slacktest.Ada)(ctx, s) }

func askAs(user string) doing {
	return func(ctx context.Context, s *scene) (err error) {
		reason := fmt.Sprintf("duplicate of %d", s.original)
		if len(s.tasks) > 1 {
			reason = fmt.Sprintf("duplicates of %d", s.original)
		}
		s.prompt, err = s.types(ctx, user, reason, s.ids()...)
		return err
	}
}

// types types the command and returns its prompt.
func (s *scene) types(ctx context.Context, user, reason string, tasks ...string) (prompt slacktest.Message, err error) {
	answers, err := s.answersTo(ctx, user, reason, tasks...)
	if err != nil {
		return prompt, err
	}
	err = s.until(ctx, patience, "a prompt", func() bool {
		for _, m := range answers() {
			if m.Button("cancel_task") != nil {
				prompt = m
				return true
			}
		}
		return false
	})
	if now := answers(); err != nil && len(now) > 0 {
		err = fmt.Errorf("the bot answered without a prompt: “%s”", now[0].Text)
	}
	return prompt, err
}

// answersTo types the command, and returns a function that lists the bot's answers
// so far.
func (s *scene) answersTo(ctx context.Context, user, reason string, tasks ...string) (func() []slacktest.Message, error) {
	before := len(s.fromBot(user))
	s.web.mu.Lock()
	s.command = strings.TrimSpace("/cancel-task " + strings.Join(tasks, " ") + " " + reason)
	if len(tasks) > 1 { // the colon says where the tasks end
		s.command = "/cancel-task " + strings.Join(tasks, " ") + ": " + reason
	}
	s.web.mu.Unlock()
	d, err := s.Slash(user, slacktest.General, s.command).Wait(ctx)
	if err != nil {
		return nil, err
	}
	if d.State != slacktest.Acknowledged {
		return nil, fmt.Errorf("the command failed with the error “%s”: the bot isn't connected", d.State)
	}
	return func() []slacktest.Message {
		now := s.fromBot(user)
		return now[min(before, len(now)):]
	}, nil
}

// fromBot lists what a person can read of the bot in #general.
func (s *scene) fromBot(user string) []slacktest.Message {
	return slices.DeleteFunc(s.Slack.View(user, slacktest.General), func(m slacktest.Message) bool { return m.Author != slacktest.BotUser })
}

// refusedTo types the command as someone who may not, and waits for the refusal.
func refusedTo(user string) doing {
	return func(ctx context.Context, s *scene) error {
		answers, err := s.answersTo(ctx, user, fmt.Sprintf("duplicate of %d", s.original), s.ids()...)
		if err != nil {
			return err
		}
		if err := s.until(ctx, patience, "the refusal", func() bool { return len(answers()) > 0 }); err != nil {
			return err
		}
		if m := answers()[0]; len(m.Buttons()) > 0 || m.Only != user {
			return fmt.Errorf("the bot didn't refuse: “%s”", m.Text)
		}
		return nil
	}
}

// chooseInMenu uses the message shortcut as Ada, and waits for the modal that
// asks for a reason.
func chooseInMenu(ctx context.Context, s *scene) error {
	d, err := s.Shortcut(slacktest.Ada, s.asked).Wait(ctx)
	if err == nil && d.State != slacktest.Acknowledged {
		err = fmt.Errorf("the shortcut failed with the error “%s”: the bot isn't connected", d.State)
	}
	if err != nil {
		return err
	}
	return s.until(ctx, patience, "the dialog", func() bool {
		open := s.Slack.Modals(slacktest.Ada)
		if len(open) == 0 || open[len(open)-1].Submit == "" {
			return false
		}
		s.web.mu.Lock()
		defer s.web.mu.Unlock()
		s.modal = open[len(open)-1]
		return true
	})
}

// submit submits the modal with what a person entered, or with a reason, and
// closes the modal with the result.
func submit(ctx context.Context, s *scene) error {
	values := s.values
	if values == nil {
		values = map[string]string{"reason": fmt.Sprintf("duplicate of %d", s.original)}
	}
	if len(s.Slack.Modals(slacktest.Ada)) == 0 { // closed by hand
		if err := chooseInMenu(ctx, s); err != nil {
			return err
		}
	}
	s.Submit(slacktest.Ada, s.modal, values)
	err := s.announced(ctx, patience, decision.Cancelled)
	for _, m := range s.Slack.Modals(slacktest.Ada) {
		s.Slack.CloseView(slacktest.Ada, m)
	}
	return err
}
