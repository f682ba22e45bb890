package simulation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// said is what a text says about a decision.
type said string

const (
	saysCancelled said = "cancelled"
	saysAlready   said = "already cancelled by somebody else"
	saysUnknown   said = "not known"
	saysNot       said = "not cancelled"
	saysKept      said = "kept"
	saysNotSaved  said = "not saved, not touched"
	saysWaiting   said = "under way"
	saysOther     said = ""
)

// understood returns what a message says, from the meaning attached to it and
// not from its words, which may change.
func understood(m texts.Meaning) said {
	o := decision.Outcome(m)
	if was, is := m.Final(); is {
		o = was
	}
	switch {
	case m == texts.MeansUnderWay:
		return saysWaiting
	case m == texts.MeansKept:
		return saysKept
	case m == texts.MeansNotSaved, m == texts.MeansSuperseded:
		return saysNotSaved
	case o == decision.Cancelled, o == decision.AlreadyCancelled, o == decision.Unknown,
		o == decision.NotCancellable, o == decision.NotFound, o == decision.RejectedKey, o == decision.Failed:
		return meant(o)
	}
	return saysOther
}

// meant returns what the text for an outcome says.
func meant(o decision.Outcome) said {
	switch o {
	case decision.Cancelled:
		return saysCancelled
	case decision.AlreadyCancelled:
		return saysAlready
	case decision.Unknown:
		return saysUnknown
	default:
		return saysNot
	}
}

// flight is how long a cancel request without an answer counts as in flight.
const flight = 30 * time.Second

// check checks the laws at the end of a run.
func (w *world) check() {
	rows := w.rows()
	h := w.h
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &checker{history: h, w: w, rows: map[decision.ID]decision.Record{}}
	for _, d := range rows {
		c.rows[d.ID] = d
		h.lines = append(h.lines, line{time.Now(), "journal", fmt.Sprintf("%s: %s announced %t", short(d.ID), tasksOn(d), !d.AnnouncedAt.IsZero())})
	}
	c.right()
	c.nothingWhilePaused()
	c.lookBeforeAgain()
	c.oneEffect()
	for _, d := range rows {
		if slices.Contains(c.meddled, d.ID) {
			continue // it may be gone from the journal, and decided again
		}
		c.toldTrue(d)
		c.ownOutcomes(d)
		c.allTold(d)
		c.prompt(d)
	}
	c.toldOnce()
	c.lastTexts()
	c.progress()
	c.restores()
	c.setAside()
	c.requestsEnd()
	c.oneRequest()
	c.signOfLife()
}

type checker struct {
	*history
	w    *world
	rows map[decision.ID]decision.Record
}

func (c *checker) breaks(law, format string, args ...any) {
	c.broken = append(c.broken, law+": "+fmt.Sprintf(format, args...))
}

// right (law 1): each cancel request has a genuine press by an allowed person,
// at most 30 minutes before it, and a row that the sender owns.
func (c *checker) right() {
	for _, p := range c.posts {
		row := c.row(p.id)
		genuine := slices.ContainsFunc(c.presses, func(k press) bool {
			age := p.at.Sub(k.at)
			return k.id == p.id && k.cancel && k.allowed && k.user == row.Confirmer && slices.Contains(row.IDs(), chamelio.TaskID(p.task)) &&
				(k.chosen == nil || slices.Contains(k.chosen, p.task)) && age >= 0 && age <= 30*time.Minute
		})
		if !genuine {
			c.breaks("no cancel without a click", "%s sent one for task %d (%s) that nobody allowed had pressed for within 30 minutes", p.life, p.task, short(p.id))
		}
		if p.stale != "" && !c.decidedTwice(p.id) && !c.restoredBy(p.id, p.life) {
			c.breaks("only the owner sends", "%s sent a cancel for %s: %s", p.life, short(p.id), p.stale)
		}
	}
}

// lookBeforeAgain (law 3): after a request without a clear answer, nothing is
// sent before a GET has seen the task, and before the server has had time to
// finish.
func (c *checker) lookBeforeAgain() {
	type of struct {
		id   decision.ID
		task int64
	}
	last := map[of]*post{}
	for _, p := range c.posts {
		former := last[of{p.id, p.task}]
		last[of{p.id, p.task}] = p
		if former == nil || former.answer == plain || former.answer == unsent || c.decidedTwice(p.id) {
			continue
		}
		looked := slices.ContainsFunc(c.looks, func(l look) bool {
			return l.task == p.task && l.life == p.life && !l.at.Before(former.at) && !l.at.After(p.at)
		})
		// A request that a stopped process was about to send leaves when it
		// continues: no successor can know.
		held := former.life != p.life && c.faults["process: stopped"] > 0
		if !looked && !held {
			c.breaks("look before sending again", "%s sent another cancel for %s without a look", p.life, short(p.id))
		}
		if gap := p.at.Sub(former.at); former.answer == none && gap < flight && !held {
			c.breaks("look before sending again", "%s sent another cancel for %s after %s", p.life, short(p.id), gap)
		}
	}
}

// oneEffect (law 3): a task is cancelled at most once, by a request of a bot
// that is in the journal.
func (c *checker) oneEffect() {
	for _, t := range c.w.api.Tasks() {
		effects := c.w.api.EffectsOf(t.ID)
		if len(effects) > 1 {
			c.breaks("one effect", "task %d was cancelled %d times", t.ID, len(effects))
		}
	}
}

// by returns the decision whose request cancelled a task, and when.
func (c *checker) by(task int64) (decision.ID, time.Time) {
	for _, e := range c.w.api.EffectsOf(task) {
		for _, p := range c.posts {
			if p.agent == e.Request.Agent {
				return p.id, e.At
			}
		}
	}
	return "", time.Time{}
}

// about returns what people could read about a decision: in its prompt, and in
// its announcement.
func (c *checker) about(id decision.ID) (prompt, announced []sight) {
	where := c.w.places[id]
	its := ""
	for m, of := range c.w.marks {
		if of == id {
			its = m
		}
	}
	for _, s := range c.seen {
		here := s.channel + " " + s.ts
		switch {
		case s.buttons && its != "" && mark.FindString(s.text) == its:
			where = here
		case here == where:
			prompt = append(prompt, s)
		case its != "" && mark.FindString(s.text) == its && s.channel != auditChannel:
			announced = append(announced, s)
		case s.thread != "" && s.thread == c.rows[id].MessageTS:
			announced = append(announced, s)
		}
	}
	return prompt, announced
}

// tasksOn describes each task in the journal.
func tasksOn(d decision.Record) string {
	var all strings.Builder
	for _, t := range d.Tasks {
		fmt.Fprintf(&all, "task %d %q settled %q, ", t.ID, t.Outcome, t.SettledOutcome)
	}
	return all.String()
}

// says returns what a message says about a task of a decision.
func (s sight) says(task chamelio.TaskID) said {
	if o, listed := s.tasks[int64(task)]; listed {
		return understood(texts.Meaning(o))
	}
	return understood(s.meaning)
}

// toldTrue (laws 2 and 4): everything that is said about each task of a decision
// stays true.
func (c *checker) toldTrue(d decision.Record) {
	prompt, announced := c.about(d.ID)
	for _, t := range d.Tasks {
		c.taskToldTrue(d, t, append(prompt, announced...))
	}
}

func (c *checker) taskToldTrue(d decision.Record, on decision.Item, seen []sight) {
	by, at := c.by(int64(on.ID))
	ours := by == d.ID
	if ours && c.decidedTwice(d.ID) {
		return
	}
	for _, s := range seen {
		says := s.says(on.ID)
		switch says {
		case saysAlready, saysNot, saysKept, saysNotSaved:
			if ours {
				c.breaks("what is told stays true", "of task %d of %s was told %q at %s; its request took effect at %s", on.ID, short(d.ID), says, c.since(s.at), c.since(at))
			}
		case saysCancelled:
			t, _ := c.w.api.Task(int64(on.ID))
			if t.Status != "cancelled" || by != "" && at.After(s.at) {
				c.breaks("what is told stays true", "of task %d of %s was told %q at %s; it is %s, since %s", on.ID, short(d.ID), says, c.since(s.at), t.Status, c.since(at))
			}
		default: // promises nothing
		}
	}
	certain := []decision.Outcome{decision.Cancelled, decision.Unknown, ""}
	if ours && !slices.Contains(certain, on.Outcome) {
		c.breaks("what is told stays true", "task %d of %s stands in the journal as %s, and its request took effect", on.ID, short(d.ID), on.Outcome)
	} else if ours && !slices.Contains(certain, on.SettledOutcome) {
		c.breaks("what is told stays true", "task %d of %s was settled as %s, and its request took effect", on.ID, short(d.ID), on.SettledOutcome)
	}
}

func (c *checker) since(t time.Time) time.Duration {
	if t.IsZero() {
		return 0
	}
	return t.Sub(c.from).Round(time.Millisecond)
}

// allTold (laws 6, 7 and 8): every accepted click has its outcome announced,
// in its channel or to its requester, and an unknown one is settled.
func (c *checker) allTold(d decision.Record) {
	switch {
	case d.Outcome().Closed() || slices.Contains(c.forged, d.ID):
		return
	case d.AnnouncedAt.IsZero():
		c.breaks("no orphan", "%s (%q) is not announced %s after the faults stopped", short(d.ID), d.Outcome(), allToldWithin)
		return
	case isUnknown(d) && d.SettledAt.IsZero():
		c.breaks("unknown is not the end", "%s is not settled", short(d.ID))
	}
	_, announced := c.about(d.ID)
	for _, t := range d.Tasks {
		told := slices.ContainsFunc(announced, func(s sight) bool {
			says := s.says(t.ID)
			// After a restore, an announced outcome may have become unknown.
			overruled := t.Outcome == decision.Unknown && says == saysCancelled && c.lost(d.ID)
			return (says == meant(t.Outcome) || overruled) && (s.channel == d.Channel && s.only == "" || s.channel == "D"+d.Requester)
		})
		if !told {
			c.breaks("everybody reads it", "task %d of %s stands as announced (%s), and nobody can read that", t.ID, short(d.ID), t.Outcome)
		}
	}
	c.announcedTogether(d, announced)
}

func isUnknown(d decision.Record) bool {
	return slices.ContainsFunc(d.Tasks, func(t decision.Item) bool { return t.Outcome == decision.Unknown })
}

// ownOutcomes (law 14): a task is left to another decision only if that one has
// it.
func (c *checker) ownOutcomes(d decision.Record) {
	for _, t := range d.Tasks {
		if t.Result().Cause != decision.CauseHeld {
			continue
		}
		if !slices.ContainsFunc(c.claims, func(a acquired) bool { return a.id != d.ID && slices.Contains(a.tasks, t.ID) }) {
			c.breaks("each task has its own outcome", "task %d of %s was left to another decision, and there is none", t.ID, short(d.ID))
		}
	}
}

// announcedTogether (law 15): an announcement of several tasks has an outcome of
// each of them.
func (c *checker) announcedTogether(d decision.Record, announced []sight) {
	if len(d.Tasks) == 1 {
		return
	}
	for _, s := range announced {
		if _, settled := s.meaning.Final(); settled || len(s.tasks) == 0 {
			continue
		}
		for _, t := range d.Tasks {
			if s.tasks[int64(t.ID)] == "" {
				c.breaks("one announcement", "that of %s has no outcome of task %d: %s", short(d.ID), t.ID, s.text)
			}
		}
	}
}

// prompt (law 13): the last text of a prompt is the outcome, unless something
// prevented it. A modal may still say where the outcome is posted, if its process hasn't
// found out yet that another one has the decision.
func (c *checker) prompt(d decision.Record) {
	if d.Outcome().Closed() || d.AnnouncedAt.IsZero() || c.hindered() || c.modalHindered(d.ID) || slices.Contains(c.forged, d.ID) || c.decidedTwice(d.ID) {
		return
	}
	prompt, _ := c.about(d.ID)
	if len(prompt) == 0 {
		c.breaks("the prompt ends with the outcome", "that of %s was never changed", short(d.ID))
		return
	}
	if last := prompt[len(prompt)-1]; len(d.Tasks) > 1 && d.Outcome() == decision.Various {
		if last.meaning != texts.Meaning(decision.Various) {
			c.breaks("the prompt ends with the outcome", "that of %s ends with %q", short(d.ID), last.meaning)
		}
	} else if says := understood(last.meaning); says != meant(d.Outcome()) && (says != saysWaiting || d.Epoch == 1 || !c.w.modals[d.ID]) {
		c.breaks("the prompt ends with the outcome", "that of %s ends with %q, the outcome is %s", short(d.ID), says, d.Outcome())
	}
}

// modalHindered reports whether something prevented the updates of the modal
// that a decision was made in: a person closed it, or Slack refused.
func (c *checker) modalHindered(id decision.ID) bool {
	if !c.w.modals[id] {
		return false
	}
	for f := range c.faults {
		if strings.HasPrefix(f, "views.") {
			return true
		}
	}
	return c.w.closed(id)
}

// hindered reports whether something prevented updates of prompts.
func (c *checker) hindered() bool {
	if len(c.crashes) > 0 || len(c.w.plan.clocks) > 0 || len(c.w.plan.restarts) > 0 || c.w.plan.asleep > 0 {
		return true
	}
	// A forged click on the same prompt is also answered in its place.
	if slices.ContainsFunc(c.w.plan.commands, func(k command) bool { return k.what == forges }) {
		return true
	}
	// If the journal doesn't say whose a click is, two processes may answer
	// it, and use up its response_url.
	prefixes := []string{"response_url", "connections: http frozen", "process", "Claim:", "journal"}
	for f := range c.faults {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(f, p) }) {
			return true
		}
	}
	return false
}

// toldOnce (law 11): an announcement is posted again only if the process that posted
// it died before the journal knew, or Slack's answer was lost. This also holds if the
// journal's clock jumps, except for settled outcomes.
func (c *checker) toldOnce() {
	yes := map[string]int{}
	for _, t := range c.tells {
		if len(c.steps) > 0 && strings.HasPrefix(t.mark, "settled ") {
			continue // only the first announcement is guarded against a jump
		}
		if t.told && !c.endedUnrecorded(t) && !c.awayUnrecorded(t) {
			what := t.mark
			if t.place == auditChannel {
				what = "the copy of " + what
			}
			yes[what]++
		}
	}
	for what, n := range yes {
		id := c.w.marks[mark.FindString(what)]
		if n > max(c.settledOf(what), 1) && !c.decidedTwice(id) && !slices.Contains(c.retold, id) {
			c.breaks("told once", "%s was told %d times, and each time Slack said yes to somebody who lived on", what, n)
		}
	}
}

// settledOf returns how many decisions have a settled outcome of the task that a mark
// names: without a reason or a thread, their marks are the same.
func (c *checker) settledOf(what string) (n int) {
	for _, d := range c.rows {
		for _, t := range d.Tasks {
			if t.SettledOutcome != "" && strings.HasSuffix(what, "settled task "+t.ID.String()) {
				n++
			}
		}
	}
	return n
}

// awayUnrecorded reports whether the journal was away for longer than a lease, and
// the process that posted was suspended or couldn't reach the journal after its post.
// The other processes can't distinguish it from one that died.
func (c *checker) awayUnrecorded(t *tell) bool {
	after := func(w window) bool {
		return t.life[0] == byte('A'+w.slot) && c.from.Add(w.to).After(t.at)
	}
	plan := c.w.plan
	return plan.cutOff > 0 && (slices.ContainsFunc(plan.pauses, after) || slices.ContainsFunc(plan.outages, after))
}

// endedUnrecorded reports whether the process that posted something ended
// before the journal knew.
func (c *checker) endedUnrecorded(t *tell) bool {
	of := func(life string) bool {
		return slices.ContainsFunc(c.records, func(r record) bool {
			if r.life != life || r.at.Before(t.at) {
				return false
			}
			switch {
			case t.place == auditChannel:
				return strings.HasPrefix(string(r.id), "note ")
			case strings.HasPrefix(t.mark, "settled "):
				return strings.HasPrefix(string(r.id), "settled ")
			}
			return r.id == c.w.marks[t.mark]
		})
	}
	ended := slices.ContainsFunc(c.lines, func(l line) bool { return l.who == t.life && l.what == "has ended" })
	return ended && !of(t.life)
}
