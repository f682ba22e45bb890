package simulation

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// fromMessage is a person who cancels the tasks that a message names: they use
// its shortcut, and submit the modal.
func (w *world) fromMessage(number int, c command) {
	m := w.slack.Say(slacktest.Grace, c.channel, c.links())
	if c.from == aReply {
		m = w.slack.Reply(slacktest.Grace, m, "these: "+c.links())
	}
	modal, mark, ok := w.openModal(number, c, m)
	if !ok {
		w.h.say(c.user, "gives up: no modal")
		return
	}
	time.Sleep(c.think)
	submit := func() { w.submit(c, modal, mark) }
	if w.plan.second { // a second submission is a second request
		submit()
		if c.what == redelivers {
			w.submitAgain(c, modal, true)
		}
		w.second(c, mark)
		return
	}
	switch c.what {
	case keeps:
		w.slack.CloseView(c.user, modal)
	case keepsThenCancels:
		w.slack.CloseView(c.user, modal)
		submit()
	case cancelsThenKeeps:
		submit()
		time.Sleep(c.think / 10)
		w.slack.CloseView(c.user, modal)
	case bothAtOnce:
		w.together(submit, func() { w.slack.CloseView(c.user, modal) })
	case doubleClicks:
		w.together(submit, submit)
	case redelivers, forges:
		submit()
		w.submitAgain(c, modal, c.what == redelivers)
	default:
		submit()
	}
	for range 2 { // they insist
		time.Sleep(25 * time.Second)
		submit()
	}
}

// links returns a message that names the tasks of a command.
func (c command) links() string {
	text := ""
	for _, task := range append([]int64{c.task}, c.more...) {
		text += fmt.Sprintf(" https://app.chamelio.ai/workflows/tasks/%d", task)
	}
	return text
}

// openModal uses the shortcut, again if no modal asks for a confirmation.
func (w *world) openModal(number int, c command, m slacktest.Message) (slacktest.Modal, string, bool) {
	for try := range 3 {
		w.h.say(c.user, "uses the shortcut on %s in %s", m.TS, c.channel)
		if w.delivered(c.user, w.slack.Shortcut(c.user, m, texts.ShortcutCancel)) {
			for range 30 {
				if modal, mark := w.asking(c.user, fmt.Sprintf("why%d", 10*(number+1)+try)); mark != "" {
					return modal, mark, true
				}
				time.Sleep(400 * time.Millisecond)
			}
		}
		time.Sleep(2 * time.Second)
	}
	return slacktest.Modal{}, "", false
}

// asking returns a person's modal that asks for a confirmation and that no one
// fills in yet. Its mark will be the reason.
func (w *world) asking(who, mark string) (slacktest.Modal, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.slack.Modals(who) {
		if m.CallbackID == texts.ModalConfirm && !w.opened[m.ID] {
			id := idInModal(m)
			w.opened[m.ID] = true
			w.marks[mark] = id
			if !w.plan.second { // else the request is the prompt
				w.places[id], w.modals[id] = placeOf(m), true
			}
			return m, mark
		}
	}
	return slacktest.Modal{}, ""
}

func placeOf(m slacktest.Modal) string { return "modal " + m.ID + " " }

func idInModal(m slacktest.Modal) decision.ID {
	var carried struct{ Value string }
	if json.Unmarshal([]byte(m.PrivateMetadata), &carried) != nil {
		return ""
	}
	return idIn(carried.Value)
}

// submit submits a modal if it can be: Slack has no button on one that doesn't
// ask, and none of one that is closed. Of several tasks, every other person chooses
// only the first.
func (w *world) submit(c command, m slacktest.Modal, mark string) {
	values := map[string]string{"reason": mark}
	var chosen []int64
	if len(c.more) > 0 && c.at.Milliseconds()%2 == 0 {
		for _, b := range m.Blocks {
			if b.Element != nil && b.Element.Type == "checkboxes" {
				if w.planted != ignoresTheChoice {
					values[b.Element.ActionID] = b.Element.Options[0].Value
				}
				chosen = []int64{idOf(b.Element.Options[0].Value)}
			}
		}
	}
	asks := func(now slacktest.Modal) bool { return now.ID == m.ID && now.CallbackID == texts.ModalConfirm }
	if !slices.ContainsFunc(w.slack.Modals(c.user), asks) {
		return
	}
	if !w.plan.second {
		w.h.add(func() {
			w.h.presses = append(w.h.presses, press{time.Now(), c.user, idInModal(m), chosen, true, memberOf(c.user)})
		})
	}
	w.h.say(c.user, "submits the modal of %s, chosen %v", short(idInModal(m)), chosen)
	w.delivered(c.user, w.slack.SubmitView(c.user, m, values))
	w.h.add(func() {
		w.h.faults["modal: confirmed"]++
		if chosen != nil {
			w.h.faults["modal: with a choice"]++
		}
	})
	w.look()
}

func idOf(value string) (id int64) {
	_, _ = fmt.Sscan(value, &id)
	return id
}

func memberOf(user string) bool {
	return user == slacktest.Ada || user == slacktest.Grace || user == slacktest.Linus
}

// submitAgain delivers the last submission again: the same one, or as if someone
// else had made it.
func (w *world) submitAgain(c command, m slacktest.Modal, same bool) {
	last := w.payload.Load()
	if last == nil || (*last)["type"] != "view_submission" || userIn(*last) != c.user {
		return
	}
	payload, id := maps.Clone(*last), fmt.Sprintf("again %s", m.ID)
	if !same {
		stranger := slacktest.Linus
		if c.user == stranger {
			stranger = slacktest.Ada
		}
		user := maps.Clone(payload["user"].(map[string]any))
		user["id"], id = stranger, "forged "+m.ID
		payload["user"] = user
	}
	w.h.say("Slack", "delivers a submission as %s", userIn(payload))
	w.delivered(userIn(payload), w.slack.DeliverAs(id, "interactive", payload))
}

func userIn(payload map[string]any) string {
	user, _ := payload["user"].(map[string]any)
	id, _ := user["id"].(string)
	return id
}

// second is the second person, who presses on the request that a submitted
// modal posted.
func (w *world) second(c command, mark string) {
	for range 30 {
		for _, m := range w.slack.View(c.other, c.channel) {
			if m.Button("cancel_task") != nil && markOf(m) == mark {
				time.Sleep(c.think)
				w.press(c.other, m, "cancel_task")
				w.insist(c.other, m)
				return
			}
		}
		time.Sleep(400 * time.Millisecond)
	}
}

// lookAtModals records what people can read in their modals now and couldn't a
// moment ago. It must be called with mu held.
func (w *world) lookAtModals() {
	for _, who := range everyone() {
		for _, m := range w.slack.Modals(who) {
			shown := slacktest.Message{Channel: "modal " + m.ID, Only: who, Blocks: m.Blocks}
			text := whole(shown)
			if w.shown[placeOf(m)] == text {
				continue
			}
			w.shown[placeOf(m)] = text
			w.h.add(func() {
				w.h.seen = append(w.h.seen, sight{time.Now(), shown.Channel, "", who, "", text, m.CallbackID == texts.ModalConfirm, meaningOf(shown), outcomesOn(shown)})
			})
			w.h.say("Slack", "%s reads in the modal %s: %s", who, m.ID, text)
		}
	}
}

// closed reports whether a person has closed the modal of a decision.
func (w *world) closed(id decision.ID) bool {
	for _, who := range everyone() {
		if slices.ContainsFunc(w.slack.Modals(who), func(m slacktest.Modal) bool { return placeOf(m) == w.places[id] }) {
			return false
		}
	}
	return true
}
