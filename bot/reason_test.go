package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func requireReason(o *options) { o.bot.RequireReason = true }

// askedForReason clicks and returns the modal that opens.
func (w *world) askedForReason(user string, prompt slacktest.Message) slacktest.Modal {
	w.Helper()
	w.acked(w.slack.Click(user, prompt, "cancel_task"))
	w.eventually("a modal", func() bool { return len(w.slack.Modals(user)) > 0 })
	return w.slack.Modals(user)[0]
}

// submitted waits for the acknowledgement of a modal and returns its error.
func (w *world) submitted(user string, m slacktest.Modal, reason string) string {
	w.Helper()
	w.acked(w.slack.SubmitView(user, m, map[string]string{"reason": reason}))
	for _, open := range w.slack.Modals(user) {
		if open.ID == m.ID {
			return open.Errors["reason"]
		}
	}
	return ""
}

func TestRequiredReasonIsAskedFor(t *testing.T) {
	w := newWorld(t, requireReason)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	golden(t, "prompt that will ask", prompt)
	modal := w.askedForReason(ada, prompt)
	w.noCancel()
	if said := w.submitted(ada, modal, "\u200b \u3164"); said != "Enter a reason." {
		t.Errorf("a reason that nobody can see: %q", said)
	}
	if said := w.submitted(ada, modal, strings.Repeat("x", 301)); !strings.Contains(said, "301 characters") {
		t.Errorf("a long reason: %q", said)
	}
	w.noCancel()
	if said := w.submitted(ada, modal, "  duplicate of\n12346 "); said != "" {
		t.Errorf("a reason: %q", said)
	}
	w.eventually("the outcome", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
	golden(t, "cancelled with a reason asked for", w.slack.History(general)[0], w.now(prompt))
	d, err := w.journal.Recent(t.Context(), recent)
	w.must(err)
	if len(d) != 1 || d[0].Reason != "duplicate of 12346" || d[0].Requester != ada || w.api.Effects(12345) != 1 {
		t.Errorf("the journal says %+v", d)
	}
	// Another click opens no modal, and changes nothing.
	w.acked(w.slack.Forge(ada, prompt, "cancel_task", prompt.Button("cancel_task").Value))
	w.must(w.stop())
	if len(w.slack.Modals(ada)) != 0 {
		t.Error("another modal opened")
	}
	if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 1 {
		t.Errorf("%d cancels", w.api.Cancels(12345))
	}
}

func TestTypedReasonIsNotAskedForAgain(t *testing.T) {
	w := newWorld(t, requireReason)
	w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345 duplicate")))
	if len(w.slack.Modals(ada)) != 0 {
		t.Error("a modal opened")
	}
}

// askWithoutReason returns a world that requires a reason, and a request that was posted
// before it did, and has none. Its approver is asked.
func askWithoutReason(t *testing.T) (*world, slacktest.Message, options) {
	t.Helper()
	w, o := stoppable(t, secondPerson)
	prompt := w.ask(ada, general, "/cancel-task 12345")
	w.must(w.stop())
	requireReason(&o)
	w.restart(o, 1)
	return w, prompt, o
}

// A reason is required, and a second person. A command without one posts no request, so
// no one else gives a reason that everyone would read as the requester's.
func TestReasonOfARequestIsItsRequesters(t *testing.T) {
	w := newWorld(t, secondPerson, requireReason)
	w.api.Add(500, 2)
	golden(t, "request without a reason", w.slash(ada, general, "/cancel-task 12345"))
	several := w.slash(ada, general, "/cancel-task 500 501")
	if !strings.Contains(several.Text, "like `/cancel-task 500 501 reason`") {
		t.Errorf("Ada reads %q", several.Text)
	}
	if n := len(w.slack.History(general)); n > 0 {
		t.Fatalf("%d messages are in the channel", n)
	}
	prompt := w.ask(ada, general, "/cancel-task 12345 I promised it to Globex")
	w.confirm(grace, prompt)
	if n := len(w.slack.Modals(grace)); n > 0 {
		t.Errorf("Grace is shown %d modals", n)
	}
	if got := w.row(); got.Requester != ada || got.Confirmer != grace || got.Reason != "I promised it to Globex" {
		t.Errorf("the journal says %+v", got)
	}
}

// The modal of the shortcut asks for the reason of a request.
func TestShortcutAsksForReasonOfARequest(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, secondPerson, requireReason)
		m := w.modal(ada, w.say(grace, general, taskLink+"12345"))
		if said := w.submitted(ada, m, "\u200b"); said != "Enter a reason." {
			t.Errorf("without a reason: %q", said)
		}
		w.submitted(ada, m, "duplicate")
		time.Sleep(time.Minute)
		if all := w.slack.History(general); len(all) != 2 || !strings.Contains(all[1].Text, "Reason: duplicate") {
			t.Errorf("the channel reads %q", texts(all))
		}
	})
}

func TestApproverOfAnOldRequestGivesReason(t *testing.T) {
	w, prompt, _ := askWithoutReason(t)
	// The requester gets no modal for their own request.
	before := len(w.slack.Private(ada, general))
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("a word to Ada", func() bool { return len(w.slack.Private(ada, general)) > before })
	if len(w.slack.Modals(ada)) != 0 {
		t.Error("Ada was asked")
	}
	if said := w.submitted(grace, w.askedForReason(grace, prompt), "agreed on the phone"); said != "" {
		t.Error(said)
	}
	w.eventually("the outcome", func() bool { return len(w.slack.History(general)) == 2 && settled(w.now(prompt)) })
	golden(t, "second person gives the reason", w.slack.History(general)[1], w.now(prompt))
	d, err := w.journal.Recent(t.Context(), recent)
	w.must(err)
	if d[0].Requester != ada || d[0].Confirmer != grace || d[0].Reason != "agreed on the phone" {
		t.Errorf("the journal says %+v", d[0])
	}
}

// Every check of a click is repeated when the modal is submitted.
func TestSubmissionIsCheckedLikeAClick(t *testing.T) {
	submission := func(user, metadata, reason string) map[string]any {
		return map[string]any{
			"type": "view_submission", "api_app_id": slacktest.AppID, "team": map[string]any{"id": slacktest.TeamID}, "user": map[string]any{"id": user},
			"view": map[string]any{
				"callback_id": "cancel_reason", "private_metadata": metadata,
				"state": map[string]any{"values": map[string]any{"reason": map[string]any{"reason": map[string]any{"type": "plain_text_input", "value": reason}}}},
			},
		}
	}
	t.Run("in other hands, or changed", func(t *testing.T) {
		w := newWorld(t, requireReason)
		modal := w.askedForReason(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		for _, forged := range []map[string]any{
			submission(grace, modal.PrivateMetadata, "x"),
			submission(ada, strings.Replace(modal.PrivateMetadata, `"ephemeral":true`, `"ephemeral":false`, 1), "x"),
			submission(ada, strings.Replace(modal.PrivateMetadata, "3.", "4.", 1), "x"),
			submission(ada, "{}", "x"), submission(ada, "", "x"), submission(ada, `{"value":"`+strings.Repeat("v", 4000)+`"}`, "x"),
		} {
			w.acked(w.slack.Deliver("interactive", forged))
		}
		w.must(w.stop())
		w.noCancel()
	})
	t.Run("a guest by then", func(t *testing.T) {
		w := newWorld(t, requireReason, alwaysFresh)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		modal := w.askedForReason(ada, prompt)
		w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
		w.submitted(ada, modal, "x")
		w.eventually("a refusal", func() bool { return len(w.now(prompt).Buttons()) == 0 })
		w.noCancel()
	})
	t.Run("expired by then", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, requireReason)
			modal := w.askedForReason(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
			time.Sleep(11 * time.Minute)
			if said := w.submitted(ada, modal, "x"); !strings.Contains(said, "too late") {
				t.Errorf("it says %q", said)
			}
			w.noCancel()
		})
	})
	t.Run("the modal does not open", func(t *testing.T) {
		w := newWorld(t, requireReason)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.Break(slacktest.Fault{Method: "views.open", Error: "expired_trigger_id"})
		before := len(w.slack.Private(ada, general))
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("a word to Ada", func() bool { return len(w.slack.Private(ada, general)) > before })
		golden(t, "modal did not open", w.slack.Private(ada, general)[before])
		w.wantPrompt(w.now(prompt)) // worth another try
		w.noCancel()
	})
}

func TestPeopleOnTheTaskAreMentioned(t *testing.T) {
	notify := func(o *options) { o.bot.NotifyPeopleOnTask = true }
	for _, tt := range []struct {
		name   string
		set    func(*world)
		person string
		want   string
	}{
		{"the other one", nil, ada, "FYI <@U0GRACE> (assignee)"},
		{"both", nil, linus, "FYI <@U0ADA> (owner), <@U0GRACE> (assignee)"},
		{"one who is both", func(w *world) {
			task := chameliotest.NewTask(12345, "in_progress", "x", time.Now())
			task.Owner, task.Assignee = new("grace@acme.example"), new("GRACE@acme.example")
			w.api.Put(task)
		}, ada, "FYI <@U0GRACE> (owner and assignee)"},
		{"nobody of this workspace", func(w *world) {
			task := chameliotest.NewTask(12345, "in_progress", "x", time.Now())
			task.Owner, task.Assignee = new("fay@other.example"), nil
			w.api.Put(task)
		}, ada, ""},
		{"an address that proves nothing", func(w *world) {
			w.slack.AddUser(slacktest.User{ID: grace, Name: "grace", Email: "grace@acme.example", EmailUnconfirmed: true})
		}, ada, ""},
		{"Slack does not answer", func(w *world) { w.slack.Break(slacktest.Fault{Method: "users.lookupByEmail", Hang: true}) }, ada, ""},
		{"the scope is missing", func(w *world) { w.slack.SetScopes("commands", "chat:write", "users:read") }, ada, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, notify)
				w.slack.SetScopes(allScopes...)
				if tt.set != nil {
					tt.set(w)
				}
				prompt := w.wantPrompt(w.slash(tt.person, general, "/cancel-task 12345"))
				begun := time.Now()
				announcement, _ := w.confirm(tt.person, prompt)
				if took := time.Since(begun); took > 2500*time.Millisecond {
					t.Errorf("the announcement took %v", took)
				}
				read := goldenfile.Transcribe(announcement)
				if told := strings.Contains(read, "FYI "); told != (tt.want != "") || !strings.Contains(read, tt.want) {
					t.Errorf("want %q:\n%s", tt.want, read)
				}
				if w.api.Effects(12345) != 1 {
					t.Error("not cancelled")
				}
			})
		})
	}
}

// A long address and a long reason don't fit into a button together. A reason
// that was typed with the command, or in the modal, still results in a
// decision.
func TestLongAddressAndReason(t *testing.T) {
	reason := strings.Repeat("📄", 300)
	for name, command := range map[string]string{"typed": "/cancel-task 12345 " + reason, "in the modal": "/cancel-task 12345"} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t, requireReason)
				task := chameliotest.NewTask(12345, "in_progress", strings.Repeat("📄", 150), time.Now())
				task.URL = new("https://app.chamelio.ai/workflows/tasks/12345?" + strings.Repeat("a", 106))
				w.api.Put(task)
				prompt := w.wantPrompt(w.slash(ada, general, command))
				if name == "typed" {
					w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				} else if said := w.submitted(ada, w.askedForReason(ada, prompt), reason); said != "" {
					t.Fatal(said)
				}
				w.eventually("the outcome", func() bool { return len(w.slack.History(general)) == 1 && settled(w.now(prompt)) })
				if got := w.row(); got.Reason != reason || w.api.Effects(12345) != 1 {
					t.Errorf("the journal says %+v", got)
				}
			})
		})
	}
}

// A reason within the limit has no room in a button next to 25 tasks. A modal says so, and
// takes a shorter one. After a command, the prompt says that it is shortened.
func TestReasonIsNotShortenedSilently(t *testing.T) {
	long := strings.Repeat("📄", 300)
	numbers := ""
	for i := range 25 {
		numbers += fmt.Sprintf(" %d", 500+i)
	}
	many := func(t *testing.T, change ...func(*options)) *world {
		w := newWorld(t, append(change, func(o *options) { o.bot.MaxTasks = 25 })...)
		w.api.Add(500, 25)
		return w
	}
	corrects := func(w *world, m slacktest.Modal) {
		w.Helper()
		if said := w.submitted(ada, m, long); said != "That reason is too long next to 25 tasks. Shorten it, or start again with fewer tasks." {
			w.Errorf("a long reason: %q", said)
		}
		w.noCancel()
		if said := w.submitted(ada, m, long[:400]); said != "" {
			w.Errorf("a shorter one: %q", said)
		}
		w.eventually("the outcome", func() bool { return w.announced() == 1 })
		if got := w.row(); got.Reason != long[:400] || len(got.Tasks) != 25 {
			w.Errorf("the journal says %+v", got)
		}
	}
	t.Run("in the dialog for a reason", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := many(t, requireReason)
			corrects(w, w.askedForReason(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task"+numbers))))
		})
	})
	t.Run("in the shortcut's modal", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := many(t)
			message := ""
			for _, id := range strings.Fields(numbers) {
				message += " " + taskLink + id
			}
			corrects(w, w.modal(ada, w.say(grace, general, message)))
		})
	})
	t.Run("typed in the modal that asks for tasks", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := many(t)
			w.submits(ada, w.modal(ada, w.say(grace, general, "stop them please")), map[string]string{"task": numbers + " " + long})
			time.Sleep(time.Second)
			m := w.modalNow(ada)
			if !slices.ContainsFunc(m.Blocks, func(b slacktest.Block) bool { return b.Element != nil && b.Element.InitialValue == long }) {
				t.Errorf("the modal has another reason: %s", modalText(m))
			}
			corrects(w, m)
		})
	})
	t.Run("typed with the command", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := many(t)
			for reason, want := range map[string]bool{long: true, long[:400]: false} {
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task"+numbers+" "+reason))
				if got := strings.Count(goldenfile.Transcribe(prompt), "I had to shorten the reason"); (got == 2) != want || got%2 != 0 { // in the text, and in a block
					t.Errorf("%d characters: the prompt says so %d times", utf8.RuneCountInString(reason), got)
				}
			}
		})
	})
}

// Slack can deliver one event twice. A trigger opens one modal, so the second
// delivery has nothing to say.
func TestModalThatIsOpenAlreadyIsNoFailure(t *testing.T) {
	again := func(w *world, kind string, first func() *slacktest.Pending) []string {
		var payload map[string]any
		w.slack.AmendPayloads(func(_ string, p map[string]any) {
			if p["type"] == kind && payload == nil {
				payload = p
			}
		})
		before := len(w.slack.Private(ada, general))
		w.acked(first())
		w.acked(w.slack.Deliver("interactive", payload))
		time.Sleep(10 * time.Second)
		if n := len(w.slack.Modals(ada)); n != 1 {
			w.Errorf("%d modals are open", n)
		}
		return texts(w.slack.Private(ada, general)[before:])
	}
	t.Run("for a reason", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, requireReason)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			if said := again(w, "block_actions", func() *slacktest.Pending { return w.slack.Click(ada, prompt, "cancel_task") }); len(said) > 0 {
				t.Errorf("besides the modal, Ada reads: %v", said)
			}
		})
	})
	t.Run("from a message", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			m := w.say(grace, general, taskLink+"12345")
			if said := again(w, "message_action", func() *slacktest.Pending { return w.slack.Shortcut(ada, m, shortcut) }); len(said) > 0 {
				t.Errorf("besides the modal, Ada reads: %v", said)
			}
		})
	})
}

// People on a task who read that its outcome is unknown also read the final result: in
// the edited announcement, and in the reply, which notifies them.
func TestPeopleOnTheTaskReadTheFinalResult(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.NotifyPeopleOnTask = true })
		w.slack.SetScopes(allScopes...)
		w.api.Break(chameliotest.Fault{Method: "POST", Hang: true, LandAfter: 5 * time.Minute, Times: 3})
		w.acked(w.slack.Click(linus, w.wantPrompt(w.slash(linus, general, "/cancel-task 12345")), "cancel_task"))
		w.eventually("unknown", func() bool { return len(w.slack.History(general)) == 1 })
		time.Sleep(15 * time.Minute)
		announced := w.slack.History(general)[0]
		replies := w.slack.Thread(general, announced.TS)
		if len(replies) != 1 || !strings.Contains(replies[0].Text, "Confirmed") {
			t.Fatalf("replies: %q", texts(replies))
		}
		for _, m := range append(replies, announced) {
			if read := goldenfile.Transcribe(m); strings.Count(read, "FYI <@U0ADA> (owner), <@U0GRACE> (assignee)") != 2 { // in the text, and in a block
				t.Errorf("it says:\n%s", read)
			}
		}
	})
}
