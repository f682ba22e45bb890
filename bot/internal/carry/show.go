package carry

import (
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/observe"
)

// show shows the kernel's state in the prompt, each change once.
func (l *life) show(do decision.Do) {
	if l.state.Stage == decision.Saving && l.press.Confirmation.Public {
		l.showAside(do)
		return
	}
	if len(l.Tasks) > 1 && isProgress(do.Show) {
		l.prompt.count(l.Texts.Progress(l.decided()))
		return
	}
	if do.Show == decision.ShowNothing || do.Show == l.shown && do.Show != decision.ShowOutcome {
		return
	}
	l.shown = do.Show
	p, t := l.prompt, l.Texts
	switch do.Show {
	case decision.ShowSaving:
		p.saving(signAfter-time.Since(l.press.Received), t.StillSaving(l.press.Confirmation), l.inDoubt)
	case decision.ShowRunning:
		p.soon(t.Cancelling(l.decided()))
	case decision.ShowSlow:
		p.show(t.StillTrying(l.decided()))
	case decision.ShowBusy:
		p.show(t.WaitingForChamelio(l.decided(), do.For))
	case decision.ShowOutcome:
		p.endAs(l.outcomeLine(l.decided()))
	case decision.ShowNotSaved:
		p.release()
		l.ended(closedAs(l.Record, decision.NotSaved))
	case decision.ShowKept:
		p.release()
		l.ended(closedAs(l.keptBy(), decision.Withdrawn))
	case decision.ShowPerhaps:
		l.perhaps()
	case decision.ShowBeaten:
		l.beaten()
	case decision.ShowNothing, decision.ShowProgress:
	}
}

// closedAs returns a row with the outcome of a prompt that was closed.
func closedAs(row decision.Record, how decision.Outcome) decision.Record {
	all := make([]decision.Result, len(row.Tasks))
	for i := range all {
		all[i].Outcome = how
	}
	return row.With(all...)
}

// isProgress reports whether a line says that work is in progress. With
// several tasks it says how many are done.
func isProgress(s decision.Show) bool {
	switch s {
	case decision.ShowRunning, decision.ShowSlow, decision.ShowBusy, decision.ShowProgress:
		return true
	default:
		return false
	}
}

// report logs and counts a step.
func (l *life) report(before decision.State, e decision.Event, do decision.Do) {
	m, s := l.Metrics, l.state
	switch {
	case e.Kind == decision.Won && do.Action != decision.DoGiveUp:
		l.log.Info("decided", "facts_age_seconds", l.press.FactsAge.Seconds())
	case before.Stage == decision.Recording && (s.Stage == decision.Announcing || e.Kind == decision.Pending):
		res := l.tasks.result(l.task)
		m.Decisions.WithLabelValues(string(res.Outcome)).Inc()
		m.OutcomeSeconds.Observe(l.age().Seconds())
		l.log.Info("finished", "outcome", string(res.Outcome), "cause", string(res.Cause), "requester", l.Requester)
	case before.Doing == decision.DoPost && ends(do) && e.Kind != decision.Posted:
		l.unconfirmed(before, e)
	case before.Stage == decision.Announcing && e.Kind == decision.Posted:
		m.Announcements.WithLabelValues(transports[before.Announce.Where]).Inc()
		m.AnnouncementSeconds.Observe(l.age().Seconds())
		l.log.Info("announced", "outcome", string(l.decided().Outcome()), "by", transports[before.Announce.Where], "after", l.age().Round(time.Millisecond))
	case before.Doing == decision.DoPost && before.Stage == decision.Settling && ends(do):
		for _, t := range l.final().Tasks {
			if t.SettledOutcome != "" {
				m.Settled.WithLabelValues(string(t.SettledOutcome)).Inc()
				l.holding.log.Info("settled", "task", int64(t.ID), "outcome", string(t.SettledOutcome))
			}
		}
	case e.Kind == decision.Lost:
		l.log.Warn("another process owns this decision now", "stage", before.Stage.String())
	case e.Kind == decision.Stopped:
		l.log.Warn("decision interrupted; it will be resumed", "stage", before.Stage.String())
	case before.Stage == decision.Announcing && do.Action == decision.DoWait && before.Doing != decision.DoMark:
		m.Retries.WithLabelValues("announcement").Inc()
		l.log.Warn("announcement failed; retrying", "pause", do.For)
	case e.Kind == decision.CancelNotSent && do.Action == decision.DoUnmark:
		m.Retries.WithLabelValues("cancel").Inc()
		l.log.Warn("cancel request not sent; retrying", "pause", do.For, "error", l.facts.refusal)
	case e.Kind == decision.CancelRateLimited && do.Action == decision.DoUnmark:
		l.log.Info("rate limited by Chamelio; waiting", "pause", do.For)
	}
	if before.Doing == decision.DoPost && before.Stage == decision.Announcing && before.Announce.Where <= decision.InChannel {
		tryAgain := do.Action == decision.DoWait && s.Then == decision.DoPost || do.Action == decision.DoPost && do.Where == decision.InChannel
		if failed := e.Kind == decision.Later || e.Kind == decision.Unclear || e.Kind == decision.Refused; failed && !tryAgain {
			l.turns.failed(l.Channel)
		}
	}
}

// transports names the ways of an announcement, for logs and metrics.
var transports = [...]string{
	decision.InThread: "chat_post_message", decision.InChannel: "chat_post_message", decision.ByResponseURL: "response_url", decision.InPerson: "direct_message",
	decision.ToApprover: "direct_message",
}

// ends reports whether the kernel records that something was posted.
func ends(do decision.Do) bool {
	return do.Action == decision.DoNote || do.Action == decision.DoClear
}

// unconfirmed logs and counts what is recorded as posted though Slack never said
// so.
func (l *life) unconfirmed(before decision.State, e decision.Event) {
	if e.Kind == decision.Unclear || e.Kind == decision.Uncertain || before.Announce.Doubts > 0 {
		l.Metrics.Unconfirmed.WithLabelValues(observe.NoClearAnswer).Inc()
		l.log.Error("announcement not confirmed by Slack; it counts as posted", "requester", l.Requester, "stage", before.Stage.String())
		return
	}
	l.Metrics.Unconfirmed.WithLabelValues(observe.AllRefused).Inc()
	l.log.Error("announcement given up: no one can be reached", "requester", l.Requester, "stage", before.Stage.String())
}
