package bot_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

const (
	ada, grace = slacktest.Ada, slacktest.Grace
	general    = slacktest.General
)

func TestWholeFlow(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345 duplicate of 12346"))
	golden(t, "prompt", prompt)
	if prompt.Only != ada {
		t.Error("others see the prompt")
	}
	w.noCancel()
	announcement, line := w.confirm(ada, prompt)
	golden(t, "cancelled", announcement, line)
	if w.api.Effects(12345) != 1 || w.api.Cancels(12345) != 1 {
		t.Errorf("%d cancels sent, %d took effect", w.api.Cancels(12345), w.api.Effects(12345))
	}
	w.must(w.stop()) // the announcement is recorded
	d, err := w.journal.Recent(t.Context(), recent)
	w.must(err)
	if len(d) != 1 || d[0].Outcome() != "cancelled" || d[0].Requester != ada || d[0].Reason != "duplicate of 12346" ||
		d[0].MessageTS != announcement.TS || d[0].AnnouncedAt.IsZero() {
		t.Errorf("the journal says %+v", d)
	}
}

// A task costs Chamelio one GET for its prompt and one for its announcement, since
// it may have moved on in between.
func TestAnnouncementFetchesCurrentDetails(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		announcement, _ := w.confirm(ada, prompt)
		text, err := json.Marshal(announcement)
		w.must(err)
		gets := 0
		for _, r := range w.api.Requests() {
			if r.Method == http.MethodGet && r.Task == 12345 {
				gets++
			}
		}
		if gets != 2 || !strings.Contains(string(text), "Contract review") {
			t.Errorf("%d GETs: %s", gets, text)
		}
	})
}

func TestKeepItCancelsNothing(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.acked(w.slack.Click(ada, prompt, "keep_task"))
	w.eventually("the prompt gives way", func() bool { return len(w.now(prompt).Buttons()) == 0 })
	golden(t, "kept", w.now(prompt))
	w.noCancel()
	if len(w.slack.History(general)) != 0 {
		t.Error("the channel was told")
	}
}

// Each row of the outcome table: what Chamelio does, and what people read.
func TestEveryOutcomeIsAnnounced(t *testing.T) {
	post := func(f chameliotest.Fault) func(*world) {
		f.Method = "POST"
		return func(w *world) { w.api.Break(f) }
	}
	both := func(fs ...func(*world)) func(*world) {
		return func(w *world) {
			for _, f := range fs {
				f(w)
			}
		}
	}
	noGet := func(w *world) { w.api.Break(chameliotest.Fault{Method: "GET", Status: 503}) }
	tests := []struct {
		name    string
		happens func(*world) // between prompt and click
		outcome string
		status  string // of the task, in the end
		cancels int    // requests sent
	}{
		{"already cancelled", func(w *world) { w.api.SetStatus(12345, "cancelled") }, "already_cancelled", "cancelled", 1},
		{"completed meanwhile", func(w *world) { w.api.SetStatus(12345, "completed") }, "not_cancellable", "completed", 1},
		{"failed meanwhile", func(w *world) { w.api.SetStatus(12345, "failed") }, "not_cancellable", "failed", 1},
		{"conflict unexplained", both(func(w *world) { w.api.SetStatus(12345, "completed") }, noGet), "not_cancellable", "completed", 1},
		{"conflict explained by a later GET", both(func(w *world) { w.api.SetStatus(12345, "cancelled") }, func(w *world) { w.api.Break(chameliotest.Fault{Method: "GET", Status: 503, Times: 3}) }), "already_cancelled", "cancelled", 1},
		{"conflict but running", post(chameliotest.Fault{Status: 409, Body: `{"detail":"Task cannot be cancelled in its current state"}`}), "failed", "in_progress", 1},
		{"not found", post(chameliotest.Fault{Status: 404, Body: `{"detail":"Task not found"}`}), "not_found", "in_progress", 1},
		{"key missing", func(w *world) { w.api.RefuseKey("API key required") }, "rejected_key", "in_progress", 1},
		{"key invalid", func(w *world) { w.api.RefuseKey("Invalid API key") }, "rejected_key", "in_progress", 1},
		{"key inactive", func(w *world) { w.api.RefuseKey("API key is inactive") }, "rejected_key", "in_progress", 1},
		{"key revoked", func(w *world) { w.api.RefuseKey("API key has been revoked") }, "rejected_key", "in_progress", 1},
		{"key expired", func(w *world) { w.api.RefuseKey("API key has expired") }, "rejected_key", "in_progress", 1},
		{"server error once", post(chameliotest.Fault{Status: 500, Body: `{"detail":"Failed to cancel task"}`, Times: 1}), "cancelled", "cancelled", 2},
		{"server error always", post(chameliotest.ServerError(false)), "failed", "in_progress", 3},
		{"gateway error always", post(chameliotest.ProxyError()), "unknown", "in_progress", 3},
		{"cut after applying", post(chameliotest.Fault{CutAfter: true, Times: 1}), "cancelled", "cancelled", 1},
		{"cut before applying", post(chameliotest.Fault{CutBefore: true, Times: 1}), "cancelled", "cancelled", 2},
		{"hang", post(chameliotest.Fault{Hang: true, Times: 1}), "cancelled", "cancelled", 2},
		{"200 but another status", post(chameliotest.Fault{Status: 200, Body: `{"task_id":12345,"status":"in_progress"}`}), "unknown", "in_progress", 3},
		{"200 unreadable, applied", post(chameliotest.Fault{Status: 200, Body: `<html>`, AfterEffect: true}), "cancelled", "cancelled", 1},
		{"other spelling", post(chameliotest.Fault{Status: 200, Body: `{"task_id":12345,"status":"canceled"}`, AfterEffect: true}), "cancelled", "cancelled", 1},
		{"nobody can say", both(post(chameliotest.Fault{CutAfter: true}), noGet), "unknown", "cancelled", 1},
		{"busy for a moment", post(func() chameliotest.Fault { f := chameliotest.Busy("1"); f.Times = 1; return f }()), "cancelled", "cancelled", 2},
		{"busy for long", post(chameliotest.Busy("600")), "failed", "in_progress", 1},
		{"refused", post(chameliotest.Fault{Status: 403, Body: `{"detail":"<b>No</b> *entry*"}`}), "failed", "in_progress", 1},
		{"odd status", both(post(chameliotest.Fault{CutBefore: true}), func(w *world) { w.api.SetStatus(12345, "paused") }), "unknown", "paused", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345 it is stuck"))
				tt.happens(w)
				announcement, line := w.confirm(ada, prompt)
				golden(t, "outcome "+tt.name, announcement, line)

				d, err := w.journal.Recent(t.Context(), recent)
				w.must(err)
				if len(d) != 1 || string(d[0].Outcome()) != tt.outcome {
					t.Errorf("the journal says %+v, want %s", d, tt.outcome)
				}
				if task, _ := w.api.Task(12345); task.Status != tt.status {
					t.Errorf("the task is %s, want %s", task.Status, tt.status)
				}
				if got := w.api.Cancels(12345); got != tt.cancels {
					t.Errorf("%d cancel requests, want %d", got, tt.cancels)
				}
				if n := len(w.slack.History(general)); n != 1 {
					t.Errorf("%d announcements", n)
				}
			})
		})
	}
}

func TestUnreachableChamelioMeansUnchanged(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Refuse()
		announcement, line := w.confirm(ada, prompt)
		golden(t, "outcome unreachable", announcement, line)
	})
}

// A cancel request that isn't sent is logged with the reason.
func TestUnsentRequestIsLoggedWithItsReason(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Refuse()
		w.confirm(ada, prompt)
		lines := 0
		for line := range strings.Lines(w.log.String()) {
			if strings.Contains(line, "cancel request not sent; retrying") {
				lines++
				if !strings.Contains(line, `"error":"chamelio: POST /tasks/12345/cancel: no answer: `) {
					t.Errorf("the reason isn't there: %s", line)
				}
			}
		}
		if lines == 0 {
			t.Errorf("nothing is logged:\n%s", w.log)
		}
	})
}

func TestEndedAndUnknownTasksGetNoButton(t *testing.T) {
	w := newWorld(t)
	for name, input := range map[string]string{
		"completed": "12346", "failed": "12347", "cancelled": "12348", "unknown": "99999",
	} {
		m := w.slash(ada, general, "/cancel-task "+input)
		golden(t, "no prompt "+name, m)
		if len(m.Buttons()) != 0 {
			t.Errorf("%s has buttons", name)
		}
	}
	w.api.RefuseKey("API key has expired")
	golden(t, "no prompt key expired", w.slash(ada, general, "/cancel-task 12345"))
}

func TestPromptWithoutDetails(t *testing.T) {
	for name, f := range map[string]chameliotest.Fault{
		"another 404": {Status: 404, Body: `{"detail":"Not Found"}`}, "403": {Status: 403}, "405": {Status: 405},
		"500": chameliotest.ProxyError(), "hang": {Hang: true}, "cut": {CutBefore: true}, "not JSON": {Status: 200, Body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *options) { o.bot.PreviewLimit = 300 * time.Millisecond })
			f.Method = http.MethodGet
			w.api.Break(f)
			prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
			golden(t, "prompt without details", prompt)
			w.api.ClearFaults()
			w.confirm(ada, prompt)
			if w.api.Effects(12345) != 1 {
				t.Error("the cancel call was not made")
			}
		})
	}
}

func TestBadInputIsExplainedPrivately(t *testing.T) {
	w := newWorld(t)
	for name, text := range map[string]string{
		"help": "help", "nothing": "", "word": "abc", "too large": "9223372036854775808", "zero": "0", "negative": "-5",
		"arabic digits": "١٢٣", "foreign link": "<https://evil.example/tasks/12345>", "decimal": "12.5", "markup": "<!channel> *x* <@U1>",
		"long word": strings.Repeat("x", 500), "long reason": "12345 " + strings.Repeat("y", 301),
	} {
		m := w.slash(ada, general, "/cancel-task "+text)
		golden(t, "input "+name, m)
		if len(m.Buttons()) != 0 || m.Only != ada {
			t.Errorf("%s: %+v", name, m)
		}
	}
	w.noCancel()
	if len(w.slack.History(general)) != 0 {
		t.Error("the channel was told of bad input")
	}
}

func TestTitlesAreEscaped(t *testing.T) {
	w := newWorld(t)
	evil := "<!channel> *x* <@U1> `c` & " + strings.Repeat("🙂", 400)
	task := chameliotest.NewTask(77, "pending", evil, time.Now())
	task.URL, task.Workflow, task.Owner = new("https://evil.example/"), new("_w_\n<!here>"), new(evil[:27])
	w.api.Put(task)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 77 <@U2> & *reason*"))
	announcement, line := w.confirm(ada, prompt)
	golden(t, "hostile title", prompt, announcement, line)
	for _, m := range []slacktest.Message{prompt, announcement, line} {
		for _, bad := range []string{"<!channel>", "<!here>", "<@U1>", "<@U2>", "evil.example", "*x*", "`c`", "CONFIDENTIAL"} {
			if parsed := parsedBySlack(m); strings.Contains(parsed, bad) {
				t.Errorf("%q got through:\n%s", bad, parsed)
			}
		}
	}
}

// parsedBySlack returns the parts of a message in which Slack parses mentions
// and formatting, so not its buttons.
func parsedBySlack(m slacktest.Message) string {
	var all strings.Builder
	for line := range strings.Lines(goldenfile.Transcribe(m)) {
		if !strings.HasPrefix(line, "button") && !strings.HasPrefix(line, "header plain_text") {
			all.WriteString(line)
		}
	}
	return all.String()
}

func TestDoubleAndSimultaneousClicksCancelOnce(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	var clicks []*slacktest.Pending
	for range 10 {
		clicks = append(clicks, w.slack.Click(ada, prompt, "cancel_task"))
	}
	for _, c := range clicks {
		w.acked(c)
	}
	w.eventually("the outcome", func() bool { return settled(w.now(prompt)) && len(w.slack.History(general)) > 0 })
	w.must(w.stop()) // all clicks are done with
	if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 1 {
		t.Errorf("%d cancels, %d announcements", w.api.Cancels(12345), len(w.slack.History(general)))
	}
}

func TestTwoPromptsForOneTaskCancelItOnce(t *testing.T) {
	w := newWorld(t)
	first := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	second := w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))
	w.api.Break(chameliotest.Fault{Method: "POST", Delay: 300 * time.Millisecond})
	w.acked(w.slack.Click(ada, first, "cancel_task"))
	w.eventually("the first is under way", func() bool { return w.api.Cancels(12345) == 1 })
	w.acked(w.slack.Click(grace, second, "cancel_task"))
	w.eventually("both know", func() bool {
		return settled(w.now(first)) && settled(w.now(second)) && len(w.slack.History(general)) > 0
	})
	golden(t, "came second", w.now(second))
	if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 1 {
		t.Errorf("%d cancels, %d announcements", w.api.Cancels(12345), len(w.slack.History(general)))
	}
}

func TestRedeliveredEnvelopeIsHandledOnce(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	payload := map[string]any{
		"type": "block_actions", "api_app_id": slacktest.AppID, "team": map[string]any{"id": slacktest.TeamID}, "user": map[string]any{"id": ada},
		"channel": map[string]any{"id": general},
		"actions": []any{map[string]any{"type": "button", "block_id": "b1", "action_id": "cancel_task", "value": prompt.Button("cancel_task").Value}},
	}
	for range 3 {
		w.acked(w.slack.DeliverAs("the-same", "interactive", payload))
		w.acked(w.slack.Deliver("interactive", payload)) // the same confirmation again
	}
	w.eventually("the outcome", func() bool { return len(w.slack.History(general)) > 0 })
	w.must(w.stop())
	if w.api.Cancels(12345) != 1 || len(w.slack.History(general)) != 1 {
		t.Errorf("%d cancels, %d announcements", w.api.Cancels(12345), len(w.slack.History(general)))
	}
}

// Slack may deliver a command again, over another connection and in another
// envelope. It is acknowledged, and the person gets only one answer.
func TestRedeliveredCommandIsAnsweredOnce(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		var command map[string]any
		w.slack.AmendPayloads(func(_ string, payload map[string]any) { command = payload })
		w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		for range 3 {
			w.acked(w.slack.Deliver("slash_commands", command))
		}
		time.Sleep(time.Minute)
		if n := len(w.slack.Private(ada, general)); n != 1 {
			t.Errorf("one command was answered %d times", n)
		}
	})
}

// If the bot can't post, it announces the outcome through the click's
// response_url.
func TestOutcomesReachEveryKindOfConversation(t *testing.T) {
	for channel, via := range map[string]string{
		slacktest.General: "chat.postMessage", slacktest.Random: "chat.postMessage", slacktest.Deals: "chat.postMessage",
		slacktest.Legal: "response_url", slacktest.Direct: "response_url",
	} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			announcement, line := w.confirm(ada, w.wantPrompt(w.slash(ada, channel, "/cancel-task 12345")))
			if announcement.Via != via || !settled(line) {
				t.Errorf("told by %s, want %s", announcement.Via, via)
			}
		})
	}
}

func TestFallsBackToDirectMessageWhenResponseURLExpired(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
	w.slack.Break(slacktest.Fault{Method: "response_url", Error: "used_url"})
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("a direct message", func() bool { return len(w.slack.History("D"+ada)) == 1 })
	golden(t, "in person", w.slack.History("D" + ada)[0])
}

func TestSlackFailingDelaysTheAnnouncementButLosesNothing(t *testing.T) {
	for name, f := range map[string]slacktest.Fault{
		"429":            {Method: "chat.postMessage", Status: 429, RetryAfter: "1", Times: 2},
		"500":            {Method: "chat.postMessage", Status: 500, Times: 2},
		"internal_error": {Method: "chat.postMessage", Error: "internal_error", Times: 2},
		"cut":            {Method: "chat.postMessage", Cut: true, Times: 2},
		"all down":       {Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				if name == "all down" { // the policy's look-up at the click must not be hit
					for _, f.Method = range []string{"response_url", "auth.test", "chat.postMessage"} {
						w.slack.Break(f)
					}
					time.AfterFunc(time.Minute, w.slack.ClearFaults)
				}
				w.slack.Break(f)
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				w.eventually("the announcement", func() bool { return len(w.slack.History(general)) > 0 })
				w.eventually("the prompt", func() bool { return settled(w.now(prompt)) })
				if n := len(w.slack.History(general)); n != 1 {
					t.Errorf("%d announcements", n)
				}
			})
		})
	}
}

func TestGarbageFramesAreIgnored(t *testing.T) {
	w := newWorld(t)
	for _, raw := range []string{"", "null", "{", "[]", `{"type":"hello"}`, `{"type":"brand_new","envelope_id":"e1"}`,
		`{"type":"slash_commands","envelope_id":"e2","payload":"x"}`, `{"type":"interactive","envelope_id":"e3","payload":{"type":"view_submission"}}`,
		`{"type":"interactive","envelope_id":"e4","payload":{"type":"block_actions","actions":[null]}}`, strings.Repeat("[", 10000)} {
		w.slack.SendFrame(raw)
	}
	w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
	if w.slack.Opened() != 2 {
		t.Errorf("garbage cost a connection: %d opened", w.slack.Opened())
	}
}

func TestOnlyFullMembersMayCancel(t *testing.T) {
	w := newWorld(t, alwaysFresh)
	for _, user := range []string{slacktest.Guest, slacktest.Single, slacktest.Gone, slacktest.Robot} {
		m := w.slash(user, general, "/cancel-task 12345")
		golden(t, "refused "+user, m)
		if len(m.Buttons()) != 0 {
			t.Errorf("%s got a prompt", user)
		}
	}
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	// Ada becomes a guest between prompt and click.
	w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", IsRestricted: true})
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("a refusal", func() bool { return len(w.now(prompt).Buttons()) == 0 })
	w.noCancel()
}

func TestFailedUserLookupRefuses(t *testing.T) {
	w := newWorld(t, alwaysFresh)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.slack.Break(slacktest.Fault{Method: "users.info", Error: "internal_error"})
	golden(t, "refused unknown", w.slash(grace, general, "/cancel-task 12345"))
	before := len(w.slack.Private(ada, general))
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("a word to Ada", func() bool { return len(w.slack.Private(ada, general)) > before })
	w.noCancel()
	w.slack.ClearFaults() // the prompt is still good
	w.confirm(ada, prompt)
}

func TestForgedForeignAndExpiredClicksCancelNothing(t *testing.T) {
	w := newWorld(t)
	w.api.Add(500, 10)
	value := func() (slacktest.Message, string) {
		m := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		return m, m.Button("cancel_task").Value
	}
	flip := func(s string, i int) string { b := []byte(s); b[i] ^= 1; return string(b) }
	for name, forge := range map[string]func(string) string{
		"empty": func(string) string { return "" }, "junk": func(string) string { return "junk" },
		"unsigned": func(v string) string { return v[:strings.LastIndex(v, ".")] }, "cut short": func(v string) string { return v[:len(v)-4] },
		"payload changed": func(v string) string { return flip(v, 6) }, "version changed": func(v string) string { return "1" + v[1:] },
		"huge": func(v string) string { return strings.Repeat(v, 50) },
	} {
		m, v := value()
		w.acked(w.slack.Forge(ada, m, "cancel_task", forge(v)))
		w.eventually(name, func() bool { return len(w.now(m).Buttons()) == 0 })
		golden(t, "click forged", w.now(m))
	}
	m, v := value()
	w.acked(w.slack.Forge(grace, m, "cancel_task", v))
	w.eventually("another person's", func() bool { return len(w.now(m).Buttons()) == 0 })
	golden(t, "click of another", w.now(m))
	w.noCancel()
}

func TestExpiredPromptIsRefused(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		time.Sleep(11 * time.Minute)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("a refusal", func() bool { return len(w.now(prompt).Buttons()) == 0 })
		golden(t, "click expired", w.now(prompt))
		w.noCancel()
	})
}

func TestNoDecisionWithoutAJournal(t *testing.T) {
	virtual(t, func(t *testing.T) {
		broken := &brokenJournal{}
		w := newWorld(t, func(o *options) {
			o.prepare = func(w *world) { broken.Journal = w.journal }
			o.journal = broken
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		broken.down.Store(true)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("a sign of life", func() bool { return len(w.now(prompt).Buttons()) == 0 })
		golden(t, "journal down", w.now(prompt))
		time.Sleep(5 * time.Minute)
		w.noCancel()
		broken.down.Store(false)
		w.eventually("what is certain", func() bool { return settled(w.now(prompt)) })
		golden(t, "journal was down for long", w.now(prompt))
		w.noCancel()
	})
}

func TestLateClaimIsCarriedOut(t *testing.T) {
	virtual(t, func(t *testing.T) {
		broken := &brokenJournal{}
		w := newWorld(t, func(o *options) {
			o.prepare = func(w *world) { broken.Journal = w.journal }
			o.journal = broken
		})
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		broken.down.Store(true)
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		time.Sleep(30 * time.Second)
		broken.down.Store(false)
		w.eventually("the outcome", func() bool { return settled(w.now(prompt)) && len(w.slack.History(general)) == 1 })
		if w.api.Effects(12345) != 1 {
			t.Error("it was not cancelled")
		}
	})
}

func TestAcksStayFastWhileChamelioHangs(t *testing.T) {
	w := newWorld(t)
	w.api.Break(chameliotest.Fault{Hang: true})
	var all []*slacktest.Pending
	for i := range 200 {
		all = append(all, w.slack.Slash(ada, general, fmt.Sprintf("/cancel-task %d", 20000+i)))
	}
	for _, p := range all {
		w.acked(p)
	}
	var slowest time.Duration
	for _, l := range w.slack.AckLatencies() {
		slowest = max(slowest, l)
	}
	t.Logf("200 commands with the API hanging: slowest ack %v", slowest)
	w.eventually("all prompts", func() bool { return len(w.slack.Private(ada, general)) == 200 })
	if len(w.slack.Failed()) != 0 {
		t.Errorf("failed: %v", w.slack.Failed())
	}
}

func TestFullQueueAsksPeopleToTryAgain(t *testing.T) {
	w := newWorld(t)
	w.slack.Break(slacktest.Fault{Method: "users.info", Hang: true})
	for range 1024 { // as many as the bot takes on
		w.slack.Slash(ada, general, "/cancel-task 12345")
	}
	w.eventually("all are taken", func() bool { return len(w.slack.AckLatencies()) == 1024 })
	m := w.slash(grace, general, "/cancel-task 12345")
	golden(t, "overloaded", m)
	if m.Via != "ack" {
		t.Errorf("told by %s", m.Via)
	}
	w.slack.ClearFaults()
}

func TestSecretsAndTicketsStayOutOfTheLog(t *testing.T) {
	w := newWorld(t, func(o *options) { o.timeout = 200 * time.Millisecond; o.bot.Patience = 300 * time.Millisecond })
	w.slack.Break(slacktest.Fault{Method: "response_url", Cut: true, Times: 3})
	w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Cut: true, Times: 1})
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345 my private reason"))
	w.api.Break(chameliotest.Fault{CutBefore: true})
	w.confirm(ada, prompt)
	w.slack.Cut()
	w.eventually("back again", func() bool { return w.slack.Connections() == 2 })
	w.must(w.stop())
	log := w.log.String()
	for _, s := range append(w.slack.Secrets(), slacktest.AppToken, slacktest.BotToken, chameliotest.Key, "my private reason", "CONFIDENTIAL") {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
	}
	// The log has the IDs by which an operator follows a decision.
	for _, s := range []string{`"task":12345`, `"user":"U0ADA"`, `"confirmation"`, `"channel":"C0GENERAL"`} {
		if !strings.Contains(log, s) {
			t.Errorf("the log lacks %s", s)
		}
	}
	for line := range strings.Lines(log) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// A process died before it sent anything, or the only request was refused and an
// earlier decision is unknown: without the key, no one can tell whether a request was
// sent, and the announcement doesn't say so.
func TestUnknownOutcomeClaimsNoRequest(t *testing.T) {
	for name, happens := range map[string]func(w *world, prompt slacktest.Message){
		"a dead process": func(w *world, prompt slacktest.Message) {
			w.api.RefuseKey("API key has been revoked")
			w.must(w.claim(ada, prompt.Button("cancel_task").Value, time.Now(), false))
		},
		"an earlier decision": func(w *world, prompt slacktest.Message) {
			first := w.wantPrompt(w.slash(grace, slacktest.Random, "/cancel-task 12345"))
			w.api.Break(chameliotest.Fault{Hang: true})
			w.acked(w.slack.Click(grace, first, "cancel_task"))
			w.eventually("the earlier outcome", func() bool { return len(w.slack.History(slacktest.Random)) == 1 })
			w.api.ClearFaults()
			w.api.RefuseKey("API key has been revoked")
			w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				happens(w, prompt)
				said := w.toldOnce(general).Text
				if !strings.Contains(said, "may have been sent, and I've lost access to Chamelio (the key has been revoked)") {
					t.Errorf("everyone reads: %s", said)
				}
			})
		})
	}
}
