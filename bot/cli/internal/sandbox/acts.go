package sandbox

import (
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// act is something that a person did in Slack.
type act struct {
	At   int64  `json:"at"` // milliseconds since 1970
	Who  string `json:"who"`
	Text string `json:"text"` // a clause without a subject, as mrkdwn

	Tasks []int64 `json:"tasks"` // that it is about
}

// did records what a person does about the tasks that a text and blocks name.
func (e *Engine) did(who, what, text string, blocks ...slacktest.Block) {
	known := map[int64]bool{}
	for _, t := range e.Chamelio.Tasks() {
		known[t.ID] = true
	}
	done := act{time.Now().UnixMilli(), who, what, tasksNamed(text, rawBlocks(blocks), known)}
	r := e.record
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts = append(r.acts, done)
	r.acts = r.acts[max(0, len(r.acts)-linesKept):]
}

// done returns what people did last.
func (r *record) done() []act {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]act(nil), r.acts[max(0, len(r.acts)-requestsShown):]...)
}

// Slash types a command as a person.
func (e *Engine) Slash(user, channel, text string) *slacktest.Pending {
	e.did(user, "typed `"+text+"`", text)
	return e.Slack.Slash(user, channel, text)
}

// Click presses a button of a message as a person.
func (e *Engine) Click(user string, m slacktest.Message, action string) *slacktest.Pending {
	if b := m.Button(action); b != nil {
		e.did(user, "pressed *"+b.Label+"*", m.Text, m.Blocks...)
	}
	return e.Slack.Click(user, m, action)
}

// Shortcut uses the bot's message shortcut as a person.
func (e *Engine) Shortcut(user string, m slacktest.Message) *slacktest.Pending {
	e.did(user, "chose *Cancel Chamelio task* in a message's menu", m.Text, m.Blocks...)
	return e.Slack.Shortcut(user, m, texts.ShortcutCancel)
}

// Submit submits a modal as a person.
func (e *Engine) Submit(user string, m slacktest.Modal, values map[string]string) *slacktest.Pending {
	e.did(user, "pressed *"+m.Submit+"* in the dialog", "", m.Blocks...)
	return e.Slack.SubmitView(user, m, values)
}
