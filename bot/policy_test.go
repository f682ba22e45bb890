package bot_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

const (
	linus = slacktest.Linus
	leads = "S0LEADS"
)

var allScopes = []string{"commands", "chat:write", "chat:write.public", "users:read", "users:read.email", "usergroups:read"}

// peopleOnTask puts people on task 12345.
func peopleOnTask(w *world, owner, assignee string, collaborators ...string) {
	w.api.ClearFaults()
	raw, err := json.Marshal(map[string]any{"task": map[string]any{
		"task_id": 12345, "task_title": "Review", "status": "in_progress",
		"owner_email": owner, "assignee_email": assignee, "collaborator_emails": collaborators,
	}})
	w.must(err)
	w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: 200, Body: string(raw)})
}

// TestPolicies checks each policy, person by person and place by place, at the
// command and at the click.
func TestPolicies(t *testing.T) {
	var (
		members  = policy.Rules{}
		onTask   = policy.Rules{Mode: policy.PeopleOnTask}
		orListed = policy.Rules{Mode: policy.PeopleOnTask, Users: []policy.UserID{linus}, Usergroups: []policy.GroupID{leads}}
		listed   = policy.Rules{Mode: policy.Listed, Users: []policy.UserID{ada, slacktest.Guest}}
		grouped  = policy.Rules{Mode: policy.Listed, Usergroups: []policy.GroupID{leads}}
		placed   = policy.Rules{Channels: []policy.ChannelID{general}}
	)
	with := func(owner, assignee string, collaborators ...string) func(*world) {
		return func(w *world) { peopleOnTask(w, owner, assignee, collaborators...) }
	}
	becomes := func(u slacktest.User) func(*world) { return func(w *world) { w.slack.AddUser(u) } }
	fails := func(method, err string) func(*world) {
		return func(w *world) { w.slack.Break(slacktest.Fault{Method: method, Error: err}) }
	}
	tests := []struct {
		name      string
		policy    policy.Rules
		person    string
		place     string
		before    func(*world)
		prompted  bool
		meanwhile func(*world) // between prompt and click
		cancelled bool
		golden    string // of the refusal
	}{
		{"members: a member", members, ada, general, nil, true, nil, true, ""},
		{"members: an admin", members, linus, slacktest.Random, nil, true, nil, true, ""},
		{"members: a guest", members, slacktest.Guest, general, nil, false, nil, false, ""},
		{"members: a guest of one channel", members, slacktest.Single, general, nil, false, nil, false, ""},
		{"members: deactivated", members, slacktest.Gone, general, nil, false, nil, false, ""},
		{"members: a bot", members, slacktest.Robot, general, nil, false, nil, false, ""},
		{"members: of another organisation", members, "U0NOBODY", general, becomes(slacktest.User{ID: "U0NOBODY", IsStranger: true}), false, nil, false, "refused foreign"},
		{"members: Slack cannot be asked", members, ada, general, fails("users.info", "fatal_error"), false, nil, false, ""},
		{"members: the scope is gone", members, ada, general, func(w *world) { w.slack.SetScopes("chat:write") }, false, nil, false, ""},
		{"members: a guest by the click", members, ada, general, nil, true, becomes(slacktest.User{ID: ada, IsRestricted: true}), false, ""},
		{"members: deactivated by the click", members, ada, general, nil, true, becomes(slacktest.User{ID: ada, Deleted: true}), false, ""},
		{"members: Slack cannot be asked at the click", members, ada, general, nil, true, fails("users.info", "fatal_error"), false, ""},

		{"on the task: the owner, in other letters", onTask, ada, general, with("ADA@Acme.Example", "x@acme.example"), true, nil, true, ""},
		{"on the task: the assignee", onTask, ada, general, with("", " ada@acme.example "), true, nil, true, ""},
		{"on the task: a collaborator", onTask, ada, general, with("x@x.example", "", "y@y.example", "ada@acme.example"), true, nil, true, ""},
		{"on the task: another member", onTask, grace, general, with("ada@acme.example", ""), false, nil, false, "refused not on the task"},
		{"on the task: nobody is", onTask, ada, general, with("", ""), false, nil, false, ""},
		{"on the task: no e-mail, nobody on it", onTask, slacktest.Linus, general, func(w *world) {
			w.slack.AddUser(slacktest.User{ID: linus, Name: "linus"})
			peopleOnTask(w, "", "")
		}, false, nil, false, "refused no email"},
		{"on the task: the scope for e-mails is missing", onTask, ada, general, func(w *world) {
			w.slack.SetScopes("commands", "chat:write", "users:read")
			peopleOnTask(w, "ada@acme.example", "")
		}, false, nil, false, ""},
		{"on the task: a guest who is", onTask, slacktest.Guest, general, with("gil@agency.example", ""), false, nil, false, ""},
		{"on the task: no details", onTask, ada, general, func(w *world) {
			w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: 500})
		}, false, nil, false, "refused no details"},
		{"on the task: not any more at the click", onTask, ada, general, with("ada@acme.example", ""), true, with("grace@acme.example", ""), false, ""},
		{"on the task: no details at the click", onTask, ada, general, with("ada@acme.example", ""), true, func(w *world) {
			w.api.ClearFaults()
			w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: 500})
		}, false, ""},
		{"on the task or listed: listed", orListed, linus, general, with("ada@acme.example", ""), true, nil, true, ""},
		{"on the task or listed: in the group", orListed, grace, general, with("ada@acme.example", ""), true, nil, true, ""},
		{"on the task or listed: no details, though listed", orListed, linus, general, func(w *world) {
			w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: 500})
		}, false, nil, false, ""},

		{"listed: by name", listed, ada, general, nil, true, nil, true, ""},
		{"listed: not", listed, grace, general, nil, false, nil, false, "refused not listed"},
		{"listed: a guest by name", listed, slacktest.Guest, general, nil, false, nil, false, ""},
		{"listed: in the group", grouped, grace, general, nil, true, nil, true, ""},
		{"listed: not in the group", grouped, ada, general, nil, false, nil, false, ""},
		{"listed: out of the group by the click", grouped, grace, general, nil, true, func(w *world) { w.slack.SetGroup(leads, linus) }, false, ""},
		{"listed: the group is gone", grouped, grace, general, fails("usergroups.users.list", "no_such_subteam"), false, nil, false, ""},
		{"listed: the scope for groups is missing", grouped, grace, general, func(w *world) { w.slack.SetScopes("chat:write", "users:read") }, false, nil, false, ""},
		{"listed: the group cannot be asked at the click", grouped, grace, general, nil, true, fails("usergroups.users.list", "fatal_error"), false, ""},

		{"placed: there", placed, ada, general, nil, true, nil, true, ""},
		{"placed: elsewhere", placed, ada, slacktest.Random, nil, false, nil, false, "refused elsewhere"},
		{"placed: in a direct message", placed, ada, slacktest.Direct, nil, false, nil, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(o *options) { o.bot.Policy = tt.policy }, alwaysFresh)
			w.slack.SetScopes(allScopes...)
			w.slack.SetGroup(leads, grace)
			if tt.before != nil {
				tt.before(w)
			}
			m := w.slash(tt.person, tt.place, "/cancel-task 12345")
			if tt.golden != "" {
				golden(t, tt.golden, m)
			}
			if prompted := m.Button("cancel_task") != nil; prompted != tt.prompted {
				t.Fatalf("prompted: %v\n%s", prompted, goldenfile.Transcribe(m))
			}
			if tt.prompted {
				if tt.meanwhile != nil {
					tt.meanwhile(w)
				}
				private := len(w.slack.Private(tt.person, tt.place))
				w.acked(w.slack.Click(tt.person, m, "cancel_task"))
				w.eventually("an answer to the click", func() bool {
					return len(w.now(m).Buttons()) == 0 || len(w.slack.Private(tt.person, tt.place)) > private
				})
			}
			w.must(w.stop())
			if got := w.api.Effects(12345) == 1; got != tt.cancelled {
				t.Errorf("cancelled: %v\n%s", got, w.log)
			}
		})
	}
}

func TestContradictoryPoliciesAreRejectedAtStart(t *testing.T) {
	for name, p := range map[string]policy.Rules{
		"listed, nobody":   {Mode: policy.Listed},
		"listed, blanks":   {Mode: policy.Listed, Users: []policy.UserID{" ", ""}},
		"unknown":          {Mode: "everybody"},
		"a name":           {Users: []policy.UserID{"ada"}},
		"a channel's name": {Channels: []policy.ChannelID{"#general"}},
		"blank channels":   {Channels: []policy.ChannelID{" "}},
		"a user as group":  {Usergroups: []policy.GroupID{"U0ADA"}},
	} {
		if err := (bot.Config{AppToken: appToken, BotToken: botToken, Policy: p}).Validate(); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	good := policy.Rules{Mode: policy.Listed, Users: []policy.UserID{" U0ADA", "W0GRACE "}, Usergroups: []policy.GroupID{leads}, Channels: []policy.ChannelID{"C0GENERAL", "G0LEGAL"}}
	if err := (bot.Config{AppToken: appToken, BotToken: botToken, Policy: good}).Validate(); err != nil {
		t.Error(err)
	}
}

func secondPerson(o *options) {
	o.bot.Policy.SecondPerson = policy.SecondPerson{Always: true}
	o.bot.AuditChannel = slacktest.Deals
}

// ask types a command and returns the prompt that the channel sees.
func (w *world) ask(user, channel, text string) slacktest.Message {
	w.Helper()
	before := len(w.slack.History(channel))
	w.acked(w.slack.Slash(user, channel, text))
	w.eventually("a prompt for all", func() bool { return len(w.slack.History(channel)) > before })
	return w.wantPrompt(w.slack.History(channel)[before])
}

func TestSecondPersonMustConfirm(t *testing.T) {
	for _, channel := range []string{general, slacktest.Random, slacktest.Legal} {
		t.Run(channel, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, channel, "/cancel-task 12345 duplicate of 12346")
			answer := func(user, action string) slacktest.Message {
				before := len(w.slack.Private(user, channel))
				w.acked(w.slack.Click(user, prompt, action))
				w.eventually("a private answer", func() bool { return len(w.slack.Private(user, channel)) > before })
				return w.slack.Private(user, channel)[before]
			}
			same := answer(ada, "cancel_task")
			notTheirs := answer(grace, "keep_task")
			if channel == general {
				golden(t, "second person prompt", prompt)
				golden(t, "second person same", same)
				golden(t, "second person not theirs", notTheirs)
				golden(t, "second person guest", answer(slacktest.Guest, "cancel_task"))
			}
			w.wantPrompt(w.now(prompt)) // for all the others it is as it was
			w.noCancel()
			announcement, line := w.confirm(grace, prompt)
			if channel == general {
				golden(t, "second person outcome", announcement, line)
				d, err := w.journal.Recent(t.Context(), recent)
				w.must(err)
				if d[0].Requester != ada || d[0].Confirmer != grace {
					t.Errorf("the journal says %+v", d[0])
				}
			}
			if w.api.Effects(12345) != 1 {
				t.Error("not cancelled")
			}
		})
	}
}

func TestRequesterCanWithdraw(t *testing.T) {
	w := newWorld(t, secondPerson)
	prompt := w.ask(ada, general, "/cancel-task 12345")
	value := prompt.Button("cancel_task").Value
	w.acked(w.slack.Click(ada, prompt, "keep_task"))
	w.eventually("it is withdrawn", func() bool { return settled(w.now(prompt)) })
	golden(t, "second person withdrawn", w.now(prompt))
	// A click that was already on its way is too late.
	w.acked(w.slack.Forge(grace, prompt, "cancel_task", value))
	w.must(w.stop())
	w.noCancel()
}

func TestConcurrentWithdrawAndConfirmHaveOneResult(t *testing.T) {
	for range 5 {
		w := newWorld(t, secondPerson)
		prompt := w.ask(ada, general, "/cancel-task 12345")
		keep, confirm := w.slack.Click(ada, prompt, "keep_task"), w.slack.Click(grace, prompt, "cancel_task")
		w.acked(keep)
		w.acked(confirm)
		w.must(w.stop())
		d, err := w.journal.Recent(t.Context(), recent)
		w.must(err)
		if withdrawn := d[0].Outcome() == "withdrawn"; len(d) != 1 || withdrawn == (w.api.Effects(12345) == 1) {
			t.Errorf("%d rows, %s, %d effects", len(d), d[0].Outcome(), w.api.Effects(12345))
		}
	}
}

func TestRequesterMustStillBeAllowedAtConfirmation(t *testing.T) {
	w := newWorld(t, secondPerson, alwaysFresh)
	prompt := w.ask(ada, general, "/cancel-task 12345")
	w.slack.AddUser(slacktest.User{ID: ada, Name: "ada", Deleted: true})
	before := len(w.slack.Private(grace, general))
	w.acked(w.slack.Click(grace, prompt, "cancel_task"))
	w.eventually("a word to Grace", func() bool { return len(w.slack.Private(grace, general)) > before })
	golden(t, "second person requester gone", w.slack.Private(grace, general)[before])
	w.noCancel()
}

func TestRuleAddedAfterPromptApplies(t *testing.T) {
	w := newWorld(t)
	prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.must(w.stop())
	o := options{timeout: time.Second, journal: w.journal, bot: bot.Config{Stagger: time.Millisecond}}
	secondPerson(&o)
	stop := w.start(o)
	t.Cleanup(func() { _ = stop() })
	w.eventually("the bot is back", func() bool { return w.slack.Opened() == 4 && w.slack.Connections() == 2 })
	w.acked(w.slack.Click(ada, prompt, "cancel_task"))
	w.eventually("a refusal", func() bool { return settled(w.now(prompt)) })
	golden(t, "second person rule is new", w.now(prompt))
	w.noCancel()
}

func TestAuditChannelGetsEverything(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals }, alwaysFresh)
		w.slash(slacktest.Guest, general, "/cancel-task 12345")
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345 duplicate")))
		w.eventually("two notes", func() bool { return len(w.slack.History(slacktest.Deals)) == 2 })
		prompt := w.wantPrompt(w.slash(grace, general, "/cancel-task 12344"))
		w.slack.AddUser(slacktest.User{ID: grace, Name: "grace", IsRestricted: true})
		w.acked(w.slack.Click(grace, prompt, "cancel_task"))
		w.eventually("three notes", func() bool { return len(w.slack.History(slacktest.Deals)) == 3 })
		golden(t, "audit", w.slack.History(slacktest.Deals)...)
	})
}

func TestAuditCopySurvivesRestart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { w.bot.AuditChannel = slacktest.Deals; o = *w })
		w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Channel: slacktest.Deals, Error: "ratelimited"})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		time.Sleep(5 * time.Second)
		w.must(w.stop())
		if n := len(w.slack.History(slacktest.Deals)); n != 0 {
			t.Fatalf("%d copies", n)
		}
		w.slack.ClearFaults()
		o.journal = w.journal
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		w.eventually("the copy", func() bool { return len(w.slack.History(slacktest.Deals)) == 1 })
	})
}

// The process stops, for a reason that should be noted, while the journal is slow. The calls
// that it gives up aren't taken for trouble, and delay no note.
func TestLastNoteIsSentAlthoughCallsAreGivenUp(t *testing.T) {
	for _, op := range []string{"TakeExpired", "Get"} {
		t.Run(op, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
				h.set(slow(op, 5*time.Second))
				w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
				time.Sleep(3 * time.Second) // a call is under way
				w.must(w.stop())
				h.set(nil)
				w.must(w.journal.CredentialTried(t.Context(), "app_token", "token_revoked", true))
				w.must(w.bot.SendAuditNotes(t.Context()))
				if told := w.slack.History(slacktest.Deals); len(told) != 2 {
					t.Errorf("told: %v", told)
				}
			})
		})
	}
}

func TestFastCommandsAreLimited(t *testing.T) {
	w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 3 })
	for range 3 {
		w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	}
	golden(t, "too fast", w.slash(ada, general, "/cancel-task 12345"))
	w.wantPrompt(w.slash(grace, general, "/cancel-task 12345")) // the others are not held up
}

// TestFastClicksAreLimitedPerPerson allows three clicks for each command that
// a person may type in a minute.
func TestFastClicksAreLimitedPerPerson(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.CommandsPerMinute = 2 })
		torn, mine := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")), w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		hers := w.wantPrompt(w.slash(grace, general, "/cancel-task 12344"))
		before := len(w.slack.Private(ada, general))
		for range 50 {
			w.acked(w.slack.Forge(ada, torn, "cancel_task", "forged"))
		}
		time.Sleep(5 * time.Second)
		slow := 0
		for _, m := range w.slack.Private(ada, general)[before:] {
			if strings.Contains(m.Text, "faster than") {
				slow++
			}
		}
		if slow != 2 {
			t.Errorf("they were told %d times that they press too fast, of %d messages", slow, len(w.slack.Private(ada, general))-before)
		}
		w.acked(w.slack.Click(ada, mine, "cancel_task"))
		w.acked(w.slack.Click(grace, hers, "cancel_task"))
		time.Sleep(30 * time.Second)
		if told := w.slack.History(general); len(told) != 1 || !strings.Contains(told[0].Text, "12344") {
			t.Errorf("after 50 presses of somebody else's: %v", told)
		}
		w.acked(w.slack.Click(ada, mine, "cancel_task")) // half a minute later they may again
		w.eventually("their own", func() bool { return len(w.slack.History(general)) == 2 })
	})
}

// TestTenThousandBadClicksAndCommands checks that they cancel nothing, crash
// nothing, and are each recorded with a reason.
func TestTenThousandBadClicksAndCommands(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.Grace = time.Minute })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		random := rand.New(rand.NewPCG(1, 2))
		mutate := func(s string) string {
			b := []byte(s)
			switch random.IntN(5) {
			case 0:
				return string(b[:random.IntN(len(b))])
			case 1:
				return s + string(rune(random.IntN(0x10ffff)))
			case 2:
				return strings.Repeat(s, 1+random.IntN(4)) + "."
			case 3:
				i, j := random.IntN(len(b)), random.IntN(len(b))
				if b[i] == b[j] {
					b[i] = '!'
				}
				b[i], b[j] = b[j], b[i]
			default:
				b[random.IntN(len(b))] ^= 1 << random.IntN(7)
			}
			return string(b)
		}
		payloads := []string{`null`, `[]`, `"x"`, `{}`, `{"type":"block_actions"}`, `{"type":"block_actions","actions":[null]}`,
			`{"type":"block_actions","actions":[{"type":"button","action_id":"cancel_task","value":5}]}`,
			`{"type":"block_actions","user":{"id":"U0ADA"},"channel":{"id":"C0GENERAL"},"response_url":"https://evil.example/x","actions":[{"type":"button","action_id":"cancel_task","value":"` + value + `"}]}`,
			`{"type":"view_submission"}`, `{"type":"block_actions","actions":[{"type":"checkboxes","action_id":"cancel_task"}]}`}
		const total = 10_000
		var all []*slacktest.Pending
		for i := range total {
			switch i % 5 {
			case 0, 1:
				all = append(all, w.slack.Forge(ada, prompt, "cancel_task", mutate(value)))
			case 2: // genuine, in the wrong hands or the wrong place
				m := prompt
				if i%2 == 0 {
					all = append(all, w.slack.Forge(grace, m, "cancel_task", value))
					break
				}
				m.Channel, m.TS = slacktest.Random, "0"
				all = append(all, w.slack.Forge(ada, m, "cancel_task", value))
			case 3:
				all = append(all, w.slack.Deliver("interactive", json.RawMessage(payloads[random.IntN(len(payloads))])))
			default:
				all = append(all, w.slack.Slash(ada, general, "/cancel-task "+mutate("<https://app.chamelio.ai.evil.example/tasks/12345|12345> reason")))
			}
			if i%200 == 199 {
				for _, p := range all[len(all)-200:] {
					w.acked(p)
				}
			}
		}
		w.must(w.stop())
		w.noCancel()
		why := map[string]string{}
		for line := range strings.Lines(w.log.String()) {
			var entry struct{ Envelope, Msg, Level string }
			w.must(json.Unmarshal([]byte(line), &entry))
			if strings.Contains(entry.Msg, "panic") {
				t.Errorf("a crash: %s", line)
			}
			if entry.Envelope != "" {
				why[entry.Envelope] = entry.Msg
			}
		}
		silent := 0
		for _, p := range all {
			d, err := p.Wait(t.Context())
			w.must(err)
			if why[d.EnvelopeID] == "" {
				silent++
			}
		}
		t.Logf("%d bad clicks and commands: 0 cancels, %d without a reason in the log, %d acks failed", total, silent, len(w.slack.Failed()))
		if silent > 0 || len(w.slack.Failed()) > 0 {
			t.Error(fmt.Sprint(w.slack.Failed()))
		}
	})
}

// A command names a task that its person may not cancel, and one that needs a second
// person. The refusal is recorded and reported, also if no one knows whether the request
// is posted, or if there is none.
func TestRefusedTaskIsReportedWithoutARequest(t *testing.T) {
	for name, c := range map[string]struct {
		before func(*world, *hooked)
		reads  string
	}{
		"journal away": {func(_ *world, h *hooked) { h.set(failing("BeginAsking")) }, "I don't know whether your request"},
		"Slack takes no request": {func(w *world, _ *hooked) {
			w.slack.Break(slacktest.Fault{Method: "chat.postMessage", Error: "is_archived"})
			w.slack.Break(slacktest.Fault{Method: "response_url", Error: "used_url", Times: 1})
		}, "I couldn't post your request"},
		"paused": {func(w *world, _ *hooked) { w.must(w.journal.Pause(w.Context(), "maintenance")) }, "paused"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t, secondPerson, func(o *options) { o.bot.Policy.Mode = policy.PeopleOnTask })
				w.slack.SetScopes(allScopes...)
				theirs := chameliotest.NewTask(50001, "in_progress", "Grace's own", time.Now())
				theirs.Owner, theirs.Assignee, theirs.Collaborators = new("grace@acme.example"), nil, nil
				w.api.Put(theirs)
				c.before(w, h)
				w.acked(w.slack.Slash(ada, general, "/cancel-task 12345 50001"))
				time.Sleep(2 * time.Minute)
				w.wantRefusals(1)
				if said := w.said(ada); !strings.Contains(said, c.reads) || !strings.Contains(said, "Task 50001: you're not on it") {
					t.Errorf("Ada reads %s", said)
				}
			})
		})
	}
}
