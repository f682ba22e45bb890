package bot_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// traffic counts the requests that have arrived, and those in progress, by
// name: Slack's methods, and GET and POST for Chamelio's.
type traffic struct {
	mu       sync.Mutex
	arrived  map[string]int
	answered map[string]int
	atPOST   map[string]int // what had arrived when the cancel request did
}

var watched = []string{
	"auth.test", "users.info", "users.lookupByEmail", "usergroups.users.list", "chat.postMessage", "chat.update", "response_url", "views.open",
}

// watch starts to count. Every answer takes 80 ms.
func (w *world) watch() *traffic {
	c := &traffic{arrived: map[string]int{}, answered: map[string]int{}}
	count := func(of map[string]int, what string) {
		c.mu.Lock()
		defer c.mu.Unlock()
		of[what]++
	}
	for _, method := range watched {
		w.slack.Before(method, func(slacktest.Call) { count(c.arrived, method) })
		w.slack.After(method, func(slacktest.Call) { count(c.answered, method) })
	}
	w.api.OnReceived(func(r chameliotest.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if r.Method == http.MethodPost {
			c.atPOST = maps.Clone(c.arrived)
		}
		c.arrived[r.Method]++
	})
	w.slack.Break(slacktest.Fault{Delay: 80 * time.Millisecond})
	w.api.Break(chameliotest.Fault{Delay: 80 * time.Millisecond})
	return c
}

// under returns a policy and whatever the person needs to be allowed by it.
func under(name string) func(*options) {
	rules := map[string]policy.Rules{
		"members":          {},
		"people on task":   {Mode: policy.PeopleOnTask},
		"listed":           {Mode: policy.Listed, Usergroups: []policy.GroupID{leads}},
		"second, by group": {SecondPerson: policy.SecondPerson{Workflows: []string{"another"}}, Approvers: []string{leads}},
	}
	return func(o *options) { o.bot.Policy = rules[name] }
}

// Law 16: between a click with fresh facts and the cancel request there is no
// request to anyone.
func TestNoRequestBetweenFreshClickAndPOST(t *testing.T) {
	for _, name := range []string{"members", "people on task", "listed", "second, by group"} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, under(name))
				w.slack.SetScopes(allScopes...)
				w.slack.SetGroup(leads, ada)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				time.Sleep(30 * time.Second)
				c := w.watch()
				clicked := time.Now()
				w.confirm(ada, prompt)
				delete(c.atPOST, "GET") // of the announcement's details, next to the POST: it may come first
				if len(c.atPOST) > 0 {
					t.Errorf("before the POST: %v", c.atPOST)
				}
				for _, r := range w.api.Requests() {
					if wait := r.At.Sub(clicked); r.Method == http.MethodPost && wait != 0 {
						t.Errorf("the POST came %v after the click", wait)
					}
				}
				if age := w.row().FactsAge; age < 30*time.Second || age > 31*time.Second {
					t.Errorf("the journal says that the facts were %v old", age)
				}
				if !strings.Contains(w.log.String(), `"msg":"decided","confirmation"`) || !strings.Contains(w.log.String(), `"facts_age_seconds":30.`) {
					t.Errorf("the facts' age isn't logged:\n%s", w.log)
				}
			})
		})
	}
}

// Facts that are too old are fetched again, each once and all in parallel, and
// the claim waits for them.
func TestOldFactsAreFetchedBeforePOST(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"members":          {"users.info": 1},
		"people on task":   {"users.info": 1, "GET": 1},
		"listed":           {"users.info": 1, "usergroups.users.list": 1},
		"second, by group": {"users.info": 1, "GET": 1},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, under(name))
				w.slack.SetScopes(allScopes...)
				w.slack.SetGroup(leads, ada)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				time.Sleep(61 * time.Second)
				c := w.watch()
				clicked := time.Now()
				w.confirm(ada, prompt)
				if c.atPOST["GET"]--; c.atPOST["GET"] < want["GET"] { // one for the announcement's details, next to the POST: it may come first
					c.atPOST["GET"]++
				}
				if c.atPOST["GET"] == 0 {
					delete(c.atPOST, "GET")
				}
				if !maps.Equal(c.atPOST, want) {
					t.Errorf("before the POST: %v, want %v", c.atPOST, want)
				}
				for _, r := range w.api.Requests() {
					if wait := r.At.Sub(clicked); r.Method == http.MethodPost && wait != 80*time.Millisecond {
						t.Errorf("the POST came after %v, not after one round trip", wait)
					}
				}
			})
		})
	}
}

// Someone who has lost the right is refused once the facts are too old, and at
// once by a replica that never had them.
func TestDemotionBetweenPromptAndClick(t *testing.T) {
	demoted := slacktest.User{ID: ada, Name: "ada", IsRestricted: true}
	t.Run("61 s later", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.slack.AddUser(demoted)
			time.Sleep(61 * time.Second)
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("a refusal", func() bool { return settled(w.now(prompt)) })
			w.noCancel()
		})
	})
	t.Run("another replica", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			var o options
			w := newWorld(t, func(all *options) { o = *all })
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			w.must(w.stop())
			w.slack.AddUser(demoted)
			o.journal = w.journal
			stop := w.start(o)
			defer func() { w.must(stop()) }()
			w.eventually("it connects", func() bool { return w.slack.Connections() == 2 })
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("a refusal", func() bool { return settled(w.now(prompt)) })
			w.noCancel()
		})
	})
}

// A command asks Slack about the person and Chamelio about the task in
// parallel.
func TestCommandFetchesPersonAndTaskInParallel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.watch()
		typed := time.Now()
		w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		if c.arrived["users.info"] != 1 || c.arrived["GET"] != 1 {
			t.Errorf("%v", c.arrived)
		}
		for _, call := range w.slack.Calls() {
			if wait := call.At.Sub(typed); call.Method == "response_url" && wait > 160*time.Millisecond+time.Millisecond {
				t.Errorf("the prompt was posted after %v", wait)
			}
		}
	})
}

// A flood of commands from someone who isn't allowed leaves the key's rate
// limit to others.
func TestRefusedFloodSparesRateLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.rateLimit = 60; o.bot.CommandsPerMinute = 100 })
		c := w.watch()
		for range 100 {
			w.slack.Slash(slacktest.Guest, general, "/cancel-task 12345")
		}
		w.eventually("all are answered", func() bool { return len(w.slack.Private(slacktest.Guest, general)) == 100 })
		for _, m := range w.slack.Private(slacktest.Guest, general) {
			if strings.Contains(m.Text, "Globex") { // the task's title
				t.Errorf("someone who isn't allowed reads: %s", m.Text)
			}
		}
		if c.arrived["GET"] > 1 || c.arrived["users.info"] > 5 {
			t.Errorf("a hundred refused commands cost %v", c.arrived)
		}
		typed := time.Now()
		w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		if took := time.Since(typed); took > time.Second {
			t.Errorf("Ada waits %v", took)
		}
	})
}

// After Chamelio's answer, the announcement only waits for the record of the
// outcome: the GET of the task's step was sent in parallel with the cancel request.
// The prompt's last update runs in parallel with the announcement.
func TestAnnouncementWaitsForNoOtherRequest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		c := w.watch()
		clicked := time.Now()
		w.confirm(ada, prompt)
		if c.answered["response_url"] != 1 || c.answered["chat.postMessage"] != 1 || c.arrived["GET"] != 1 {
			t.Errorf("%v", c.arrived)
		}
		for _, call := range w.slack.Calls() {
			if took := call.At.Sub(clicked); call.Method == "chat.postMessage" && took > 161*time.Millisecond {
				t.Errorf("the announcement was there after %v: more than two answers", took)
			}
		}
	})
	for slow, other := range map[string]string{"response_url": "chat.postMessage", "chat.postMessage": "response_url"} {
		t.Run(slow+" is slow", func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: slow, Delay: 8 * time.Second, Times: 1})
				c := w.watch()
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(4 * time.Second)
				c.mu.Lock()
				defer c.mu.Unlock()
				if c.arrived[slow] != 1 || c.answered[slow] != 0 || c.answered[other] != 1 {
					t.Errorf("arrived %v, answered %v", c.arrived, c.answered)
				}
			})
		})
	}
}
