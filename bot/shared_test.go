package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

const partners = "C0PARTNERS" // shared with another organisation

// share opens a channel to another organisation, and lets the bot see that.
func (w *world) share() {
	w.slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read", "channels:read", "groups:read")
	w.slack.AddConversation(slacktest.Conversation{ID: partners, Name: "partners", Kind: slacktest.Public, BotIsMember: true, Shared: true})
}

func sharedChannels(s policy.SharedChannels) func(*options) {
	return func(o *options) { o.bot.Policy.Shared = s }
}

// People of other organisations read nothing that Chamelio says about the tasks,
// in every state of a request, and in every message about it.
func TestTitlesStayInside(t *testing.T) {
	secrets := []string{"Globex", "Contract", "Legal approval", "approval step", "may already have", "steps done", "acme.example"}
	for name, two := range map[string]bool{"one person": false, "two people": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sharedChannels(policy.SharedUntitled), func(o *options) {
				o.bot.Policy.SecondPerson.Always, o.bot.AuditChannel = two, slacktest.Deals
			})
			w.share()
			w.api.Add(500, 2)
			var read []slacktest.Message // as it was posted, and as it is in the end
			for _, command := range []string{"/cancel-task 12345 duplicate of 12346", "/cancel-task 500 501 started twice"} {
				w.api.Break(chameliotest.Fault{Method: "POST", Task: 501, Status: 403, Body: `{"detail":"not for Globex"}`, Times: 1})
				var prompt slacktest.Message
				if two {
					prompt = w.wantPrompt(w.ask(ada, partners, command))
					read = append(read, prompt)
				} else {
					prompt = w.wantPrompt(w.slash(ada, partners, command))
					if said := goldenfile.Transcribe(prompt); !strings.Contains(said, "Globex") && !strings.Contains(said, "Contract 500") {
						t.Errorf("the requester alone reads the prompt, and it names no task: %s", said)
					}
				}
				w.confirm(confirmerOf(two), prompt)
			}
			all := ""
			for _, m := range append(read, w.slack.History(partners)...) {
				said := goldenfile.Transcribe(m)
				if strings.Contains(said, "say why") {
					t.Errorf("everyone reads that Chamelio gave no reason: %s", said)
				}
				all += said
				for _, secret := range secrets {
					if strings.Contains(strings.ReplaceAll(said, "app.chamelio.ai", ""), secret) {
						t.Errorf("everyone reads %q in: %s", secret, said)
					}
				}
			}
			if !strings.Contains(all, "12345") || !strings.Contains(all, "501") {
				t.Errorf("they name no task: %s", all)
			}
			w.eventually("the copies", func() bool { return len(w.slack.History(slacktest.Deals)) == 2 })
			if said := goldenfile.Transcribe(w.slack.History(slacktest.Deals)[0]); !strings.Contains(said, "Globex") {
				t.Errorf("the audit channel reads no title: %s", said)
			}
		})
	}
}

// A channel is opened to others while its prompt is open, or the bot is set up only then to
// withhold titles. The announcement has none.
func TestTitlesStayInsideAfterThePrompt(t *testing.T) {
	both(t, func(t *testing.T, public bool, change ...func(*options)) {
		w := newWorld(t, append(change, sharedChannels(policy.SharedUntitled))...)
		w.share()
		w.place(partners) // not shared
		asked := w.slash
		if public {
			asked = w.ask
		}
		prompt := w.wantPrompt(asked(ada, partners, "/cancel-task 12345 duplicate"))
		w.share()
		time.Sleep(2 * time.Minute) // what is known of the channel is older than a minute
		w.confirm(confirmerOf(public), prompt)
		said := w.slack.History(partners)
		if last := said[len(said)-1]; strings.Contains(goldenfile.Transcribe(last), "Globex") || !strings.Contains(last.Text, "12345") {
			t.Errorf("everyone reads: %s", last.Text)
		}
	})
}

// confirmerOf returns who confirms.
func confirmerOf(two bool) string {
	if two {
		return slacktest.Grace
	}
	return ada
}

// Nothing is cancelled from a shared channel, or from one that may be shared.
// Someone of another organisation presses the buttons of a request that is decided, or
// whose task another prompt's decision has.
func TestOthersReadNoTitlesInASharedChannel(t *testing.T) {
	for _, own := range []bool{true, false} {
		for _, action := range []string{"cancel_task", "keep_task"} {
			t.Run(fmt.Sprintf("%s, own decision %t", action, own), func(t *testing.T) {
				virtual(t, func(t *testing.T) {
					w := newWorld(t, sharedChannels(policy.SharedUntitled), func(o *options) { o.bot.Policy.SecondPerson.Always = true })
					w.share()
					w.place("C0INTERNAL")
					prompt := w.wantPrompt(w.ask(ada, partners, "/cancel-task 12345 duplicate"))
					decided := prompt
					if !own {
						decided = w.wantPrompt(w.ask(ada, "C0INTERNAL", "/cancel-task 12345 duplicate"))
					}
					w.api.SetStatus(12345, "completed")
					w.confirm(grace, decided)
					w.acked(w.slack.Forge(slacktest.Foreign, prompt, action, prompt.Button(action).Value))
					time.Sleep(time.Minute)
					read := w.slack.Private(slacktest.Foreign, partners)
					if len(read) == 0 {
						t.Error("they read nothing")
					}
					for _, m := range read {
						if strings.Contains(m.Text, "Globex") {
							t.Errorf("they read the title: %s", m.Text)
						}
					}
				})
			})
		}
	}
}

func TestNothingIsCancelledInASharedChannel(t *testing.T) {
	w := newWorld(t, sharedChannels(policy.SharedRefused))
	w.share()
	golden(t, "shared channel", w.slash(ada, partners, "/cancel-task 12345"))
	golden(t, "hidden channel", w.slash(ada, slacktest.Legal, "/cancel-task 12345"))
	w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	w.noCancel()
}
