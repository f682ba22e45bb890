package decision

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// search visits every run of Step in every world, breadth first.
type search struct {
	bug
	p     Protocol
	ids   map[node]int32
	found []found // by id
	next  int     // the first that is not searched yet
	edges int
	moves map[move]bool
}

// move is a step from one stage to another, and the action whose answer led there.
type move struct {
	from, to Stage
	by       Action
}

// found is a node with its first path, and its other predecessors.
type found struct {
	node
	from  int32
	name  string
	back  []int32
	from0 []int32 // those of them that take no time
}

func newSearch(b bug) *search {
	s := &search{bug: b, p: coarse, ids: map[node]int32{}, moves: map[move]bool{}}
	if b.protocol != nil {
		b.protocol(&s.p)
	}
	return s
}

func (s *search) step(st State, e Event, at Moment) (State, Do) {
	if s.event != nil {
		e = s.event(st, e)
	}
	if s.moment != nil {
		s.moment(&at)
	}
	next, do := s.p.Step(st, e, at)
	if s.after != nil {
		next, do = s.after(st, e, next, do)
	}
	return next, do
}

// start adds a fresh click for each task, with a number of misfortunes and
// another decision's unknown outcome.
func (s *search) start(misfortunes, foreign uint8) {
	for _, task := range []status{running, cancelled, completed} {
		w := world{task: task, foreign: foreign, posts: 1, replies: 1, bad: misfortunes, approved: misfortunes == 0}
		st, do := s.step(Claimed(w.row.record(w.approved)), Event{}, w.moment())
		s.visit(-1, node{st, do, w}, "start")
	}
}

// startAll adds every world: with one misfortune, or with another decision's
// unknown outcome, its request over or in flight.
func (s *search) startAll() {
	s.start(1, 0)
	s.start(0, 1)
	s.start(0, 1+uint8(coarse.Flight))
}

func (s *search) visit(from int32, to node, name string) int32 {
	if to.do.Show != ShowNothing {
		to.w.unsent = to.do.Show == ShowSaving
	}
	to = to.normal()
	id, known := s.ids[to]
	if !known {
		id = int32(len(s.found))
		s.ids[to] = id
		s.found = append(s.found, found{node: to, from: from, name: name})
	}
	if from >= 0 {
		s.found[id].back = append(s.found[id].back, from)
	}
	return id
}

// run searches breadth first, so the first run that breaks a law is a shortest
// one.
func (s *search) run() string {
	for ; s.next < len(s.found); s.next++ {
		id, n := int32(s.next), s.found[s.next].node
		if law := n.broken(); law != "" {
			return law + "\n" + s.story(id)
		}
		if n.do.Show == ShowKept || n.do.Show == ShowNotSaved {
			n.w.denied = true
		}
		if n.do.Action == DoEnd {
			n.w.stolen = false
			s.takeOver(id, n.w.tick(), "next process")
			continue
		}
		for _, e := range n.answers() {
			s.edges++
			if e.crash {
				s.takeOver(id, e.w, e.name)
				continue
			}
			for _, e := range s.checked(n, e) {
				st, do := s.step(n.s, e.e, e.w.moment())
				s.moves[move{n.s.Stage, st.Stage, n.do.Action}] = true
				to := s.visit(id, node{st, do, e.w}, e.e.Kind.String()+e.name)
				if e.e.Kind != Waited {
					s.found[to].from0 = append(s.found[to].from0, id)
				}
			}
		}
	}
	return ""
}

// checked turns the answer of a follow-up's check into its event. The last one
// is a day later, when no request can be in flight any more.
func (s *search) checked(n node, seen edge) []edge {
	if n.do.Action != DoCheck || seen.e.Kind < TaskCancelled {
		return []edge{seen}
	}
	var all []edge
	for _, last := range []bool{false, true} {
		if last && (seen.w.pending > 0 || seen.w.foreign > 1 || seen.w.fresh) {
			continue
		}
		one := seen
		one.name = fmt.Sprintf(" (%s%s)", seen.e.Kind, map[bool]string{true: ", last"}[last])
		if o, c, known := Final(seen.e.Kind, last || s.early); known {
			one.e.Kind, one.w.found, one.w.foundCause = AllKnown, o, c
		} else {
			one.e.Kind = NoneKnown
		}
		all = append(all, one)
	}
	return all
}

// takeOver makes the next process resume the row, if it needs one.
func (s *search) takeOver(from int32, w world, name string) {
	if w.row.complete() {
		return
	}
	w.elapsed, w.kept, w.unsent = 0, false, false
	rec := w.row.record(w.approved)
	if s.resumed != nil {
		s.resumed(&rec)
	}
	st, do := s.step(Resumed(rec)[0], Event{}, w.moment())
	s.visit(from, node{st, do, w}, name)
}

// normal maps nodes with the same continuations to one node.
func (n node) normal() node {
	if n.s.Stage != Resolving { // only differences matter
		past := func(t *time.Duration) {
			*t = max(*t-n.w.elapsed, -2*coarse.PersonAfter)
		}
		if n.s.Announce.Started {
			past(&n.s.Announce.Began)
			past(&n.s.Announce.Round)
		}
		if n.s.Follow.Editing {
			past(&n.s.Follow.Began)
		}
		if n.w.elapsed = min(n.w.elapsed, 1); n.s.Stage > Saving {
			n.w.elapsed = 0
		}
	}
	if a := &n.s.Announce; a.Started && n.do.Action != DoPost && (n.do.Action != DoWait || n.s.Then != DoPost) { // a round is over
		a.Round, a.Refused, a.Later.Channel, a.Later.Answer, a.Later.Person = 0, 0, false, false, false
		if n.do.Action != DoRetract {
			a.Pause = 0
		}
	}
	switch n.s.Stage {
	case Settling: // the results are known
		n.w.posts, n.w.fresh, n.w.foreign = 0, false, min(n.w.foreign, 1)
		n.s.Cause, n.w.row.cause, n.w.rival, n.w.pending = "", "", false, 0
		n.w.row.sent = false
		if n.s.Follow.Edited {
			n.s.Follow.Editing, n.s.Follow.Began = false, 0
		}
		if n.do.Action != DoSettle { // it is saved
			n.w.found, n.w.foundCause = "", ""
		}
	case Ended:
		n.s = State{Stage: Ended}
	default:
	}
	if n.s.Stage > Recording {
		n.w.age = min(n.w.age, uint8(coarse.ResponseURLLife))
	}
	n.s.Task.Began = 0 // only the runtime needs it
	if n.s.Stage > Resolving {
		n.w.seen, n.w.unclear, n.w.unsent = false, false, false
	}
	return n
}

// stuck counts the nodes from which no end can be reached.
func (s *search) stuck() (int, string) {
	good := make([]bool, len(s.found))
	var queue []int32
	reach := func(id int32) {
		if !good[id] {
			good[id] = true
			queue = append(queue, id)
		}
	}
	for id, n := range s.found {
		if n.do.Action == DoEnd && n.w.row.complete() {
			reach(int32(id))
		}
	}
	for len(queue) > 0 {
		id := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		for _, from := range s.found[id].back {
			reach(from)
		}
	}
	bad, story := 0, ""
	for id := range s.found {
		if !good[id] {
			if bad++; bad == 1 {
				story = s.story(int32(id))
			}
		}
	}
	return bad, story
}

// spins returns a run that ends in a cycle without a wait; "" if there is
// none.
func (s *search) spins() string {
	const unseen, open, closed = 0, 1, 2
	state := make([]uint8, len(s.found))
	for id := range s.found {
		stack := []int32{int32(id)}
		for len(stack) > 0 {
			top := stack[len(stack)-1]
			if state[top] != unseen {
				state[top] = closed
				stack = stack[:len(stack)-1]
				continue
			}
			state[top] = open
			for _, from := range s.found[top].from0 {
				switch state[from] {
				case open:
					return s.story(top)
				case unseen:
					stack = append(stack, from)
				}
			}
		}
	}
	return ""
}

// story returns the run that leads to a node, one line for each step.
func (s *search) story(id int32) string {
	var lines []string
	for ; id >= 0; id = s.found[id].from {
		lines = append(lines, fmt.Sprintf("  %-45s → %s", s.found[id].name, s.found[id]))
	}
	slices.Reverse(lines)
	return strings.Join(lines, "\n")
}

func (n node) String() string {
	text := n.do.Action.String()
	if n.do.Action == DoPost {
		text += " " + n.do.Where.String()
	}
	if n.s.Outcome != "" {
		text += fmt.Sprintf(" (%s %s)", n.s.Outcome, n.s.Cause)
	}
	if n.do.Show != ShowNothing {
		text += ", show " + n.do.Show.String()
	}
	return text
}

// TestNoRunBreaksALaw searches all runs. Every run must also be able to end.
func TestNoRunBreaksALaw(t *testing.T) {
	t.Parallel()
	began := time.Now()
	s := newSearch(bug{})
	s.startAll()
	if law := s.run(); law != "" {
		t.Fatalf("law %s", law)
	}
	n, story := s.stuck()
	t.Logf("%d states, %d transitions, %d without an end, %s", len(s.found), s.edges, n, time.Since(began).Round(time.Millisecond))
	if story := s.spins(); story != "" {
		t.Errorf("9: this run goes round in circles without a wait:\n%s", story)
	}
	comparePage(t, "stages", s.diagram())
	if n > 0 {
		t.Errorf("%d states lead to no end; one of them:\n%s", n, story)
	}
}
