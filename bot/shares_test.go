package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// The response_urls of one channel hang, and many people type commands there.
func TestHangingChannelDelaysNoOther(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(1000, 10)
		w.slack.Break(slacktest.Fault{Method: "response_url", Channel: general, Hang: true})
		for p := range 60 {
			id := fmt.Sprintf("U0P%02d", p)
			w.slack.AddUser(slacktest.User{ID: id, Name: "p"})
			for i := range 5 {
				w.acked(w.slack.Slash(id, general, fmt.Sprintf("/cancel-task %d", 1000+i)))
			}
		}
		time.Sleep(time.Second)
		began := time.Now()
		prompt := w.wantPrompt(w.slash(linus, slacktest.Random, "/cancel-task 12345"))
		w.confirm(linus, prompt)
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("a command and a click elsewhere took %s", took)
		}
	})
}

// A request that may have been posted by the response_url isn't posted again.
func TestUnconfirmedRequestIsNotRepeated(t *testing.T) {
	for name, fault := range unclear("response_url") {
		fault.Times = 1
		t.Run("command: "+name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				w.slack.Break(fault)
				w.acked(w.slack.Slash(ada, slacktest.Legal, "/cancel-task 12345"))
				time.Sleep(2 * time.Minute)
				if n := len(w.slack.History(slacktest.Legal)); n != 1 {
					t.Errorf("%d requests for one command", n)
				}
				if said := w.slack.Private(ada, slacktest.Legal); len(said) != 1 || !strings.Contains(said[0].Text, "don't know whether your request") {
					t.Errorf("the requester reads %v", texts(said))
				}
			})
		})
		t.Run("modal: "+name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				modal := w.modal(ada, w.say(ada, slacktest.Legal, "stop <"+taskLink+"12345|this>?"))
				w.slack.Break(fault)
				w.submits(ada, modal, map[string]string{"reason": "a duplicate"})
				time.Sleep(2 * time.Minute)
				n := 0
				for _, m := range w.slack.History(slacktest.Legal) {
					if len(m.Buttons()) > 0 {
						n++
					}
				}
				if n != 1 {
					t.Errorf("%d requests for one modal", n)
				}
			})
		})
	}
}

// Clicks for which there is no room, not even for an answer, are on record.
func TestClicksWithoutRoomAreLogged(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "response_url", Hang: true})
		const clicks = 2048 + 256 + 10 // more than the bot takes on and turns away
		var all []*slacktest.Pending
		for i := range clicks {
			all = append(all, w.slack.Forge(fmt.Sprintf("U0P%04d", i), prompt, "cancel_task", "forged"))
		}
		for _, p := range all {
			w.acked(p)
		}
		time.Sleep(time.Second)
		if n := strings.Count(w.log.String(), `"answered":false`); n < 10 {
			t.Errorf("%d of at least 10 are in the log", n)
		}
	})
}
