package decision

import (
	"strings"
	"testing"
)

// A bug changes what the kernel sees, is allowed or does. The world and the laws
// stay as they are.
type bug struct {
	name     string
	protocol func(*Protocol)
	event    func(State, Event) Event
	moment   func(*Moment)
	resumed  func(*Record)
	after    func(before State, e Event, next State, do Do) (State, Do)
	early    bool   // each check of the follow-up counts as the last
	law      string // that the search must find broken
}

var planted = []bug{
	{name: "sends again too early", law: "3", protocol: func(p *Protocol) { p.Flight = 0 }},
	{name: "announces failed while a request is in flight", law: "4", after: func(before State, _ Event, next State, do Do) (State, Do) {
		if before.Stage == Resolving && before.Task.Known == InFlight && before.Task.Running && next.Outcome == Unknown {
			next.Outcome = Failed
		}
		return next, do
	}},
	{name: "believes a GET as old as the request", law: "4", protocol: func(p *Protocol) { p.ReadLag = 0 }},
	{name: "announces again if the record is uncertain", law: "11", event: func(s State, e Event) Event {
		if s.Doing == DoNote && e.Kind == Uncertain {
			e.Kind = Done
		}
		return e
	}},
	{name: "takes a post without a clear answer for one that failed", law: "11", event: become(Unclear, Later)},
	{name: "records an announcement though every way was refused", law: "12", protocol: func(p *Protocol) { p.TellFor = 0 }},
	{name: "gives up editing at once", law: "8", protocol: func(p *Protocol) { p.EditFor = -1 }},
	{name: "forgets a vanished row", law: "6", event: become(Gone, Lost)},
	{name: "forgets that another process may have had a row that vanished", law: "4", after: func(before State, e Event, next State, do Do) (State, Do) {
		if before.Stage == Resolving && e.Kind == Gone {
			next.Task = before.Task
		}
		return next, do
	}},
	{name: "ignores other decisions' requests", law: "4", event: become(Shared, Alone)},
	{name: "takes a cancel without an answer for unsent", law: "3", event: become(CancelUnanswered, CancelNotSent)},
	{name: "takes a server error for a refusal", law: "4", event: become(CancelServerError, CancelRefused)},
	{name: "resumes without the former owner's request", law: "3", resumed: func(r *Record) { r.Tasks[0].Sent = false }},
	{name: "ignores Keep task", law: "7", moment: func(m *Moment) { m.Kept = false }},
	{name: "ignores the click's age", law: "1", moment: func(m *Moment) { m.Age = 0 }},
	{name: "takes an uncertain claim for lost", law: "7", after: func(before State, e Event, next State, do Do) (State, Do) {
		if before.Doing == DoSave && e.Kind == Uncertain {
			return next.end(ShowNotSaved)
		}
		return next, do
	}},
	{name: "goes on saying that nothing was sent", law: "4", after: func(before State, e Event, next State, do Do) (State, Do) {
		if e.Kind == Won {
			do.Show = ShowNothing
		}
		return next, do
	}},
	{name: "settles on the first check", law: "4", early: true},
	{name: "doesn't edit the announcement", law: "8", after: func(before State, _ Event, next State, do Do) (State, Do) {
		if do.Action == DoEdit {
			next.Announce.Where, next.Doing = InThread, DoPost
			return next, Do{Action: DoPost, Where: InThread}
		}
		return next, do
	}},
	{name: "sends while it follows up", law: "8", after: func(before State, e Event, next State, do Do) (State, Do) {
		if before.Stage == Following && e.Kind == NoneKnown {
			do.Action, next.Doing = DoSend, DoSend
		}
		return next, do
	}},
	{name: "retries after a restart as if the click were new", law: "1", after: func(before State, _ Event, next State, do Do) (State, Do) {
		if before.Resumed && do.Action == DoAsk && next.Cause == CauseTooLate {
			do.Action = DoSend
		}
		return next, do
	}},
}

// become replaces one kind of event by another.
func become(from, to Kind) func(State, Event) Event {
	return func(_ State, e Event) Event {
		if e.Kind == from {
			e.Kind = to
		}
		return e
	}
}

// TestSearchFindsPlantedBugs breaks the kernel in one way at a time. The search
// must find each bug, and logs its shortest run.
func TestSearchFindsPlantedBugs(t *testing.T) {
	t.Parallel()
	for _, b := range planted {
		t.Run(b.name, func(t *testing.T) { // one after the other: a search takes memory
			s := newSearch(b)
			s.startAll()
			found := s.run()
			if !strings.HasPrefix(found, b.law+":") {
				t.Fatalf("want law %s broken, got %q", b.law, found)
			}
			t.Logf("law %s", found)
		})
	}
}
