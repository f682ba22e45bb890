package texts

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// sample is one of the texts of the bot, as it would be sent.
type sample struct {
	Name   string // unique
	Part   string // of the conversation that it belongs to
	When   string // it appears
	Reader string // who sees it

	Text   string          // what notifications and screen readers say
	Blocks json.RawMessage // as sent to Slack
	Modal  bool            // the blocks are a modal's

	// UnderWay says that a cancel of the task may be under way when the text is
	// read, so it must not say anything about the task's state.
	UnderWay bool
}

// example is the data of which samples are made.
type example struct {
	task       chamelio.Task
	reason     string
	detail     string // what Chamelio says when it refuses
	typed      string // what could not be understood; usual mistakes if empty
	user       string // who asks
	other      string // who else there is
	channel    string
	permalink  string
	now        time.Time
	retryAfter time.Duration
}

// longest is data as long as what is shown of it can be.
func longest() example {
	wide := func(n int) string { return strings.Repeat("&", n) } // five characters once escaped
	id := strings.Repeat("W", 20)
	long := time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	at := chamelio.Timestamp{Time: long}
	return example{
		task: chamelio.Task{
			ID: 1<<63 - 1, URL: "https://app.chamelio.ai/" + strings.Repeat("a", 100) + "/tasks/9223372036854775807", Title: wide(10_000), Workflow: wide(10_000),
			Status: chamelio.InProgress, Step: wide(10_000), StepType: chamelio.StepSignature, StepsDone: 1 << 40, StepsTotal: 1 << 40,
			CreatedAt: at, UpdatedAt: at, CompletedAt: at, Owner: wide(10_000), Assignee: wide(10_000),
		},
		reason: wide(input.MaxReason), detail: wide(10_000), typed: wide(10_000), user: "U" + id, other: "W" + id, channel: "C" + id,
		permalink: "https://" + strings.Repeat("a", 63) + ".slack.com/archives/C" + id + "/p1234567890123456", now: long, retryAfter: 24 * time.Hour,
	}
}

// sampler collects samples of one example.
type sampler struct {
	Texts
	example
	all  []sample
	part string
}

func samples(w Texts, e example) []sample {
	s := &sampler{Texts: w, example: e}
	s.ofCommands()
	s.ofPrompts()
	s.ofClicks()
	s.ofOutcomes()
	s.ofSeveral()
	s.ofShortcut()
	s.ofRefusals()
	s.ofAudit()
	return s.all
}

func (s *sampler) add(name, when, reader string, m Message) {
	s.all = append(s.all, sample{Name: name, Part: s.part, When: when, Reader: reader, Text: m.Text, Blocks: encodeBlocks(m.Blocks)})
}

// during is add for what is read while a cancel may be under way.
func (s *sampler) during(name, when, reader string, m Message) {
	s.add(name, when, reader, m)
	s.all[len(s.all)-1].UnderWay = true
}

func encodeBlocks(blocks []slack.Block) json.RawMessage {
	raw, err := json.Marshal(blocks)
	if err != nil {
		panic(err) // structs of strings always encode
	}
	return raw
}

// confirmation is the example's. It goes through its signed form, as on its
// way through Slack, where a title may be shortened.
func (s *sampler) confirmation(public bool) decision.Confirmation {
	return decision.Confirmation{
		ID: "SAMPLE", Tasks: []decision.Named{s.named()}, Team: "T0", Channel: s.channel,
		Requester: s.user, Reason: input.Clean(s.reason), Public: public, RequestedAt: s.now, ExpiresAt: s.now.Add(10 * time.Minute),
	}
}

func (s *sampler) named() decision.Named {
	return NameOf(s.task)
}

func (s *sampler) decision(confirmer string, o decision.Outcome) decision.Record {
	c := s.confirmation(confirmer != s.user)
	d := decision.Record{
		ID: decision.ID(c.ID), Team: c.Team, Channel: c.Channel, Requester: c.Requester,
		Confirmer: confirmer, Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: s.now.Add(time.Minute),
	}
	for _, t := range c.Tasks {
		item := t.Item()
		item.Outcome, item.Detail = o, decision.Describe(s.task).Encode()
		d.Tasks = append(d.Tasks, item)
	}
	return d
}

const (
	toRequester = "only to the person who typed the command"
	toClicker   = "only to the person who clicked"
	toChannel   = "to everyone in the channel"
	toAudit     = "in the audit channel"
)

func (s *sampler) ofCommands() {
	s.part = "Answers to a command"
	id := s.task.ID
	bad := func(err error, typed string) Message {
		return s.NotUnderstood(&input.Error{Err: err, Input: cmp.Or(s.typed, typed), Length: 4000})
	}
	s.add("help", "They typed the command alone, or “help”.", toRequester, s.help())
	second := *s
	second.SecondPerson.Always = true
	s.add("help, second person", "The same, with `SECOND_PERSON=always`.", toRequester, second.help())
	second.SecondPerson, second.AsksReason = policy.SecondPerson{Workflows: []string{"NDA"}}, true
	s.add("help, second person for some", "The same, with `SECOND_PERSON=workflows` and `REQUIRE_REASON`.", toRequester, second.help())
	s.add("not a task", "What they typed is neither an id nor a link.", toRequester, bad(input.ErrNotATask, "globex"))
	s.add("foreign link", "They pasted a link to something else.", toRequester, bad(input.ErrForeignLink, "https://globex.example/tasks/12345"))
	s.add("id out of range", "The id is 0, or has too many digits.", toRequester, bad(input.ErrIDOutOfRange, "123456789012345678901"))
	s.add("long reason", fmt.Sprintf("The reason is longer than %d characters.", input.MaxReason), toRequester, bad(input.ErrReasonTooLong, "It was started twice, and …"))
	s.add("too many tasks", "They named more tasks than one command may.", toRequester, s.tooMany())
	s.add("too fast", "They typed more commands than one person may.", toRequester, s.TooFast(10))
	s.add("pause", "An operator has paused cancelling, and says why.", toRequester, s.Paused(cmp.Or(s.typed, "Chamelio is being upgraded until noon."), id))
	s.during("getting details", "They typed a command while Chamelio's rate limit is used up.", toRequester, s.GettingDetails(s.task.ID))
	s.add("overloaded", "The bot has too much to do. Also the answer to a click.", toRequester, s.Overloaded())
	s.add("restarting", "The bot is about to stop, and no other replica serves. Also the answer to a click.", toRequester, s.Restarting())
	none := func(name, when string, task chamelio.Task, err error) {
		m, _ := s.NoPrompt(id, task, err)
		s.add(name, when, toRequester, m)
	}
	none("no such task", "Chamelio has no such task.", chamelio.Task{}, &chamelio.Error{Kind: chamelio.ErrNotFound, Detail: "Task not found"})
	none("key refused", "Chamelio refuses the bot's key.", chamelio.Task{}, &chamelio.Error{Kind: chamelio.ErrUnauthorized, Reason: chamelio.KeyExpired})
	none("foreign key", "The key is one of another organisation than the journal.", chamelio.Task{}, &chamelio.Error{Kind: chamelio.ErrUnauthorized, Reason: chamelio.KeyForeign})
	for _, status := range []chamelio.Status{chamelio.Cancelled, chamelio.Completed, chamelio.Failed} {
		over := s.task
		if over.Status = status; status != chamelio.Cancelled {
			over.CompletedAt = over.UpdatedAt
		}
		none("already "+string(status), "The task has ended.", over, nil)
	}
}

func (s *sampler) tooMany() Message {
	var tasks []chamelio.TaskID
	for i := range s.MaxTasks + 1 {
		tasks = append(tasks, s.task.ID-chamelio.TaskID(i))
	}
	return s.NotUnderstood(&input.Error{Err: input.ErrTooManyTasks, Tasks: tasks})
}

func (s *sampler) ofPrompts() {
	s.part = "Prompts"
	const value = "…"
	private, public := s.confirmation(false), s.confirmation(true)
	bare := private
	bare.Reason = ""
	asking := s.Texts
	asking.AsksReason = true
	signature, other := s.task, s.task
	signature.StepType, other.StepType = chamelio.StepSignature, chamelio.StepAgent
	s.add("prompt", "The command was understood.", toRequester, s.Prompt(private, Preview{Tasks: []chamelio.Task{s.task}}, value))
	s.add("prompt at a signature", "The task waits for signatures.", toRequester, s.Prompt(private, Preview{Tasks: []chamelio.Task{signature}}, value))
	s.add("prompt without warning", "The task is at any other step.", toRequester, s.Prompt(private, Preview{Tasks: []chamelio.Task{other}}, value))
	doubtful := private
	doubtful.Reason = "12346 is the right one"
	s.add("prompt in doubt", "The reason begins with what could be a task, too.", toRequester, s.Prompt(doubtful, Preview{Tasks: []chamelio.Task{other}, Unsure: true}, value))
	s.add("prompt again", "They confirmed, the prompt said that I was checking, and then the check failed.", "in place of the prompt",
		s.PauseUnknown(private).Above(s.Prompt(private, Preview{Tasks: []chamelio.Task{s.task}}, value)))
	s.add("prompt without details", "Chamelio didn't send the details in time.", toRequester, s.Prompt(private, Preview{Tasks: []chamelio.Task{{}}}, value))
	s.add("prompt that will ask", "A reason is required, and none was typed.", toRequester, asking.Prompt(bare, Preview{Tasks: []chamelio.Task{other}}, value))
	s.add("request", "A second person has to confirm.", toChannel, s.Prompt(public, Preview{Tasks: []chamelio.Task{s.task}}, value))
	untitled := public
	untitled.Untitled = true
	s.add("request without title", "The same. The channel is shared with another organisation, and ANNOUNCE_IN_SHARED_CHANNELS is untitled.", toChannel, s.Prompt(untitled, Preview{Tasks: []chamelio.Task{s.task}}, value))
	alone := public
	alone.Reason = ""
	s.add("reason first", "A second person has to confirm and a reason is required, and none was typed.", toRequester, s.ReasonFirst(alone))
	modal := s.ReasonModal(bare)
	s.add("modal", "A reason is required, none was typed, and they clicked *Cancel task*.", toClicker,
		Message{Text: modal.Title.Text, Blocks: modal.Blocks.BlockSet})
	s.all[len(s.all)-1].Modal = true
	many := bare
	many.Tasks = make([]decision.Named, s.MaxTasks)
	wrong := func(name, when, text string) {
		s.during(name, when, toClicker+", in the modal", Message{Text: text})
	}
	wrong("modal empty", "Nothing can be seen of the reason.", s.ModalEmpty())
	wrong("modal too long", "The reason is too long.", s.ModalTooLong(input.MaxReason+1))
	wrong("modal, no room", "The reason has no room next to that many tasks.", s.ModalNoRoom(many))
	wrong("modal expired", "The prompt expired while the modal was open.", s.ModalExpired(bare))
	wrong("modal expired, second person", "The same, in a modal that was to ask for a second person.", s.ModalExpired(public))
	wrong("modal not ours", "The bot was set up anew while the modal was open.", s.ModalOutdated())
	wrong("modal busy", "The bot has too much to do.", s.ModalBusy(false))
	wrong("modal restarting", "The bot is about to stop.", s.ModalBusy(true))
	s.during("modal did not open", "Slack did not open the modal within three seconds.", toClicker, s.NotAskedForReason(bare))
	s.during("checking before a reason", "The check is slow, and a dialog is to ask for a reason.", toClicker+", below the prompt", s.CheckingReason(bare))
}
