package slacktest_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestResponseURLErrors(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.Slash(slacktest.Ada, slacktest.General, "/x")
	p := payload(t, ws, "")
	s.Break(slacktest.Fault{Method: "response_url", Times: 1, Error: "expired_url"})
	s.Break(slacktest.Fault{Method: "response_url", Times: 1, Error: "expired_url", InBody: true})
	for _, want := range []string{"404 expired_url", `200 {"error":"expired_url","ok":false}`, "200 ok"} {
		if got := respond(t, p, `{"text":"x"}`); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if n := len(s.Private(slacktest.Ada, slacktest.General)); n != 1 {
		t.Errorf("%d messages: a fault has an effect", n)
	}
}

func TestOpeningConnectionsIsLimited(t *testing.T) {
	s := newServer(t)
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	s.LimitOpens(1500 * time.Millisecond)
	for _, c := range []struct {
		after  time.Duration
		status int
		retry  string
	}{{0, 200, ""}, {0, 429, "2"}, {time.Second, 429, "1"}, {time.Second, 200, ""}} {
		now = now.Add(c.after)
		resp, err := http.PostForm(s.URL()+"apps.connections.open", url.Values{"token": {slacktest.AppToken}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status || resp.Header.Get("Retry-After") != c.retry {
			t.Errorf("%d, Retry-After %q, want %v", resp.StatusCode, resp.Header.Get("Retry-After"), c)
		}
	}
}

func TestFaultsEndWhenTheyAreCleared(t *testing.T) {
	s := newServer(t)
	for _, clearing := range []func(){s.ClearFaults, s.Mend} {
		s.Break(slacktest.Fault{Method: "auth.test", Error: "fatal_error"})
		if got := call(t, s, slacktest.BotToken, "auth.test", nil)["error"]; got != "fatal_error" {
			t.Errorf("broken: %v", got)
		}
		clearing()
		if got := call(t, s, slacktest.BotToken, "auth.test", nil)["error"]; got != nil {
			t.Errorf("cleared: %v", got)
		}
	}
}

func TestHookMayAddAndClearFaults(t *testing.T) {
	s := newServer(t)
	s.Before("auth.test", func(slacktest.Call) { s.ClearFaults() })
	s.Break(slacktest.Fault{Method: "auth.test", Error: "fatal_error"})
	s.Before("team.info", func(slacktest.Call) { s.Break(slacktest.Fault{Method: "team.info", Error: "fatal_error"}) })
	for _, method := range []string{"auth.test", "team.info"} {
		if got := call(t, s, slacktest.BotToken, method, nil)["error"]; got != "fatal_error" {
			t.Errorf("%s: %v", method, got)
		}
	}
}

// ask calls auth.test with the client and reports whether an answer came.
func ask(t *testing.T, client *http.Client, s *slacktest.Server) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, "POST", s.URL()+"auth.test", nil)
	req.Header.Set("Authorization", "Bearer "+slacktest.BotToken)
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.ReadAll(resp.Body)
	return resp.StatusCode == http.StatusOK
}

func TestOneHTTPConnectionCanBecomeABlackHole(t *testing.T) {
	for _, c := range []struct {
		name  string
		http2 bool
	}{{"HTTP/1.1", false}, {"HTTP/2", true}} {
		client := func() *http.Client {
			tr := &http.Transport{Protocols: new(http.Protocols)}
			tr.Protocols.SetHTTP1(!c.http2)
			tr.Protocols.SetUnencryptedHTTP2(c.http2)
			t.Cleanup(tr.CloseIdleConnections)
			return &http.Client{Transport: tr}
		}
		t.Run(c.name+", idle", func(t *testing.T) {
			s := newServer(t)
			old := client()
			if !ask(t, old, s) {
				t.Fatal("no answer before")
			}
			s.FreezeHTTP()
			if ask(t, old, s) {
				t.Error("an answer came through a black hole")
			}
			if !ask(t, client(), s) {
				t.Error("a new connection gets no answer")
			}
			if again := ask(t, old, s); again == c.http2 {
				t.Errorf("the next request of the old client is answered: %v", again)
			}
		})
		t.Run(c.name+", by a call", func(t *testing.T) {
			s := newServer(t)
			old := client()
			s.Break(slacktest.Fault{Method: "auth.test", Times: 1, BlackHole: true})
			if ask(t, old, s) || !ask(t, client(), s) {
				t.Error("not exactly that call is swallowed")
			}
			if again := ask(t, old, s); again == c.http2 {
				t.Errorf("the next request of the old client is answered: %v", again)
			}
			if calls := s.Calls(); calls[0].Answer != "hang" {
				t.Errorf("got %v", calls)
			}
		})
	}
}

// A half-open connection carries nothing in either direction: what the client
// asks has no effect, and an answer that is under way is lost.
func TestBlackHole(t *testing.T) {
	s := newServer(t)
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	client := &http.Client{Transport: tr, Timeout: 200 * time.Millisecond}
	post := func() error {
		resp, err := client.PostForm(s.URL()+"chat.postMessage", url.Values{
			"token": {slacktest.BotToken}, "channel": {slacktest.General}, "text": {"x"},
		})
		if err == nil {
			_, _ = io.ReadAll(resp.Body) // so that the connection is used again
			resp.Body.Close()
		}
		return err
	}
	if err := post(); err != nil {
		t.Fatal(err)
	}
	s.FreezeHTTP()
	if err := post(); err == nil || len(s.History(slacktest.General)) != 1 {
		t.Errorf("%v, %d messages", err, len(s.History(slacktest.General)))
	}
	s.After("chat.postMessage", func(slacktest.Call) { s.FreezeHTTP() })
	if err := post(); err == nil || len(s.History(slacktest.General)) != 2 {
		t.Errorf("%v, %d messages", err, len(s.History(slacktest.General)))
	}
}

func TestDisconnectSoonAfterHello(t *testing.T) {
	s := newServer(t)
	s.SetSocketRules(slacktest.SocketRules{
		AckWithin: time.Second, PingEvery: time.Second, MaxConns: 10,
		DisconnectAfter: 10 * time.Millisecond, Grace: 50 * time.Millisecond,
	})
	ws := connect(t, s)
	if got := next(t, ws); got["type"] != "disconnect" || got["reason"] != "refresh_requested" {
		t.Errorf("got %v", got)
	}
	// Within the grace it still delivers.
	p := s.Slash(slacktest.Ada, slacktest.General, "/x")
	payload(t, ws, "")
	if d, _ := p.Wait(t.Context()); d.State != slacktest.Acknowledged {
		t.Errorf("within the grace: %s", d.State)
	}
	if _, _, err := ws.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
		t.Errorf("after the grace: %v", err)
	}
}

func TestClosingClientsAcksCount(t *testing.T) {
	s := newServer(t)
	old := connect(t, s)
	p := s.Slash(slacktest.Ada, slacktest.General, "/x")
	e := next(t, old)
	connect(t, s)
	_ = old.WriteMessage(websocket.TextMessage, []byte(`{"envelope_id":"`+e["envelope_id"].(string)+`"}`))
	_ = old.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
	if d, _ := p.Wait(t.Context()); d.State != slacktest.Acknowledged {
		t.Errorf("acknowledged before the Close frame: %s", d.State)
	}
	if _, _, err := old.ReadMessage(); !websocket.IsCloseError(err, 1000) {
		t.Errorf("the answer to a Close frame: %v", err)
	}
	if err := s.WaitFor(t.Context(), func() bool { return s.Connections() == 1 }); err != nil {
		t.Fatal(err)
	}
	for range 8 { // any of them could have gone to the old one
		s.Slash(slacktest.Ada, slacktest.General, "/x")
	}
	if d := s.Failed(); len(d) > 0 {
		t.Errorf("got %v", d)
	}
}

func TestSecondAckIsIgnored(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	p := s.Slash(slacktest.Ada, slacktest.General, "/x")
	ack := []byte(`{"envelope_id":"` + next(t, ws)["envelope_id"].(string) + `","payload":{"text":"x"}}`)
	for range 2 {
		_ = ws.WriteMessage(websocket.TextMessage, ack)
	}
	if d, _ := p.Wait(t.Context()); d.State != slacktest.Acknowledged {
		t.Errorf("got %s", d.State)
	}
	// A third frame is answered only after the second was read.
	p = s.Slash(slacktest.Ada, slacktest.General, "/x")
	payload(t, ws, "")
	_, _ = p.Wait(t.Context())
	if n := len(s.Private(slacktest.Ada, slacktest.General)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestOversizedAckIsIgnored(t *testing.T) {
	s := newServer(t)
	s.SetSocketRules(slacktest.SocketRules{AckWithin: 100 * time.Millisecond, PingEvery: time.Second, MaxConns: 10})
	ws := connect(t, s)
	for text, want := range map[string]slacktest.State{
		strings.Repeat("x", 20*1024-100): slacktest.Acknowledged, strings.Repeat("x", 20*1024): slacktest.OperationTimeout,
	} {
		p := s.Slash(slacktest.Ada, slacktest.General, "/x")
		payload(t, ws, `{"text":"`+text+`"}`)
		if d, _ := p.Wait(t.Context()); d.State != want {
			t.Errorf("%d bytes: %s", len(text), d.State)
		}
	}
}

func TestFrozenConnections(t *testing.T) {
	s := newServer(t)
	s.SetSocketRules(slacktest.SocketRules{AckWithin: 100 * time.Millisecond, PingEvery: 10 * time.Millisecond, MaxConns: 10})
	ws := connect(t, s)
	s.Freeze()
	p := s.Slash(slacktest.Ada, slacktest.General, "/x")
	_ = ws.SetReadDeadline(time.Now().Add(80 * time.Millisecond))
	if _, _, err := ws.ReadMessage(); err == nil {
		t.Error("something came through")
	}
	if d, _ := p.Wait(t.Context()); d.State != slacktest.OperationTimeout || s.Connections() != 1 {
		t.Errorf("%s, %d connections", d.State, s.Connections())
	}
}

func TestSocketModeCanBeFullOrOff(t *testing.T) {
	s := newServer(t)
	s.SetSocketRules(slacktest.SocketRules{AckWithin: time.Second, PingEvery: time.Second, MaxConns: 1})
	connect(t, s)
	reason := func() any {
		address, _ := call(t, s, slacktest.AppToken, "apps.connections.open", nil)["url"].(string)
		ws, _, err := websocket.DefaultDialer.Dial(address+"&debug_reconnects=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer ws.Close()
		return next(t, ws)["reason"]
	}
	if got := reason(); got != "too_many_websockets" {
		t.Errorf("full: %v", got)
	}
	s.SwitchOff()
	if got := reason(); got != "link_disabled" {
		t.Errorf("off: %v", got)
	}
}
