package texts

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/chamelio"
)

// ShortcutCancel is the callback_id of the message shortcut. The manifest has it,
// so it must not change.
const ShortcutCancel = "cancel_task_of_message"

// Names in the modals. Open modals carry them, so they must not change.
const (
	ModalReason  = "cancel_reason"
	ModalFind    = "cancel_find"
	ModalConfirm = "cancel_confirm"
	BlockReason  = "reason"
	InputReason  = "reason"
	BlockTask    = "task"
	InputTask    = "task"
	BlockTasks   = "tasks"
	InputTasks   = "tasks"
)

// maxOptions is the most options of a group of checkboxes (docs.slack.dev:
// reference/block-kit/block-elements/checkboxes-element).
const maxOptions = 10

// ReasonModal returns the modal that asks for a reason. The texts about its
// input are plain text.
func (w Texts) ReasonModal(c decision.Confirmation) slack.ModalViewRequest {
	title, submit := "Why cancel it?", "Cancel task"
	if len(c.Tasks) > 1 {
		title, submit = "Why cancel them?", "Cancel tasks"
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ModalReason,
		Title:  plainText(title),
		Submit: plainText(submit),
		Close:  plainText("Go back"),
		Blocks: slack.Blocks{BlockSet: layout(
			section(fmt.Sprintf("You're cancelling %s. *This can't be undone.*", w.asked(c))),
			reasonInput(true),
		)},
	}
}

// reasonInput is the field for a reason.
func reasonInput(required bool) *slack.InputBlock {
	field := slack.NewPlainTextInputBlockElement(nil, InputReason)
	field.MaxLength, field.FocusOnLoad, field.Multiline = input.MaxReason, required, true
	block := slack.NewInputBlock(BlockReason, plainText("Reason"), plainText("Shown in the channel, with the result."), field)
	block.Optional = !required
	return block
}

// ModalOf returns a modal that shows a message, and offers nothing but to close
// it.
func ModalOf(m Message) slack.ModalViewRequest {
	return slack.ModalViewRequest{
		Type: slack.VTModal, Title: plainText("Cancel a task"), Close: plainText("Close"), Blocks: slack.Blocks{BlockSet: m.Blocks},
	}
}

// LookingAt is shown in a modal while its tasks are fetched.
func (w Texts) LookingAt() Message {
	return say("%s Getting the details from Chamelio… If nothing else appears within half a minute, close this dialog and try again.", emojiPending)
}

// Submitted is shown between a submitted modal and the first that is known.
func (w Texts) Submitted() Message {
	return say("%s Got it. One moment… If nothing else appears within half a minute, close this dialog and try again.", emojiPending)
}

// FindModal returns the modal that asks for a task, since the message names none.
func (w Texts) FindModal() slack.ModalViewRequest {
	field := slack.NewPlainTextInputBlockElement(plainText("12345"), InputTask)
	field.FocusOnLoad = true
	hint := "Its ID, or a link to its page."
	if w.MaxTasks > 1 {
		hint += " You can name several."
	}
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ModalFind,
		Title:  plainText("Cancel a task"),
		Submit: plainText("Find task"),
		Close:  plainText("Close"),
		Blocks: slack.Blocks{BlockSet: layout(
			section("I found no task in this message. Which one do you want to cancel?"),
			slack.NewInputBlock(BlockTask, plainText("Task"), plainText(hint), field),
		)},
	}
}

// Others counts the tasks that a message names in addition to those that are shown.
type Others struct {
	Over int // before them, which have ended or don't exist
	More int // after them, which one decision can't cover
}

// skipped says how many tasks aren't shown because they are over.
func (o Others) skipped() string {
	switch o.Over {
	case 0:
		return ""
	case 1:
		return "The first task in the message can't be cancelled."
	}
	return fmt.Sprintf("None of the first %d tasks in the message can be cancelled.", o.Over)
}

// ConfirmModal returns the modal that shows tasks and asks to confirm.
func (w Texts) ConfirmModal(c decision.Confirmation, p Preview, others Others) slack.ModalViewRequest {
	submit, title := "Cancel task", "Cancel this task?"
	if len(c.Tasks) > 1 {
		submit, title = "Cancel tasks", "Cancel these tasks?"
	}
	if c.Public {
		submit = "Ask to cancel"
	}
	blocks := w.previewBlocks(c, p)
	more := ""
	if others.More > 0 {
		more = fmt.Sprintf("The message names %d more. The limit is %d at once.", others.More, w.MaxTasks)
	}
	note := undone + fmt.Sprintf(" Confirm by %s.", clock(c.ExpiresAt))
	if c.Public {
		note = w.whoApproves(c, "") + " I'll ask in the channel."
	}
	reason := reasonInput(w.AsksReason)
	if field, ok := reason.Element.(*slack.PlainTextInputBlockElement); ok {
		field.InitialValue = c.Reason
	}
	blocks = append(blocks, layout(leftOutBlock(p.Excluded, false), footnote(understood(c, p, notMeant("Keep", "start again"))), footnote(others.skipped()), footnote(more), reason, section(note))...)
	return slack.ModalViewRequest{
		Type: slack.VTModal, CallbackID: ModalConfirm,
		Title: plainText(title), Submit: plainText(submit), Close: plainText("Keep"),
		Blocks: slack.Blocks{BlockSet: blocks},
	}
}

// previewBlocks describe one task, or several with a checkbox each.
func (w Texts) previewBlocks(c decision.Confirmation, p Preview) []slack.Block {
	if len(c.Tasks) == 1 {
		task := p.Tasks[0]
		about := aboutTask(task)
		if task.ID == 0 {
			about = noDetails
		}
		return layout(section("*"+w.named(freshName(c.Tasks[0], task))+"*"), footnote(about), optional(warning(task)))
	}
	var blocks []slack.Block
	for i := 0; i < len(c.Tasks); i += maxOptions {
		var options []*slack.OptionBlockObject
		for j := i; j < min(i+maxOptions, len(c.Tasks)); j++ {
			options = append(options, w.option(freshName(c.Tasks[j], p.Tasks[j]), p.Tasks[j]))
		}
		boxes := slack.NewCheckboxGroupsBlockElement(InputTasks, options...)
		boxes.InitialOptions = options
		block := slack.NewInputBlock(fmt.Sprintf("%s %d", BlockTasks, i/maxOptions), plainText("Tasks"), nil, boxes)
		block.Optional = true // another group may have the chosen ones
		blocks = append(blocks, block)
	}
	return blocks
}

// option is a task with a checkbox.
func (w Texts) option(t decision.Named, task chamelio.Task) *slack.OptionBlockObject {
	name := plain(t.Title, maxOption-len(fmt.Sprintf(" (%d)", t.ID)))
	text := fmt.Sprintf("%s (%d)", name, t.ID)
	if name == "" {
		text = fmt.Sprintf("Task %d", t.ID)
	}
	about := joined(plain(task.Workflow, maxOption), plain(task.Step, maxOption))
	switch task.StepType {
	case chamelio.StepSignature:
		about = "At a signature step · " + about
	case chamelio.StepApproval:
		about = "At an approval step · " + about
	case chamelio.StepIntake, chamelio.StepAgent, chamelio.StepReview:
	}
	if task.ID == 0 {
		about = "I couldn't get its details in time. You can still confirm."
	}
	var description *slack.TextBlockObject
	if about != "" {
		description = plainText(input.Shorten(about, maxOption))
	}
	return slack.NewOptionBlockObject(t.ID.String(), plainText(text), description)
}

// maxOption is the longest text of an option, in characters (docs.slack.dev:
// reference/block-kit/composition-objects/option-object).
const maxOption = 75

// freshName returns a task's name as Chamelio said it last.
func freshName(t decision.Named, task chamelio.Task) decision.Named {
	return decision.Named{ID: t.ID, Title: cmp.Or(task.Title, t.Title), URL: cmp.Or(task.URL, t.URL)}
}

// Requested answers a submitted modal that posted a request.
func (w Texts) Requested(c decision.Confirmation) Message {
	return say("I asked in %s. %s", inChannelNamed(c.Channel), w.whoApproves(c, clock(c.ExpiresAt)))
}

// WithOthers adds to an answer how many other tasks the message names.
func (w Texts) WithOthers(m Message, others Others) Message {
	more := ""
	if others.More > 0 {
		more = fmt.Sprintf("The message names %d more. To cancel one of them, type `%s` and its ID.", others.More, w.Command)
	}
	for _, line := range []string{others.skipped(), more} {
		if line != "" {
			m = message(m.Text+"\n"+line, append(slices.Clone(m.Blocks), section(line))...)
		}
	}
	return m
}

// ModalTooOld says that the modal was open for too long.
func (w Texts) ModalTooOld() string {
	return "This dialog has expired. Close it, and choose “Cancel Chamelio task” again."
}

// ShortcutTooLate answers a use of the shortcut whose modal didn't open, or may still
// show that the tasks are being fetched. Its person may also have submitted it since.
func (w Texts) ShortcutTooLate() Message {
	return say("I'm not sure you saw a dialog with the tasks. If you didn't, close the one that's open, if any. Then try again, or type `%s` and the task's ID in the channel.", w.Command)
}

// ModalTooLarge takes the place of a modal whose content Slack wouldn't accept.
func (w Texts) ModalTooLarge() Message {
	return say("I can't show this in a dialog. Close it, and type `%s` and the task's ID in the channel.", w.Command)
}

// ModalNoTask says that a task that was typed in the modal isn't one.
func (w Texts) ModalNoTask(err error) string {
	var bad *input.Error
	_ = errors.As(err, &bad)
	switch {
	case errors.Is(err, input.ErrTooManyTasks):
		return fmt.Sprintf("The limit is %s at once. Name fewer.", count(w.MaxTasks, "task"))
	case errors.Is(err, input.ErrReasonTooLong) && bad != nil:
		return w.ModalTooLong(bad.Length)
	case errors.Is(err, input.ErrForeignLink):
		return "That isn't a link to a Chamelio task. Paste the address of the task's own page, or type its ID."
	case errors.Is(err, input.ErrIDOutOfRange):
		return "That isn't a possible task ID. Check the number on the task's page."
	}
	return "That isn't a task ID or a link to a task. The ID is the number on the task's page."
}

// ModalNoneChosen says that no task is left to cancel.
func (w Texts) ModalNoneChosen() string {
	return "No task is selected. Select one, or close this dialog to keep them all."
}

// NotAskedForReason answers a click whose modal didn't open, or may not have opened: its
// person may have submitted it since. Another replica may have opened one for another
// delivery of the click.
func (w Texts) NotAskedForReason(c decision.Confirmation) Message {
	next := "press the button again"
	if !c.Public {
		next += ", or type " + w.again(c.IDs()...) + " and your reason"
	}
	return say("To cancel %s, I need a reason. If no dialog has asked you for it, %s.", w.asked(c), next)
}

// ModalEmpty says that the reason has no visible characters.
func (w Texts) ModalEmpty() string { return "Enter a reason." }

// ModalTooLong says that the reason is too long.
func (w Texts) ModalTooLong(length int) string {
	return fmt.Sprintf("That reason has %s characters; the limit is %d.", thousands(length), input.MaxReason)
}

// ModalNoRoom says that a reason within the limit is too long next to that many tasks.
func (w Texts) ModalNoRoom(c decision.Confirmation) string {
	return fmt.Sprintf("That reason is too long next to %s. Shorten it, or start again with fewer tasks.", count(len(c.Tasks), "task"))
}

// ModalExpired says that the time to confirm is over. Someone may have confirmed
// the prompt in time, or asked for a second person.
func (w Texts) ModalExpired(c decision.Confirmation) string {
	again := strings.Trim(w.again(c.IDs()...), "`")
	if c.Public {
		return fmt.Sprintf("It's too late to ask from here. If the request was posted in time, it's in the channel. To start again, type %s.", again)
	}
	return fmt.Sprintf("It's too late to confirm this here. If someone confirmed it in time, the result will be posted where the request was made. To start again, type %s.", again)
}

// ModalOutdated says that the modal's prompt doesn't verify.
func (w Texts) ModalOutdated() string {
	return fmt.Sprintf("This is no longer valid. Close it and start again, or type %s.", w.Command)
}

// ModalBusy says that there is no room for the click, or that the bot is
// stopping.
func (w Texts) ModalBusy(stopping bool) string {
	if stopping {
		return "I'm restarting. Try again in a minute."
	}
	return "I'm too busy right now. Try again in a minute."
}
