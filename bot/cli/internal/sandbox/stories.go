package sandbox

import (
	"net/http"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// story is a scene, played step by step, with a sentence on what to watch. It
// sets what it needs, and what was set before is put back when it ends.
type story struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	Shows string `json:"shows"`
	Takes string `json:"takes"`

	policy   string
	settings []string // of the bot's environment, besides the policy's
	steps    []step
}

// step is something that happens, and who looks on.
type step struct {
	as    string // Ada if empty
	watch string
	tab   string // of what goes on behind the scenes; "" leaves it
	do    doing
}

const twoPeople = "second-person"

var stories = []story{
	{ID: "happy", Title: "It just works", Shows: "a prompt that only you see, a click, and a channel that knows", Takes: "5 s", policy: "members", steps: []step{
		{watch: "Ada typed the command, and the bot shows her which task that is.", tab: "requests", do: ask},
		{as: slacktest.Grace, watch: "You are Grace now, in the same channel. There is nothing here: the prompt is Ada's alone."},
		{watch: "Ada pressed Cancel task. Everybody reads who cancelled what and why. Chamelio got one cancel request, and the journal has the row.", do: press(decision.Cancelled)},
	}},
	{ID: "keep", Title: "On second thoughts", Shows: "Keep it: nothing is cancelled, and that is on record", Takes: "3 s", policy: "members", steps: []step{
		{watch: "Ada typed the command, and looks at what it is about.", tab: "journal", do: ask},
		{watch: "Ada pressed Keep it. Chamelio got no cancel request, and the journal says that the request was withdrawn: this prompt can't be confirmed any more, by no replay either.", do: keep},
	}},
	{ID: "pair", Title: "Never alone", Shows: "a policy under which somebody else has to confirm", Takes: "5 s", policy: twoPeople, steps: []step{
		{watch: "The policy wants a second person, so Ada's prompt is one that the whole channel sees.", do: ask},
		{watch: "Ada pressed Cancel task herself. She's told, in private, that it doesn't count.", do: pressInVain},
		{as: slacktest.Grace, watch: "You are Grace, and you confirmed. The channel reads who asked and who confirmed.", tab: "journal", do: confirm(slacktest.Grace, decision.Cancelled)},
	}},
	{ID: "expired", Title: "Nobody says yes", Shows: "a second person who comes too late: the request has run out", Takes: "30 s", policy: twoPeople, settings: []string{"CONFIRM_TIMEOUT=10s"}, steps: []step{
		{watch: "Ada asked, and somebody else has to confirm it within 10 seconds: that's how this bot is set now.", do: ask},
		{as: slacktest.Grace, watch: "You are Grace, and you were at lunch: the 10 seconds are over.", do: letItRunOut},
		{as: slacktest.Grace, watch: "Grace pressed Cancel task all the same. It didn't count: once every click that came in time is judged, the prompt says that the request ran out, and the task still runs.", tab: "requests", do: pressTooLate},
	}},
	{ID: "finished", Title: "Somebody finished it first", Shows: "Chamelio refuses, and the bot looks why", Takes: "5 s", policy: "members", steps: []step{
		{watch: "Ada typed the command and looks at the prompt.", tab: "requests", do: ask},
		{watch: "Meanwhile the task was completed in Chamelio: see its state among the tasks.", do: complete},
		{watch: "Ada pressed Cancel task. Chamelio answered 409, the bot asked for the task to learn why, and the channel reads that it had completed.", do: press(decision.NotCancellable)},
	}},
	{ID: "revoked", Title: "The key was revoked", Shows: "who has to do what, in plain words", Takes: "5 s", policy: "members", steps: []step{
		{watch: "Ada typed the command and looks at the prompt.", tab: "requests", do: ask},
		{watch: "Meanwhile somebody revoked the bot's key: see the switch under Break things.", do: revoke},
		{watch: "Ada pressed Cancel task. The channel reads that the task is untouched, why, and whom to tell.", do: press(decision.RejectedKey)},
	}},
	{ID: "crash", Title: "A crash in the middle", Shows: "kill -9 between the request and its answer, and nothing is lost", Takes: "20 s", policy: "members", steps: []step{
		{watch: "Ada typed the command and looks at the prompt.", tab: "journal", do: ask},
		{watch: "Ada pressed Cancel task, the request went out, and right then the bot was killed. The prompt says that it's being cancelled, the channel knows nothing, and the journal holds a decision without an outcome.", tab: "log", do: crash},
		{watch: "The bot was started again. It found the decision in its journal, asked Chamelio what had become of it instead of cancelling once more, and told the channel.", tab: "requests", do: resume},
	}},
	{ID: "unknown", Title: "Nobody can say", Shows: "an outcome that's unknown, said so, and settled later", Takes: "30 s", policy: "members", steps: []step{
		{watch: "Ada typed the command and looks at the prompt.", tab: "requests", do: ask},
		{watch: "Ada pressed Cancel task. Chamelio did it but answered 500, and when the bot looked, its key was refused. So it says the only true thing: it doesn't know yet.", do: answerLost},
		{watch: "The key works again. The bot looked once more, by itself, and replied in the thread: now everybody knows. No second cancel was sent.", tab: "journal", do: settled},
	}},
	{ID: "replicas", Title: "Two replicas, one killed", Shows: "the other one finishes what it had begun", Takes: "20 s", policy: "members", steps: []step{
		{watch: "A second replica runs on the same journal: see The bot. Ada typed the command; either may have answered.", tab: "log", do: withTwo},
		{watch: "Ada pressed Cancel task, and the replica that took the click was killed with the request under way. Nobody starts it again.", tab: "log", do: crashOwner},
		{watch: "The lease ran out, the other replica took the decision over, looked at the task, and told the channel. Chamelio got one cancel request.", tab: "requests", do: takenOver},
	}},
	{ID: "rolling", Title: "A rolling restart", Shows: "a new version takes over while people type, and old prompts still count", Takes: "20 s", policy: "members", steps: []step{
		{watch: "Ada typed the command. The bot that made this prompt is about to be replaced.", tab: "log", do: ask},
		{watch: "A new replica was started beside the old one, and the old one has noticed it.", tab: "log", do: startNew},
		{as: slacktest.Grace, watch: "The old one was told to stop, and handed its connections back to Slack first. Grace typed a command right then: the new one answered it.", do: replaceOld},
		{watch: "Ada pressed the button of the old bot's prompt. The new one knows it, and the channel reads the outcome.", tab: "journal", do: press(decision.Cancelled)},
	}},
}

// lostAnswer lets the cancel take effect and the bot learn nothing of it.
func lostAnswer(task int64) *fault {
	return &fault{side: "Chamelio", label: "cancels, answers 500, and refuses the key when asked", on: func(e *Engine) {
		e.Chamelio.Break(chameliotest.Fault{Method: http.MethodPost, Task: task, Status: http.StatusInternalServerError, Body: `{"detail":"Failed to cancel task"}`, AfterEffect: true})
		e.Chamelio.Break(chameliotest.Fault{Method: http.MethodGet, Task: task, Status: http.StatusUnauthorized, Body: `{"detail":"API key has been revoked"}`})
	}}
}

// slowAnswer lets the cancel take effect, and be answered only after a while.
func slowAnswer(task int64) *fault {
	return &fault{side: "Chamelio", label: "takes a second and a half to cancel", on: func(e *Engine) {
		e.Chamelio.Break(chameliotest.Fault{Method: http.MethodPost, Task: task, Delay: 1500 * time.Millisecond})
	}}
}
