package texts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// NothingToCancel answers a command about several tasks of which none can be
// cancelled. Of a task that couldn't be read, that isn't known.
func (w Texts) NothingToCancel(left []Excluded) Message {
	text := fmt.Sprintf("None of these %d tasks can be cancelled:", len(left))
	if slices.ContainsFunc(left, func(t Excluded) bool { return !t.Over }) {
		text = fmt.Sprintf("I can't cancel any of these %d tasks for you now:", len(left))
	}
	text += whyLeftOut(left, false)
	var locked []chamelio.TaskID
	for _, t := range left {
		if t.Locked {
			locked = append(locked, t.ID)
		}
	}
	if len(locked) > 0 {
		text += "\n" + w.onceReplaced(locked...)
	}
	return say("%s", text)
}

// leftOut lists the tasks that won't be cancelled, to the person who asked or to
// everyone; "" if there are none.
func leftOut(left []Excluded, toAll bool) string {
	if len(left) == 0 {
		return ""
	}
	return "*Won't be cancelled:*" + whyLeftOut(left, toAll)
}

// BlockLeftOut is the block_id of the tasks that are left out.
const BlockLeftOut = "left_out"

// leftOutBlock is leftOut as a block; nil if there are none.
func leftOutBlock(left []Excluded, toAll bool) slack.Block {
	if len(left) == 0 {
		return nil
	}
	return slack.NewSectionBlock(mrkdwn(leftOut(left, toAll)), nil, nil, slack.SectionBlockOptionBlockID(BlockLeftOut))
}

// WithLeftOut adds to an answer why some of the tasks won't be cancelled. An empty
// message stays empty.
func (w Texts) WithLeftOut(m Message, left []Excluded) Message {
	if m.Text == "" || len(left) == 0 {
		return m
	}
	return message(m.Text+"\n"+leftOut(left, false), append(slices.Clone(m.Blocks), leftOutBlock(left, false))...)
}

func whyLeftOut(left []Excluded, toAll bool) string {
	text := ""
	for _, t := range left {
		why := t.Why
		if toAll {
			why = cmp.Or(t.WhyToAll, why)
		}
		text += fmt.Sprintf("\n• Task %d: %s", t.ID, why)
	}
	return text
}

// Exclude says why a task is left out of a prompt, by what Chamelio answered to
// its GET; false if it isn't.
func (w Texts) Exclude(id chamelio.TaskID, task chamelio.Task, err error) (Excluded, bool) {
	var e *chamelio.Error
	switch {
	case errors.As(err, &e) && e.TaskNotFound():
		return Excluded{ID: id, Why: "Chamelio has no such task, or I can't see it", Over: true}, true
	case errors.Is(err, chamelio.ErrUnauthorized) && errors.As(err, &e):
		return Excluded{ID: id, Why: fmt.Sprintf("I've lost access to Chamelio (%s)", whyKeyRefused(e.Reason)), Locked: true}, true
	case err == nil && task.Status == chamelio.Cancelled:
		return Excluded{ID: id, Why: "it was already cancelled", Over: true}, true
	case err == nil && task.Status.Final():
		return Excluded{ID: id, Why: "it has already " + endVerb(task.Status), Over: true}, true
	}
	return Excluded{}, false
}

// ExcludeUnseen says that one of several tasks is left out because the rate limit kept the
// bot from getting it: one press must not cancel what no one has seen.
func (w Texts) ExcludeUnseen(id chamelio.TaskID) Excluded {
	return Excluded{ID: id, Why: "I couldn't get its details, because Chamelio's rate limit is used up; try it again in a minute"}
}

// ExcludeRefused says why a task is left out that the person may not cancel.
func (w Texts) ExcludeRefused(no policy.Verdict, id chamelio.TaskID) Excluded {
	switch no.Code {
	case policy.CodeNotOnTask:
		return Excluded{ID: id, Why: "you're not on it", WhyToAll: "the requester isn't on it"}
	default:
		return Excluded{ID: id, Why: "I can't check whether you may cancel it", WhyToAll: "I can't check whether the requester may cancel it"}
	}
}
