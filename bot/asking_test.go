package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// A command asks for a second person, and Slack asks to wait. The request is posted
// when Slack takes it, while it is open. Otherwise its requester reads that it wasn't.
func TestRequestIsPostedOrItsRequesterReadsWhyNot(t *testing.T) {
	later := func(method, wait string) slacktest.Fault {
		return slacktest.Fault{Method: method, Status: 429, RetryAfter: wait, Times: 1}
	}
	for name, tt := range map[string]struct {
		channel string
		faults  []slacktest.Fault
		posted  bool
	}{
		"after 40 s":                       {slacktest.Legal, []slacktest.Fault{later("response_url", "40")}, true},
		"after 9 min":                      {slacktest.Legal, []slacktest.Fault{later("response_url", "540")}, true},
		"after a minute, by both":          {general, []slacktest.Fault{later("chat.postMessage", "60"), later("response_url", "60")}, true},
		"asked to wait until it has ended": {slacktest.Legal, []slacktest.Fault{later("response_url", "700")}, false},
		"refused":                          {slacktest.Legal, []slacktest.Fault{{Method: "response_url", Error: "invalid_blocks", Times: 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				for _, f := range tt.faults {
					w.slack.Break(f)
				}
				w.acked(w.slack.Slash(ada, tt.channel, "/cancel-task 12345"))
				time.Sleep(30 * time.Minute)
				posted, said := len(w.slack.History(tt.channel)), texts(w.slack.Private(ada, tt.channel))
				if not := strings.Count(fmt.Sprint(said), "couldn't post your request"); posted+not != 1 || tt.posted != (posted == 1) {
					t.Errorf("%d requests; Ada reads %q", posted, said)
				}
			})
		})
	}
}

// The process stops while a request waits until Slack takes it.
func TestStopWhileRequestWaits(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, _ := stoppable(t, secondPerson)
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60", Times: 1})
		w.acked(w.slack.Slash(ada, slacktest.Legal, "/cancel-task 12345"))
		time.Sleep(time.Second)
		w.must(w.stop())
		said := w.slack.Private(ada, slacktest.Legal)
		if len(w.slack.History(slacktest.Legal)) > 0 || len(said) != 1 || !strings.Contains(said[0].Text, "couldn't post your request") {
			t.Errorf("Ada reads %q", texts(said))
		}
	})
}

// A command or a submitted modal that asks for a second person is delivered to two
// replicas, also to both before one posts the request. It is posted once, and no one
// reads anything else outside the modal.
func TestRedeliveredRequestIsPostedOnce(t *testing.T) {
	for name, kind := range map[string]string{"command": "slash_commands", "modal": "interactive"} {
		for _, slow := range []time.Duration{0, 1500 * time.Millisecond} {
			t.Run(fmt.Sprintf("%s, posted after %s", name, slow), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w, _, o := withHook(t, secondPerson)
					w.replica(o)
					w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Delay: slow})
					var payload map[string]any
					if kind == "interactive" {
						modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
						payload = w.submission(ada, modal, modal.PrivateMetadata)
					} else {
						w.slack.AmendPayloads(func(_ string, command map[string]any) { payload = command })
						w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
					}
					for range 16 {
						w.acked(w.slack.Deliver(kind, payload))
					}
					time.Sleep(time.Minute)
					if n := w.requests(general); n != 1 || len(w.slack.Private(ada, general)) > 0 {
						t.Errorf("%d requests; Ada reads %q", n, texts(w.slack.Private(ada, general)))
					}
					if !strings.Contains(w.log.String(), "request delivered twice") {
						t.Error("only one replica got it")
					}
					if kind == "interactive" { // "I asked in …", or the same to a later delivery
						w.modalSays("in the end", "in <#"+general+">")
					}
				})
			})
		}
	}
}

// requests counts the open requests in a channel.
func (w *world) requests(channel string) (n int) {
	for _, m := range w.slack.History(channel) {
		if m.Button("cancel_task") != nil {
			n++
		}
	}
	return n
}

// The journal's answer is lost when a request is about to be posted: the bot asks again,
// and posts it. If the journal doesn't answer for long, the requester reads so.
func TestJournalFailsWhileRequestIsAsked(t *testing.T) {
	t.Run("an answer is lost", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			h.set(lostAnswers("BeginAsking", 2))
			w.ask(ada, general, "/cancel-task 12345")
			time.Sleep(time.Minute)
			if n := w.requests(general); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	})
	t.Run("away", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h, _ := withHook(t, secondPerson)
			h.set(func(op string, do func() error) error {
				if op == "BeginAsking" {
					return errCut
				}
				return do()
			})
			w.acked(w.slack.Slash(ada, general, "/cancel-task 12345"))
			time.Sleep(time.Minute)
			if said := w.said(ada); w.requests(general) != 0 || !strings.Contains(said, "If you don't see it in") {
				t.Errorf("Ada reads %s", said)
			}
			modal := w.modal(ada, w.say(grace, general, taskLink+"12345"))
			w.acked(w.slack.Deliver("interactive", w.submission(ada, modal, modal.PrivateMetadata)))
			time.Sleep(time.Minute)
			if shown := modalText(w.modalNow(ada)); w.requests(general) != 0 || !strings.Contains(shown, "If you don't see it in") {
				t.Errorf("the modal says %s", shown)
			}
		})
	})
}

// The process stops while the journal doesn't take a request that was posted. It is
// listed all the same, so that its message changes when it expires.
func TestStopWhileRequestIsListed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t, secondPerson, func(o *options) { o.bot.Grace = 300 * time.Millisecond })
		over := make(chan struct{}) // almost all of the time to finish
		h.set(func(op string, do func() error) error {
			select {
			case <-over:
				return do()
			default:
				return failing("Opened")(op, do)
			}
		})
		prompt := w.ask(ada, general, "/cancel-task 12345")
		time.AfterFunc(o.bot.Grace-time.Millisecond, func() { close(over) })
		w.must(w.stop())
		if n := w.count(`SELECT count(*) FROM requests`); n != 1 {
			t.Fatalf("%d requests are listed", n)
		}
		w.replica(o)
		time.Sleep(time.Until(w.endOf(prompt)) + carry.RequestGrace + time.Minute)
		if now := w.now(prompt); !ranOut(now.Text) {
			t.Errorf("it says: %s", now.Text)
		}
	})
}
