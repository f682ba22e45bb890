package sandbox

import (
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// act is something that a person did in Slack.
type act struct {
	At   int64  `json:"at"` // milliseconds since 1970
	Who  string `json:"who"`
	Text string `json:"text"` // a clause without a subject, as mrkdwn
}

// did records what a person does.
func (r *record) did(who, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts = append(r.acts, act{time.Now().UnixMilli(), who, fmt.Sprintf(format, args...)})
	r.acts = r.acts[max(0, len(r.acts)-linesKept):]
}

func (r *record) done() []act {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]act(nil), r.acts[max(0, len(r.acts)-requestsShown):]...)
}

// Slash types a command as a person.
func (e *Engine) Slash(user, channel, text string) *slacktest.Pending {
	e.record.did(user, "typed `%s`", text)
	return e.Slack.Slash(user, channel, text)
}

// Click presses a button of a message as a person.
func (e *Engine) Click(user string, m slacktest.Message, action string) *slacktest.Pending {
	if b := m.Button(action); b != nil {
		e.record.did(user, "pressed *%s*", b.Label)
	}
	return e.Slack.Click(user, m, action)
}

// Shortcut uses the bot's message shortcut as a person.
func (e *Engine) Shortcut(user string, m slacktest.Message) *slacktest.Pending {
	e.record.did(user, "chose *Cancel Chamelio task* in a message's menu")
	return e.Slack.Shortcut(user, m, texts.ShortcutCancel)
}

// Submit submits a modal as a person.
func (e *Engine) Submit(user string, m slacktest.Modal, values map[string]string) *slacktest.Pending {
	e.record.did(user, "pressed *%s* in the dialog", m.Submit)
	return e.Slack.SubmitView(user, m, values)
}
