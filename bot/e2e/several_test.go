package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestFaultsKilledDuringTenTasks has ten tasks cancelled by one click, with a key that may
// make 60 requests a minute, of whose answers 5 % are lost, and kills the process
// after it has sent half of the cancels. At full size another replica takes over.
func TestFaultsKilledDuringTenTasks(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	s.api.SetRateLimit(60, true)
	s.api.Add(firstTask, 10)
	s.api.Break(chameliotest.Fault{Method: http.MethodPost, Task: firstTask + 2, CutAfter: true, Times: 1})
	s.api.Break(chameliotest.Fault{Method: http.MethodGet, Task: firstTask + 7, CutAfter: true, Times: 1})
	half := make(chan struct{})
	var sent atomic.Int64
	var once sync.Once
	s.api.OnReceived(func(r chameliotest.Request) {
		if r.Method == http.MethodPost && sent.Add(1) == 5 {
			once.Do(func() { close(half) })
		}
	})
	// The key's limit, used up by half of the tasks, alone takes up to a minute.
	url, within := sqlite(t), 4*time.Minute
	if long() {
		url = pgtest.Start(t)
	}
	env := s.env(url, "SLACK_CONNECTIONS=1", "CHAMELIO_TIMEOUT=2s")
	first := start(t, env)
	s.connected(1)

	ids := make([]string, 10)
	for i := range ids {
		ids[i] = fmt.Sprint(firstTask + i)
	}
	prompt := s.ask(slacktest.Ada, slacktest.General, "/cancel-task "+strings.Join(ids, " ")+" started twice")
	if long() {
		start(t, env)
		s.connected(2)
	}
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	<-half
	first.kill()
	if !long() {
		s.buried()
		start(t, env)
	}
	killed := time.Now()
	s.eventually("the announcement", within, func() bool { return len(s.slack.History(slacktest.General)) > 0 })
	t.Logf("announced %v after the kill, with %d requests to Chamelio", time.Since(killed).Round(10*time.Millisecond), len(s.api.Requests()))
	s.eventually("the prompt's last state", within, func() bool { return len(s.now(prompt).Buttons()) == 0 && meaning(s.now(prompt)) == "cancelled" })

	all := s.slack.History(slacktest.General)
	if len(all) != 1 {
		t.Errorf("%d announcements", len(all))
	}
	said := map[string]bool{}
	for _, b := range all[0].Blocks {
		said[b.BlockID] = true
	}
	for i, id := range ids {
		if !said["cancelled:"+id] || s.api.Effects(firstTask+int64(i)) != 1 {
			t.Errorf("task %s: %d effects; the announcement is %s", id, s.api.Effects(firstTask+int64(i)), all[0].Text)
		}
	}
}

// meaning is what a message of the bot says, whatever its words.
func meaning(m slacktest.Message) string {
	if len(m.Blocks) == 0 {
		return ""
	}
	return m.Blocks[0].BlockID
}
