package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// act is a person with a task to cancel.
func (w *world) act(number int, c command) {
	if c.from != aCommand {
		w.fromMessage(number, c)
		return
	}
	m, ok := w.ask(number, c)
	if !ok {
		w.h.say(c.user, "gives up: no prompt")
		return
	}
	time.Sleep(c.think)
	who := c.user
	if w.plan.second {
		who = c.other
	}
	switch c.what {
	case cancels:
		w.press(who, m, "cancel_task")
	case keeps:
		w.press(c.user, m, "keep_task")
	case doubleClicks:
		w.together(func() { w.press(who, m, "cancel_task") }, func() { w.press(who, m, "cancel_task") })
	case cancelsThenKeeps:
		w.press(who, m, "cancel_task")
		time.Sleep(c.think / 10)
		w.press(c.user, m, "keep_task")
	case keepsThenCancels:
		w.press(c.user, m, "keep_task")
		time.Sleep(c.think / 10)
		w.press(who, m, "cancel_task")
	case bothAtOnce:
		w.together(func() { w.press(who, m, "cancel_task") }, func() { w.press(c.user, m, "keep_task") })
	case forges:
		w.forge(c, m)
		w.press(who, m, "cancel_task")
	case redelivers:
		w.pressTwiceDelivered(who, m)
	case manyClicks:
		for range 6 {
			w.press(who, m, "cancel_task")
			time.Sleep(c.think / 20)
		}
	}
	w.insist(who, m)
	if w.plan.again > 0 {
		w.pressAgain(who, m)
	}
}

// pressAgain presses a button where the prompt still looks as it did at first, as in a
// client that hasn't redrawn it.
func (w *world) pressAgain(who string, m slacktest.Message) {
	time.Sleep(w.plan.again)
	if b := m.Button("cancel_task"); b != nil && !w.plan.modal {
		w.note(who, m, idIn(b.Value), "cancel_task", true)
		w.delivered(who, w.slack.Forge(who, m, "cancel_task", b.Value))
	}
}

// insist presses again, as people do, while the buttons are still there.
func (w *world) insist(who string, m slacktest.Message) {
	for range 2 {
		time.Sleep(25 * time.Second)
		if now := w.current(m); now.Button("cancel_task") == nil {
			return
		}
		w.press(who, m, "cancel_task")
	}
}

func (w *world) together(all ...func()) {
	done := make(chan struct{}, len(all))
	for _, f := range all {
		go func() { f(); done <- struct{}{} }()
	}
	for range all {
		<-done
	}
}

// ask types the command, again if there is no prompt, and waits for the
// prompt.
func (w *world) ask(number int, c command) (slacktest.Message, bool) {
	for try := range 3 {
		mark := fmt.Sprintf("why%d", 10*(number+1)+try) // distinguishes prompts
		text := fmt.Sprintf("/cancel-task %s %s", c.tasksOf(), mark)
		if w.plan.modal { // it is given later
			text = "/cancel-task " + c.tasksOf()
		}
		w.h.say(c.user, "types %s in %s", text, c.channel)
		p := w.slack.Slash(c.user, c.channel, text)
		if w.plan.second && c.what == redelivers {
			w.typedAgain(c.user, text)
		}
		if w.delivered(c.user, p) {
			for range 30 {
				for _, m := range w.slack.View(c.user, c.channel) {
					if m.Button("cancel_task") != nil && (markOf(m) == mark || w.plan.modal && w.isFirst(m, mark)) {
						return m, true
					}
				}
				time.Sleep(400 * time.Millisecond)
			}
		}
		time.Sleep(2 * time.Second)
	}
	return slacktest.Message{}, false
}

// isFirst reports whether a prompt is still unclaimed, and claims it.
func (w *world) isFirst(m slacktest.Message, mark string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := idOn(m)
	if w.places[id] != "" {
		return false
	}
	w.places[id], w.marks[mark] = m.Channel+" "+m.TS, id
	return true
}

// giveReason presses the button that opens a modal, and sends that with the
// command's mark as the reason, perhaps twice.
func (w *world) giveReason(who string, m slacktest.Message, twice bool) {
	w.delivered(who, w.slack.Click(who, m, "cancel_task"))
	modal, ok := w.newModal(who, idOn(m))
	if !ok {
		w.h.say(who, "is shown no modal for %s", short(idOn(m)))
		return
	}
	time.Sleep(700 * time.Millisecond)
	w.note(who, m, idOn(m), "cancel_task", true)
	p := w.slack.SubmitView(who, modal, map[string]string{"reason": w.markFor(idOn(m))})
	w.delivered(who, p)
	w.h.add(func() { w.h.faults["modal: sent"]++ })
	if payload := w.payload.Load(); twice && payload != nil && (*payload)["type"] == "view_submission" {
		w.h.say("Slack", "delivers the same submission again")
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if d, _ := p.Wait(ctx); d.EnvelopeID != "" {
			w.delivered(who, w.slack.DeliverAs(d.EnvelopeID, "interactive", *payload))
		}
	}
}

// newModal waits for a modal of a prompt that isn't being filled in yet.
func (w *world) newModal(who string, id decision.ID) (slacktest.Modal, bool) {
	for range 20 {
		for _, m := range w.slack.Modals(who) {
			var carried struct{ Value string }
			if json.Unmarshal([]byte(m.PrivateMetadata), &carried) != nil || idIn(carried.Value) != id {
				continue
			}
			w.mu.Lock()
			first := !w.opened[m.ID]
			w.opened[m.ID] = true
			w.mu.Unlock()
			if first {
				return m, true
			}
		}
		time.Sleep(200 * time.Millisecond)
	}
	return slacktest.Modal{}, false
}

func (w *world) markFor(id decision.ID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for mark, of := range w.marks {
		if of == id {
			return mark
		}
	}
	return ""
}

func markOf(m slacktest.Message) string { return mark.FindString(whole(m)) }

func (w *world) delivered(who string, p *slacktest.Pending) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d, err := p.Wait(ctx)
	if err != nil || d.State != slacktest.Acknowledged {
		w.h.say(who, "sees %s", d.State)
		return false
	}
	return true
}

func (w *world) current(m slacktest.Message) slacktest.Message {
	for _, now := range w.slack.All() {
		if now.Channel == m.Channel && now.TS == m.TS {
			return now
		}
	}
	return m
}

// finds reports whether a person still finds a button on a message.
func (w *world) finds(who string, m slacktest.Message, action string) bool {
	if w.current(m).Button(action) == nil {
		w.h.say(who, "finds no button on %s any more", short(idOn(m)))
		return false
	}
	return true
}

// press presses a button if it exists.
func (w *world) press(who string, m slacktest.Message, action string) {
	if !w.finds(who, m, action) {
		return
	}
	if w.plan.modal && action == "cancel_task" {
		w.giveReason(who, m, false)
		return
	}
	w.note(who, m, idOn(m), action, true)
	w.delivered(who, w.slack.Click(who, m, action))
}

func (w *world) note(who string, m slacktest.Message, id decision.ID, action string, genuine bool) {
	allowed := genuine && memberOf(who)
	if w.plan.second {
		allowed = allowed && who != w.requesterOf(id)
	} else {
		allowed = allowed && who == m.Only
	}
	w.h.add(func() {
		w.h.presses = append(w.h.presses, press{time.Now(), who, id, nil, action == "cancel_task", allowed})
	})
	w.h.say(who, "presses %s on %s (genuine %t)", action, short(id), genuine)
}

func (w *world) requesterOf(id decision.ID) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for mark, of := range w.marks {
		number := 0
		if _, err := fmt.Sscanf(mark, "why%d", &number); err == nil && of == id {
			return w.plan.commands[number/10-1].user
		}
	}
	return ""
}

// forge presses a button that wasn't shown to the person: another's prompt, or
// a modified one.
func (w *world) forge(c command, m slacktest.Message) {
	value := m.Button("cancel_task").Value
	stranger := slacktest.Linus
	switch {
	case w.plan.second:
		stranger = c.user // their own request
	case c.user == stranger:
		stranger = slacktest.Ada
	}
	w.note(stranger, m, idIn(value), "cancel_task", false)
	w.delivered(stranger, w.slack.Forge(stranger, m, "cancel_task", value))
	bent := []byte(value)
	bent[len(bent)/2] ^= 1
	w.note(c.user, m, idIn(value), "cancel_task", false)
	w.delivered(c.user, w.slack.Forge(c.user, m, "cancel_task", string(bent)))
}

// typedAgain makes Slack deliver the last command again, in another envelope and
// perhaps to another replica.
func (w *world) typedAgain(who, text string) {
	if last := w.payload.Load(); last != nil && (*last)["text"] == text {
		w.h.say("Slack", "delivers the same command again")
		w.slack.DeliverAs("again "+text, "slash_commands", *last)
		w.h.add(func() { w.h.faults["request: delivered twice"]++ })
	}
}

// pressTwiceDelivered makes Slack deliver the same click twice.
func (w *world) pressTwiceDelivered(who string, m slacktest.Message) {
	if w.plan.modal {
		w.giveReason(who, m, true)
		return
	}
	if !w.finds(who, m, "cancel_task") {
		return
	}
	w.note(who, m, idOn(m), "cancel_task", true)
	p := w.slack.Click(who, m, "cancel_task")
	payload := *w.payload.Load()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	d, _ := p.Wait(ctx)
	if d.EnvelopeID == "" || payload["type"] != "block_actions" {
		return
	}
	w.h.say("Slack", "delivers the same click again")
	w.delivered(who, w.slack.DeliverAs(d.EnvelopeID, "interactive", payload))
}
