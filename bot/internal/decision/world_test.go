package decision

import (
	"cmp"
	"time"
)

// This file is a small model of everything around the kernel: a task, a request
// in flight, stale reads, the journal's row, other people's requests, Slack, and
// processes that die. Its clock is coarse: a tick is a unit of time.Duration.

// coarse is the protocol with durations of a few ticks.
var coarse = Protocol{
	SaveFor: 2, ClickAge: 4, MaxTries: 2, Flight: 2, ReadLag: 1, Patience: 4, BusyFor: 1, MinBusy: 1,
	PostFor: 1, PersonAfter: 1, DoubtPause: 1, PrivatePause: Backoff{1, 1}, ProbeFor: 2, TellFor: 1, EditFor: 1, ResponseURLLife: 2, FirstCheck: 1, MaxCheckPause: 1,
	SavePause: Backoff{1, 1}, CheckPause: Backoff{1, 1}, PostPause: Backoff{1, 1}, RoundPause: Backoff{1, 1},
}

// world is everything outside the kernel that matters to the laws.
type world struct {
	task    status
	ours    bool  // our request cancelled it
	pending uint8 // ticks in which our request may still take effect
	fresh   bool  // changed less than ReadLag ago: a GET may show the state before
	seen    bool  // a GET has seen it running since our last unclear request
	unclear bool  // our request got no clear answer
	foreign uint8 // another decision's outcome is unknown: 1; plus the ticks in which its request may take effect

	found      Outcome // by the last check of the follow-up
	foundCause Cause
	stale      bool // the announcement can be edited, and doesn't say the final result

	row      row
	rival    bool  // another decision about the task was claimed after our row vanished
	stolen   bool  // another process has taken the decision over
	kept     bool  // the person pressed Keep task while the click was being saved
	denied   bool  // they read that nothing will be sent
	unsent   bool  // the prompt says that nothing was sent yet
	claimed  bool  // a claim was won
	posts    int8  // announcements that there may still be
	replies  int8  // the same for the final result
	doubts   uint8 // posts that everyone may read, though Slack gave no clear answer
	private  uint8 // the same, of direct messages
	editing  uint8 // ticks since an edit got no clear answer, and one
	visible  bool  // Slack has a message that the journal doesn't know of
	age      uint8
	elapsed  time.Duration
	approved bool  // a second person confirmed, in a thread
	bad      uint8 // misfortunes left: a crash, a vanished row, a lost lease
}

type status uint8

const (
	running status = iota
	cancelled
	completed
)

// row is the decision's row in the journal.
type row struct {
	exists, withdrawn, sent bool
	outcome                 Outcome
	cause                   Cause
	announced, thread       bool
	settled                 Outcome
	settledCause            Cause
	over                    bool // settled and posted
}

func (r row) record(approved bool) Record {
	t := Item{Outcome: r.outcome, Sent: r.sent, Detail: Result{Cause: r.cause}.Encode()}
	if r.sent {
		t.Tries = 1
	}
	rec := Record{ResponseURL: "https://hooks.slack.com/x", Requester: "U1", Confirmer: "U1"}
	if approved {
		rec.Confirmer, rec.Thread = "U2", "1.1"
	}
	if r.announced {
		rec.AnnouncedAt = time.Unix(1, 0)
		t.SettledOutcome, t.SettledDetail = r.settled, Result{Cause: r.settledCause}.Encode()
		if r.thread {
			rec.MessageTS = "1.2"
		}
	}
	rec.Tasks = []Item{t}
	return rec
}

// complete reports whether the row needs no more work.
func (r row) complete() bool {
	return !r.exists || r.withdrawn || r.announced && (r.outcome != Unknown || r.over)
}

// node is a state of the kernel in a state of the world, and its next action.
type node struct {
	s  State
	do Do
	w  world
}

// edge is an answer of the world to an action, and the world after it. Without
// an event the process died, and another one resumes the row.
type edge struct {
	e     Event
	w     world
	crash bool
	name  string
}

func (w world) moment() Moment {
	return Moment{Elapsed: w.elapsed, Age: time.Duration(w.age), Least: time.Duration(w.age), Kept: w.kept}
}

// tick lets time pass.
func (w world) tick() world {
	w.elapsed++
	w.age = min(w.age+1, uint8(coarse.ClickAge)+1)
	w.fresh = false
	if w.pending > 0 {
		w.pending--
	}
	if w.foreign > 1 {
		w.foreign--
	}
	if w.editing > 0 {
		w.editing = min(w.editing+1, uint8(coarse.EditFor)+1)
	}
	return w
}

// effect is what a cancel request does to a running task.
func (w world) effect() world {
	w.task, w.ours, w.fresh, w.pending = cancelled, true, true, 0
	return w
}

// answers returns everything that the world may answer.
func (n node) answers() []edge {
	var all []edge
	w := n.w
	add := func(k Kind, w world) { all = append(all, edge{e: Event{Kind: k, Began: n.w.elapsed}, w: w}) }
	// written adds the answers of a write: done; or uncertain, done or not.
	written := func(k Kind, after world) {
		add(k, after)
		add(Uncertain, after)
		add(Uncertain, w)
	}
	held := func(do func()) {
		switch {
		case w.stolen:
			add(Lost, w)
		case !w.row.exists:
			add(Gone, w)
		default:
			do()
		}
	}
	switch n.do.Action {
	case DoEnd:
	case DoWait:
		all = append(all, n.waits()...)
	case DoSave, DoClose, DoGiveUp:
		n.saves(add, written)
		if n.s.Save.Unsure && !w.kept { // Keep task may be pressed meanwhile
			for _, e := range all {
				e.w.kept, e.name = true, ", Keep task"
				all = append(all, e)
			}
		}
	case DoSend:
		n.sends(add)
	case DoUnmark:
		held(func() { v := w; v.row.sent = false; written(Done, v) })
	case DoGet, DoCheck:
		n.gets(add)
	case DoAsk:
		add(Shared, w)
		if w.foreign == 0 {
			add(Alone, w)
		}
	case DoRestore:
		n.restores(add, written)
	case DoRecord:
		held(func() {
			if w.row.outcome != "" && w.row.outcome != n.s.Outcome || w.row.announced {
				add(Lost, w)
				return
			}
			v := w
			v.row.outcome, v.row.cause = n.s.Outcome, n.s.Cause
			written(Done, v)
			add(Marked, v)
		})
	case DoQueue:
		add(Done, w)
	case DoProbe:
		add(Done, w)
		add(Uncertain, w)
	case DoMark, DoRetract:
		held(func() {
			if w.row.announced {
				add(Lost, w)
				return
			}
			written(Done, w)
		})
	case DoPost:
		n.posts(add)
	case DoNote:
		if !w.row.exists {
			add(Gone, w)
			break
		}
		v := w
		v.row.announced, v.visible, v.stolen = true, false, false
		v.doubts, v.private = 0, 0
		v.row.thread = true
		written(Done, v)
	case DoDelay:
		held(func() { written(Done, w) })
	case DoSettle:
		held(func() {
			v := w
			v.row.settled, v.row.settledCause = cmp.Or(w.found, w.row.settled), cmp.Or(w.foundCause, w.row.settledCause)
			v.stale = v.stale || v.found != "" && v.row.thread
			v.found, v.foundCause = "", ""
			written(Done, v)
		})
	case DoEdit:
		n.edits(add)
	case DoClear:
		if !w.row.exists {
			add(Done, w)
			break
		}
		v := w
		v.row.over, v.visible = true, false
		written(Done, v)
	}
	return append(all, n.misfortunes(all)...)
}

// misfortunes adds a crash after each answer's effect, a row that vanishes,
// and a lease that another process takes over.
func (n node) misfortunes(all []edge) []edge {
	if n.w.bad == 0 || n.do.Action == DoEnd {
		return nil
	}
	var more []edge
	for _, e := range all {
		v := e.w
		v.bad--
		v.stolen, v.kept, v.found, v.foundCause = false, false, "", ""
		v.doubts, v.private, v.editing = 0, 0, 0
		if v.visible { // its record is lost: it may be posted again
			v.visible = false
			if n.s.Stage >= Following {
				v.replies++
			} else {
				v.posts++
			}
		}
		if v.row.exists && !v.row.withdrawn {
			more = append(more, edge{w: v, crash: true, name: "crash"})
		}
	}
	if n.w.row.exists && n.s.Stage >= Resolving && n.s.Stage <= Noting && n.do.Action == DoWait {
		v := n.w
		v.bad--
		v.visible = v.visible || v.row.announced
		v.row = row{}
		more = append(more, edge{e: Event{Kind: Waited}, w: v.tick(), name: ", the row vanishes"})
		if n.s.Stage == Resolving && v.task == running {
			more = append(more, edge{e: Event{Kind: Waited}, w: v.effect().tick(), name: ", another process had the row and cancels, the row vanishes"})
		}
		v.rival = true
		more = append(more, edge{e: Event{Kind: Waited}, w: v.tick(), name: ", the row vanishes, a rival is claimed"})
	}
	if n.w.row.exists && n.do.Action == DoWait && n.s.Stage >= Saving {
		v := n.w
		v.bad--
		v.stolen, v.doubts, v.private, v.editing = true, 0, 0, 0
		more = append(more, edge{e: Event{Kind: Waited}, w: v.tick(), name: ", another process takes over"})
	}
	return more
}

// waits returns the ways in which time passes.
func (n node) waits() []edge {
	after := n.w.tick()
	all := []edge{{e: Event{Kind: Waited}, w: after}}
	add := func(name string, v world) { all = append(all, edge{e: Event{Kind: Waited}, w: v, name: name}) }
	if n.s.Stage == Settling { // the results are saved
		return all
	}
	if n.w.task == running {
		if n.w.pending > 0 {
			v := after.effect()
			add(", our request takes effect", v)
		}
		for _, to := range []status{cancelled, completed} {
			v := after
			v.task, v.fresh = to, true
			add(", someone else ends the task", v)
		}
	}
	if n.w.foreign == 1 {
		v := after
		v.foreign = 0
		add(", the other decision is settled", v)
	}
	if n.s.Stage == Saving && !n.w.kept {
		v := after
		v.kept = true
		add(", Keep task", v)
	}
	return all
}

func (n node) saves(add, written func(Kind, world)) {
	w := n.w
	switch {
	case w.stolen && n.do.Action == DoGiveUp:
		add(Lost, w)
	case w.row.withdrawn && n.do.Action == DoGiveUp:
		add(Lost, w)
	case n.do.Action == DoGiveUp:
		v := w
		v.row.withdrawn = true
		written(Done, v)
	case n.do.Action == DoClose && w.row.exists && !w.row.withdrawn:
		add(Occupied, w)
		add(Uncertain, w)
	case n.do.Action == DoClose:
		v := w
		v.row = row{exists: true, withdrawn: true}
		written(Done, v)
	case w.row.withdrawn, w.stolen:
		add(Beaten, w)
	default:
		v := w
		v.row, v.claimed = row{exists: true, sent: true}, true
		written(Won, v)
		if !w.row.exists {
			add(Beaten, w)
		}
	}
}

func (n node) sends(add func(Kind, world)) {
	w := n.w
	if w.stolen {
		add(Lost, w)
		return
	}
	if !n.s.Task.Marked {
		if !w.row.exists {
			add(Gone, w)
			return
		}
		add(Denied, w)
		add(Unmarked, w)
		w.row.sent = true
		add(Unmarked, w)
	}
	for _, k := range []Kind{CancelNotSent, CancelRateLimited, CancelRefused, CancelKeyRefused, CancelNotFound} {
		add(k, w)
	}
	if w.task != running {
		add(CancelConflict, w)
	} else {
		add(CancelDone, w.effect())
	}
	w.seen, w.unclear = false, true
	add(CancelServerError, w)
	add(CancelUnanswered, w)
	if w.task == running {
		add(CancelServerError, w.effect())
		add(CancelUnanswered, w.effect())
		w.pending = uint8(coarse.Flight)
		add(CancelUnanswered, w)
	}
}

func (n node) gets(add func(Kind, world)) {
	w := n.w
	for _, after := range []world{w, w.tick()} { // at once, or slowly
		if n.s.Stage == Following && after != w {
			break
		}
		if w.task == running || w.fresh {
			v := after
			v.seen = true
			add(TaskRunning, v)
		}
		switch w.task {
		case cancelled:
			add(TaskCancelled, after)
		case completed:
			add(TaskEnded, after)
		case running:
		}
	}
	for _, k := range []Kind{TaskOdd, TaskMissing, TaskKeyRefused, TaskUnseen} {
		add(k, w)
	}
}

func (n node) edits(add func(Kind, world)) {
	w := n.w
	add(Withheld, w)
	if w.stolen {
		return
	}
	v := w
	v.editing = max(v.editing, 1)
	add(Later, v)
	add(Unclear, v)
	w.stale = false
	add(Refused, w) // it can't be edited any more
	v.stale = false
	add(Unclear, v)
	add(Posted, w)
}

func (n node) restores(add, written func(Kind, world)) {
	w := n.w
	if w.row.exists {
		add(Lost, w)
		return
	}
	v := w
	v.row = row{exists: true, sent: true, outcome: n.s.Outcome, cause: n.s.Cause}
	if w.rival {
		v.row.outcome, v.row.cause = Unknown, CauseOverruled
		written(Overruled, v)
		return
	}
	written(Restored, v)
}

func (n node) posts(add func(Kind, world)) {
	w := n.w
	add(Withheld, w)
	if w.stolen {
		return
	}
	add(Refused, w)
	add(Later, w)
	v := w
	v.visible = true
	if n.s.Stage == Settling {
		v.replies--
	} else {
		v.posts--
	}
	add(Posted, v)
	if n.do.Where >= InPerson { // it may have been posted
		w.private++
	} else {
		w.doubts++
	}
	add(Unclear, w)
}
