package sandbox

import (
	"maps"
	"net/http"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// fault is something that can be broken on the page.
type fault struct {
	id, side, label string
	on              func(*Engine)
	off             func(*Engine) // in addition to clearing the faults of both fakes
	once            bool          // it happens, and is over
}

var faults = []fault{
	{id: "api-slow", side: "Chamelio", label: "answers after 3 seconds", on: breakAPI(chameliotest.Fault{Delay: 3 * time.Second})},
	{id: "api-down", side: "Chamelio", label: "is down (502)", on: breakAPI(chameliotest.ProxyError())},
	{id: "api-busy", side: "Chamelio", label: "is busy (429)", on: breakAPI(busy(http.MethodPost))},
	{id: "api-cut", side: "Chamelio", label: "cancels, but the answer is lost", on: breakAPI(chameliotest.Fault{Method: http.MethodPost, CutAfter: true})},
	{id: "key", side: "Chamelio", label: "has revoked the key", on: func(e *Engine) { e.Chamelio.RefuseKey("API key has been revoked") }},
	{id: "no-post", side: "Slack", label: "refuses the bot’s posts, but not its answers to clicks", on: breakSlack(slacktest.Fault{Method: "chat.postMessage", Error: "channel_not_found"})},
	{id: "slow-posts", side: "Slack", label: "takes a message every 5 seconds", on: func(e *Engine) { e.Slack.LimitPosts(5 * time.Second) }, off: func(e *Engine) { e.Slack.LimitPosts(0) }},
	{id: "slack-down", side: "Slack", label: "is down (503)", on: breakSlack(slacktest.Fault{Status: http.StatusServiceUnavailable})},
	{id: "refresh", side: "Slack", label: "Refresh a connection", on: func(e *Engine) { e.Slack.Disconnect("refresh_requested", 10*time.Second) }, once: true},
	{id: "cut", side: "Slack", label: "Cut all connections", on: func(e *Engine) { e.Slack.Cut() }, once: true},
}

func busy(method string) chameliotest.Fault {
	f := chameliotest.Busy("5")
	f.Method = method
	return f
}

func breakAPI(f chameliotest.Fault) func(*Engine) { return func(e *Engine) { e.Chamelio.Break(f) } }
func breakSlack(f slacktest.Fault) func(*Engine)  { return func(e *Engine) { e.Slack.Break(f) } }

// policies are what can be tried, with the environment that sets each.
var policies = []policyChoice{
	{"members", "every member", nil},
	{"second-person", "members, with a second person", []string{"SECOND_PERSON=always"}},
	{"people-on-task", "only the people on the task", []string{"CANCEL_POLICY=people-on-task"}},
	{"listed", "listed: only Linus", []string{"CANCEL_POLICY=listed", "ALLOWED_USERS=" + slacktest.Linus}},
}

type policyChoice struct {
	ID    string `json:"id"`
	Label string `json:"label"`
	env   []string
}

func policyOf(id string) (policyChoice, bool) {
	for _, p := range policies {
		if p.ID == id {
			return p, true
		}
	}
	return policyChoice{}, false
}

// toggle switches one fault on or off, and leaves the others as they are.
func (w *web) toggle(id string, on bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range faults {
		switch {
		case f.id != id:
		case f.once:
			f.on(w.engine)
			return true
		default:
			w.broken[id] = on
			w.applyFaults()
			return true
		}
	}
	return false
}

// setBroken switches exactly these faults on, and a story's own, which is nil for
// none.
func (w *web) setBroken(broken map[string]bool, byStory *fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken, w.byStory = maps.Clone(broken), byStory
	w.applyFaults()
}

// applyFaults sets the faults of the fakes to what the switches say. Must be called with mu held.
func (w *web) applyFaults() {
	w.engine.Slack.ClearFaults()
	w.engine.Chamelio.ClearFaults()
	if w.byStory != nil {
		w.byStory.on(w.engine)
	}
	for _, f := range faults {
		switch {
		case w.broken[f.id]:
			f.on(w.engine)
		case f.off != nil:
			f.off(w.engine)
		}
	}
}
