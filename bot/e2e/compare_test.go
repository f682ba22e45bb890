package e2e

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

var (
	rounds = flag.Int("compare", 0, "how many rounds TestCompare and TestGrowth measure; 0 skips them")
	only   = flag.String("only", "", "only peers whose name matches this expression")
)

// firstPeerTask is the first of the tasks that the comparison makes.
const firstPeerTask = 1 << 20

// flow is one command and its click, each in a channel of its own so that no
// channel's pace rules. Its moments are those at which requests arrive.
type flow struct {
	channel  string
	prompted chan struct{} // closed when the prompt stands
	told     chan struct{} // closed when the announcement has arrived
	changed  chan struct{} // closed when the prompt says the outcome

	typed, prompt                     time.Time // the prompt's request arrives
	clicked, posted, toldAt           time.Time
	promptOnce, toldOnce, changedOnce sync.Once
}

// stage is where one peer plays flows.
type stage struct {
	*standIns
	process *os.Process

	mu     sync.Mutex
	flows  map[int64]*flow // by task
	places map[string]*flow
	next   int64
	size   int64 // tasks in one command; 1 if zero

	log []arrival // of requests, while it isn't nil
}

func newStage(tb testing.TB, p peer) (s *stage, took starts) {
	tb.Helper()
	return newStageBetween(tb, p, newStandIns(tb))
}

func newStageBetween(tb testing.TB, p peer, between *standIns) (s *stage, took starts) {
	tb.Helper()
	s = &stage{standIns: between, flows: map[int64]*flow{}, places: map[string]*flow{}, next: firstPeerTask}
	s.api.SetRateLimit(1<<30, false)
	s.process, took = runPeer(tb, p, s.standIns)
	s.api.OnReceived(func(r chameliotest.Request) {
		s.arrived(r.Method)
		if r.Method == "POST" {
			s.at(func() *flow { return s.flows[r.Task] }, func(f *flow) { f.posted = time.Now() })
		}
	})
	s.slack.Before("chat.postMessage", func(c slacktest.Call) {
		s.at(func() *flow { return s.places[c.Channel] }, func(f *flow) {
			f.toldOnce.Do(func() { f.toldAt = time.Now(); close(f.told) })
		})
	})
	s.slack.Before("response_url", func(c slacktest.Call) {
		s.at(func() *flow { return s.places[c.Channel] }, func(f *flow) {
			if f.prompt.IsZero() {
				f.prompt = time.Now()
			}
		})
	})
	s.slack.After("response_url", func(c slacktest.Call) {
		s.at(func() *flow { return s.places[c.Channel] }, func(f *flow) {
			if f.clicked.IsZero() {
				f.promptOnce.Do(func() { close(f.prompted) })
				return
			}
			// Where it took long, a sign of life came before.
			if m := s.slack.Private(slacktest.Ada, c.Channel); len(m) > 0 && m[0].Edited && m[0].Button("cancel_task") == nil {
				f.changedOnce.Do(func() { close(f.changed) })
			}
		})
	})
	return s, took
}

func (s *stage) at(find func() *flow, do func(*flow)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := find(); f != nil {
		do(f)
	}
}

// play has a task cancelled, or as many as the stage's flows have.
func (s *stage) play() *flow {
	size := max(s.size, 1)
	s.mu.Lock()
	task := s.next
	s.next += size
	f := &flow{channel: s.channel(task), prompted: make(chan struct{}), told: make(chan struct{}), changed: make(chan struct{})}
	s.flows[task], s.places[f.channel] = f, f
	s.mu.Unlock()
	s.api.Add(task, int(size))
	command := "/cancel-task"
	for id := task; id < task+size; id++ {
		command += fmt.Sprintf(" %d", id)
	}
	f.typed = time.Now()
	s.slack.Slash(slacktest.Ada, f.channel, command)
	s.await(f.prompted, "a prompt")
	prompt := s.slack.Private(slacktest.Ada, f.channel)[0]
	s.mu.Lock()
	f.clicked = time.Now()
	s.mu.Unlock()
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.await(f.told, "an announcement")
	return f
}

func (s *stage) await(c <-chan struct{}, what string) {
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		panic("30 s without " + what)
	}
}

// load plays n flows, so many at a time, and waits for the last words. It
// returns them with the time until the last was announced.
func (s *stage) load(n, inFlight int) (flows []*flow, took time.Duration) {
	flows = make([]*flow, n)
	began := time.Now()
	var wg sync.WaitGroup
	indexes := make(chan int)
	for range inFlight {
		wg.Go(func() {
			for i := range indexes {
				flows[i] = s.play()
			}
		})
	}
	for i := range n {
		indexes <- i
	}
	close(indexes)
	wg.Wait()
	took = time.Since(began)
	for _, f := range flows {
		s.await(f.changed, "an outcome in the prompt")
	}
	return flows, took
}

// figures are what was measured in one round.
type figures map[string]float64

// measures are the rows of the table, in its order.
var measures = []string{
	"flows a second, 16 in flight", "processor seconds for 1,000 flows",
	"click → POST, p50, ms", "click → POST, p99, ms",
	"click → announcement, p50, ms", "click → announcement, p99, ms",
	"ack of 200 at once, p99, ms", "a single ack, p50, ms", "a single ack, p99, ms",
	"resident when idle, MB", "resident at most, with 16 in flight, MB", "… with bursts of 200 commands, MB",
	"start → connected, ms", "… for the first time, ms", "lost of 120 in a refresh of all connections",
}

// TestCompare measures the bot and its peers: several rounds, in turns, each a
// new process between new stand-ins. It asserts nothing; .ci/bench runs it.
func TestCompare(t *testing.T) {
	if *rounds == 0 {
		t.Skip("it measures: see .ci/bench")
	}
	quietCollector(t)
	all := map[string][]figures{}
	contenders := peers(t)
	for round := range *rounds {
		for i := range contenders {
			p := contenders[(i+round)%len(contenders)]
			if regexp.MustCompile(*only).MatchString(p.name) {
				t.Run(p.name, func(t *testing.T) { all[p.name] = append(all[p.name], measure(t, p)) })
			}
		}
	}
	var names []string
	for _, p := range contenders {
		if len(all[p.name]) > 0 {
			names = append(names, p.name)
		}
	}
	fmt.Println(table(measures, names, func(measure, name string) string { return medianAndRange(all[name], measure) }))
}

// quietCollector keeps the stand-ins' garbage collection from being measured
// as somebody's slowness.
func quietCollector(tb testing.TB) {
	old, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(1<<30)
	tb.Cleanup(func() { debug.SetGCPercent(old); debug.SetMemoryLimit(limit) })
}

func measure(t *testing.T, p peer) figures {
	s, took := newStage(t, p)
	f := figures{"start → connected, ms": milliseconds(took.again), "… for the first time, ms": milliseconds(took.first)}
	if !p.onlyAcks {
		idle(2 * time.Second)
		f["resident when idle, MB"] = memory(t, s.process.Pid, "VmRSS")
		s.load(200, 4) // warm
		s.measureClicks(f)
		s.measureLoad(t, f)
		f["resident at most, with 16 in flight, MB"] = memory(t, s.process.Pid, "VmHWM")
	}
	s.measureAcks(f)
	if !p.onlyAcks {
		f["… with bursts of 200 commands, MB"] = memory(t, s.process.Pid, "VmHWM")
		s.measureRefresh(f)
	}
	return f
}

// idle lets time pass.
func idle(d time.Duration) { time.Sleep(d) }

func (s *stage) measureClicks(f figures) {
	flows, _ := s.load(300, 1)
	latencies(f, "click → POST", flows, func(f *flow) time.Duration { return f.posted.Sub(f.clicked) })
	latencies(f, "click → announcement", flows, func(f *flow) time.Duration { return f.toldAt.Sub(f.clicked) })
}

func latencies(f figures, what string, flows []*flow, of func(*flow) time.Duration) {
	var took []time.Duration
	for _, flow := range flows {
		took = append(took, of(flow))
	}
	f[what+", p50, ms"], f[what+", p99, ms"] = percentiles(took)
}

func percentiles(took []time.Duration) (p50, p99 float64) {
	slices.Sort(took)
	return milliseconds(took[len(took)/2]), milliseconds(took[len(took)*99/100])
}

func (s *stage) measureLoad(t *testing.T, f figures) {
	const flows = 1000
	before := processorSeconds(t, s.process.Pid)
	_, took := s.load(flows, 16)
	idle(200 * time.Millisecond) // for what is written after the last word
	f["flows a second, 16 in flight"] = flows / took.Seconds()
	f["processor seconds for 1,000 flows"] = (processorSeconds(t, s.process.Pid) - before) * 1000 / flows
}

func (s *stage) measureAcks(f figures) {
	var burst, single []time.Duration
	command := func() *slacktest.Pending {
		s.next++
		s.api.Add(s.next, 1)
		return s.slack.Slash(slacktest.Ada, s.channel(s.next), fmt.Sprintf("/cancel-task %d", s.next))
	}
	acked := func(p *slacktest.Pending) time.Duration {
		d, err := p.Wait(s.Context())
		if err != nil || d.State != slacktest.Acknowledged {
			panic(fmt.Sprint("no ack: ", d.State, err))
		}
		return d.Latency
	}
	for range 3 {
		var all []*slacktest.Pending
		for range 200 {
			all = append(all, command())
		}
		for _, p := range all {
			burst = append(burst, acked(p))
		}
		idle(700 * time.Millisecond) // until the prompts stand
	}
	for range 200 {
		single = append(single, acked(command()))
		idle(4 * time.Millisecond)
	}
	_, f["ack of 200 at once, p99, ms"] = percentiles(burst)
	f["a single ack, p50, ms"], f["a single ack, p99, ms"] = percentiles(single)
}

// measureRefresh types commands while Slack calls all connections back, as it
// does every few hours.
func (s *stage) measureRefresh(f figures) {
	var sent []*slacktest.Pending
	for i := range 120 {
		if i == 20 {
			s.slack.DisconnectAll("refresh_requested", 500*time.Millisecond)
		}
		sent = append(sent, s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345"))
		idle(10 * time.Millisecond)
	}
	lost := 0
	for _, p := range sent {
		if d, err := p.Wait(s.Context()); err != nil || d.State != slacktest.Acknowledged {
			lost++
		}
	}
	f["lost of 120 in a refresh of all connections"] = float64(lost)
}

// TestGrowth measures how the bot and Bolt do with more and more flows in
// flight.
func TestGrowth(t *testing.T) {
	if *rounds == 0 {
		t.Skip("it measures: see .ci/bench")
	}
	quietCollector(t)
	all := map[string][]figures{}
	sizes := []int{1, 10, 100, 1000}
	var names []string
	for _, p := range peers(t) {
		if p.onlyAcks || !regexp.MustCompile(*only).MatchString(p.name) {
			continue
		}
		names = append(names, p.name)
		t.Run(p.name, func(t *testing.T) {
			s, _ := newStage(t, p)
			s.load(200, 4) // warm
			f := figures{}
			for _, size := range sizes {
				flows, took := s.load(max(200, size), size)
				f[fmt.Sprintf("flows a second, %d in flight", size)] = float64(len(flows)) / took.Seconds()
				latencies(f, fmt.Sprintf("click → announcement, %d in flight", size), flows, func(f *flow) time.Duration { return f.toldAt.Sub(f.clicked) })
			}
			all[p.name] = append(all[p.name], f)
		})
	}
	var rows []string
	for _, what := range []string{"flows a second, %d in flight", "click → announcement, %d in flight, p50, ms", "click → announcement, %d in flight, p99, ms"} {
		for _, size := range sizes {
			rows = append(rows, fmt.Sprintf(what, size))
		}
	}
	fmt.Println(table(rows, names, func(measure, name string) string { return medianAndRange(all[name], measure) }))
}

func table(rows, columns []string, cell func(row, column string) string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| | %s |\n| --- |%s\n", strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)))
	for _, row := range rows {
		cells := make([]string, len(columns))
		for i, column := range columns {
			cells[i] = cell(row, column)
		}
		fmt.Fprintf(&b, "| %s | %s |\n", row, strings.Join(cells, " | "))
	}
	return b.String()
}

func medianAndRange(all []figures, of string) string {
	var values []float64
	for _, f := range all {
		if v, ok := f[of]; ok {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		return ""
	}
	slices.SortFunc(values, cmp.Compare[float64])
	median := (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	if len(values) == 1 {
		return number(median)
	}
	return fmt.Sprintf("%s (%s–%s)", number(median), number(values[0]), number(values[len(values)-1]))
}

// number prints three digits.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// memory reads a line of /proc/PID/status, in megabytes.
func memory(tb testing.TB, pid int, line string) float64 {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skip("memory is read from /proc: ", err)
	}
	for l := range strings.Lines(string(status)) {
		var kb float64
		if _, err := fmt.Sscanf(l, line+": %f kB", &kb); err == nil {
			return kb / 1024
		}
	}
	tb.Fatal("no ", line)
	return 0
}

// ticks is how many units of /proc/PID/stat are a second, on all that Linux
// runs on.
const ticks = 100

// processorSeconds is what a process has used so far.
func processorSeconds(tb testing.TB, pid int) float64 {
	tb.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Skip("processor time is read from /proc: ", err)
	}
	// The name in parentheses may hold anything; utime and stime are the 12th
	// and 13th after it.
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err := cmp.Or(err1, err2); err != nil {
		tb.Fatal(err)
	}
	return (user + system) / ticks
}
