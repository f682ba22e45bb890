package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// link is a process's network connection. When the process dies, it is cut
// permanently.
type link struct {
	*life
	mu    sync.Mutex
	conns map[*linkConn]bool
	down  bool
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

func (k *link) through(dial dialer) dialer {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &linkConn{Conn: conn, link: k}
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.down {
			_ = conn.Close()
			return nil, errDead
		}
		k.conns[c] = true
		return c, nil
	}
}

func (k *link) cut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = true
	for c := range k.conns {
		_ = c.Conn.Close()
	}
	k.conns = nil
}

type linkConn struct {
	net.Conn
	link *link
}

func (c *linkConn) Close() error {
	c.link.mu.Lock()
	defer c.link.mu.Unlock()
	delete(c.link.conns, c)
	return c.Conn.Close()
}

// Read and Write wait while the process is stopped.
func (c *linkConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.link.paused()
	return n, err
}

func (c *linkConn) Write(p []byte) (int, error) {
	c.link.paused()
	return c.Conn.Write(p)
}

// wire makes a process's calls to Slack or to Chamelio.
type wire struct {
	*life
	real  *http.Transport
	slack bool
}

// newWire makes the two transports of a process. Requests through the outer
// one meet the faults; WebSockets use its dial function.
func newWire(l *life, slack bool, dial dialer) *http.Transport {
	outer, inner := transport.New(), transport.New()
	outer.DialContext = l.link.through(dial)
	inner.DialContext = outer.DialContext
	outer.RegisterProtocol("http", &wire{life: l, real: inner, slack: slack})
	l.closers = append(l.closers, inner.CloseIdleConnections, outer.CloseIdleConnections)
	return outer
}

var (
	mark      = regexp.MustCompile(`why[0-9]+`)
	aboutTask = regexp.MustCompile(`task [0-9]+`)
)

func (t *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readBody(req)
	if err != nil {
		return nil, err
	}
	name := t.nameOf(req)
	n, r := t.next(name)
	var held journal.Held
	stale := ""
	if name == "POST cancel" { // as it is when the request is handed over, however long it is held up then
		t.mu.Lock()
		held = t.has[taskIn(req.URL)]
		t.mu.Unlock()
		stale = t.w.stale(held)
	}
	if !t.stand(name, n, false) {
		return nil, errDead
	}
	done := t.begin(name, req, body, held, stale)
	kind := t.wireFault(name, r)
	if kind != "" {
		t.w.h.fault(t.name, name, kind, req.URL.Path)
	}
	resp, err := t.suffer(req, name, kind, r)
	if !t.stand(name, n, true) {
		return nil, errDead
	}
	done(resp, err)
	return resp, err
}

func readBody(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	raw, err := io.ReadAll(req.Body)
	_ = req.Body.Close()
	req.Body = io.NopCloser(bytes.NewReader(raw))
	return raw, err
}

func (t *wire) nameOf(req *http.Request) string {
	switch p := req.URL.Path; {
	case t.slack && strings.HasPrefix(p, "/actions/"):
		return "response_url"
	case t.slack:
		return strings.TrimPrefix(p, "/api/")
	case req.Method == http.MethodPost:
		return "POST cancel"
	case strings.HasPrefix(p, "/tasks/"):
		return "GET task"
	}
	return "GET other"
}

var (
	errUnreachable = errors.New("nobody answers there")
	errBroken      = errors.New("the connection broke")
)

// suffer makes the call, with the fault.
func (t *wire) suffer(req *http.Request, name, kind string, r *rand.Rand) (*http.Response, error) {
	ctx := req.Context()
	switch kind {
	case "unreachable":
		if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.GetConn != nil {
			trace.GetConn(req.URL.Host)
		}
		return nil, errUnreachable
	case "cut before":
		return nil, errBroken
	case "hangs before":
		t.sleep(ctx, time.Hour)
		return nil, ctx.Err()
	case slowFacts:
		if !t.sleep(ctx, between(r, 1600*time.Millisecond, 6*time.Second)) {
			return nil, ctx.Err()
		}
	case "slow before":
		if !t.sleep(ctx, between(r, 200*time.Millisecond, 12*time.Second)) {
			return nil, ctx.Err()
		}
	default:
		t.breakStandIn(req, name, kind, r)
	}
	resp, err := t.planted(req, name)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "answer lost", "hangs after":
		_ = resp.Body.Close()
		if kind == "hangs after" {
			t.sleep(ctx, time.Hour)
			return nil, ctx.Err()
		}
		return nil, errBroken
	case "slow after":
		if !t.sleep(ctx, between(r, 200*time.Millisecond, 12*time.Second)) {
			_ = resp.Body.Close()
			return nil, ctx.Err()
		}
	}
	return resp, nil
}

// slowFacts is a lookup of a person that takes long.
const slowFacts = "slow facts"

// The faults of Slack's and of Chamelio's side.
var (
	slackFaults = []string{
		"unreachable", "cut before", "answer lost", "answer lost", "hangs before", "hangs after", "slow before", "slow after",
		"500", "500 after", "429", "429 long", "fatal_error", "no in a 200",
	}
	getFaults  = []string{"unreachable", "cut before", "hangs before", "slow after", "500 JSON", "gateway", "429", "429 long"}
	postFaults = []string{
		"unreachable", "cut before", "answer lost", "answer lost", "hangs before", "hangs after", "slow before", "slow after",
		"500 JSON", "500 JSON after", "gateway", "gateway after", "gateway, lands late", "lands late", "lands late", "429", "429 long", "gateway 403, lands late",
	}
)

func (t *wire) wireFault(name string, r *rand.Rand) string {
	if name == "users.info" && t.w.plan.slowInfo && !t.w.calm.Load() && chance(r, .6) {
		return slowFacts
	}
	rate, from := t.w.plan.slackFaults, slackFaults
	switch {
	case name == "POST cancel":
		rate, from = min(t.w.plan.chamelioFaults*1.5, .8), postFaults
	case !t.slack:
		rate, from = t.w.plan.chamelioFaults, getFaults
	case name == "auth.test" || name == "apps.connections.open":
		rate /= 2
	}
	if t.w.calm.Load() || !chance(r, rate) {
		return ""
	}
	return pick(r, from)
}

// breakStandIn makes the fake server itself fail the next call.
func (t *wire) breakStandIn(req *http.Request, name, kind string, r *rand.Rand) {
	if t.slack {
		f := slacktest.Fault{Method: name, Times: 1}
		switch kind {
		case "500", "500 after":
			f.Status, f.AfterEffect = 500, kind == "500 after"
		case "429":
			f.Status, f.RetryAfter = 429, fmt.Sprint(1+r.IntN(8))
		case "429 long":
			f.Status, f.RetryAfter = 429, fmt.Sprint(30+r.IntN(3600))
		case "fatal_error":
			f.Error = "fatal_error"
		case "no in a 200":
			f.Error, f.InBody = "internal_error", true
		default:
			return
		}
		t.w.slack.Break(f)
		return
	}
	late := between(r, time.Second, 115*time.Second)
	if chance(r, .3) {
		late = between(r, 2*time.Minute, 6*time.Minute) // when no one waits any more
	}
	var f chameliotest.Fault
	switch kind {
	case "500 JSON", "500 JSON after":
		f = chameliotest.ServerError(kind == "500 JSON after")
	case "gateway":
		f = chameliotest.Gateway(pick(r, []int{502, 503, 504, 403, 404}))
	case "gateway after":
		f = chameliotest.Gateway(pick(r, []int{502, 504, 404}))
		f.AfterEffect = true
	case "gateway, lands late":
		f = chameliotest.Gateway(pick(r, []int{502, 504}))
		f.LandAfter = late
	case "gateway 403, lands late":
		f = chameliotest.Gateway(403)
		f.LandAfter = late
	case "lands late":
		f.LandAfter = late
	case "429":
		f = chameliotest.Busy(fmt.Sprint(1 + r.IntN(20)))
	case "429 long":
		f = chameliotest.Busy(fmt.Sprint(30 + r.IntN(200)))
	default:
		return
	}
	f.Method, f.Task, f.Times = req.Method, taskIn(req.URL), 1
	t.w.api.Break(f)
}

func taskIn(u *url.URL) (id int64) {
	_, _ = fmt.Sscanf(u.Path, "/tasks/%d", &id)
	return id
}

// begin records a call before it is made; the function that it returns records
// its end.
func (t *wire) begin(name string, req *http.Request, body []byte, held journal.Held, stale string) func(*http.Response, error) {
	h := t.w.h
	switch name {
	case "POST cancel":
		return t.beginPost(req, held, stale)
	case "GET task":
		return func(resp *http.Response, err error) {
			if err == nil && resp.StatusCode == http.StatusOK {
				h.add(func() { h.looks = append(h.looks, look{time.Now(), t.name, taskIn(req.URL)}) })
			}
		}
	case "chat.postMessage", "response_url":
		return t.beginTell(name, string(body))
	}
	return func(*http.Response, error) {}
}

func (t *wire) beginPost(req *http.Request, held journal.Held, stale string) func(*http.Response, error) {
	h, task := t.w.h, taskIn(req.URL)
	p := &post{at: time.Now(), life: t.name, id: held.Record.ID, task: task, stale: stale}
	h.add(func() {
		p.agent = fmt.Sprintf("post/%d", len(h.posts))
		h.posts = append(h.posts, p)
	})
	req.Header.Set("User-Agent", p.agent)
	h.say(t.name, "POST cancel %d for %s", task, short(p.id))
	return func(resp *http.Response, err error) {
		h.add(func() {
			p.ended = time.Now()
			p.answer = whatPostGot(resp, err)
		})
		status := 0
		if err == nil {
			status = resp.StatusCode
		}
		h.say(t.name, "POST cancel %d for %s: %d %v", task, short(p.id), status, err)
	}
}

func whatPostGot(resp *http.Response, err error) answer {
	switch {
	case errors.Is(err, errUnreachable):
		return unsent
	case err != nil:
		return none
	}
	isJSON := strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json")
	switch s := resp.StatusCode; {
	case s == 429:
		return plain
	case !isJSON || s > 500:
		return none
	case s == 500:
		return apiFail
	}
	return plain
}

// beginTell records tries to announce an outcome: announcements contain the
// command's reason and no buttons, and don't replace a prompt.
func (t *wire) beginTell(name, body string) func(*http.Response, error) {
	h := t.w.h
	place, thread, broadcast := "", "", false
	if name == "chat.postMessage" {
		form, _ := url.ParseQuery(body)
		place, thread, body = form.Get("channel"), form.Get("thread_ts"), form.Get("blocks")+form.Get("text")
		broadcast = form.Get("reply_broadcast") == "true"
	} else if strings.Contains(body, `"in_channel"`) {
		place = "by response_url"
	}
	found := mark.FindString(body)
	settled := strings.Contains(body, `"block_id":"final_`)
	if thread != "" && !settled && !broadcast {
		return func(*http.Response, error) {} // a reminder
	}
	if strings.Contains(body, "still checking the rest") {
		return func(*http.Response, error) {} // part of the final results, which all follow
	}
	if settled {
		found = "settled " + thread + found + aboutTask.FindString(body) // a copy has no thread, and often no reason
	}
	if place == "" || found == "" || strings.Contains(body, "cancel_task") {
		return func(*http.Response, error) {}
	}
	told := &tell{at: time.Now(), life: t.name, mark: found, place: place}
	h.add(func() { h.tells = append(h.tells, told) })
	return func(resp *http.Response, err error) {
		yes := err == nil && resp.StatusCode == http.StatusOK
		if yes {
			raw, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(raw))
			text := strings.TrimSpace(string(raw))
			yes = text == "" || text == "ok" || strings.Contains(text, `"ok":true`)
		}
		h.add(func() { told.told = yes })
		h.say(t.name, "tells the outcome of %s in %s: %t %v", found, place, yes, err)
	}
}
