package bot_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// Slack takes about a message a second in a channel: outcomes that come to be
// at one moment are posted one after the other.
func TestOutcomesOfOneMomentKeepThePaceOfTheirChannel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AnnounceGap = time.Second })
		w.api.Add(1000, 4)
		var prompts []slacktest.Message
		for id := range 4 {
			prompts = append(prompts, w.wantPrompt(w.slash(ada, general, fmt.Sprintf("/cancel-task %d", 1000+id))))
		}
		for _, p := range prompts {
			w.slack.Click(ada, p, "cancel_task")
		}
		w.eventually("all are told", func() bool { return len(w.slack.History(general)) == 4 })
		var last time.Time
		for _, c := range w.slack.Calls() {
			if c.Method != "chat.postMessage" {
				continue
			}
			if gap := c.At.Sub(last); gap < time.Second {
				t.Errorf("two messages are %s apart", gap)
			}
			last = c.At
		}
	})
}

// A post without an answer may be out: the journal goes on saying that it is
// being told, so that no successor tells it at once. A clear no is taken back.
func TestOnlyAClearNoTakesBackThatAnOutcomeIsBeingTold(t *testing.T) {
	for name, fault := range map[string]slacktest.Fault{"no answer": {Cut: true}, "a clear no": {Error: "fatal_error", InBody: true}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w, h, _ := withHook(t)
				var mu sync.Mutex
				takenBack := 0
				h.set(func(op string, do func() error) error {
					if op == "NotTold" {
						mu.Lock()
						takenBack++
						mu.Unlock()
					}
					return do()
				})
				prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
				for _, method := range []string{"chat.postMessage", "response_url"} {
					f := fault
					f.Method = method
					w.slack.Break(f)
				}
				w.acked(w.slack.Click(ada, prompt, "cancel_task"))
				time.Sleep(time.Minute)
				mu.Lock()
				defer mu.Unlock()
				if (takenBack == 0) != fault.Cut {
					t.Errorf("taken back %d times", takenBack)
				}
			})
		})
	}
}

// "Keep it" is pressed while the claim that is tried again is on its way: it is
// saved then, and not carried out.
func TestAClaimThatIsKeptWhileItIsSavedIsGivenUp(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w, h, _ := withHook(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("keep_task").Value
		claims := 0
		h.set(func(op string, do func() error) error {
			if op != "Claim" {
				return do()
			}
			switch claims++; claims {
			case 1:
				return errCut
			case 2:
				w.slack.Forge(ada, prompt, "keep_task", value)
				time.Sleep(time.Second)
			}
			return do()
		})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("Ada knows", func() bool { return strings.Contains(w.now(prompt).Text, "decided to keep") })
		time.Sleep(10 * time.Minute)
		w.noCancel()
		if got := w.row(); got.Outcome != journal.OutcomeWithdrawn {
			t.Errorf("on record: %+v", got)
		}
	})
}
