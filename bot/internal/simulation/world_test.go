package simulation

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

const auditChannel = "C0AUDIT"

// How long after the last fault everything has to be finished, and how long
// after its announcement an unknown outcome has to be settled.
const (
	allToldWithin = 12 * time.Minute
	settledWithin = 25 * time.Hour
)

// world is one run in progress.
type world struct {
	plan    plan
	planted planted
	logs    bool // add the bots' logs to the trace
	h       *history

	slack      *slacktest.Server
	toSlack    *slacktest.Pipe
	api        *chameliotest.Server
	toChamelio *chameliotest.MemoryListener
	path       string
	db         *sql.DB // the checker's own way to the journal
	offset     atomic.Int64

	slots  []*slot
	calm   atomic.Bool // the faults have stopped
	asleep atomic.Bool // no process starts now
	over   atomic.Bool
	cut    atomic.Bool // the journal was cut off
	group  sync.WaitGroup
	people sync.WaitGroup

	payload atomic.Pointer[map[string]any] // the last click's

	mu     sync.Mutex
	shown  map[string]string
	marks  map[string]decision.ID // the command's mark → its confirmation
	places map[decision.ID]string // where a prompt is, if its mark isn't in it
	opened map[string]bool        // modals that are being filled in
	modals map[decision.ID]bool   // the place is a modal
}

// live executes a run and returns its record, with the laws that it breaks. It
// runs in a bubble.
func live(p plan, dir string, bug planted, logs bool) *history {
	w := &world{
		plan: p, planted: bug, logs: logs, h: newHistory(), toSlack: slacktest.NewPipe(), toChamelio: chameliotest.NewMemoryListener(),
		path: filepath.Join(dir, fmt.Sprint(p.seed), "journal.db"), shown: map[string]string{}, marks: map[string]decision.ID{},
		places: map[decision.ID]string{}, opened: map[string]bool{}, modals: map[decision.ID]bool{},
	}
	defer func() { _ = os.RemoveAll(filepath.Dir(w.path)) }()
	w.copyTemplate(dir)
	w.slack = slacktest.New(slacktest.Options{Listener: w.toSlack, URL: "http://127.0.0.1:2", Seed: p.seed + 1})
	w.slack.AddConversation(slacktest.Conversation{ID: auditChannel, Name: "audit", Kind: slacktest.Public, BotIsMember: true})
	w.slack.AmendPayloads(func(_ string, payload map[string]any) {
		w.payload.Store(&payload)
	})
	w.slack.AddToken(newToken)
	w.api = chameliotest.New(chameliotest.Options{Listener: w.toChamelio})
	w.api.Add(firstTask, p.tasks)
	w.api.Add(forgedTask, len(forgeries))
	w.api.SetReadLag(p.lag)
	for _, method := range []string{"chat.postMessage", "response_url", "views.open", "views.update"} {
		w.slack.After(method, func(slacktest.Call) { w.look() })
	}
	var err error
	if w.db, err = sql.Open("sqlite", "file:"+w.path+"?_pragma=query_only(1)&_pragma=busy_timeout(4000)&_time_format=sqlite"); err != nil {
		w.fail("opening the journal for the checker: %v", err)
	}
	w.db.SetMaxOpenConns(1)
	for i := range p.replicas {
		w.slots = append(w.slots, &slot{number: i, calls: map[string]int{}})
	}
	w.happen()
	w.check()
	w.over.Store(true)
	for _, s := range w.slots {
		w.stop(s)
	}
	w.group.Wait()
	_ = w.db.Close()
	w.slack.Close()
	w.api.Close()
	time.Sleep(2 * time.Second) // stopped processes check once more, and end
	return w.h
}

func (w *world) copyTemplate(dir string) {
	raw, err := os.ReadFile(filepath.Join(dir, "template.db"))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(w.path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(w.path, raw, 0o600)
	}
	if err != nil {
		w.fail("copying a journal: %v", err)
	}
}

func (w *world) fail(format string, args ...any) {
	w.h.breaks("the simulation itself", format, args...)
}

// happen is the run, from the first start until nothing is left to do.
func (w *world) happen() {
	for i, s := range w.slots {
		w.at(time.Duration(i)*300*time.Millisecond, func() { w.start(s) })
	}
	w.schedule()
	for i, c := range w.plan.commands {
		w.people.Go(func() {
			time.Sleep(c.at)
			w.act(i, c)
		})
	}
	time.Sleep(w.plan.faulty)
	w.endFaults()
	if w.plan.asleep > 0 {
		w.sleepLong(w.plan.asleep)
	}
	// Posts in progress, which aren't recorded anywhere, arrive within a
	// call's time and the pause before the next one.
	end := time.Now().Add(allToldWithin)
	for since := (time.Time{}); time.Now().Before(end); time.Sleep(2 * time.Second) {
		switch {
		case !w.quiet():
			since = time.Time{}
			continue
		case since.IsZero():
			since = time.Now()
		}
		still := 14 * time.Second
		if len(w.plan.vanish) > 0 { // an owner of what the journal has lost may still work on it
			still = 5 * time.Minute
		}
		if time.Since(since) >= still {
			end = time.Time{}
		}
	}
	w.settle()
}

func (w *world) at(d time.Duration, f func()) {
	w.group.Go(func() {
		time.Sleep(d)
		if !w.over.Load() {
			f()
		}
	})
}

// schedule schedules the timed events.
func (w *world) schedule() {
	p := &w.plan
	for _, pause := range p.pauses {
		w.at(pause.from, func() {
			if w.calm.Load() {
				return
			}
			w.h.fault("world", "process", "stopped", fmt.Sprintf("%c for %s", 'A'+pause.slot, pause.to-pause.from))
			w.slots[pause.slot].until.Store(time.Now().Add(pause.to - pause.from).UnixNano())
		})
	}
	for _, o := range p.outages {
		w.at(o.from, func() {
			w.h.fault("world", "journal", "outage", fmt.Sprintf("slot %d, %s, hangs %t", o.slot, o.to-o.from, o.hangs))
		})
	}
	for _, c := range p.clocks {
		w.at(c.at, func() {
			if c.slot < 0 {
				w.offset.Add(int64(c.by))
				w.h.add(func() { w.h.steps = append(w.h.steps, time.Now()) })
			} else {
				w.slots[c.slot].offset.Add(int64(c.by))
			}
			w.h.fault("world", "clock", "step", fmt.Sprintf("slot %d by %s", c.slot, c.by))
		})
	}
	for _, r := range p.restarts {
		w.at(r.from, func() {
			w.stop(w.slots[r.slot])
			time.Sleep(r.to - r.from)
			w.start(w.slots[r.slot])
		})
	}
	for _, s := range p.sockets {
		w.at(s.at, func() { w.disturb(s.what) })
	}
	for _, f := range p.forged {
		w.at(f.at, func() { w.forgeRow(f.what) })
	}
	for _, f := range p.meddled {
		w.at(f.at, func() { w.meddle(f.what) })
	}
	for slot, at := range p.rotated {
		w.at(at, func() { w.rotate(w.slots[slot]) })
	}
	if p.paused.to > 0 {
		w.at(p.paused.from, func() { w.pause(p.paused.to - p.paused.from) })
	}
	for _, o := range p.outside {
		w.at(o.at, func() {
			if t, _ := w.api.Task(o.task); t.Status == "in_progress" {
				w.api.SetStatus(o.task, o.status)
				w.h.say("world", "somebody else makes task %d %s", o.task, o.status)
			}
		})
	}
}

// disturb disturbs the open connections.
func (w *world) disturb(what int) {
	if w.calm.Load() {
		return
	}
	kind := []string{"cut", "frozen", "refreshed", "http frozen", "chamelio silent"}[what]
	w.h.fault("world", "connections", kind, "")
	switch what {
	case 0:
		w.slack.Cut()
	case 1:
		w.slack.Freeze()
	case 2:
		w.slack.Disconnect("refresh_requested", 10*time.Second)
	case 3:
		w.slack.FreezeHTTP()
	case 4:
		w.api.Silence()
	}
}

func (w *world) endFaults() {
	w.h.say("world", "the faults stop")
	w.calm.Store(true)
	w.slack.ClearFaults()
	w.api.ClearFaults()
	for _, s := range w.slots {
		s.until.Store(0)
	}
}

// sleepLong ends all processes and starts them again much later.
func (w *world) sleepLong(d time.Duration) {
	w.h.say("world", "all processes are down for %s", d)
	w.asleep.Store(true)
	for _, s := range w.slots {
		w.stop(s)
	}
	time.Sleep(d)
	w.asleep.Store(false)
	for _, s := range w.slots {
		w.start(s)
	}
}

// settle lets the day pass after which every unknown outcome is settled. No
// process runs in between, which is the worst case and costs nothing.
func (w *world) settle() {
	if !w.unsettled() {
		return
	}
	if w.waitUntil(11*time.Minute, 5*time.Second, func() bool { return !w.unsettled() || !w.taskEnded() }) && !w.unsettled() {
		return
	}
	w.sleepLong(24*time.Hour + time.Minute)
	rest := settledWithin - 24*time.Hour - 12*time.Minute
	for _, c := range w.plan.clocks {
		rest += c.by.Abs() // the day is measured by one clock and checked by another
	}
	w.waitUntil(rest, 5*time.Second, func() bool { return !w.unsettled() })
}

// taskEnded reports whether all tasks of unsettled decisions have ended, so
// that one check settles them.
func (w *world) taskEnded() bool {
	for _, d := range w.rows() {
		for _, one := range d.Tasks {
			if one.Outcome == decision.Unknown && d.SettledAt.IsZero() {
				if t, _ := w.api.Task(int64(one.ID)); t.Status == "in_progress" {
					return false
				}
			}
		}
	}
	return true
}

func (w *world) unsettled() bool {
	for _, d := range w.rows() {
		if isUnknown(d) && d.SettledAt.IsZero() {
			return true
		}
	}
	return false
}

func (w *world) waitUntil(limit, every time.Duration, done func() bool) bool {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(every) {
		if done() {
			return true
		}
	}
	return done()
}

// quiet reports whether nothing is left to do.
func (w *world) quiet() bool {
	idle := make(chan struct{})
	go func() { w.people.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-time.After(45 * time.Minute): // two of them may think for ten each
		w.fail("people wait for ever")
	}
	if w.api.Landing() > 0 {
		return false
	}
	for _, s := range w.slots {
		s.mu.Lock()
		up := s.now != nil && !s.now.dead()
		s.mu.Unlock()
		if !up {
			return false
		}
	}
	var due, requests int
	err := w.db.QueryRow(`SELECT (SELECT count(*) FROM decisions WHERE announced_at IS NULL) + (SELECT count(*) FROM audit WHERE sent_at IS NULL AND person <> '`+forger+`'),
		(SELECT count(*) FROM requests)`).Scan(&due, &requests)
	return err == nil && due == 0 && (requests == 0 || w.plan.lifetime == 0 || len(w.plan.clocks) > 0)
}

// rows reads the journal.
func (w *world) rows() []decision.Record {
	j, err := w.db.Query(`SELECT confirmation_id, task_id, channel_id, requester, confirmer, coalesce(outcome, ''), detail, announced_at IS NOT NULL,
		message_ts, settled_at, settled_outcome, epoch FROM decisions JOIN tasks USING (confirmation_id) WHERE confirmer <> '` + forger + `' ORDER BY decided_at, confirmation_id, position`)
	if err != nil {
		w.fail("reading the journal: %v", err)
		return nil
	}
	defer j.Close()
	var all []decision.Record
	for j.Next() {
		var d decision.Record
		var t decision.Item
		var announced bool
		var settled int64
		if err := j.Scan(&d.ID, &t.ID, &d.Channel, &d.Requester, &d.Confirmer, &t.Outcome, &t.Detail, &announced, &d.MessageTS, &settled, &t.SettledOutcome, &d.Epoch); err != nil {
			w.fail("reading the journal: %v", err)
		}
		if announced {
			d.AnnouncedAt = time.Unix(1, 0)
		}
		if settled != 0 {
			d.SettledAt = time.UnixMilli(settled)
		}
		if last := len(all) - 1; last >= 0 && all[last].ID == d.ID {
			all[last].Tasks = append(all[last].Tasks, t)
			continue
		}
		d.Tasks = []decision.Item{t}
		all = append(all, d)
	}
	if err := j.Err(); err != nil {
		w.fail("reading the journal: %v", err)
	}
	return all
}

// meaningOf returns the meaning of a message, apart from its words.
func meaningOf(m slacktest.Message) texts.Meaning {
	if len(m.Blocks) == 0 {
		return ""
	}
	return texts.Meaning(m.Blocks[0].BlockID)
}

// outcomesOn returns the outcome that a message has for each of several tasks.
func outcomesOn(m slacktest.Message) map[int64]decision.Outcome {
	all := map[int64]decision.Outcome{}
	for _, b := range m.Blocks {
		if outcome, id, listed := strings.Cut(b.BlockID, ":"); listed {
			if task, err := strconv.ParseInt(id, 10, 64); err == nil {
				all[task] = decision.Outcome(outcome)
			}
		}
	}
	return all
}

// look records what people can read now and couldn't a moment ago.
func (w *world) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lookAtModals()
	for _, m := range w.slack.All() {
		text, key := whole(m), m.Channel+" "+m.TS
		if m.Author != slacktest.BotUser || w.shown[key] == text {
			continue
		}
		w.shown[key] = text
		buttons := m.Button("cancel_task") != nil
		if found := mark.FindString(text); buttons && found != "" {
			w.marks[found] = idOn(m)
		}
		w.h.add(func() {
			w.h.seen = append(w.h.seen, sight{time.Now(), m.Channel, m.TS, m.Only, m.ThreadTS, text, buttons, meaningOf(m), outcomesOn(m)})
		})
		who := m.Channel
		if m.Only != "" {
			who = m.Only + " in " + m.Channel
		}
		if buttons {
			text = "[prompt] " + m.Text
		} else {
			text = m.Text
		}
		w.h.say("Slack", "%s reads (%s): %s", who, m.TS, text)
	}
}

// whole returns all text in a message.
func whole(m slacktest.Message) string {
	var b strings.Builder
	b.WriteString(m.Text)
	for _, block := range m.Blocks {
		if block.Text != nil {
			b.WriteString("\n" + block.Text.Text)
		}
		for _, f := range block.Fields {
			b.WriteString("\n" + f.Text)
		}
	}
	return b.String()
}

// idOn returns the confirmation that a prompt's buttons carry.
func idOn(m slacktest.Message) decision.ID {
	b := m.Button("cancel_task")
	if b == nil {
		return ""
	}
	return idIn(b.Value)
}

func idIn(value string) decision.ID {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var fields []any
	if err != nil || json.Unmarshal(raw, &fields) != nil || len(fields) == 0 {
		return ""
	}
	id, _ := fields[0].(string)
	return decision.ID(id)
}
