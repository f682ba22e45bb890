package bot_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// Ada confirms cancelling a task, asks again, and presses Keep task on the second prompt.
// It says that this closes only the second one, then what became of the task, and no less
// than that after late presses.
func TestKeepingWithASecondPrompt(t *testing.T) {
	for name, one := range map[string]struct {
		by       string
		says     string
		commands [2]string
		result   string
	}{
		"a task":                       {ada, "but you already confirmed cancelling <", [2]string{"12345", "12345"}, "is cancelled"},
		"a task of someone else":       {grace, "but " + mention(grace) + " already confirmed cancelling <", [2]string{"12345", "12345"}, "is cancelled"},
		"two tasks, of which one is":   {ada, "but you already confirmed cancelling <", [2]string{"12345", "12345 12344"}, "is cancelled"},
		"two tasks, both with another": {ada, "but you already confirmed cancelling 2 tasks (12345 and 12344)", [2]string{"12345 12344", "12345 12344"}, "2 tasks (12345 and 12344) are cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				w := newWorld(t)
				other := w.wantPrompt(w.slash(one.by, slacktest.Random, "/cancel-task "+one.commands[0]))
				second := w.wantPrompt(w.slash(ada, general, "/cancel-task "+one.commands[1]))
				value := second.Button("cancel_task").Value
				w.api.Break(chameliotest.Fault{Method: "POST", Delay: 10 * time.Second})
				w.acked(w.slack.Click(one.by, other, "cancel_task"))
				time.Sleep(time.Second)
				w.acked(w.slack.Click(ada, second, "keep_task"))
				time.Sleep(time.Second)
				w.says(second, []string{"I've closed this prompt", one.says, "I'll post the result"}, []string{"without cancelling"})
				time.Sleep(30 * time.Second)
				for range 3 {
					w.says(second, []string{"I've closed this prompt", one.says, one.result}, []string{"without cancelling"})
					w.slack.Forge(ada, second, "cancel_task", value)
					time.Sleep(20 * time.Second)
				}
			})
		})
	}
}

// Ada closes a prompt with Keep task. If she presses Cancel task in a client that hasn't
// redrawn it, she reads that this doesn't count, and how to go on.
func TestCancelAfterKeep(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		value := prompt.Button("cancel_task").Value
		w.acked(w.slack.Click(ada, prompt, "keep_task"))
		time.Sleep(time.Second)
		w.says(prompt, []string{"OK, I've closed this prompt without cancelling"}, nil)
		w.slack.Forge(ada, prompt, "cancel_task", value)
		time.Sleep(time.Minute)
		w.says(prompt, []string{"this click doesn't count", "type `/cancel-task 12345`"}, []string{"OK"})
		w.noCancel()
	})
}
