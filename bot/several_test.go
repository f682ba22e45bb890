package bot_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// outcomesOf returns the outcome of each task of the latest decision.
func (w *world) outcomesOf() map[int64]decision.Outcome {
	w.Helper()
	all := map[int64]decision.Outcome{}
	for _, t := range w.row().Tasks {
		all[int64(t.ID)] = t.Outcome
	}
	return all
}

func TestSeveralTasksAreOneDecision(t *testing.T) {
	w := newWorld(t)
	w.api.Add(500, 4)
	w.api.SetStatus(503, "completed")
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500, 501, #502, 503, 499, 500: started twice"))
	golden(t, "prompt for several", prompt)
	w.noCancel()
	announcement, line := w.confirm(ada, prompt)
	golden(t, "several cancelled", announcement, line)
	w.must(w.stop())
	for task := int64(500); task < 503; task++ {
		if w.api.Effects(task) != 1 || w.api.Cancels(task) != 1 {
			t.Errorf("task %d: %d cancels sent, %d took effect", task, w.api.Cancels(task), w.api.Effects(task))
		}
	}
	if w.api.Cancels(503) != 0 || len(w.outcomesOf()) != 3 || w.row().Outcome() != decision.Cancelled || w.row().Reason != "started twice" {
		t.Errorf("the journal says %+v", w.row())
	}
	if got := w.slack.History(general); len(got) != 1 {
		t.Errorf("%d announcements", len(got))
	}
}

func TestCommandsAboutSeveralTasksAreRefused(t *testing.T) {
	w := newWorld(t, func(o *options) { o.bot.MaxTasks = 3 })
	w.api.Add(500, 4)
	for name, text := range map[string]string{
		"too many tasks": "500 501 502 503", "one is mistyped": "500 5o1 502", "none can be cancelled": fmt.Sprintf("%d 499", chameliotest.CompletedTask),
	} {
		golden(t, name, w.slash(ada, general, "/cancel-task "+text))
	}
	one := w.wantPrompt(w.slash(ada, general, "/cancel-task 499 500"))
	golden(t, "one of several", one)
	w.confirm(ada, one)
	if w.api.Effects(500) != 1 {
		t.Error("the one that can be cancelled wasn't")
	}
}

// A place under the rate limit becomes free every two and a half seconds. A prompt waits for
// it, so it shows the task by its name.
func TestPromptWaitsForTheRateLimit(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.rateLimit = 40 })
		for range 40 {
			sign, prompt := w.latePrompt(ada, general, "/cancel-task 12345")
			if !strings.Contains(prompt.Text, "Globex") {
				t.Fatalf("the prompt says: %s", prompt.Text)
			}
			if strings.Contains(sign.Text, "getting the details") {
				return
			}
		}
		t.Error("no prompt had to wait")
	})
}

// Something else has used up the key's rate limit. A prompt waits for as long as Chamelio
// asks, or doesn't say that it waits.
func TestPromptWaitsForChamelio(t *testing.T) {
	for after, waits := range map[string]bool{"3": true, "": true, "60": false} {
		t.Run("Retry-After "+after, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				typed := time.Now()
				w.api.Break(chameliotest.Fault{Method: "GET", Status: 429, RetryAfter: after})
				time.AfterFunc(2900*time.Millisecond, w.api.ClearFaults)
				sign, prompt := w.latePrompt(ada, general, "/cancel-task 12345")
				if waited := strings.Contains(sign.Text, "getting the details"); waited != waits || strings.Contains(prompt.Text, "Globex") != waits || prompt.At.Sub(typed) > 4*time.Second {
					t.Errorf("%q, and after %s: %s", sign.Text, prompt.At.Sub(typed), prompt.Text)
				}
			})
		})
	}
}

// The rate limit doesn't let the bot get all tasks of a command. One press cancels those
// that the prompt shows, and no other.
func TestPromptLeavesOutTasksThatTheRateLimitHides(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.rateLimit = 8 })
		w.api.Add(1, 8)
		typed := time.Now()
		sign, prompt := w.latePrompt(ada, general, "/cancel-task 1 2 3 4 5 6 7 8")
		if took := sign.At.Sub(typed); took > 3*time.Second || !strings.Contains(sign.Text, "getting the details") {
			t.Errorf("after %s: %s", took, sign.Text)
		}
		if strings.Contains(prompt.Text, "You can still confirm") || !strings.Contains(prompt.Text, "rate limit is used up; try it again") {
			t.Errorf("the prompt says: %s", prompt.Text)
		}
		shown := strings.Count(prompt.Text, "3 of 5 steps done")
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(5 * time.Minute)
		cancelled := 0
		for id := range int64(8) {
			cancelled += w.api.Effects(id + 1)
		}
		if shown == 0 || shown == 8 || cancelled != shown {
			t.Errorf("%d tasks are shown, and %d were cancelled", shown, cancelled)
		}
	})
}

// TestTaskOfAnotherDecisionDoesNotStopTheOthers checks law 14.
func TestTaskOfAnotherDecisionDoesNotStopTheOthers(t *testing.T) {
	w := newWorld(t)
	w.api.Add(500, 3)
	first := w.wantPrompt(w.slash(grace, general, "/cancel-task 501"))
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
	w.confirm(grace, first)
	announcement, line := w.confirm(ada, prompt)
	golden(t, "several, one held by another", announcement, line)
	if w.api.Cancels(501) != 1 || w.api.Effects(500) != 1 || w.api.Effects(502) != 1 {
		t.Error("the others weren't cancelled, or that one twice")
	}
}

// Each task has the result of its own requests, and the announcement waits for
// the last one (law 15).
func TestEachOfSeveralTasksHasItsOwnOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 5)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502 503 504"))
		for task, f := range map[int64]chameliotest.Fault{
			501: chameliotest.ServerError(true), 502: chameliotest.ServerError(false), 503: {Status: http.StatusForbidden, Body: `{"detail":"Task is locked"}`},
		} {
			f.Method, f.Task = http.MethodPost, task
			w.api.Break(f)
		}
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Task: 504, Status: http.StatusInternalServerError, Times: 1})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("progress", func() bool { return strings.Contains(w.now(prompt).Text, "of 5 done") })
		if len(w.slack.History(general)) != 0 {
			t.Error("announced before the last task has an outcome")
		}
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
		golden(t, "several outcomes", w.slack.History(general)[0], w.now(prompt))
		for task, effects := range map[int64]int{500: 1, 501: 1, 502: 0, 503: 0, 504: 1} {
			if got := w.api.Effects(task); got != effects {
				t.Errorf("task %d was cancelled %d times", task, got)
			}
		}
	})
}

// An unknown outcome that becomes known is added to the announcement; a reply
// in the thread follows once each task is known.
func TestAnnouncementIsEditedAsOutcomesBecomeKnown(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(500, 3)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
		for _, task := range []int64{501, 502} {
			w.api.Break(chameliotest.Fault{Task: task, Hang: true})
		}
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
		unknown := w.slack.History(general)[0]
		w.api.ClearFaults()
		w.api.Break(chameliotest.Fault{Task: 502, Hang: true})
		w.api.SetStatus(501, "completed")
		w.eventually("an edit", func() bool { return w.slack.History(general)[0].Text != unknown.Text })
		some := w.slack.History(general)[0]
		if len(w.slack.History(general)) != 1 {
			t.Error("the thread hears of it before each task is known")
		}
		w.api.ClearFaults()
		w.api.SetStatus(502, "cancelled")
		w.eventually("the update", func() bool { return len(w.slack.History(general)) == 2 })
		golden(t, "several, edited", unknown, some, w.slack.History(general)[0], w.slack.History(general)[1])
	})
}

// A process that dies between two tasks leaves the second one to its
// successor, which announces both.
func TestCrashBetweenTwoTasksLosesNeither(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		w.api.Add(500, 3)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Task: 502, Hang: true, Times: 1})
		var finished atomic.Int32
		h.set(func(op string, do func() error) error {
			if err := do(); op != "Finish" || err != nil {
				return err
			}
			if finished.Add(1) == 2 { // taken over as by another process, at a later epoch
				w.statement("UPDATE decisions SET owner = 'another', epoch = epoch + 1, leased_until = 1")
			}
			return nil
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) > 0 })
		time.Sleep(10 * time.Minute)
		told := w.slack.History(general)
		if len(told) != 1 || w.row().Done() != 3 || strings.Count(told[0].Text, "(task 50") != 3 {
			t.Errorf("told: %v, on record: %+v", texts(told), w.row())
		}
		for task := int64(500); task < 503; task++ {
			if w.api.Effects(task) > 1 {
				t.Errorf("task %d was cancelled %d times", task, w.api.Effects(task))
			}
		}
	})
}

// A row that vanishes while several tasks are in progress is restored once,
// with the known results.
func TestVanishedDecisionAboutSeveralTasksIsRestored(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		w.api.Add(500, 3)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
		var finished atomic.Int32
		h.set(func(op string, do func() error) error {
			if err := do(); op != "Finish" || err != nil {
				return err
			}
			if finished.Add(1) == 1 {
				w.statement("DELETE FROM decisions")
			}
			return nil
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
		time.Sleep(time.Minute)
		if got := w.row(); got.Outcome() != decision.Cancelled || got.AnnouncedAt.IsZero() || len(w.slack.History(general)) != 1 {
			t.Errorf("on record: %+v, told: %v", got, texts(w.slack.History(general)))
		}
	})
}

// While the row was gone, another process may have had the decision, and sent a
// request. So each task is read before anything is sent for it, also the one
// whose own steps didn't find the row gone.
func TestRestoredDecisionIsReadBeforeItIsSent(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		w.api.Add(500, 2)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501"))
		for _, pause := range []string{"5", "8"} {
			busy := chameliotest.Busy(pause)
			busy.Method, busy.Times = "POST", 1
			w.api.Break(busy)
		}
		var once sync.Once
		h.set(func(op string, do func() error) error {
			if op == "MarkSent" {
				once.Do(func() {
					w.statement("DELETE FROM decisions")
					w.api.SetStatus(500, "cancelled")
					w.api.SetStatus(501, "cancelled")
				})
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.toldOnce(general)
		for _, task := range w.row().Tasks {
			if task.Outcome != decision.Cancelled || w.api.Cancels(int64(task.ID)) != 1 {
				t.Errorf("task %d: %s, after %d requests", task.ID, task.Outcome, w.api.Cancels(int64(task.ID)))
			}
		}
	})
}

func TestSecondPersonConfirmsSeveralTasks(t *testing.T) {
	w := newWorld(t, secondPerson)
	w.api.Add(500, 2)
	w.acked(w.slack.Slash(ada, general, "/cancel-task 500 501 started twice"))
	w.eventually("the request", func() bool { return len(w.slack.History(general)) == 1 })
	request := w.wantPrompt(w.slack.History(general)[0])
	w.acked(w.slack.Click(ada, request, "cancel_task"))
	w.eventually("an answer", func() bool { return len(w.slack.Private(ada, general)) == 1 })
	w.noCancel()
	announcement, line := w.confirm(grace, request)
	golden(t, "request for several", request, announcement, line)
}

// The policy judges each task: at the command, refused tasks are left out; at
// the click, a task that isn't allowed any more stops all of them.
func TestEachOfSeveralTasksIsJudged(t *testing.T) {
	w := newWorld(t, func(o *options) { o.bot.Policy = policy.Rules{Mode: policy.PeopleOnTask} }, alwaysFresh)
	w.slack.SetScopes(allScopes...)
	mine := chameliotest.NewTask(500, "in_progress", "Mine", time.Now())
	theirs := chameliotest.NewTask(501, "in_progress", "Theirs", time.Now())
	theirs.Owner, theirs.Assignee, theirs.Collaborators = new("linus@acme.example"), nil, nil
	also := chameliotest.NewTask(502, "in_progress", "Mine", time.Now())
	for _, task := range []chameliotest.Task{mine, theirs, also} {
		w.api.Put(task)
	}
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
	golden(t, "prompt for those on the task", prompt)
	if strings.Contains(prompt.Text, "Theirs") {
		t.Error("shows a task to someone who isn't on it")
	}
	also.Owner, also.Assignee, also.Collaborators = theirs.Owner, nil, nil
	w.api.Put(also)
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("the refusal", func() bool { return !settledPrompt(w, prompt) })
	if m := w.now(prompt); !strings.Contains(m.Text, "(task 502), and none of them") || !strings.Contains(m.Text, "`/cancel-task 500`") {
		t.Errorf("they read %q", m.Text)
	}
	w.must(w.stop())
	w.noCancel()
}

// A refusal is about the tasks that are refused for its reason, and about no other: in
// the answer, in the journal and in the audit channel.
func TestRefusalsAreAboutTheirTasksOnly(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Policy = policy.Rules{Mode: policy.PeopleOnTask} }, alwaysFresh)
		w.slack.SetScopes(allScopes...)
		w.api.Add(500, 3)
		give := func(id int64) {
			theirs, _ := w.api.Task(id)
			theirs.Owner, theirs.Assignee, theirs.Collaborators = new("linus@acme.example"), nil, nil
			w.api.Put(theirs)
		}
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501 502"))
		give(502)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the refusal", func() bool { return !settledPrompt(w, prompt) })
		w.api.Break(chameliotest.Fault{Method: http.MethodGet, Task: 500, Status: http.StatusInternalServerError, Body: `{"detail":"oops"}`})
		said := w.slash(ada, general, "/cancel-task 500 502").Text
		if !strings.Contains(said, "Task 500: I can't check whether you may cancel it") || !strings.Contains(said, "Task 502: you're not on it") {
			t.Errorf("they read %q", said)
		}
		time.Sleep(time.Minute)
		notes, err := w.journal.Refusals(t.Context(), recent)
		w.must(err)
		got := map[string]bool{}
		for _, n := range notes {
			got[fmt.Sprintf("%v %v %s", n.ConfirmationID != "", n.Tasks, n.Code)] = true
		}
		want := map[string]bool{"true [502] not_on_task": true, "false [502] not_on_task": true, "false [500] cannot_check_task": true}
		if !maps.Equal(got, want) {
			t.Errorf("on record: %v", got)
		}
	})
}

func settledPrompt(w *world, prompt slacktest.Message) bool {
	return len(w.now(prompt).Buttons()) > 0 && len(w.slack.Private(ada, general)) == 1
}

// The row of a decision vanishes while its tasks wait for Chamelio, and another decision
// cancels two of them. One task's restoring of the row decides about both: the
// announcement has an outcome of each.
func TestRestoredDecisionHasEachOutcome(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.api.Add(1, 3)
		first, second := w.wantPrompt(w.slash(ada, general, "/cancel-task 1 2 3")), w.wantPrompt(w.slash(grace, general, "/cancel-task 1 2"))
		busy := chameliotest.Busy("20")
		busy.Method, busy.Times = "POST", 3
		w.api.Break(busy)
		w.acked(w.slack.Click(ada, first, "cancel_task"))
		time.Sleep(time.Second)
		w.statement(`DELETE FROM tasks; DELETE FROM decisions`)
		w.confirm(grace, second)
		time.Sleep(time.Minute) // before the unknown outcomes are settled
		var outcomes []string
		for _, m := range w.slack.History(general) {
			for _, b := range m.Blocks {
				if outcome, task, listed := strings.Cut(b.BlockID, ":"); listed && strings.Contains(m.Text, slacktest.Ada) {
					outcomes = append(outcomes, task+" "+outcome)
				}
			}
		}
		slices.Sort(outcomes)
		if want := []string{"1 unknown", "2 unknown", "3 cancelled"}; !slices.Equal(outcomes, want) {
			t.Errorf("announced: %v", outcomes)
		}
	})
}

// The journal takes seconds to answer that it has restored a row. The decision's other
// task, whose outcome comes meanwhile, waits for that.
func TestOutcomeWaitsForTheRowThatIsBeingRestored(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		w.api.Add(1, 2)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 1 2"))
		for id := range int64(2) {
			w.api.Break(chameliotest.Fault{Method: "POST", Task: id + 1, Delay: time.Duration(id+1) * time.Second})
		}
		restored := 0
		h.set(func(op string, do func() error) error {
			err := do()
			if op == "Restore" {
				restored++
				time.Sleep(3 * time.Second)
			}
			return err
		})
		w.slack.Click(ada, prompt, "cancel_task")
		time.Sleep(500 * time.Millisecond)
		w.statement(`DELETE FROM tasks; DELETE FROM decisions`)
		time.Sleep(time.Minute)
		if got := w.outcomesOf(); restored != 1 || len(w.slack.History(general)) != 1 || got[1] != decision.Cancelled || got[2] != decision.Cancelled {
			t.Errorf("restored %d times, outcomes %v, told: %v", restored, got, texts(w.slack.History(general)))
		}
	})
}

// A decision that waits for another of its tasks, or for Slack, may be announced after
// another one has cancelled a task that it couldn't: its announcement says so.
func TestLateAnnouncementKnowsOfLaterDecisions(t *testing.T) {
	for name, tasks := range map[string]string{"while it waits for another task": "500 501", "while it waits for Slack": "500"} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				w.api.Add(500, 2)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task "+tasks))
				later := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 500"))
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Task: 500, Status: http.StatusForbidden, Body: `{"detail":"Task is locked"}`, Times: 1})
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Task: 501, Status: http.StatusTooManyRequests, RetryAfter: "30", Times: 1})
				if tasks == "500" {
					w.slack.Break(slacktest.Fault{Channel: general, Error: "ratelimited", InBody: true, Times: 4})
				}
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(500 * time.Millisecond)
				w.acked(w.slack.Click(grace, later, "cancel_task"))
				w.eventually("the other announcement", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
				if len(w.slack.History(general)) != 0 {
					t.Fatal("it isn't late")
				}
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
				golden(t, "announced after another decision, "+name, w.slack.History(general)...)
			})
		})
	}
}

// The same, if the other decision's requests may still take effect, whether it is being
// carried out or ended as unknown.
func TestLateAnnouncementKnowsOfRequestsInFlight(t *testing.T) {
	for name, fault := range map[string]chameliotest.Fault{
		"errors": {Method: http.MethodPost, Status: 500, Body: `{"detail":"Failed to cancel task"}`, Times: 3},
		"busy":   {Method: http.MethodPost, Status: 429, RetryAfter: "120", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				later := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
				w.api.Break(fault)
				w.slack.Break(slacktest.Fault{Channel: general, Error: "ratelimited", InBody: true})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("an outcome", func() bool { return w.count(`SELECT count(*) FROM tasks WHERE outcome = 'failed'`) == 1 })
				w.api.ClearFaults()
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true, LandAfter: 40 * time.Minute, Times: 3})
				w.acked(w.slack.Click(grace, later, "cancel_task"))
				w.eventually("the other announcement", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
				w.slack.ClearFaults()
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
				if w.api.Landing() == 0 {
					t.Fatal("no request is in flight")
				}
				w.saysItCameLater(w.slack.History(general)[0])
			})
		})
	}
}

// An announcement waits for a call to its channel, or the audit channel's copy for a link,
// and the task is cancelled by another decision meanwhile. The text knows of that.
func TestTextThatWaitsKnowsOfLaterDecisions(t *testing.T) {
	busy := chameliotest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "120", Times: 1}
	t.Run("the announcement", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt, other := w.ask(ada, general, "/cancel-task 12345"), w.ask(linus, slacktest.Random, "/cancel-task 12345")
			w.occupied(2 * 16) // as many as are made to a channel at once, twice
			before := len(w.slack.History(general))
			w.api.Break(busy)
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			w.eventually("an outcome", func() bool { return w.count(`SELECT count(*) FROM tasks WHERE outcome = 'failed'`) == 1 })
			time.Sleep(time.Second)
			w.acked(w.slack.Click(grace, other, "cancel_task"))
			w.eventually("the other announcement", func() bool { return len(w.slack.History(slacktest.Random)) == 2 })
			if len(w.slack.History(general)) > before {
				t.Fatal("the announcement didn't wait")
			}
			w.eventually("the announcement", func() bool { return len(w.slack.History(general)) > before })
			w.saysItCameLater(w.slack.History(general)[before])
		})
	})
	t.Run("the audit copy", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			other := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
			w.api.Break(busy)
			w.slack.Break(slacktest.Fault{Method: "chat.getPermalink", Delay: 4500 * time.Millisecond, Times: 1})
			w.confirm(ada, prompt)
			time.Sleep(2500 * time.Millisecond)
			w.confirm(grace, other)
			if len(w.slack.History(slacktest.Deals)) > 0 {
				t.Fatal("the copy didn't wait")
			}
			w.eventually("both copies", func() bool { return len(w.slack.History(slacktest.Deals)) == 2 })
			for _, m := range w.slack.History(slacktest.Deals) {
				if strings.Contains(m.Text, "wasn't cancelled") {
					w.saysItCameLater(m)
				}
			}
		})
	})
}

// The journal doesn't say whether another decision has the task of one that failed. The
// announcement, and a final result, wait for that; after ten minutes they say that it isn't
// known.
func TestUnreadDecisionsAreNoGuess(t *testing.T) {
	begin := func(t *testing.T) (*world, *hooked) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		later := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "120", Times: 1})
		h.set(failing("Taken"))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("an outcome", func() bool { return w.count(`SELECT count(*) FROM tasks WHERE outcome = 'failed'`) == 1 })
		w.acked(w.slack.Click(grace, later, "cancel_task"))
		w.eventually("the other announcement", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
		time.Sleep(9 * time.Minute)
		if said := w.slack.History(general); len(said) > 0 {
			t.Fatalf("announced without knowing: %s", said[0].Text)
		}
		return w, h
	}
	t.Run("known in time", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, h := begin(t)
			h.set(nil)
			time.Sleep(10 * time.Second)
			w.saysItCameLater(w.slack.History(general)[0])
		})
	})
	t.Run("never known", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, _ := begin(t)
			time.Sleep(2 * time.Minute)
			if said := w.slack.History(general)[0].Text; !strings.Contains(said, "may have come later") || strings.Contains(said, "Nothing changed") {
				t.Errorf("the channel reads %q", said)
			}
		})
	})
}

// A click was received before another one, but its facts were slow, so its decision claimed
// the task after the other one had failed. That one's announcement says which came later,
// while it isn't known whether the task is cancelled, and once it is.
func TestLaterDecisionIsTheOneThatClaimedLater(t *testing.T) {
	for name, c := range map[string]struct{ lands, waits time.Duration }{
		"in flight": {lands: 40 * time.Minute},
		"known":     {lands: 4 * time.Minute, waits: 9 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, alwaysFresh)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				later := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
				w.slack.Break(slacktest.Fault{Method: "users.info", Delay: 4 * time.Second, Times: 1})
				w.acked(w.slack.Click(grace, later, "cancel_task"))
				time.Sleep(time.Second)
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: http.StatusTooManyRequests, RetryAfter: "120", Times: 1})
				w.slack.Break(slacktest.Fault{Channel: general, Error: "ratelimited", InBody: true})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("an outcome", func() bool { return w.count(`SELECT count(*) FROM tasks WHERE outcome = 'failed'`) == 1 })
				w.api.ClearFaults()
				w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true, LandAfter: c.lands, Times: 3})
				w.eventually("the other announcement", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
				time.Sleep(c.waits)
				w.slack.ClearFaults()
				told := func() (m []slacktest.Message) {
					for _, said := range w.slack.All() { // it may have to be a direct message
						if strings.Contains(said.Text, "wasn't cancelled") && len(said.Blocks) > 1 {
							m = append(m, said)
						}
					}
					return m
				}
				w.eventually("the announcement", func() bool { return len(told()) > 0 })
				if landed := w.api.Effects(12345) == 1; landed != (c.waits > 0) {
					t.Fatalf("cancelled by then: %v", landed)
				}
				w.saysItCameLater(told()[0])
			})
		})
	}
}

// saysItCameLater fails the test unless a message says that another confirmation came
// later, instead of that nothing changed, or to try again.
func (w *world) saysItCameLater(m slacktest.Message) {
	w.Helper()
	if said := m.Text; !strings.Contains(said, "Another confirmation to cancel it came later") ||
		strings.Contains(said, "Nothing changed") || strings.Contains(said, "To try again") {
		w.Errorf("%s reads %q", m.Channel, said)
	}
}

// A final result is announced while another decision has the task, or after it cancelled it.
func TestFinalResultKnowsOfLaterDecisions(t *testing.T) {
	const follow = 30 * time.Minute
	begin := func(t *testing.T) (w *world, clicked time.Time) {
		w = newWorld(t, func(o *options) { o.bot.FollowFor = follow })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true})
		clicked = time.Now()
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
		w.api.ClearFaults()
		return w, clicked
	}
	settled := func(w *world) {
		w.eventually("the final result", func() bool { return len(w.slack.Thread(general, w.slack.History(general)[0].TS)) == 1 })
		announced := w.slack.History(general)[0]
		w.saysItCameLater(announced)
		w.saysItCameLater(w.slack.Thread(general, announced.TS)[0])
	}
	t.Run("in flight", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, clicked := begin(t)
			time.Sleep(time.Until(clicked.Add(follow - 3*time.Minute)))
			prompt := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
			w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true, LandAfter: 40 * time.Minute, Times: 3})
			w.acked(w.slack.Click(grace, prompt, "cancel_task"))
			settled(w)
		})
	})
	t.Run("cancelled since", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w, clicked := begin(t)
			time.Sleep(time.Until(clicked.Add(follow - time.Minute)))
			w.slack.Break(slacktest.Fault{Method: "chat.update", Channel: general, Status: http.StatusTooManyRequests, RetryAfter: "120", Times: 1})
			w.eventually("it is on record", func() bool { return w.row().Tasks[0].SettledOutcome != "" })
			w.confirm(grace, w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345")))
			settled(w)
		})
	})
}

// An audit copy that had to wait is posted after the copy of another decision about the task.
func TestAuditCopyKnowsOfLaterDecisions(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.Break(slacktest.Fault{Channel: slacktest.Deals, Error: "is_archived"})
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Status: 500, Body: `{"detail":"Failed to cancel task"}`, Times: 3})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		w.confirm(grace, w.wantPrompt(w.slash(grace, general, "/cancel-task 12345")))
		w.slack.ClearFaults()
		w.eventually("both copies", func() bool { return len(w.slack.History(slacktest.Deals)) == 2 })
		for _, m := range w.slack.History(slacktest.Deals) {
			if strings.Contains(m.Text, "wasn't cancelled") {
				w.saysItCameLater(m)
			}
		}
	})
}

// Someone reads of a failed decision in an answer to another press, or in their prompt, after
// another decision has cancelled the task.
func TestAnswersKnowOfLaterDecisions(t *testing.T) {
	fail := chameliotest.Fault{Method: http.MethodPost, Status: 500, Body: `{"detail":"Failed to cancel task"}`, Times: 3}
	for action, where := range map[string]string{"cancel_task": "too late", "keep_task": "too late to keep"} {
		t.Run(where, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				w.api.Break(fail)
				w.confirm(ada, prompt)
				w.confirm(grace, w.wantPrompt(w.slash(grace, general, "/cancel-task 12345")))
				before := len(w.slack.Private(ada, general))
				w.acked(w.slack.Forge(ada, prompt, action, prompt.Button(action).Value))
				w.eventually("an answer", func() bool { return len(w.slack.Private(ada, general)) > before })
				w.saysItCameLater(w.slack.Private(ada, general)[before])
			})
		})
	}
	t.Run("the prompt", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			other := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
			w.api.Break(fail)
			w.slack.Break(slacktest.Fault{Method: "response_url", Status: http.StatusTooManyRequests, RetryAfter: "120", Times: 2})
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
			w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 })
			w.confirm(grace, other)
			w.eventually("the outcome in the prompt", func() bool { return settled(w.now(prompt)) })
			w.saysItCameLater(w.now(prompt))
		})
	})
}

// A result that becomes known while Slack takes no edit, or whose record got no answer, is
// in the announcement soon after.
func TestPartOfTheResultReachesTheAnnouncement(t *testing.T) {
	for name, fails := range map[string]func(*world, *hooked){
		"the edit is refused": func(w *world, _ *hooked) {
			w.slack.Break(slacktest.Fault{Method: "chat.update", Status: http.StatusTooManyRequests, RetryAfter: "1", Times: 1})
		},
		"the record has no answer": func(_ *world, h *hooked) {
			var lost atomic.Bool
			h.set(func(op string, do func() error) error {
				if err := do(); err != nil || op != "Settle" || lost.Swap(true) {
					return err
				}
				return errCut
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				w.api.Add(500, 2)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 500 501"))
				for _, task := range []int64{500, 501} {
					w.api.Break(chameliotest.Fault{Task: task, Hang: true})
				}
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
				w.api.ClearFaults()
				w.api.Break(chameliotest.Fault{Task: 501, Hang: true})
				fails(w, h)
				w.api.SetStatus(500, "completed")
				w.eventually("it is on record", func() bool { return w.row().Tasks[0].SettledOutcome != "" })
				time.Sleep(30 * time.Minute)
				if said := w.slack.History(general)[0].Text; !strings.Contains(said, "it completed") {
					t.Errorf("it says: %s", said)
				}
			})
		})
	}
}

// Where the announcement can't be edited, the requester reads each result once it is known,
// and everyone reads all of them once they are.
func TestPartOfTheResultReachesTheRequester(t *testing.T) {
	for name, tt := range map[string]struct {
		channel string
		breaks  func(*world)
	}{
		"in a channel without the bot": {slacktest.Legal, func(*world) {}},
		"if the announcement is gone":  {general, func(w *world) { w.slack.Break(slacktest.Fault{Method: "chat.update", Error: "message_not_found"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				w.api.Add(500, 3)
				prompt := w.wantPrompt(w.slash(ada, tt.channel, "/cancel-task 500 501 502"))
				w.api.Break(chameliotest.Fault{Hang: true})
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("the announcement", func() bool { return settled(w.now(prompt)) && !w.row().AnnouncedAt.IsZero() })
				tt.breaks(w)
				for _, task := range []int64{500, 501, 502} {
					w.api.ClearFaults()
					for later := task + 1; later <= 502; later++ {
						w.api.Break(chameliotest.Fault{Task: later, Hang: true})
					}
					w.api.SetStatus(task, "completed")
					w.eventually("a result", func() bool { return w.row().Tasks[task-500].SettledOutcome != "" })
					time.Sleep(30 * time.Second)
				}
				var results []int // in each message
				for _, said := range slices.Concat(texts(w.slack.History("D"+ada)), texts(w.slack.History(tt.channel))[1:]) {
					results = append(results, strings.Count(said, "it completed"))
				}
				if !slices.Equal(results, []int{1, 2, 3}) {
					t.Errorf("Ada, and then the channel, read %v results", results)
				}
			})
		})
	}
}

// Another decision has one of a request's tasks. Its approver, who read that the approval
// is being saved, reads then that the other one is being cancelled.
func TestApproverReadsOnlyOfClaimedTasks(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t, secondPerson)
		w.api.Add(500, 2)
		request := w.ask(ada, general, "/cancel-task 500 501")
		w.confirm(ada, w.ask(linus, general, "/cancel-task 501"))
		until := time.Now().Add(6 * time.Second)
		h.set(func(op string, do func() error) error {
			if op == "Claim" && time.Now().Before(until) {
				return errCut
			}
			return do()
		})
		w.api.Break(chameliotest.Fault{Method: "POST", Task: 500, Status: 429, RetryAfter: "20", Times: 1})
		w.acked(w.slack.Click(grace, request, "cancel_task"))
		time.Sleep(12 * time.Second)
		if said := w.said(grace); !strings.Contains(said, "counts: I'm cancelling") || strings.Contains(said, "I'm cancelling 2 tasks") {
			t.Errorf("Grace reads: %s", said)
		}
		w.acked(w.slack.Forge(ada, request, "keep_task", request.Button("keep_task").Value)) // she hasn't seen yet that it is gone
		time.Sleep(time.Second)
		if said := w.said(ada); !strings.Contains(said, "Too late to keep") || strings.Contains(said, "501) ") {
			t.Errorf("Ada reads: %s", said)
		}
	})
}
