package bot_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A request lost to another one, and for minutes the journal can be read but can't save
// that. Everyone who presses it reads what became of their press, in time, however many
// presses there are.
func TestPressesOfAnOvertakenRequestAreAnsweredTogether(t *testing.T) {
	virtual(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		w, h, _ := withHook(t, secondPerson, func(o *options) { o.bot.Metrics = registry })
		one, two := w.ask(ada, general, "/cancel-task 12345"), w.ask(ada, general, "/cancel-task 12345")
		w.confirm(grace, one)
		h.set(failing("Supersede"))
		for range 3 {
			for _, user := range []string{grace, linus} {
				w.acked(w.slack.Click(user, two, "cancel_task"))
				time.Sleep(100 * time.Millisecond)
			}
		}
		time.Sleep(time.Second)
		if n := counted(t, registry, "cancelbot_queue_items", "click"); n != 0 {
			t.Errorf("%v workers wait", n)
		}
		time.Sleep(3*time.Minute + 5*time.Second)
		for _, user := range []string{grace, linus} {
			said := w.slack.Private(user, general)
			if len(said) == 0 || meaning(said[len(said)-1]) == "checking" {
				t.Errorf("%s reads %v", user, texts(said))
			}
		}
		if m := w.now(two); len(m.Buttons()) == 0 {
			t.Errorf("the request says: %s", m.Text)
		}
	})
}
