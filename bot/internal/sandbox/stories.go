package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// story is a scene, played step by step, with a sentence on what to watch.
type story struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	steps []step
}

type step struct {
	watch string
	do    func(context.Context, *scene) error
}

// scene is a story under way, about a task of its own.
type scene struct {
	*Engine
	task   int64
	prompt slacktest.Message
}

const stepLimit = 45 * time.Second

var stories = []story{
	{"happy", "It just works", []step{
		{"Ada typed the command. Only she sees the prompt: switch to Grace, and there is nothing.", ask},
		{"Ada pressed the button. Everybody reads who cancelled what and why; on the right the task is cancelled, by one request.", press("cancelled")},
	}},
	{"finished", "Somebody finished it first", []step{
		{"Ada typed the command and looks at the prompt.", ask},
		{"Meanwhile the task was completed in Chamelio: see its status on the right.", complete},
		{"Ada pressed the button all the same. Chamelio refused, the bot looked why, and the channel reads that the task had completed.", press("completed")},
	}},
	{"revoked", "The key was revoked", []step{
		{"Ada typed the command and looks at the prompt.", ask},
		{"Meanwhile somebody revoked the bot's API key in Chamelio.", func(_ context.Context, s *scene) error {
			s.Chamelio.RefuseKey("API key has been revoked")
			return nil
		}},
		{"Ada pressed the button. The channel reads that the task is untouched, why, and whom to ask.", press("revoked")},
		{"The key works again.", func(_ context.Context, s *scene) error { s.Chamelio.Mend(); return nil }},
	}},
	{"crash", "A crash in the middle", []step{
		{"Ada typed the command and looks at the prompt.", ask},
		{"Ada pressed the button, the request was sent, and at that moment the bot was killed. The prompt says “Cancelling…”, the channel knows nothing, and nobody can be sure what became of the task.", crash},
		{"The bot was started again. It found the decision in its journal, asked Chamelio what had become of it, and told the channel.", resume},
	}},
}

func ask(ctx context.Context, s *scene) error {
	s.Chamelio.Put(chameliotest.NewTask(s.task, "in_progress", "Master agreement with Initech", time.Now().Add(-26*time.Hour)))
	s.Slack.Slash(slacktest.Ada, slacktest.General, fmt.Sprintf("/cancel-task %d duplicate of 12345", s.task))
	return s.until(ctx, "the prompt appears", func() bool {
		for _, m := range s.Slack.Private(slacktest.Ada, slacktest.General) {
			if m.Button("cancel_task") != nil && strings.Contains(m.Text, fmt.Sprint(s.task)) {
				s.prompt = m
				return true
			}
		}
		return false
	})
}

// press confirms, and waits until the channel reads a word of the outcome.
func press(word string) func(context.Context, *scene) error {
	return func(ctx context.Context, s *scene) error {
		s.Slack.Click(slacktest.Ada, s.prompt, "cancel_task")
		return s.told(ctx, word)
	}
}

func (s *scene) told(ctx context.Context, word string) error {
	return s.until(ctx, "the channel is told", func() bool {
		for _, m := range s.Slack.History(slacktest.General) {
			if strings.Contains(m.Text, fmt.Sprint(s.task)) && strings.Contains(m.Text, word) {
				return true
			}
		}
		return false
	})
}

func complete(_ context.Context, s *scene) error {
	t, _ := s.Chamelio.Task(s.task)
	t.Status, t.CompletedAt = "completed", new(time.Now().UTC())
	s.Chamelio.Put(t)
	return nil
}

// crash kills the bot when its request has had its effect and no answer yet.
func crash(ctx context.Context, s *scene) error {
	s.Chamelio.Break(chameliotest.Fault{Method: http.MethodPost, Task: s.task, Status: http.StatusBadGateway, AfterEffect: true, Delay: time.Second, Times: 1})
	s.Slack.Click(slacktest.Ada, s.prompt, "cancel_task")
	err := s.until(ctx, "the prompt says so", func() bool {
		for _, m := range s.Slack.Private(slacktest.Ada, slacktest.General) {
			if m.TS == s.prompt.TS && m.Button("cancel_task") == nil {
				return true
			}
		}
		return false
	})
	s.Kill()
	return err
}

func resume(ctx context.Context, s *scene) error {
	if err := s.StartBot(ctx); err != nil {
		return err
	}
	return s.told(ctx, "cancelled")
}

func (s *scene) until(ctx context.Context, what string, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := s.Slack.WaitFor(ctx, cond); err != nil {
		return fmt.Errorf("waiting until %s: %w", what, err)
	}
	return nil
}

var errNoSuchStep = errors.New("there is no such step")

// play does one step of a story; the first begins it anew, on mended
// stand-ins and with a bot that runs.
func (w *web) play(ctx context.Context, id string, number int) (watch string, last bool, err error) {
	w.playing.Lock()
	defer w.playing.Unlock()
	for _, st := range stories {
		if st.ID != id || number < 0 || number >= len(st.steps) {
			continue
		}
		if number == 0 {
			w.mend()
			if err := w.engine.StartBot(ctx); err != nil {
				return "", false, err
			}
			w.nextTask++
			w.scene = &scene{Engine: w.engine, task: w.nextTask}
		}
		if w.scene == nil {
			return "", false, errNoSuchStep
		}
		if err := st.steps[number].do(ctx, w.scene); err != nil {
			return "", false, err
		}
		return st.steps[number].watch, number == len(st.steps)-1, nil
	}
	return "", false, errNoSuchStep
}
