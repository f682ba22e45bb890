package simulation

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
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
	lacksPuttingBack
	leavesForgeries
	quotesForgeries
	keepsKeysToItself
	showsNoSignOfLife
	forgetsOutages
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
	{lacksPuttingBack, "a decision that vanishes and is not put back", "what vanished is put back"},
	{quotesForgeries, "a row that somebody else wrote and that is quoted", "nobody reads what somebody else wrote"},
	{keepsKeysToItself, "a bot token whose keys the others do not get", "no orphan"},
	{showsNoSignOfLife, "a click that nothing is shown for while its facts are slow", "a sign of life"},
	{forgetsOutages, "a process that takes announcements over as soon as the journal is back", "told once"},
	{leavesForgeries, "a row that no click made and that is left as it is", "the journal is not trusted"},
}

// TestEachLawFindsItsBug plants each bug and searches for a run that shows it.
func TestEachLawFindsItsBug(t *testing.T) {
	if testing.Short() {
		t.Skip("it searches for histories that show a bug; without -short it does")
	}
	dir := place(t)
	const most = 600
	for _, p := range plants {
		t.Run(p.what, func(t *testing.T) {
			for n := range uint64(most) {
				plan := newPlan(n + 1)
				if p.bug == lacksPuttingBack { // few runs lose a row
					for slot := range plan.replicas {
						plan.vanish = append(plan.vanish, crashPoint{slot: slot, boundary: "Claim", nth: 1})
					}
				}
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

// claimed changes the result of a claim as the bug does.
func (p planted) claimed(j *faultyJournal, d decision.Record, c *journal.Claim, err *error) {
	if p == losesClaims && *err == nil && c.Won {
		*err = errInjected
		j.keepForEver([]journal.Held{{Record: d, Lease: c.Lease}})
	}
}

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
	case bug == saysItIsDone && name == "POST cancel":
		body := `{"task_id":` + strings.Split(req.URL.Path, "/")[2] + `,"status":"cancelled"}`
		return answerOf(req, "application/json", body), nil
	case bug == saysItRuns && isTelling:
		return t.rewritten(req, func(text string) string {
			return strings.NewReplacer(`"block_id":"unknown"`, `"block_id":"failed"`, // as JSON, and in a form
				"%22block_id%22%3A%22unknown%22", "%22block_id%22%3A%22failed%22").Replace(text)
		})
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
		if bytes.Contains(body, []byte("checking whether")) {
			return answerOf(req, "text/plain", "ok"), nil
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
	case bug == forgetsPrompts && name == "response_url":
		body, _ := io.ReadAll(req.Body)
		if bytes.Contains(body, []byte(`"replace_original":true`)) {
			return answerOf(req, "text/plain", "ok"), nil
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
