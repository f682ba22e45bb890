package simulation

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// history records what happened in a run, for the laws and as a trace for
// people.
type history struct {
	mu      sync.Mutex
	from    time.Time
	lines   []line
	presses []press
	claims  []acquired
	posts   []*post
	looks   []look
	tells   []*tell
	seen    []sight
	records []record
	crashes []crash
	steps   []time.Time // of the journal's clock
	gone    []vanished
	paused  struct{ from, to time.Time } // cancelling
	forged  []decision.ID
	meddled []decision.ID // rows that someone else has written or changed
	retold  []decision.ID // decisions whose announced outcome someone else has changed: a former owner announces it again
	broken  []string      // broken laws

	faults   map[string]int // by boundary and kind
	crashed  map[string]int // by boundary
	restarts int
}

// line is one line of the trace.
type line struct {
	at        time.Time
	who, what string
}

// press is a person's click, genuine or not.
type press struct {
	at      time.Time
	user    string
	id      decision.ID // of the confirmation on the button
	chosen  []int64     // of several tasks; nil: all
	cancel  bool        // or keep
	allowed bool        // a genuine button, and the person may press it
}

// acquired is a time at which a process got a decision.
type acquired struct {
	at      time.Time
	life    string
	id      decision.ID
	tasks   []chamelio.TaskID
	epoch   int64
	byClick bool // not from another process
	row     decision.Record
}

// post is a cancel request that left a process.
type post struct {
	at, ended time.Time
	agent     string // identifies it at the fake
	life      string
	id        decision.ID // of the decision that the process then had
	task      int64
	answer    answer
	stale     string // how the journal's row differs from what the sender believes
}

// answer is the answer that the sender of a request got.
type answer int

const (
	none    answer = iota // none, so the result isn't known
	plain                 // the API's own answer
	apiFail               // the API's own 500
	unsent                // certainly never left
)

// look is a GET that returned a task.
type look struct {
	at   time.Time
	life string
	task int64
}

// tell is a bot's try to post an outcome in the channel, or to the requester.
type tell struct {
	at    time.Time
	life  string
	mark  string // of the command
	place string
	told  bool // Slack's success arrived
}

// sight is a text that people could read from some time on.
type sight struct {
	at                time.Time
	channel, ts, only string
	thread            string
	text              string
	buttons           bool
	meaning           texts.Meaning
	tasks             map[int64]decision.Outcome // of several tasks, what it says of each
}

// record is a time at which the journal recorded an announcement.
type record struct {
	at   time.Time
	life string
	id   decision.ID
}

// vanished is a row that the journal lost.
type vanished struct {
	at time.Time
	id decision.ID
}

type crash struct {
	at       time.Time
	life     string
	boundary string
}

func newHistory() *history {
	return &history{from: time.Now(), faults: map[string]int{}, crashed: map[string]int{}}
}

// say adds a line to the trace.
func (h *history) say(who, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, line{time.Now(), who, fmt.Sprintf(format, args...)})
}

// add changes the history.
func (h *history) add(f func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f()
}

// fault counts a fault and adds it to the trace.
func (h *history) fault(who, boundary, kind, detail string) {
	h.add(func() { h.faults[boundary+": "+kind]++ })
	h.say(who, "! %s: %s %s", boundary, kind, detail)
}

// breaks records that a law is broken.
func (h *history) breaks(law, format string, args ...any) {
	h.add(func() { h.broken = append(h.broken, law+": "+fmt.Sprintf(format, args...)) })
}

// story prints the trace.
func (h *history) story(w io.Writer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	sort.SliceStable(h.lines, func(i, j int) bool { return h.lines[i].at.Before(h.lines[j].at) })
	for _, l := range h.lines {
		fmt.Fprintf(w, "%12s  %-8s %s\n", l.at.Sub(h.from).Round(time.Millisecond), l.who, strings.ReplaceAll(l.what, "\n", "\n                        "))
	}
	for _, b := range h.broken {
		fmt.Fprintf(w, "BROKEN: %s\n", b)
	}
}
