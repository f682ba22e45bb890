package sandbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// action is what a person did on the page.
type action struct {
	Do      string            `json:"do"`
	As      string            `json:"as"`
	In      string            `json:"in"`
	Text    string            `json:"text"`
	TS      string            `json:"ts"`
	Name    string            `json:"name"`
	On      bool              `json:"on"`
	Replica int               `json:"replica"`
	Task    newTask           `json:"task"`
	Values  map[string]string `json:"values"` // of a modal
	reply   map[string]any
}

// newTask is a task that a person makes up.
type newTask struct {
	Title    string `json:"title"`
	Workflow string `json:"workflow"`
	Owner    string `json:"owner"`
	Status   string `json:"status"`
}

// hostileTitle tries what data from outside must not do in Slack.
type hostileTitle struct {
	Label string `json:"label"`
	Title string `json:"title"`
}

var hostileTitles = []hostileTitle{
	{"Mentions everybody", "Urgent <!channel> <@U0GRACE> please sign"},
	{"Disguises a link", "<https://evil.example/login|Open in Chamelio>"},
	{"Formats itself", "*Approved* _by_ ~no one~ `rm -rf`\n> Legal says yes"},
	{"Reverses the text", "Invoice \u202egnp.exe for Globex\u202c"},
	{"Hides in plain sight", "Pay\u200bment\u00ad of\u2060 nothing"},
	{"Brings HTML", "<script>alert(1)</script> <img src=x onerror=alert(1)>"},
	{"Goes on and on", strings.Repeat("Very long agreement ", 24)},
}

func (w *web) act(ctx context.Context, a *action) error {
	e := w.current()
	switch a.Do {
	case "type":
		return w.typed(ctx, e, a)
	case "click", "menu", "submit":
		if w.byHand(a) {
			return nil
		}
		return w.inSlack(ctx, e, a)
	case "close":
		for _, m := range e.Slack.Modals(a.As) {
			if m.ID == a.TS {
				e.Slack.CloseView(a.As, m)
			}
		}
		return nil
	case "reply":
		return reply(e, a)
	case "fault":
		if !w.toggle(a.Name, a.On) {
			return errors.New("there is no such switch")
		}
		return nil
	case "reset":
		w.setBroken(map[string]bool{}, nil)
		return nil
	case "kill":
		for _, r := range e.Living() {
			if a.Replica == 0 || a.Replica == r.number {
				e.Kill(r)
			}
		}
		return nil
	case "start":
		return w.slowly("Starting the bot…", func() error { _, err := e.StartReplica(w.ending); return err })
	case "policy":
		return w.setPolicy(a.Name)
	case "story":
		return w.beginStory(a.Name)
	case "next":
		return w.nextStep()
	case "stop":
		w.leaveStory()
		return nil
	case "new-task":
		return w.addTask(a)
	case "start-over":
		return w.startOver()
	}
	return errors.New("not understood")
}

// inSlack presses a button, uses the message shortcut, or submits a modal.
func (w *web) inSlack(ctx context.Context, e *Engine, a *action) error {
	if a.Do == "submit" {
		for _, m := range e.Slack.Modals(a.As) {
			if m.ID == a.TS {
				return w.deliver(ctx, a, e.Submit(a.As, m, a.Values))
			}
		}
		return errors.New("that dialog is gone")
	}
	m, found := find(e, a)
	switch {
	case !found:
		return errors.New("that message is gone")
	case a.Do == "menu":
		return w.deliver(ctx, a, e.Shortcut(a.As, m))
	}
	return w.deliver(ctx, a, e.Click(a.As, m, a.Name))
}

// find finds the message that an action is about.
func find(e *Engine, a *action) (slacktest.Message, bool) {
	for _, m := range e.Slack.View(a.As, a.In) {
		if m.TS == a.TS {
			return m, true
		}
	}
	return slacktest.Message{}, false
}

// reply replies in a thread. Slack takes no commands there.
func reply(e *Engine, a *action) error {
	text := strings.TrimSpace(a.Text)
	m, found := find(e, a)
	switch command, _, _ := strings.Cut(text, " "); {
	case !found:
		return errors.New("that message is gone")
	case strings.HasPrefix(text, "/"):
		return fmt.Errorf("%s is not supported in threads. Use the menu of a message instead", command)
	case text != "":
		e.Slack.Reply(a.As, m, text)
	}
	return nil
}

// slowly does something, also if the page is closed meanwhile, that takes
// its time, and has the page say so.
func (w *web) slowly(what string, do func() error) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	w.say(what)
	defer w.say("")
	return do()
}

func (w *web) say(what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy = what
}

// typed says something in a conversation, or runs a command.
func (w *web) typed(ctx context.Context, e *Engine, a *action) error {
	text := strings.TrimSpace(a.Text)
	switch command, _, _ := strings.Cut(text, " "); {
	case text == "":
		return nil
	case command == "/cancel-task":
		return w.deliver(ctx, a, e.Slash(a.As, a.In, text))
	case strings.HasPrefix(text, "/"):
		return fmt.Errorf("%s is not a valid command here. Try /cancel-task 12345", command)
	}
	e.Slack.Say(a.As, a.In, text)
	return nil
}

// deliver waits for what Slack would show of a delivery that failed.
func (w *web) deliver(ctx context.Context, a *action, p *slacktest.Pending) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d, err := p.Wait(ctx)
	a.reply["state"] = d.State
	return err
}

func (w *web) setPolicy(id string) error {
	p, known := policyOf(id)
	if !known {
		return errors.New("there is no such policy")
	}
	w.endPlay()
	return w.slowly("Restarting the bot under that policy…", func() error {
		err := w.current().Set(w.ending, p.env...)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil {
			w.policy = id
		}
		return err
	})
}

// addTask puts a person's own task into Chamelio.
func (w *web) addTask(a *action) error {
	t := a.Task
	if !slices.Contains([]string{"pending", "in_progress", "completed", "failed", "cancelled"}, t.Status) {
		return errors.New("a task is pending, in progress, completed, failed or cancelled")
	}
	e := w.current()
	id := int64(chameliotest.CancelledTask)
	for _, known := range e.Chamelio.Tasks() {
		if known.ID < firstStoryTask { // those above are the stories'
			id = max(id, known.ID)
		}
	}
	id++
	task := chameliotest.NewTask(id, t.Status, t.Title, time.Now().Add(-26*time.Hour))
	if t.Title == "" {
		task.Title = nil
	}
	if t.Workflow != "" {
		task.Workflow = new(t.Workflow)
	}
	if t.Owner != "" {
		task.Owner = new(t.Owner)
	}
	e.Chamelio.Put(task)
	a.reply["task"] = id
	return nil
}

// startOver begins again with the first conversation, the first tasks, an empty
// journal, and a bot under the policy that is chosen.
func (w *web) startOver() error {
	w.endPlay()
	return w.slowly("Starting over…", func() error {
		w.mu.Lock()
		p, _ := policyOf(w.policy)
		old := w.engine
		w.mu.Unlock()
		fresh, err := Start(w.ending, w.command, p.env...)
		if err != nil {
			return err
		}
		fresh.seed()
		w.mu.Lock()
		w.engine, w.broken, w.byStory, w.fold, w.began = fresh, map[string]bool{}, nil, "", time.Now().UnixMilli()
		w.mu.Unlock()
		old.KillAll() // no one waits for its last decisions any more
		_ = old.Close()
		return nil
	})
}
