package e2e

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// long reports whether to test the faults at full size:
//
// FAULTS=long go test -run TestFaults -v ./bot/e2e
func long() bool { return os.Getenv("FAULTS") == "long" }

// sized picks the number for the quick or the long run.
func sized(quick, full int) int {
	if long() {
		return full
	}
	return quick
}

// scene is a number of prompts, ready to be confirmed, spread over channels so
// that Slack's rate limit per channel doesn't matter.
type scene struct {
	*fakes
	tasks   []int64
	prompts []slacktest.Message
}

const firstTask = 50000

func (s *fakes) scene(decisions, channels int) *scene {
	s.Helper()
	sc := &scene{fakes: s}
	s.api.Add(firstTask, decisions)
	for i := range decisions {
		channel := fmt.Sprintf("C0SCENE%d", i%channels)
		s.slack.AddConversation(slacktest.Conversation{ID: channel, Name: strings.ToLower(channel), Kind: slacktest.Public, BotIsMember: true})
		task := int64(firstTask + i)
		s.slack.Slash(slacktest.Ada, channel, fmt.Sprintf("/cancel-task %d", task))
		sc.tasks = append(sc.tasks, task)
	}
	s.eventually("all prompts", time.Minute, func() bool {
		sc.prompts = sc.prompts[:0]
		for _, m := range s.slack.All() {
			if m.Button("cancel_task") != nil {
				sc.prompts = append(sc.prompts, m)
			}
		}
		return len(sc.prompts) == decisions
	})
	return sc
}

func (sc *scene) clickAll() {
	for _, m := range sc.prompts {
		sc.slack.Click(slacktest.Ada, m, "cancel_task")
	}
}

// announcements counts the announcements of each task.
func (sc *scene) announcements() map[int64]int {
	counts := map[int64]int{}
	for _, m := range sc.slack.All() {
		if m.Only == "" && m.Author == slacktest.BotUser {
			for _, task := range sc.tasks {
				if strings.Contains(m.Text, fmt.Sprintf("ask %d", task)) {
					counts[task]++
				}
			}
		}
	}
	return counts
}

// buried waits until every request of a dead process has been handled: a last
// request may be in a connection that the fake hasn't read yet. Connections
// are accepted in order, so a new one comes after all of the dead process's.
func (s *fakes) buried() {
	s.Helper()
	probe := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	resp, err := probe.Get(s.slack.URL())
	if err != nil {
		s.Fatal(err)
	}
	_ = resp.Body.Close()
	s.eventually("Slack has served the dead", 10*time.Second, func() bool { return s.slack.Clients() == 0 })
}

// account waits until every task is announced, and prints and checks the counts.
func (sc *scene) account(within time.Duration, wantTwice int) {
	sc.Helper()
	started := time.Now()
	sc.eventually("every decision is announced", within, func() bool { return len(sc.announcements()) == len(sc.tasks) })
	took := time.Since(started)
	twice := 0
	for _, n := range sc.announcements() {
		twice += n - 1
	}
	cancelled, effects := 0, 0
	for _, task := range sc.tasks {
		if t, _ := sc.api.Task(task); t.Status == "cancelled" {
			cancelled++
		}
		effects += sc.api.Effects(task)
	}
	sc.Logf("%d decisions: %d announced in %v, %d announced twice, %d cancelled, %d effects", len(sc.tasks), len(sc.announcements()), took.Round(10*time.Millisecond), twice, cancelled, effects)
	if effects != cancelled {
		sc.Errorf("%d tasks are cancelled, by %d effects", cancelled, effects)
	}
	if twice > wantTwice {
		sc.Errorf("%d announced twice, at most %d may be", twice, wantTwice)
	}
	for _, r := range sc.api.Requests() {
		if r.Method == "POST" && (r.Task < firstTask || r.Task >= firstTask+int64(len(sc.tasks))) {
			sc.Errorf("a cancel without a decision: %s", r.Path)
		}
	}
}

// TestFaultsKillAtEachStep kills the process with SIGKILL while it is at a
// given step of many decisions, restarts it, and counts.
func TestFaultsKillAtEachStep(t *testing.T) {
	t.Parallel()
	decisions := sized(12, 100)
	steps := []struct {
		name  string
		twice int
		// arm makes die be called at the step.
		arm func(s *fakes, die func())
	}{
		{"claimed, nothing sent yet", 0, func(s *fakes, die func()) {
			// Nothing gets through to Chamelio: claimed decisions aren't sent.
			s.api.Break(chameliotest.Fault{CutBefore: true})
			s.api.OnReceived(func(r chameliotest.Request) {
				if r.Method == "POST" {
					die()
				}
			})
		}},
		{"cancel sent", 0, func(s *fakes, die func()) {
			s.api.Break(chameliotest.Fault{Method: "POST", Delay: 50 * time.Millisecond})
			s.api.OnReceived(func(r chameliotest.Request) {
				if r.Method == "POST" {
					die()
				}
			})
		}},
		{"cancel applied, not answered", 0, func(s *fakes, die func()) {
			s.api.OnApplied(func(chameliotest.Request) { die() })
		}},
		{"about to announce", 0, func(s *fakes, die func()) {
			s.slack.Break(slacktest.Fault{Method: "chat.postMessage", Cut: true}) // nothing of it gets out
			s.slack.Before("chat.postMessage", func(slacktest.Call) { die() })
		}},
		// Posted, but not recorded: the one window in which a message can
		// appear twice, once per channel with a post in progress.
		{"announced, not recorded", 10, func(s *fakes, die func()) {
			s.slack.After("chat.postMessage", func(slacktest.Call) { die() })
		}},
	}
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) {
			t.Parallel()
			s := newFakes(t)
			env := s.env(sqlite(t))
			p := start(t, env)
			s.connected(1)
			sc := s.scene(decisions, 10)
			dead := make(chan struct{})
			var once sync.Once
			step.arm(s, func() {
				once.Do(func() { p.kill(); close(dead) })
				<-dead
			})
			sc.clickAll()
			select {
			case <-dead:
			case <-time.After(20 * time.Second):
				t.Fatal("the step was never reached")
			}
			s.buried()
			s.api.ClearFaults()
			s.slack.ClearFaults()
			start(t, env)
			s.connected(1)
			// Clicks that were not claimed when the process died were never
			// decisions: their prompts still have buttons, and are pressed
			// again as people would.
			for _, m := range sc.prompts {
				s.slack.Click(slacktest.Ada, m, "cancel_task")
			}
			sc.account(90*time.Second, step.twice)
		})
	}
}

// TestFaultsRefreshStorm makes Slack replace connections every second under a
// steady load.
func TestFaultsRefreshStorm(t *testing.T) {
	commands := sized(150, 1000)
	s := newFakes(t)
	start(t, s.env(sqlite(t)))
	s.connected(2)
	stop := make(chan struct{})
	var storm sync.WaitGroup
	storm.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.slack.Disconnect("refresh_requested", 500*time.Millisecond)
			case <-stop:
				return
			}
		}
	})
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	var all []*slacktest.Pending
	for range commands {
		<-pace.C
		all = append(all, s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
	}
	for _, p := range all {
		if _, err := p.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	storm.Wait()
	failed := map[slacktest.State]int{}
	for _, d := range s.slack.Failed() {
		failed[d.State]++
	}
	t.Logf("%d commands at 50/s, %d connections opened: %d dispatch_failed, %d operation_timeout",
		commands, s.slack.Opened(), failed[slacktest.DispatchFailed], failed[slacktest.OperationTimeout])
	if len(s.slack.Failed()) != 0 || s.slack.Opened() < 4 {
		t.Error("the storm was felt, or was none")
	}
	s.eventually("all are answered", time.Minute, func() bool { return len(s.slack.Private(slacktest.Ada, slacktest.General)) == commands })
}

// TestFaultsNetworkCut cuts every connection under way.
func TestFaultsNetworkCut(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	start(t, s.env(sqlite(t)))
	s.connected(2)
	for range sized(3, 20) {
		opened := s.slack.Opened()
		s.slack.Cut()
		s.eventually("back within seconds", 10*time.Second, func() bool { return s.slack.Connections() == 2 && s.slack.Opened() == opened+2 })
	}
	s.prompt(slacktest.Ada, slacktest.General, 12345)
}

// TestFaultsHalfOpen freezes every connection: nothing comes, nothing closes.
func TestFaultsHalfOpen(t *testing.T) {
	if !long() {
		t.Skip("takes 20 s; FAULTS=long runs it")
	}
	s := newFakes(t)
	start(t, s.env(sqlite(t)))
	s.connected(2)
	s.slack.Freeze()
	frozen := time.Now()
	s.eventually("fresh connections", 30*time.Second, func() bool { return s.slack.Opened() >= 4 })
	t.Logf("noticed after %v", time.Since(frozen).Round(time.Second))
	s.eventually("the frozen ones are gone", 30*time.Second, func() bool { return s.slack.Connections() == 2 })
	s.prompt(slacktest.Ada, slacktest.General, 12345)
}

// TestFaultsOneChannel sends many outcomes to one channel that takes one
// message a second.
func TestFaultsOneChannel(t *testing.T) {
	s := newFakes(t)
	s.slack.LimitPosts(time.Second)
	start(t, s.env(sqlite(t)))
	s.connected(1)
	sc := s.scene(sized(8, 500), 1)
	sc.clickAll()
	sc.account(time.Duration(len(sc.tasks)+30)*2*time.Second, 0)
	for _, l := range s.slack.AckLatencies() {
		if l > time.Second {
			t.Errorf("an ack took %v", l)
		}
	}
	// In the order in which they were made.
	if n := len(s.slack.Failed()); n != 0 {
		t.Errorf("%d deliveries failed", n)
	}
}

// TestFaultsTwoReplicas runs two processes on one Postgres server, kills each
// once, and counts.
func TestFaultsTwoReplicas(t *testing.T) {
	t.Parallel()
	if !long() {
		t.Skip("it waits for leases to run out, in minutes: FAULTS=long runs it; bot/internal/simulation does the same in virtual time")
	}
	url := pgtest.Start(t)
	s := newFakes(t)
	env := s.env(url, "SLACK_CONNECTIONS=1")
	a, b := start(t, env), start(t, env)
	s.connected(2)
	channels := sized(10, 100)
	sc := s.scene(sized(40, 500), channels)
	kill := func(p *process) {
		p.kill()
		s.eventually("Slack sees it gone", 10*time.Second, func() bool { return s.slack.Connections() == 1 })
		start(t, env)
		s.connected(2)
	}
	half := len(sc.prompts) / 2
	for i, m := range sc.prompts {
		// Twice each: most pairs arrive at different replicas.
		s.slack.Click(slacktest.Ada, m, "cancel_task")
		s.slack.Click(slacktest.Ada, m, "cancel_task")
		if i == half/2 {
			kill(a)
		}
		if i == half+half/2 {
			kill(b)
		}
	}
	// Clicks on their way to a killed replica were never claimed.
	for _, m := range sc.prompts {
		s.slack.Click(slacktest.Ada, m, "cancel_task")
	}
	// Each of the two crashes may duplicate one announcement in each channel:
	// one that was posted and not recorded yet.
	sc.account(4*time.Minute, 2*channels)
	for _, task := range sc.tasks {
		if n := s.api.Effects(task); n != 1 {
			t.Errorf("task %d: %d effects", task, n)
		}
	}
}

// TestFaultsChamelioAndSlackInTurn takes both down, one after the other,
// while decisions are made.
func TestFaultsChamelioAndSlackInTurn(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	start(t, s.env(sqlite(t), "CHAMELIO_TIMEOUT=500ms"))
	s.connected(1)
	sc := s.scene(sized(10, 50), 10)
	s.api.Break(chameliotest.Fault{Method: "POST", CutAfter: true, Times: len(sc.tasks) / 2})
	s.slack.Break(slacktest.Fault{Method: "chat.postMessage", Status: 503})
	sc.clickAll()
	s.eventually("all are cancelled", 30*time.Second, func() bool {
		for _, task := range sc.tasks {
			if s.api.Effects(task) == 0 {
				return false
			}
		}
		return true
	})
	// If only chat.postMessage fails, the response_url announces the outcome.
	sc.account(time.Minute, 0)
	for _, m := range s.slack.All() {
		if m.Only == "" && m.Author == slacktest.BotUser && m.Via != "response_url" {
			t.Errorf("announced by %s", m.Via)
		}
	}
}

// TestFaultsUnwritableJournal takes the journal away while the bot runs.
func TestFaultsUnwritableJournal(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := newFakes(t)
	start(t, s.env(server, "SLACK_CONNECTIONS=1"))
	s.connected(1)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12345)
	pgtest.Exec(t, server, `ALTER TABLE decisions RENAME TO gone`)
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("a sign of life", 20*time.Second, func() bool { return strings.Contains(s.now(prompt).Text, "trouble saving") })
	if s.api.Cancels(12345) != 0 {
		t.Error("a cancel without a journal")
	}
	pgtest.Exec(t, server, `ALTER TABLE gone RENAME TO decisions`)
	s.eventually("it goes ahead", 20*time.Second, func() bool { return len(s.slack.History(slacktest.General)) == 1 && s.api.Effects(12345) == 1 })
}

// TestFaultsRollingRestart restarts two replicas in turn under a steady load.
// Each gives its connections back while the other serves, so no command fails. It
// runs alone, because it measures its own load.
func TestFaultsRollingRestart(t *testing.T) {
	s := newFakes(t)
	s.api.SetRateLimit(1<<30, false)
	env := s.env(sqlite(t))
	replicas := []*process{start(t, env), start(t, env)}
	s.connected(4)
	commands := sized(400, 3000)
	restarts := make(chan struct{})
	go func() {
		defer close(restarts)
		for i, p := range replicas {
			time.Sleep(time.Second)
			_ = p.cmd.Process.Signal(syscall.SIGTERM)
			<-p.ended
			replicas[i] = start(t, env)
			for s.slack.Connections() < 4 && t.Context().Err() == nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}()
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	var all []*slacktest.Pending
	for len(all) < commands || !done(restarts) {
		<-pace.C
		all = append(all, s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
	}
	s.eventually("all are answered", time.Minute, func() bool {
		return len(s.slack.Private(slacktest.Ada, slacktest.General)) >= len(all)
	})
	turnedAway, doubled := 0, len(s.slack.Private(slacktest.Ada, slacktest.General))-len(all)
	for _, m := range s.slack.Private(slacktest.Ada, slacktest.General) {
		if m.Button("cancel_task") == nil {
			turnedAway++
		}
	}
	t.Logf("%d commands at 50/s while two replicas restart in turn: %d turned away, %d doubled, %d not acknowledged in time",
		len(all), turnedAway, doubled, len(s.slack.Failed()))
	if turnedAway+doubled > 0 {
		t.Error("the restart was felt")
	}
}

func done(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
