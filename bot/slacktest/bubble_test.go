package slacktest_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// bubbled is a server in memory with a client and one connection to it.
func bubbled(t *testing.T, seed uint64) (*slacktest.Server, *http.Client, *websocket.Conn) {
	t.Helper()
	pipe := slacktest.NewPipe()
	s := slacktest.New(slacktest.Options{Listener: pipe, URL: "http://slack.test", Seed: seed})
	tr := &http.Transport{DialContext: pipe.Dial}
	client := &http.Client{Transport: tr}
	resp, err := client.PostForm(s.URL()+"apps.connections.open", url.Values{"token": {slacktest.AppToken}})
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	_, rest, _ := strings.Cut(string(body), `"url":"`)
	address, _, _ := strings.Cut(rest, `"`)
	dialer := websocket.Dialer{NetDialContext: pipe.Dial}
	ws, _, err := dialer.Dial(strings.ReplaceAll(address, `\u0026`, "&"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if hello := next(t, ws); hello["type"] != "hello" {
		t.Fatal(hello)
	}
	t.Cleanup(func() {
		_ = ws.Close()
		s.Close()
		tr.CloseIdleConnections()
	})
	return s, client, ws
}

func TestServerRunsInASynctestBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, ws := bubbled(t, 1)
		start := time.Now()
		p := s.Slash(slacktest.Ada, slacktest.General, "/x")
		link := payload(t, ws, `{"text":"x"}`)["response_url"]
		if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged || d.Latency != 0 {
			t.Fatal(d, err)
		}
		if !strings.HasPrefix(link.(string), "http://slack.test/actions/") {
			t.Errorf("got %v", link)
		}
		go func() { // the pings have to be read
			for {
				if _, _, err := ws.ReadMessage(); err != nil {
					return
				}
			}
		}()
		d, _ := s.Slash(slacktest.Ada, slacktest.General, "/x").Wait(t.Context())
		if waited := time.Since(start); d.State != slacktest.OperationTimeout || waited != 3*time.Second {
			t.Errorf("%s after %s of virtual time", d.State, waited)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.WaitFor(ctx, func() bool { return time.Since(start) > 31*time.Minute }); err != nil {
			t.Error(err)
		}
	})
}

// A frozen connection, a client that reads nothing, a hanging call: Close
// waits for none of them for long.
func TestCloseLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, client, _ := bubbled(t, 0)
		s.Break(slacktest.Fault{Method: "auth.test", Hang: true})
		hung := make(chan struct{})
		go func() {
			defer close(hung)
			_, _ = client.PostForm(s.URL()+"auth.test", nil)
		}()
		s.SetSocketRules(slacktest.SocketRules{AckWithin: time.Hour, PingEvery: time.Hour, MaxConns: 9, DisconnectAfter: time.Hour})
		s.Slash(slacktest.Ada, slacktest.General, "/x") // it is never read
		s.Disconnect("warning", time.Hour)
		synctest.Wait()
		start := time.Now()
		s.Close()
		s.Close()
		<-hung
		if waited := time.Since(start); waited > 2*time.Second {
			t.Errorf("Close took %s", waited)
		}
		if d, _ := s.Slash(slacktest.Ada, slacktest.General, "/x").Wait(t.Context()); d.State != slacktest.DispatchFailed {
			t.Errorf("after Close: %s", d.State)
		}
	})
}

func TestCloseOverTCPLeavesNoGoroutine(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := slacktest.NewServer()
	client := &http.Client{Transport: &http.Transport{}}
	ask(t, client, s)
	s.FreezeHTTP()
	s.Close()
	client.CloseIdleConnections()
}

func TestSeedDeterminesIDs(t *testing.T) {
	ids := func(seed uint64) (link any) {
		synctest.Test(t, func(t *testing.T) {
			s, _, ws := bubbled(t, seed)
			s.Slash(slacktest.Ada, slacktest.General, "/x")
			link = payload(t, ws, "")["response_url"]
		})
		return link
	}
	if a, b := ids(7), ids(7); a != b {
		t.Errorf("%v and %v", a, b)
	}
	if a, b := ids(7), ids(8); a == b {
		t.Error("another seed, the same ids")
	}
	if a, b := ids(0), ids(0); a == b {
		t.Error("no seed, the same ids")
	}
}

// The client reads nothing, and more than fits on the way is for it, so that
// the server is still busy with its Close frame when the command comes.
func TestClosingClientGetsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, ws := bubbled(t, 1)
		s.Slash(slacktest.Ada, slacktest.General, strings.Repeat("x", 100_000))
		synctest.Wait()
		_ = ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		synctest.Wait()
		if s.Connections() != 1 {
			t.Fatal("the connection is gone already")
		}
		if d, _ := s.Slash(slacktest.Ada, slacktest.General, "/x").Wait(t.Context()); d.State != slacktest.DispatchFailed {
			t.Errorf("got %s", d.State)
		}
	})
}
