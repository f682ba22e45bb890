package sandbox

import (
	"net/http"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// fault is something that can be broken on the page.
type fault struct {
	id, side, label string
	on              func(*Engine)
	off             func(*Engine) // besides mending both stand-ins
	once            bool          // it happens, and is over
}

var faults = []fault{
	{id: "api-slow", side: "Chamelio", label: "answers after 3 seconds", on: breakAPI(chameliotest.Fault{Delay: 3 * time.Second})},
	{id: "api-down", side: "Chamelio", label: "is down (502)", on: breakAPI(chameliotest.ProxyError())},
	{id: "api-busy", side: "Chamelio", label: "is busy (429)", on: breakAPI(busy(http.MethodPost))},
	{id: "api-cut", side: "Chamelio", label: "cancels, but the answer is lost", on: breakAPI(chameliotest.Fault{Method: http.MethodPost, CutAfter: true})},
	{id: "key", side: "Chamelio", label: "has revoked the key", on: func(e *Engine) { e.Chamelio.RefuseKey("API key has been revoked") }},
	{id: "no-post", side: "Slack", label: "lets the bot post nowhere", on: breakSlack(slacktest.Fault{Method: "chat.postMessage", Error: "channel_not_found"})},
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
var policies = []struct {
	id  string
	env []string
}{
	{"members", nil},
	{"second-person", []string{"REQUIRE_SECOND_PERSON=true"}},
	{"people-on-task", []string{"CANCEL_POLICY=people-on-task"}},
	{"listed", []string{"CANCEL_POLICY=listed", "ALLOWED_USERS=" + slacktest.Linus}},
}

// switches says what is broken and which policy is on.
func (w *web) switches() ([]viewFault, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []viewFault
	for _, f := range faults {
		all = append(all, viewFault{f.id, f.side, f.label, w.broken[f.id], f.once})
	}
	return all, w.policy
}

// toggle breaks or mends one thing and leaves the others as they are.
func (w *web) toggle(id string, on bool) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	known := false
	for _, f := range faults {
		if f.id != id {
			continue
		}
		known = true
		if f.once {
			f.on(w.engine)
			return true
		}
		w.broken[id] = on
	}
	w.engine.Slack.Mend()
	w.engine.Chamelio.Mend()
	for _, f := range faults {
		switch {
		case w.broken[f.id]:
			f.on(w.engine)
		case f.off != nil:
			f.off(w.engine)
		}
	}
	return known
}

// mend makes everything work again.
func (w *web) mend() {
	w.mu.Lock()
	w.broken = map[string]bool{}
	w.mu.Unlock()
	w.toggle("", false)
}
