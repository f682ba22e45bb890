package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Law 10: no one holds up another.

// manyPrompts types commands about tasks from 1000 on, each in its own
// channel, and returns the prompts.
func (w *world) manyPrompts(n int) []slacktest.Message {
	w.Helper()
	w.api.Add(1000, n)
	for i := range n {
		w.place(fmt.Sprintf("C0MANY%d", i))
		w.acked(w.slack.Slash(ada, fmt.Sprintf("C0MANY%d", i), fmt.Sprintf("/cancel-task %d", 1000+i)))
	}
	var prompts []slacktest.Message
	w.eventually("all prompts", func() bool {
		prompts = prompts[:0]
		for _, m := range w.slack.All() {
			if m.Button("cancel_task") != nil {
				prompts = append(prompts, m)
			}
		}
		return len(prompts) == n
	})
	return prompts
}

func TestChannelsAreServedInParallel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AnnounceGap = time.Second })
		const channels = 200
		prompts := w.manyPrompts(channels)
		started := time.Now()
		for _, m := range prompts {
			w.slack.Click(ada, m, "cancel_task")
		}
		w.eventually("all are told", func() bool { return w.announced() == channels })
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%d channels were told in %s", channels, took)
		}
	})
}

// presses makes someone press *Cancel task* again and again, with pauses.
func (w *world) presses(user string, request slacktest.Message, times int, pause time.Duration) {
	w.Helper()
	for range times {
		w.acked(w.slack.Click(user, request, "cancel_task"))
		time.Sleep(pause)
	}
}

// People press again and again where Slack takes no answers to clicks. Announcements don't
// wait for these answers.
func TestHangingAnswersDelayNoAnnouncement(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		request := w.ask(ada, general, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Hang: true})
		w.presses(slacktest.Guest, request, 60, 300*time.Millisecond)
		began := time.Now()
		w.acked(w.slack.Click(grace, request, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the channel read nothing for %s", took)
		}
	})
}

// Slack is slow to take answers to someone who presses again and again. Answers to other
// people there don't wait for them.
func TestSlowAnswersDelayNoOneElse(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		request := w.ask(ada, general, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 9 * time.Second, Times: 60})
		w.presses(slacktest.Guest, request, 60, 100*time.Millisecond)
		began := time.Now()
		w.acked(w.slack.Click(ada, request, "cancel_task")) // her own request
		w.eventually("an answer", func() bool { return len(w.slack.Private(ada, general)) > 0 })
		if took := time.Since(began); took > 10*time.Second { // hers takes nine
			t.Errorf("Ada read nothing for %s", took)
		}
	})
}

// Slack is slow to take answers, and someone presses a button on their own request again and
// again, which is refused. Then they withdraw it. Its text doesn't wait for the refusals.
func TestOwnAnswersDelayNoRequest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson)
		request := w.ask(ada, general, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 9 * time.Second, Times: 60})
		w.presses(ada, request, 12, 100*time.Millisecond)
		w.acked(w.slack.Click(ada, request, "keep_task"))
		time.Sleep(10 * time.Second) // it takes nine
		if now := w.now(request); !strings.Contains(now.Text, "withdrew the request") {
			t.Errorf("it says: %s", now.Text)
		}
	})
}

// Slack is slow to take the text that a withdrawal is being saved, which only its requester
// reads. The request says at once that it is withdrawn.
func TestSlowSignDelaysNoRequest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson)
		request := w.ask(ada, general, "/cancel-task 12345")
		w.slack.Break(slacktest.Fault{Method: "response_url", Delay: 8 * time.Second, Times: 1})
		h.set(slow("Withdraw", 3*time.Second))
		w.acked(w.slack.Click(ada, request, "keep_task"))
		time.Sleep(4 * time.Second)
		if now := w.now(request); !strings.Contains(now.Text, "withdrew the request") || now.Button("cancel_task") != nil {
			t.Errorf("after four seconds, it says: %s", now.Text)
		}
		time.Sleep(10 * time.Second)
		if said := strings.Split(w.said(ada), "\n"); len(said) != 2 || !strings.Contains(said[1], "withdrew") {
			t.Errorf("Ada reads %q", said)
		}
	})
}

// Where Slack takes no answers to clicks, what became of a request is shown without one.
func TestRequestShowsItsEndWithoutAnswers(t *testing.T) {
	for action, want := range map[string]string{"cancel_task": "is cancelled", "keep_task": "withdrew the request"} {
		t.Run(action, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, secondPerson)
				request := w.ask(ada, general, "/cancel-task 12345")
				w.slack.Break(slacktest.Fault{Method: "response_url", Hang: true})
				w.acked(w.slack.Click(map[string]string{"cancel_task": grace, "keep_task": ada}[action], request, action))
				time.Sleep(time.Minute)
				if now := w.now(request); !strings.Contains(now.Text, want) || now.Button("cancel_task") != nil {
					t.Errorf("after a minute, it says: %s", now.Text)
				}
			})
		})
	}
}

func TestHangingDecisionsBlockNoOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompts := w.manyPrompts(300)
		other := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
		for i := range 300 {
			w.api.Break(chameliotest.Fault{Method: "POST", Task: int64(1000 + i), Hang: true})
		}
		for _, m := range prompts {
			w.slack.Click(ada, m, "cancel_task")
		}
		time.Sleep(5 * time.Second)
		pressed := time.Now()
		w.acked(w.slack.Click(grace, other, "cancel_task"))
		w.eventually("Grace's is told", func() bool { return len(w.slack.History(general)) == 1 })
		if took := time.Since(pressed); took > time.Second {
			t.Errorf("Grace waited %s", took)
		}
	})
}

func TestKnownOutcomesAreAnnouncedWhileResumingFails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, o := withHook(t)
		prompts := w.manyPrompts(80)
		known := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
		// The first bot records one outcome, posts nothing, and disappears.
		for i := range 80 {
			w.api.Break(chameliotest.Fault{Method: "POST", Task: int64(1000 + i), Hang: true})
		}
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 429, RetryAfter: "60"})
		w.slack.Break(slacktest.Fault{Method: "response_url", Status: 429, RetryAfter: "60"})
		for _, m := range prompts {
			w.slack.Click(ada, m, "cancel_task")
		}
		w.acked(w.slack.Click(grace, known, "cancel_task"))
		time.Sleep(20 * time.Second) // it knows, and could not say it
		h.set(away)
		time.Sleep(15 * time.Second) // the leases of what hangs run out
		w.api.Refuse()
		w.slack.ClearFaults()
		w.statement("UPDATE decisions SET leased_until = 1, announcing_at = 0")
		started := time.Now()
		w.replica(o)
		w.eventually("what is known is told", func() bool { return len(w.slack.History(general)) == 1 })
		if took := time.Since(started); took > 5*time.Second {
			t.Errorf("it waited %s behind what cannot be resumed", took)
		}
		if d, err := w.journal.Recent(t.Context(), journal.Query{Task: 12345}); err != nil || d[0].Outcome() != decision.Cancelled {
			t.Errorf("on record: %+v, %v", d, err)
		}
	})
}

// TestWaitingAnswersBlockNoOthers fills every worker's time with commands and clicks in a
// channel in which Slack asks to wait for 25 minutes. Elsewhere, nothing waits.
func TestWaitingAnswersBlockNoOthers(t *testing.T) {
	for name, act := range map[string]func(*world, slacktest.Message){
		"commands": func(w *world, _ slacktest.Message) { w.slack.Slash(ada, general, "/cancel-task twelve") },
		"requests": func(w *world, _ slacktest.Message) { w.slack.Slash(ada, general, "/cancel-task 500") },
		"clicks": func(w *world, other slacktest.Message) {
			w.slack.Forge(ada, other, "cancel_task", other.Button("cancel_task").Value+"forged")
		},
		"second presses": func(w *world, other slacktest.Message) { w.slack.Click(ada, other, "keep_task") },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 1_000_000 }, func(o *options) {
					if name == "requests" {
						secondPerson(o)
					}
				})
				w.api.Add(500, 1)
				w.place("C0OTHER")
				busy := w.prompts(name == "requests", ada, "/cancel-task 500")
				w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: general, Error: "not_in_channel"})
				w.slack.Break(slacktest.Fault{Channel: general, Status: 429, RetryAfter: "1500"})
				for range 30 {
					for range 60 { // 1,800 in 30 seconds: more than there are workers
						act(w, busy)
					}
					time.Sleep(time.Second)
				}
				time.Sleep(time.Minute)
				began := time.Now()
				w.slack.Slash(grace, "C0OTHER", "/cancel-task 12345")
				var elsewhere []slacktest.Message
				w.eventually("an answer elsewhere", func() bool {
					elsewhere = append(w.slack.Private(grace, "C0OTHER"), w.slack.History("C0OTHER")...)
					return len(elsewhere) > 0
				})
				if took := time.Since(began); took > time.Second || elsewhere[0].Button("cancel_task") == nil {
					t.Fatalf("elsewhere, a command was answered after %s: %s", took, elsewhere[0].Text)
				}
				who := map[bool]string{true: linus, false: grace}[name == "requests"]
				w.slack.Click(who, elsewhere[0], "cancel_task")
				time.Sleep(2 * time.Second)
				if n := w.api.Effects(12345); n != 1 {
					t.Errorf("elsewhere, a click had %d effects after 2 s", n)
				}
			})
		})
	}
}

// Ada's script types hundreds of commands, in a channel in which Slack is slow. Each is
// answered, and takes nothing from others who type there.
func TestCommandsBeyondTheLimitDelayNoOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		const limit, many = 10, 300
		w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = limit })
		w.slack.Break(slacktest.Fault{Method: "response_url", Channel: general, Delay: 500 * time.Millisecond})
		for range many {
			w.slack.Slash(ada, general, "/cancel-task 12345")
			time.Sleep(10 * time.Millisecond)
		}
		began := time.Now()
		w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
		if took := time.Since(began); took > time.Second {
			t.Errorf("Grace waited %s", took)
		}
		if n := len(w.slack.Private(ada, general)); n != many {
			t.Errorf("Ada reads %d answers to %d commands", n, many)
		}
	})
}

// Slack hangs for a channel with many unknown outcomes. The final result of another
// channel comes within minutes.
func TestFinalResultsThatWaitForSlackDelayNoOthers(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		const many = 150
		w.api.Add(1000, many)
		w.api.Break(chameliotest.Fault{Status: 502})
		for i := range many {
			w.acked(w.slack.Click(ada, w.wantPrompt(w.slash(ada, slacktest.Random, fmt.Sprintf("/cancel-task %d", 1000+i))), "cancel_task"))
		}
		w.acked(w.slack.Click(grace, w.wantPrompt(w.slash(grace, general, "/cancel-task 12345")), "cancel_task"))
		w.eventually("all are told", func() bool {
			return len(w.slack.History(slacktest.Random)) == many && len(w.slack.History(general)) == 1
		})
		w.slack.Break(slacktest.Fault{Channel: slacktest.Random, Hang: true})
		w.api.ClearFaults()
		for i := range many {
			w.api.SetStatus(int64(1000+i), "cancelled")
		}
		w.api.SetStatus(12345, "cancelled")
		told := w.slack.History(general)[0]
		time.Sleep(5 * time.Minute)
		if replies := w.slack.Thread(general, told.TS); len(replies) != 1 {
			t.Errorf("in the thread: %v", texts(replies))
		}
	})
}

// One person has confirmed more tasks than the key's rate limit lets through in a minute.
// Another one's click waits for a few of these requests, not for all.
func TestOnePersonsTasksDelayNoOneElse(t *testing.T) {
	for _, mode := range []policy.Mode{policy.Members, policy.PeopleOnTask} {
		t.Run(string(mode), func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, func(o *options) {
					o.bot.Policy.Mode, o.rateLimit = mode, 40
					o.prepare = func(w *world) { w.slack.SetScopes(allScopes...); w.place("C0OTHER") }
				})
				w.api.Add(500, 31)
				hers := w.wantPrompt(w.slash(grace, "C0OTHER", "/cancel-task 530"))
				var prompts []slacktest.Message
				for i := range int64(3) {
					time.Sleep(time.Minute)
					text := "/cancel-task"
					for task := range int64(10) {
						text += fmt.Sprint(" ", 500+10*i+task)
					}
					prompts = append(prompts, w.wantPrompt(w.slash(ada, general, text)))
				}
				time.Sleep(2 * time.Minute)
				for _, m := range prompts {
					w.acked(w.slack.Click(ada, m, "cancel_task"))
					time.Sleep(time.Second)
				}
				before := len(w.api.Requests())
				w.acked(w.slack.Click(grace, hers, "cancel_task"))
				w.eventually("hers is cancelled", func() bool { return w.api.Effects(530) == 1 })
				ahead := 0
				for _, r := range w.api.Requests()[before:] {
					if r.Task != 530 {
						ahead++
					}
				}
				if ahead > 5 {
					t.Errorf("%d requests for Ada's tasks came first", ahead)
				}
			})
		})
	}
}
