package simulation

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// planted is a bug that the simulation puts between a bot and the world, to
// check that the laws find it.
type planted int

const (
	nothing planted = iota
	liesAboutKeeping
	believesItself
	takesAndForgets
	forgetsUnknown
	losesClaims
	cancelsUnasked
	sendsAgainBlindly
	saysItRuns
	saysItIsDone
	tellsTwice
	announcesNothing
	forgetsPrompts
	forgetsRequests
	lacksRestoring
	leavesForgeries
	quotesForgeries
	keepsKeysToItself
	showsNoSignOfLife
	forgetsOutages
	losesOutcomes
	announcesEarly
	dropsTheOthers
	ignoresTheChoice
	replacesLate
	forgetsModals
	believesJumps
	asksTwice
	ignoresPauses
	forgetsLosses
	forgetsWinners
	remembersClaims
)

// plants says which law finds which bug.
var plants = []struct {
	bug  planted
	what string
	law  string
}{
	{cancelsUnasked, "a cancel for a task that somebody only looked at", "no cancel without a click"},
	{believesItself, "an owner that goes on though the journal says that it has lost", "only the owner sends"},
	{sendsAgainBlindly, "a cancel without an answer that is sent again at once", "look before sending again"},
	{saysItRuns, "\"was not cancelled\" where it is not known", "what is told stays true"},
	{saysItIsDone, "\"cancelled\" of a request that did nothing", "what is told stays true"},
	{liesAboutKeeping, "\"was kept\" of what was decided", "what is told stays true"},
	{takesAndForgets, "a take-over whose answer is lost, renewed for ever", "no orphan"},
	{losesClaims, "a claim that is saved, never known and kept", "no orphan"},
	{announcesNothing, "an announcement that is on record and was never posted", "everybody reads it"},
	{forgetsUnknown, "an unknown outcome that nobody looks after", "unknown is not the end"},
	{tellsTwice, "an announcement that is posted twice", "told once"},
	{forgetsPrompts, "a prompt that is never changed", "the prompt ends with the outcome"},
	{forgetsRequests, "a request for a second person that nobody ends", "a request ends"},
	{lacksRestoring, "a decision that vanishes and is not restored", "what vanished is restored"},
	{quotesForgeries, "a row that somebody else wrote and that is quoted", "nobody reads what somebody else wrote"},
	{keepsKeysToItself, "a bot token whose keys the others do not get", "no orphan"},
	{showsNoSignOfLife, "a click that nothing is shown for while its facts are slow", "a sign of life"},
	{forgetsOutages, "a process that takes announcements over as soon as the journal is back", "told once"},
	{losesOutcomes, "a takeover between two tasks that reports the open ones as failed", "what is told stays true"},
	{announcesEarly, "an announcement of several tasks before each has an outcome", "one announcement"},
	{dropsTheOthers, "a task of another decision that takes the rest with it", "each task has its own outcome"},
	{ignoresTheChoice, "a modal whose boxes all count, though a person has cleared some", "no cancel without a click"},
	{replacesLate, "an older text that replaces the outcome in a prompt", "the prompt ends with the outcome"},
	{forgetsModals, "a modal that doesn't show the outcome", "the prompt ends with the outcome"},
	{believesJumps, "a lease that counts as ended because the journal's clock has jumped", "told once"},
	{asksTwice, "a command that posts a request at each delivery", "one request"},
	{ignoresPauses, "a click that is saved though cancelling is paused", "nothing is claimed while cancelling is paused"},
	{forgetsLosses, "a prompt whose click was not used, and that can be pressed again", "what is told stays true"},
	{forgetsWinners, "a closed prompt that forgets which decisions have its tasks", "a last text knows"},
	{remembersClaims, "a decision that others see as it was claimed", "progress is progress"},
	{leavesForgeries, "a row that no click made and that is left as it is", "the journal is not trusted"},
}

// TestEachLawFindsItsBug plants each bug and searches for a run that shows it.
func TestEachLawFindsItsBug(t *testing.T) {
	if testing.Short() {
		t.Skip("it searches for histories that show a bug; without -short it does")
	}
	dir := place(t)
	const most = 1500
	for _, p := range plants {
		t.Run(p.what, func(t *testing.T) {
			for n := range uint64(most) {
				plan := newPlan(n + 1)
				plan.provoke(p.bug)
				h := once(t, plan, dir, p.bug, false)
				for _, b := range h.broken {
					if strings.HasPrefix(b, p.law+":") {
						t.Logf("found after %d histories: %s", n+1, b)
						return
					}
				}
			}
			t.Errorf("the law %q finds nothing in %d histories", p.law, most)
		})
	}
}

// provoke adds the rare events that the bug needs to show.
func (p *plan) provoke(bug planted) {
	for slot := range p.replicas {
		switch bug {
		case lacksRestoring: // a row is lost
			p.vanish = append(p.vanish, crashPoint{slot: slot, boundary: "Claim", nth: 1})
		case losesOutcomes: // a crash between two tasks
			p.crashes = append(p.crashes, crashPoint{slot: slot, boundary: "Finish", nth: 1, after: true, down: time.Second})
		case replacesLate, forgetsModals: // nothing else keeps the text from being right
			p.slackFaults, p.crashes, p.restarts, p.clocks, p.outages, p.pauses, p.cutOff, p.asleep = 0, nil, nil, nil, nil, nil, 0, 0
		case believesJumps: // of all living processes, while Slack is slow
			p.crashes, p.restarts, p.outages, p.pauses, p.cutOff, p.asleep = nil, nil, nil, nil, 0, 0
			p.slackFaults = max(p.slackFaults, .2)
			p.clocks = append(p.clocks, clockStep{p.faulty * time.Duration(slot+1) / 8, -1, 3 * time.Minute}, clockStep{p.faulty * time.Duration(slot+1) / 4, -1, 3 * time.Minute})
		case asksTwice: // Slack delivers commands again
			p.second, p.modal = true, false
			for i := range p.commands {
				p.commands[i].what = redelivers
			}
		case ignoresPauses: // while clicks are being saved
			p.journalFaults, p.paused = .4, window{from: p.faulty / 5, to: p.faulty}
		case forgetsLosses: // several people want the same task, and the first doesn't get it cancelled
			p.again, p.chamelioFaults, p.faulty, p.modal, p.second = 90*time.Second, 0, 60*time.Second, false, false
			p.crashes, p.pauses, p.outages = nil, nil, nil
			p.commands = slices.Repeat(p.commands[:1], 4)
			for i := range p.commands {
				c := &p.commands[i]
				c.user, c.channel, c.from, c.what, c.task, c.more = everyone()[i/2], slacktest.General, aCommand, cancels, firstTask, nil
				c.at, c.think = 5*time.Second+time.Duration(i)*100*time.Millisecond, 6*time.Second+time.Duration(i)*300*time.Millisecond
			}
		default: // shows anyway
		}
	}
}

// claimed changes the result of a claim as the bug does.
func (p planted) claimed(j *faultyJournal, d decision.Record, c *journal.Claim, err *error) {
	if p == losesClaims && *err == nil && c.Won {
		*err = errInjected
		j.keepForEver([]journal.Held{{Record: d, Lease: c.Lease}})
	}
	if p == dropsTheOthers && *err == nil && slices.ContainsFunc(c.Tasks, func(t decision.Item) bool { return t.Outcome != "" }) {
		c.Tasks, c.Lease, *err = j.giveUp(c.Tasks, c.Lease, decision.CauseHeld)
	}
}

// takenOver makes of a decision that was taken over what the bug does.
func (p planted) takenOver(j *faultyJournal, held *journal.Held) {
	if p == losesOutcomes && slices.ContainsFunc(held.Tasks, func(t decision.Item) bool { return t.Outcome != "" }) {
		held.Tasks, held.Lease, _ = j.giveUp(held.Tasks, held.Lease, decision.CauseRefused)
	}
}

// giveUp records that the open tasks of a decision weren't cancelled.
func (j *faultyJournal) giveUp(tasks []decision.Item, l journal.Lease, why decision.Cause) ([]decision.Item, journal.Lease, error) {
	tasks = slices.Clone(tasks)
	res := decision.Result{Outcome: decision.Failed, Cause: why}
	for i := range tasks {
		if tasks[i].Outcome != "" {
			continue
		}
		renewed, err := j.real.Finish(context.Background(), l, i, res, false)
		if err != nil {
			return nil, l, err
		}
		l = renewed
		tasks[i].Outcome, tasks[i].Detail = res.Outcome, res.Encode()
	}
	return tasks, l, nil
}

// ofATask is the block of one of several tasks in an announcement, in a form.
var ofATask = regexp.MustCompile(`%22block_id%22%3A%22[a-z_]+%3A(\d+)%22`)

// cancelledModal is the block of a modal that says that a task is cancelled.
var cancelledModal = regexp.MustCompile(`block_id(?:\\?"|%22)(?::|%3A)(?:\\?"|%22)cancelled`)

// planted makes a call, with the bug.
func (t *wire) planted(req *http.Request, name string) (*http.Response, error) {
	bug := t.w.planted
	isTelling := name == "chat.postMessage" || name == "response_url"
	switch {
	case bug == cancelsUnasked && name == "GET task":
		t.again(req, http.MethodPost, req.URL.Path+"/cancel")
	case bug == sendsAgainBlindly && name == "POST cancel":
		resp, err := t.real.RoundTrip(req)
		if err == nil && resp.StatusCode < 500 {
			return resp, nil
		}
		t.again(req, http.MethodPost, req.URL.Path)
		return resp, err
	case bug == forgetsLosses && name == "POST cancel" && !t.w.calm.Load(): // so that a later press on another prompt matters
		no := answerOf(req, "application/json", `{"detail":"Not now"}`)
		no.StatusCode = http.StatusForbidden
		return no, nil
	case bug == saysItIsDone && name == "POST cancel":
		body := `{"task_id":` + strings.Split(req.URL.Path, "/")[2] + `,"status":"cancelled"}`
		return answerOf(req, "application/json", body), nil
	case bug == saysItRuns && isTelling:
		return t.rewritten(req, func(text string) string {
			return strings.NewReplacer(`"block_id":"unknown"`, `"block_id":"failed"`, // as JSON, and in a form
				"%22block_id%22%3A%22unknown%22", "%22block_id%22%3A%22failed%22").Replace(text)
		})
	case bug == announcesEarly && name == "chat.postMessage":
		return t.rewritten(req, func(text string) string { return ofATask.ReplaceAllString(text, "%22block_id%22%3A%22%3A$1%22") })
	case bug == tellsTwice && name == "chat.postMessage":
		body, _ := io.ReadAll(req.Body)
		done := t.beginTell(name, string(body))
		first := req.Clone(req.Context())
		first.Body = io.NopCloser(bytes.NewReader(body))
		if resp, err := t.real.RoundTrip(first); err == nil {
			done(resp, nil)
			_ = resp.Body.Close()
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	case bug == announcesNothing && name == "chat.postMessage":
		return answerOf(req, "application/json", `{"ok":true,"channel":"C0GENERAL","ts":"946684800.000001"}`), nil
	case bug == showsNoSignOfLife && name == "response_url":
		body, _ := io.ReadAll(req.Body)
		if bytes.Contains(body, []byte(`"block_id":"checking"`)) {
			return answerOf(req, "text/plain", "ok"), nil
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	case bug == forgetsPrompts && name == "response_url":
		body, _ := io.ReadAll(req.Body)
		if bytes.Contains(body, []byte(`"replace_original":true`)) {
			return answerOf(req, "text/plain", "ok"), nil
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	case bug == replacesLate && name == "response_url":
		body, _ := io.ReadAll(req.Body)
		if bytes.Contains(body, []byte(`"replace_original":true`)) && bytes.Contains(body, []byte(`"block_id":"under_way"`)) {
			late := req.Clone(context.Background())
			late.Body = io.NopCloser(bytes.NewReader(body))
			t.w.group.Go(func() {
				time.Sleep(10 * time.Second)
				if resp, err := t.real.RoundTrip(late); err == nil {
					_ = resp.Body.Close()
				}
			})
			return answerOf(req, "text/plain", "ok"), nil
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	case bug == forgetsModals && name == "views.update":
		body, _ := io.ReadAll(req.Body)
		if cancelledModal.Match(body) {
			return answerOf(req, "application/json", `{"ok":true,"view":{"id":"V1"}}`), nil
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	}
	return t.real.RoundTrip(req)
}

// again sends another request, as a bug would.
func (t *wire) again(req *http.Request, method, path string) {
	other := req.Clone(req.Context())
	other.Method, other.Body = method, nil
	other.URL = &url.URL{Scheme: req.URL.Scheme, Host: req.URL.Host, Path: path}
	other.Header.Set("X-API-Key", chameliotest.Key)
	t.mu.Lock()
	held := t.has[taskIn(other.URL)]
	t.mu.Unlock()
	done := t.beginPost(other, held, "")
	resp, err := t.real.RoundTrip(other)
	done(resp, err)
	if err == nil {
		_ = resp.Body.Close()
	}
	time.Sleep(time.Millisecond)
}

func (t *wire) rewritten(req *http.Request, change func(string) string) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	text := change(string(body))
	req.Body, req.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return t.real.RoundTrip(req)
}

func answerOf(req *http.Request, kind, body string) *http.Response {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: req,
	}
}
