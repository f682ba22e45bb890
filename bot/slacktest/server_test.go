package slacktest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func newServer(t *testing.T) *slacktest.Server {
	t.Helper()
	s := slacktest.NewServer()
	t.Cleanup(s.Close)
	return s
}

// call calls a Web API method with the bot token.
func call(t *testing.T, s *slacktest.Server, token, method string, args url.Values) map[string]any {
	t.Helper()
	req, _ := http.NewRequest("POST", s.URL()+method, strings.NewReader(args.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	out := map[string]any{"status": resp.StatusCode}
	_ = json.NewDecoder(resp.Body).Decode(&out)
	return out
}

func connect(t *testing.T, s *slacktest.Server) *websocket.Conn {
	t.Helper()
	address, _ := call(t, s, slacktest.AppToken, "apps.connections.open", nil)["url"].(string)
	ws, _, err := websocket.DefaultDialer.Dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	var hello map[string]any
	if err := ws.ReadJSON(&hello); err != nil || hello["type"] != "hello" {
		t.Fatalf("got %v, %v", hello, err)
	}
	if _, _, err := websocket.DefaultDialer.Dial(address, nil); err == nil {
		t.Error("a ticket works twice")
	}
	return ws
}

// next reads one envelope.
func next(t *testing.T, ws *websocket.Conn) map[string]any {
	t.Helper()
	var e map[string]any
	if err := ws.ReadJSON(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func TestTokensAndScopesAreChecked(t *testing.T) {
	s := newServer(t)
	s.SetScopes("chat:write")
	for token, want := range map[string]string{"": "not_authed", "xoxb-wrong": "invalid_auth", slacktest.AppToken: "not_allowed_token_type"} {
		if got := call(t, s, token, "auth.test", nil)["error"]; got != want {
			t.Errorf("token %q: %v, want %s", token, got, want)
		}
	}
	if got := call(t, s, slacktest.BotToken, "users.info", url.Values{"user": {slacktest.Ada}}); got["error"] != "missing_scope" || got["needed"] != "users:read" {
		t.Errorf("got %v", got)
	}
}

func TestPostingRequiresMembership(t *testing.T) {
	s := newServer(t)
	for channel, want := range map[string]any{
		slacktest.General: nil, slacktest.Random: nil, slacktest.Deals: nil, slacktest.Ada: nil,
		slacktest.Legal: "channel_not_found", slacktest.Direct: "channel_not_found", "C0NOWHERE": "channel_not_found", slacktest.Gone: "channel_not_found",
	} {
		if got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{"channel": {channel}, "text": {"x"}})["error"]; got != want {
			t.Errorf("%s: %v, want %v", channel, got, want)
		}
	}
	s.SetScopes("chat:write")
	if got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{"channel": {slacktest.Random}, "text": {"x"}})["error"]; got != "not_in_channel" {
		t.Errorf("without chat:write.public: %v", got)
	}
}

func TestBlockKitLimitsAreEnforced(t *testing.T) {
	s := newServer(t)
	long := strings.Repeat("x", 3001)
	for name, blocks := range map[string]string{
		"no list": `{}`, "unknown": `[{"type":"carousel3"}]`, "empty section": `[{"type":"section"}]`,
		"long section":  `[{"type":"section","text":{"type":"mrkdwn","text":"` + long + `"}}]`,
		"header mrkdwn": `[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`,
		"long header":   `[{"type":"header","text":{"type":"plain_text","text":"` + long[:151] + `"}}]`,
		"long value":    `[{"type":"actions","elements":[{"type":"button","action_id":"a","value":"` + long[:2001] + `","text":{"type":"plain_text","text":"x"}}]}]`,
		"same action":   `[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text","text":"x"}},{"type":"button","action_id":"a","text":{"type":"plain_text","text":"x"}}]}]`,
		"51 blocks":     "[" + strings.Repeat(`{"type":"divider"},`, 50) + `{"type":"divider"}]`,
	} {
		got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{"channel": {slacktest.General}, "text": {"x"}, "blocks": {blocks}})
		if got["error"] != "invalid_blocks" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestResponseURLLimits(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	post := func(address, body string) string {
		resp, err := http.Post(address, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.Status
	}
	ticket := func() string {
		s.Slash(slacktest.Ada, slacktest.General, "/cancel-task 1")
		payload, _ := next(t, ws)["payload"].(map[string]any)
		return payload["response_url"].(string)
	}
	first := ticket()
	for i := range 5 {
		if got := post(first, `{"text":"x"}`); got != "200 OK" {
			t.Errorf("use %d: %s", i+1, got)
		}
	}
	if got := post(first, `{"text":"x"}`); got != "404 Not Found" {
		t.Errorf("sixth use: %s", got)
	}
	late := ticket()
	now = now.Add(31 * time.Minute)
	if got := post(late, `{"text":"x"}`); got != "404 Not Found" {
		t.Errorf("after 31 minutes: %s", got)
	}
	if n := len(s.Private(slacktest.Ada, slacktest.General)); n != 5 || len(s.History(slacktest.General)) != 0 {
		t.Errorf("%d private messages", n)
	}
}

func TestAcksAreMeasured(t *testing.T) {
	s := newServer(t)
	if d, _ := s.Slash(slacktest.Ada, slacktest.General, "/x").Wait(t.Context()); d.State != slacktest.DispatchFailed {
		t.Errorf("without a connection: %s", d.State)
	}
	s.SetSocketRules(slacktest.SocketRules{AckWithin: 50 * time.Millisecond, PingEvery: time.Second, MaxConns: 10})
	ws := connect(t, s)
	p := s.Slash(slacktest.Ada, slacktest.General, "/x")
	next(t, ws)
	if d, _ := p.Wait(t.Context()); d.State != slacktest.OperationTimeout {
		t.Errorf("unacknowledged: %s", d.State)
	}
	p = s.Slash(slacktest.Ada, slacktest.General, "/x")
	id := next(t, ws)["envelope_id"]
	// Only the connection that got an envelope can acknowledge it.
	other := connect(t, s)
	_ = other.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"envelope_id":%q}`, id))
	if d, _ := p.Wait(t.Context()); d.State != slacktest.OperationTimeout {
		t.Errorf("acknowledged on another connection: %s", d.State)
	}
}

func TestPeopleOfOtherOrganisationsCannotRunCommands(t *testing.T) {
	s := newServer(t)
	if d, _ := s.Slash(slacktest.Foreign, slacktest.General, "/x").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("got %s", d.State)
	}
}

// respond posts to a payload's response_url and returns status and body.
func respond(t *testing.T, payload map[string]any, body string) string {
	t.Helper()
	address, _ := payload["response_url"].(string)
	resp, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(string(text)))
}
