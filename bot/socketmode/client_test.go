package socketmode_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a fake Slack with clients that record their envelopes.
type world struct {
	*testing.T
	slack *slacktest.Server
	log   buffer

	mu   sync.Mutex
	got  map[string]int // envelope id → how often
	seen map[socketmode.Reason]int
}

func newWorld(t *testing.T) *world {
	w := &world{T: t, slack: slacktest.NewServer(), got: map[string]int{}, seen: map[socketmode.Reason]int{}}
	t.Cleanup(w.slack.Close)
	return w
}

func (w *world) options(connections int) socketmode.Options {
	return socketmode.Options{
		AppToken: slacktest.AppToken, APIURL: w.slack.URL(), Connections: connections, Stagger: time.Millisecond,
		Log: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Handler: socketmode.HandlerFunc(func(e socketmode.Envelope) (any, func()) {
			return nil, func() {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.got[e.ID]++
			}
		}),
		Observer: socketmode.Observer{Reconnect: func(r socketmode.Reason) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.seen[r]++
		}},
	}
}

// start runs a client until the end of the test.
func (w *world) start(o socketmode.Options) (*socketmode.Client, <-chan error) {
	w.Helper()
	before := w.slack.Connections()
	c, err := socketmode.New(o)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	result, finished := make(chan error, 1), make(chan struct{})
	go func() { defer close(finished); result <- c.Run(ctx) }()
	w.Cleanup(func() { cancel(); <-finished })
	want := before + max(o.Connections, 1)
	w.eventually("all are connected", func() bool { return w.slack.Connections() == want && c.Open() == max(o.Connections, 1) })
	return c, result
}

func (w *world) eventually(what string, cond func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	if err := w.slack.WaitFor(ctx, cond); err != nil {
		w.Fatalf("not so after 10 s: %s\n%s", what, w.log.String())
	}
}

func (w *world) command() *slacktest.Pending {
	return w.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task help")
}

// settle waits for deliveries and returns their results.
func (w *world) settle(sent []*slacktest.Pending) (lost, unacknowledged int) {
	w.Helper()
	var ids []string
	for _, p := range sent {
		d, err := p.Wait(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		if d.State != slacktest.Acknowledged {
			unacknowledged++
		}
		ids = append(ids, d.EnvelopeID)
	}
	time.Sleep(50 * time.Millisecond) // work may be held for a moment
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if w.got[id] != 1 {
			lost++
		}
	}
	return lost, unacknowledged
}

func TestNextConnectionOpensBeforeLastCloses(t *testing.T) {
	w := newWorld(t)
	w.start(w.options(1))
	w.slack.Disconnect("warning", time.Hour)
	w.eventually("a second connection beside the first", func() bool { return w.slack.Connections() == 2 })
	var sent []*slacktest.Pending
	for range 50 { // whichever of the two gets them
		sent = append(sent, w.command())
	}
	if lost, silent := w.settle(sent); lost+silent > 0 {
		t.Errorf("%d lost, %d not acknowledged", lost, silent)
	}
	if w.seen[socketmode.ReasonWarning] != 1 {
		t.Errorf("observed %v", w.seen)
	}
}

func TestNothingIsLostInARefreshStorm(t *testing.T) {
	w := newWorld(t)
	w.start(w.options(2))
	var sent []*slacktest.Pending
	for i := range 400 {
		switch {
		case i == 200: // all at once
			w.slack.DisconnectAll("warning", 300*time.Millisecond)
		case i%40 == 0:
			w.slack.Disconnect("refresh_requested", 300*time.Millisecond)
		}
		sent = append(sent, w.command())
		time.Sleep(5 * time.Millisecond)
	}
	lost, silent := w.settle(sent)
	t.Logf("%d commands, %d connections: %d lost, %d not acknowledged", len(sent), w.slack.Opened(), lost, silent)
	if lost+silent > 0 || w.slack.Opened() < 12 {
		t.Error("that is a loss")
	}
}

func TestCutConnectionIsReplaced(t *testing.T) {
	w := newWorld(t)
	c, _ := w.start(w.options(2))
	w.slack.Cut()
	w.eventually("both are back", func() bool { return w.slack.Opened() == 4 && c.Open() == 2 })
	if lost, silent := w.settle([]*slacktest.Pending{w.command()}); lost+silent > 0 {
		t.Error("the new ones do not serve")
	}
	if w.seen[socketmode.ReasonLost] != 2 {
		t.Errorf("observed %v", w.seen)
	}
}

func TestReconnectsWhenSocketModeIsOnAgain(t *testing.T) {
	w := newWorld(t)
	c, _ := w.start(w.options(1))
	w.slack.Disconnect("link_disabled", 0)
	w.eventually("the log says it", func() bool { return strings.Contains(w.log.String(), "Socket Mode is switched off") })
	w.eventually("it comes back", func() bool { return w.slack.Opened() == 2 && c.Open() == 1 })
}

func TestRefusedTokenEndsRun(t *testing.T) {
	for _, answer := range []string{"invalid_auth", "token_revoked", "account_inactive", "not_authed", "token_expired", "missing_scope"} {
		w := newWorld(t)
		_, ended := w.start(w.options(2))
		w.slack.RefuseToken(slacktest.AppToken, answer)
		w.slack.Disconnect("warning", time.Second)
		err := <-ended
		refused, ok := errors.AsType[*socketmode.TokenError](err)
		if !ok || refused.Err.Code != answer || !errors.Is(err, socketmode.ErrTokenRefused) {
			t.Errorf("%s: Run returned %v", answer, err)
		}
		if w.slack.Connections() > 1 { // the one called back goes in its time
			t.Errorf("%s: connections are left open", answer)
		}
	}
}

func TestEverythingElseIsRetried(t *testing.T) {
	w := newWorld(t)
	c, _ := w.start(w.options(2))
	for _, f := range []slacktest.Fault{{Status: 500}, {Error: "internal_error"}, {Cut: true}, {Status: 404}, {Error: "channel_not_found"}, {Error: "access_denied"}} {
		f.Method, f.Times = "apps.connections.open", 1
		w.slack.Break(f)
	}
	w.slack.Cut()
	w.eventually("both are back", func() bool { return c.Open() == 2 && w.slack.Opened() == 4 })
	if w.seen[socketmode.ReasonCannotConnect] != 6 {
		t.Errorf("observed %v", w.seen)
	}
}

func TestReleasesConnectionsUnderLoad(t *testing.T) {
	w := newWorld(t)
	w.slack.SetSocketRules(slacktest.SocketRules{AckWithin: time.Second, PingEvery: 10 * time.Second, MaxConns: 10})
	first, ended := w.start(w.options(2))
	second, _ := w.start(w.options(2))
	handed := make(chan struct{})
	var sent []*slacktest.Pending
	for i := range 300 {
		if i == 150 {
			go func() {
				defer close(handed)
				if err := first.HandBack(context.Background()); err != nil {
					t.Error(err)
				}
			}()
		}
		sent = append(sent, w.command())
		time.Sleep(2 * time.Millisecond)
	}
	<-handed
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v", err)
	}
	// A command may cross with the Close frame: it is handled, and can't be
	// acknowledged. The fake may also write one on a connection that it
	// is just closing.
	lost, silent := w.settle(sent)
	if lost > 1 || silent > 3 || first.Open() != 0 || second.Open() != 2 || w.slack.Opened() != 4 {
		t.Errorf("%d lost, %d not acknowledged; open: %d and %d; %d connections in all", lost, silent, first.Open(), second.Open(), w.slack.Opened())
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	w := newWorld(t)
	c, _ := w.start(w.options(2))
	w.slack.SendFrame("garbage")
	for _, f := range []slacktest.Fault{{Status: 429, RetryAfter: "1"}, {Cut: true}, {Error: slacktest.AppToken}} {
		f.Method, f.Times = "apps.connections.open", 1
		w.slack.Break(f)
	}
	w.slack.Cut()
	w.eventually("both are back", func() bool { return c.Open() == 2 && w.slack.Opened() == 4 })
	w.slack.Disconnect("link_disabled", 0)
	w.eventually("and once more", func() bool { return c.Open() == 2 && w.slack.Opened() == 5 })
	for _, secret := range append(w.slack.Secrets(), slacktest.AppToken) {
		if strings.Contains(w.log.String(), secret) {
			t.Errorf("%s is in the log: %s", secret, w.log.String())
		}
	}
}

func TestProbe(t *testing.T) {
	w := newWorld(t)
	o := w.options(1)
	o.AppID = slacktest.AppID
	seen, err := socketmode.Probe(t.Context(), o)
	want := socketmode.Hello{AppID: slacktest.AppID, NumConnections: 1, ApproximateLifetime: 18060 * time.Second}
	if err != nil || seen.Hello != want || seen.TurnedAway != 0 {
		t.Errorf("got %+v, %v", seen, err)
	}
	w.slack.SwitchOff()
	if _, err := socketmode.Probe(t.Context(), o); !errors.Is(err, socketmode.ErrSocketModeOff) {
		t.Errorf("switched off: %v", err)
	}
	o.AppToken = "xapp-1-wrong"
	if _, err := socketmode.Probe(t.Context(), o); !errors.Is(err, socketmode.ErrTokenRefused) {
		t.Errorf("wrong token: %v", err)
	}
	o.APIURL = "http://127.0.0.1:1/"
	if _, err := socketmode.Probe(t.Context(), o); !errors.Is(err, socketmode.ErrUnreachable) {
		t.Errorf("nobody there: %v", err)
	}
}

// buffer is a log that tests can read.
type buffer struct {
	mu  sync.Mutex
	all strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
