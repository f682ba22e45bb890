package e2e

import (
	"context"
	"flag"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

var (
	soakFor   = flag.Duration("soak", 0, "TestSoak: for how long flows run and connections end; 0 skips it")
	soakFlows = flag.Int("soak-flows", 100_000, "TestSoak: how many flows, spread over that time")
)

const (
	// warmUp is more than the largest of the bot's caches keeps (8192
	// envelopes, 8192 prompts), with soakUsers different people, more than the
	// caches of people keep (4096). From then on, caches don't grow.
	warmUp    = 9000
	soakUsers = 5000

	// maxGrowth is the heap in use at rest that may be added to the level after
	// the warm-up, in bytes: less than 45 for each of 100,000 flows. Caches are
	// full, but their entries differ in size.
	maxGrowth = 4 << 20

	// idleReaders is how many descriptors unused journal connections for reading
	// may have: database/sql keeps up to two, each with the database and its log.
	idleReaders = 4
)

// soak runs flows, each with its own task and channel, and counts what each of
// them caused.
type soak struct {
	*fakes
	base  string // of the bot's metrics
	pid   int
	flows []soakFlow
	next  int
	again atomic.Int64 // commands and clicks that had to be repeated
}

type soakFlow struct {
	answered, announced chan struct{} // hold a token after each answer and announcement
	posts, told         atomic.Int32
}

// TestSoak runs many flows while connections end all the time, and compares the
// bot's memory, goroutines and descriptors at rest before and after.
func TestSoak(t *testing.T) {
	if *soakFor == 0 {
		t.Skip("it takes an hour: go test ./bot/e2e -run 'TestSoak$' -soak 1h -timeout 90m -v")
	}
	s := newSoak(t)
	s.run(warmUp, time.Duration(warmUp)*10*time.Millisecond)
	before := s.rest()
	t.Logf("at rest after the warm-up: %v", before)

	ctx, stop := context.WithCancel(t.Context())
	var background sync.WaitGroup
	opened := s.slack.Opened()
	background.Go(func() { s.endConnections(ctx) })
	background.Go(func() { s.logSamples(ctx) })
	s.run(*soakFlows, *soakFor)
	stop()
	background.Wait()
	s.slack.ClearFaults()

	after := s.rest()
	t.Logf("at rest at the end: %v", after)
	t.Logf("%d connections opened, %d commands and clicks repeated", s.slack.Opened()-opened, s.again.Load())
	for i := range s.flows {
		if f := &s.flows[i]; f.posts.Load() != 1 || f.told.Load() != 1 {
			t.Errorf("flow %d: %d cancel requests, %d announcements", i, f.posts.Load(), f.told.Load())
		}
	}
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors+idleReaders {
		t.Errorf("goroutines or descriptors leak: %v before, %v after", before, after)
	}
	if after.heap > before.heap+maxGrowth {
		t.Errorf("the heap at rest grew by more than %d MB: %v before, %v after", maxGrowth>>20, before, after)
	}
}

func newSoak(t *testing.T) *soak {
	s := &soak{fakes: newFakes(t), flows: make([]soakFlow, warmUp+*soakFlows)}
	for i := range s.flows {
		s.flows[i].answered, s.flows[i].announced = make(chan struct{}, 1), make(chan struct{}, 1)
	}
	for i := range soakUsers {
		s.slack.AddUser(slacktest.User{ID: soakUser(i), Name: soakUser(i), RealName: soakUser(i)})
	}
	s.api.SetRateLimit(1<<30, false)
	s.api.OnReceived(func(r chameliotest.Request) {
		if r.Method == "POST" {
			s.flows[r.Task-firstPeerTask].posts.Add(1)
		}
	})
	s.slack.After("response_url", func(c slacktest.Call) { token(s.of(c.Channel).answered) })
	s.slack.After("chat.postMessage", func(c slacktest.Call) {
		s.of(c.Channel).told.Add(1)
		token(s.of(c.Channel).announced)
	})
	p, base := s.served(sqlite(t), "LOG_LEVEL=info")
	s.base, s.pid = base, p.cmd.Process.Pid
	return s
}

func soakUser(i int) string { return fmt.Sprintf("U0SOAK%d", i%soakUsers) }

// of returns the flow in a channel.
func (s *soak) of(channel string) *soakFlow {
	task, err := strconv.ParseInt(channel[len("C0PEER"):], 10, 64)
	if err != nil {
		panic(err)
	}
	return &s.flows[task-firstPeerTask]
}

func token(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run starts n flows at a steady rate, and waits for their ends.
func (s *soak) run(n int, took time.Duration) {
	began := time.Now()
	var flows sync.WaitGroup
	inFlight := make(chan struct{}, 100)
	for i := range n {
		time.Sleep(time.Until(began.Add(took * time.Duration(i) / time.Duration(n))))
		if i%1000 == 0 { // the fakes' own memory
			s.slack.Forget(time.Now().Add(-2 * time.Minute))
			s.api.Forget(time.Now().Add(-2 * time.Minute))
		}
		number := s.next
		s.next++
		inFlight <- struct{}{}
		flows.Go(func() { s.play(number); <-inFlight })
	}
	flows.Wait()
}

// play cancels one task, as a person who repeats a command or a click if Slack
// says that it failed.
func (s *soak) play(number int) {
	f, task, user := &s.flows[number], int64(firstPeerTask+number), soakUser(number)
	s.api.Add(task, 1)
	channel := s.channel(task)
	s.deliver(func() *slacktest.Pending { return s.slack.Slash(user, channel, fmt.Sprintf("/cancel-task %d", task)) })
	var prompt slacktest.Message
	for prompt.Button("cancel_task") == nil {
		if !s.within(f.answered) {
			s.Errorf("flow %d: no prompt", number)
			return
		}
		for _, prompt = range s.slack.Private(user, channel) {
			break
		}
	}
	s.deliver(func() *slacktest.Pending { return s.slack.Click(user, prompt, "cancel_task") })
	if !s.within(f.announced) {
		s.Errorf("flow %d: no announcement", number)
	}
}

// deliver repeats a command or a click until it is acknowledged. If a button is
// gone, an earlier click arrived whose acknowledgement was lost.
func (s *soak) deliver(send func() *slacktest.Pending) {
	for {
		d, err := send().Wait(s.Context())
		if err != nil || d.State == slacktest.Acknowledged || d.State == slacktest.NotOffered {
			return
		}
		s.again.Add(1)
		time.Sleep(500 * time.Millisecond)
	}
}

func (s *soak) within(c chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(2 * time.Minute):
		return false
	}
}
