package sandbox

import (
	"net/http"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// story is a scene that is played step by step. It sets what it needs, and
// restores what was set before when it ends.
type story struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Shows string   `json:"shows"`
	Offer string   `json:"offer"` // as a button at the end of another story
	Steps int      `json:"steps"`
	Then  []string `json:"then"` // the stories that its end offers
	More  bool     `json:"more"` // for engineers

	policy   string
	settings []string // of the bot's environment, in addition to the policy's
	lead     lead
	steps    []step
}

// step is one click. Its texts are mrkdwn; {task}, {tasks} and {command} are the
// scene's.
type step struct {
	as    string // who watches; Ada if empty
	label string // of the button that plays it
	watch string
	tab   string // behind the scenes; "" leaves it
	hand  hand   // the action in Slack that plays it, too
	do    doing
}

// hand is an action that a person can do in Slack instead of pressing the
// story's button.
type hand struct{ by, action string }

// The actions in addition to the buttons of messages.
const (
	useMenu     = "menu"
	submitModal = "submit"
)

var (
	adaConfirms   = hand{slacktest.Ada, "cancel_task"}
	adaKeeps      = hand{slacktest.Ada, "keep_task"}
	linusConfirms = hand{slacktest.Linus, "cancel_task"}
)

const twoPeople = "second-person"

// typed is the first step of most stories.
var typed = step{label: "Cancel task {task}", watch: "The button typed `{command}` for you. Only you see this prompt, and nothing has happened yet.", tab: "timeline", do: ask}

// allStories lists the stories in the order of the page.
func allStories() []story {
	all := append(mainStories(), moreStories()...)
	for i := range all {
		all[i].Steps = len(all[i].steps)
		if all[i].lead == nil {
			all[i].lead = asksFor
		}
		if all[i].Then == nil && i+1 < len(all) {
			all[i].Then = []string{all[i+1].ID}
		}
	}
	return all
}

func mainStories() []story {
	return []story{
		{ID: "happy", Title: "It just works", Shows: "Only you see the prompt; everyone sees the result.", Offer: "Cancel another task", policy: "members", lead: asksForOpen, Then: []string{"crash", "pair", "batch"}, steps: []step{
			typed,
			{label: "Press Cancel task", watch: "Done. Everyone in #general sees who cancelled what, and why. Chamelio got one cancel request.", tab: "timeline", hand: adaConfirms, do: confirm(slacktest.Ada, decision.Cancelled)},
			{as: slacktest.Grace, label: "See it as Grace", watch: "You are Grace now. Ada’s prompt was hers alone; the result is for everyone. That was the whole thing.", tab: "journal"},
		}},
		{ID: "pair", Title: "Never alone", Shows: "A second person has to approve.", Offer: "Require a second person", policy: twoPeople, steps: []step{
			{label: "Cancel task {task}", watch: "You typed `{command}`. Two people are required here, so everyone in the channel sees your request.", tab: "timeline", do: ask},
			{label: "Try to approve it yourself", watch: "You can’t approve your own request. Only you see that answer, and Chamelio got no cancel request.", hand: adaConfirms, do: confirmAlone},
			{as: slacktest.Linus, label: "Approve it as Linus", watch: "You are Linus now, and you approved. Anyone who may cancel can approve, except the person who asked. The channel sees both names.", tab: "journal", hand: linusConfirms, do: confirm(slacktest.Linus, decision.Cancelled)},
		}},
		{ID: "message", Title: "From a message", Shows: "The menu of a message with a link is enough.", Offer: "Cancel it from a message", policy: "members", lead: linksTo, steps: []step{
			{watch: "Grace posted a link in this thread. The menu of every message, ⋮, has *Cancel Chamelio task*.", tab: "timeline", do: nothing},
			{label: "Choose it from the menu", watch: "The dialog found the task in Grace’s message. Add a reason if you like.", hand: hand{slacktest.Ada, useMenu}, do: chooseInMenu},
			{label: "Cancel the task", watch: "The result is in the thread, where the question was, and the channel sees it, too.", tab: "journal", hand: hand{slacktest.Ada, submitModal}, do: submit},
		}},
		{ID: "batch", Title: "A batch of duplicates", Shows: "Five tasks, one prompt, one announcement.", Offer: "A batch of duplicates", policy: "members", lead: asksForFive, steps: []step{
			{label: "Cancel five tasks", watch: "You typed `{command}`. One prompt lists all five copies. Only you see it.", tab: "timeline", do: ask},
			{label: "Confirm all five", watch: "One announcement for the channel, one line per task. Each task has its own row in the bot’s journal.", tab: "journal", hand: adaConfirms, do: confirmBatch},
		}},
		{ID: "crash", Title: "A crash in the middle", Shows: "Killed between request and answer: nothing is lost.", Offer: "Let it crash in the middle", policy: "members", steps: []step{
			{label: typed.label, watch: typed.watch, tab: "timeline", do: ask},
			{label: "Press Cancel task, then kill the bot", watch: "The bot was killed while its request was under way. The channel knows nothing yet, but the decision is saved in the bot’s journal.", tab: "timeline", hand: adaConfirms, do: crash},
			{label: "Start the bot again", watch: "The restarted bot went on with the decision: it asked Chamelio what had happened, didn’t cancel twice, and announced the result.", tab: "timeline", do: resume},
		}},
		{ID: "unknown", Title: "No clear answer", Shows: "The bot says what it knows, and corrects itself later.", Offer: "Get no clear answer", policy: "members", steps: []step{
			typed,
			{label: "Press Cancel task", watch: "Chamelio cancelled the task, but answered the request with an error. When the bot asked what had happened, Chamelio refused its key. That’s why the announcement says “not confirmed yet”.", tab: "timeline", hand: adaConfirms, do: loseAnswer},
			{label: "Let Chamelio accept the key again", watch: "The bot checked again by itself. It corrected its announcement, and a reply in the thread says so. There was no second cancel request.", tab: "timeline", do: settled},
		}},
		{ID: "guest", Title: "Who may not", Shows: "Guests, and people who aren’t on the list.", Offer: "See who may not", policy: "listed", Then: []string{"happy"}, steps: []step{
			{as: slacktest.Guest, label: "Try it as Gil", watch: "You are Gil, a guest, and you typed `{command}`. Only you see the refusal.", tab: "timeline", do: refusedTo(slacktest.Guest)},
			{label: "Try it as Ada", watch: "You are Ada, a full member. But in this story the bot was started with a list of the people who may cancel (`ALLOWED_USERS`), and only Linus is on it. Only you see this refusal, too.", do: refusedTo(slacktest.Ada)},
			{as: slacktest.Linus, label: "Try it as Linus", watch: "You are Linus, and you get the prompt. Until you confirm, Chamelio gets no cancel request.", do: askAs(slacktest.Linus)},
		}},
	}
}

func moreStories() []story {
	return []story{
		{ID: "replicas", Title: "Two replicas, one killed", Shows: "The other one finishes the job.", Offer: "Kill one of two replicas", More: true, policy: "members", steps: []step{
			{label: typed.label, watch: "Two replicas share one journal. You typed `{command}`, and one of them answered.", tab: "timeline", do: withTwo},
			{label: "Press Cancel task, then kill that replica", watch: "The replica that took your click was killed while its request was under way. It stays down.", tab: "timeline", hand: adaConfirms, do: crashOwner},
			{label: "Wait for the other one", watch: "The other replica noticed that the first one was dead. It took over, checked the task and announced the result. Chamelio got one cancel request.", tab: "timeline", do: takenOver},
		}},
		{ID: "rolling", Title: "A rolling restart", Shows: "A new version takes over while people type.", Offer: "Restart it while people type", More: true, policy: "members", steps: []step{
			{label: typed.label, watch: "You typed `{command}`. The process that made this prompt is about to be replaced.", tab: "timeline", do: ask},
			{label: "Start the new one", watch: "A new replica runs, and the old one has noticed it.", tab: "timeline", do: startNew},
			{as: slacktest.Grace, label: "Stop the old one while Grace types", watch: "You are Grace. The old replica handed its connections back to Slack before it stopped. Right then you typed `{command}`, and the new one answered.", tab: "log", do: replaceOld},
			{label: "Press Cancel task as Ada", watch: "You are Ada. You pressed the button of the old replica’s prompt, and the new one accepted it.", tab: "journal", hand: adaConfirms, do: confirm(slacktest.Ada, decision.Cancelled)},
		}},
		{ID: "expired", Title: "No one approves in time", Shows: "A request that runs out is closed, and nothing is cancelled.", Offer: "Let a request expire", More: true, policy: twoPeople, settings: []string{"CONFIRM_TIMEOUT=10s"}, steps: []step{
			{label: typed.label, watch: "You typed `{command}`. Someone else has to approve within 10 seconds: that’s how this bot is set now.", tab: "timeline", do: ask},
			{as: slacktest.Grace, label: "Wait as Grace", watch: "You are Grace, and you were at lunch. The bot closed the request by itself: no one can approve it any more, and the task still runs.", tab: "timeline", do: letItRunOut},
		}},
		{ID: "finished", Title: "Someone finished it first", Shows: "Chamelio refuses, and the bot finds out why.", Offer: "Finish the task first", More: true, policy: "members", steps: []step{
			typed,
			{label: "Complete it in Chamelio", watch: "Someone completed the task in Chamelio. Your prompt doesn’t know that.", do: complete},
			{label: "Press Cancel task", watch: "Chamelio answered 409, the bot asked for the task to learn why, and the channel sees that it had completed.", tab: "timeline", hand: adaConfirms, do: confirm(slacktest.Ada, decision.NotCancellable)},
		}},
		{ID: "revoked", Title: "The key was revoked", Shows: "The message says what to do, and who has to do it.", Offer: "Revoke the API key", More: true, policy: "members", steps: []step{
			typed,
			{label: "Revoke the key", watch: "Someone revoked the bot’s API key. See the switch under *Policy &amp; faults*.", do: revoke},
			{label: "Press Cancel task", watch: "The channel sees that the task is untouched, and why.", tab: "timeline", hand: adaConfirms, do: confirm(slacktest.Ada, decision.RejectedKey)},
		}},
		{ID: "keep", Title: "On second thoughts", Shows: "Keep the task: nothing is cancelled, and that’s on record.", Offer: "Keep a task", More: true, policy: "members", Then: []string{"happy"}, steps: []step{
			typed,
			{label: "Press Keep", watch: "Chamelio got no cancel request, and the journal says that the prompt was withdrawn. It can’t be confirmed any more.", tab: "journal", hand: adaKeeps, do: keep},
		}},
	}
}

// lostAnswer holds a cancel request until a channel is closed. Then the cancel takes
// effect, and the answer is an error.
func lostAnswer(task int64, until <-chan struct{}) *fault {
	return &fault{side: "Chamelio", label: "cancels, but answers 500", on: func(e *Engine) {
		failing := chameliotest.ServerError(true)
		failing.Method, failing.Task, failing.Until = http.MethodPost, task, until
		e.Chamelio.Break(failing)
	}}
}

// refusedKey refuses the key when the bot asks for a task.
func refusedKey(task int64) *fault {
	return &fault{side: "Chamelio", label: "refuses the key (401)", on: func(e *Engine) {
		e.Chamelio.Break(chameliotest.Fault{Method: http.MethodGet, Task: task, Status: http.StatusUnauthorized, Body: `{"detail":"API key has been revoked"}`})
	}}
}

// slowAnswer holds a cancel request until a channel is closed.
func slowAnswer(task int64, until <-chan struct{}) *fault {
	return &fault{side: "Chamelio", label: "takes long to cancel", on: func(e *Engine) {
		e.Chamelio.Break(chameliotest.Fault{Method: http.MethodPost, Task: task, Until: until})
	}}
}

// slowAnswers takes seconds to cancel all tasks but the first two, so that the
// prompt says how many are done.
func slowAnswers(tasks []int64) *fault {
	return &fault{side: "Chamelio", label: "takes seconds for some tasks", on: func(e *Engine) {
		for i, task := range tasks {
			delay := time.Duration(i+1) * 150 * time.Millisecond
			if i >= 2 {
				delay = time.Duration(i+1) * 700 * time.Millisecond
			}
			e.Chamelio.Break(chameliotest.Fault{Method: http.MethodPost, Task: task, Delay: delay})
		}
	}}
}
