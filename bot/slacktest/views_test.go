package slacktest_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

const modal = `{"type":"modal","callback_id":"why","private_metadata":"secret","notify_on_close":true,
"title":{"type":"plain_text","text":"Why?"},"submit":{"type":"plain_text","text":"Send"},"blocks":[
{"type":"input","block_id":"b","label":{"type":"plain_text","text":"Reason"},"element":{"type":"plain_text_input","action_id":"text"}},
{"type":"input","block_id":"c","optional":true,"label":{"type":"plain_text","text":"Kind"},"element":{"type":"static_select","action_id":"kind",
"options":[{"text":{"type":"plain_text","text":"Mistake"},"value":"m"}]}}]}`

func open(t *testing.T, s *slacktest.Server, ws *websocket.Conn, view string) map[string]any {
	t.Helper()
	s.Slash(slacktest.Ada, slacktest.General, "/x")
	trigger, _ := payload(t, ws, "")["trigger_id"].(string)
	return call(t, s, slacktest.BotToken, "views.open", url.Values{"trigger_id": {trigger}, "view": {view}})
}

func TestTriggerOpensOneViewWithinThreeSeconds(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	now := time.Now()
	s.SetClock(func() time.Time { return now })
	s.Slash(slacktest.Ada, slacktest.General, "/x")
	trigger, _ := payload(t, ws, "")["trigger_id"].(string)
	try := func(trigger, view string) any {
		return call(t, s, slacktest.BotToken, "views.open", url.Values{"trigger_id": {trigger}, "view": {view}})["error"]
	}
	if got := try("1.2.x", modal); got != "invalid_trigger_id" {
		t.Errorf("unknown: %v", got)
	}
	if got := try(trigger, `{"type":"modal","title":{"type":"plain_text","text":"a title of 25 characters."},"blocks":[]}`); got != "invalid_arguments" {
		t.Errorf("a long title: %v", got)
	}
	now = now.Add(3001 * time.Millisecond)
	if got := try(trigger, modal); got != "expired_trigger_id" {
		t.Errorf("late: %v", got)
	}
	now = now.Add(-time.Second)
	if got := try(trigger, modal); got != nil {
		t.Errorf("in time: %v", got)
	}
	if got := try(trigger, modal); got != "exchanged_trigger_id" {
		t.Errorf("again: %v", got)
	}
}

func TestModalIsSubmitted(t *testing.T) {
	for _, c := range []struct {
		name, ack string
		open      int
		title     string
		error     string
	}{
		{"closes", "", 0, "", ""},
		{"closes for an empty answer", "{}", 0, "", ""},
		{"shows errors", `{"response_action":"errors","errors":{"b":"more"}}`, 1, "Why?", "more"},
		{"ignores errors of other blocks", `{"response_action":"errors","errors":{"x":"more"}}`, 1, "Why?", ""},
		{"updates", `{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Then"},"blocks":[]}}`, 1, "Then", ""},
		{"pushes", `{"response_action":"push","view":{"type":"modal","title":{"type":"plain_text","text":"Then"},"blocks":[]}}`, 2, "Then", ""},
		{"keeps a bad update out", `{"response_action":"update","view":{"type":"modal"}}`, 1, "Why?", ""},
		{"clears", `{"response_action":"clear"}`, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			ws := connect(t, s)
			if got := open(t, s, ws, modal); got["ok"] != true {
				t.Fatal(got)
			}
			m := s.Modals(slacktest.Ada)[0]
			p := s.SubmitView(slacktest.Ada, m, map[string]string{"text": "dup", "kind": "m"})
			expect(t, payload(t, ws, c.ack), map[string]any{
				"type": "view_submission", "view.id": m.ID, "view.callback_id": "why", "view.private_metadata": "secret",
				"view.state.values.b.text.type": "plain_text_input", "view.state.values.b.text.value": "dup",
				"view.state.values.c.kind.selected_option.value": "m", "view.state.values.c.kind.selected_option.text.text": "Mistake",
				"user.id": slacktest.Ada, "token": slacktest.VerificationToken,
			})
			if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged {
				t.Fatal(d, err)
			}
			left := s.Modals(slacktest.Ada)
			if len(left) != c.open {
				t.Fatalf("%d open", len(left))
			}
			if c.open > 0 && (left[c.open-1].Title != c.title || left[0].Errors["b"] != c.error || c.error == "" && len(left[0].Errors) > 0) {
				t.Errorf("got %+v", left)
			}
		})
	}
}

func TestSlackItselfRefusesSomeSubmissions(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	open(t, s, ws, modal)
	m := s.Modals(slacktest.Ada)[0]
	for name, p := range map[string]*slacktest.Pending{
		"an empty input": s.SubmitView(slacktest.Ada, m, nil),
		"another person": s.SubmitView(slacktest.Grace, m, map[string]string{"text": "x"}),
		"no such modal":  s.SubmitView(slacktest.Ada, slacktest.Modal{ID: "V"}, map[string]string{"text": "x"}),
	} {
		if d, _ := p.Wait(t.Context()); d.State != slacktest.NotOffered {
			t.Errorf("%s: %s", name, d.State)
		}
	}
	s.SubmitView(slacktest.Ada, m, map[string]string{"text": "x"})
	expect(t, payload(t, ws, `{"response_action":"errors","errors":{"b":"more"}}`), map[string]any{"view.state.values.c.kind.selected_option": nil})
	s.CloseView(slacktest.Ada, m)
	expect(t, payload(t, ws, ""), map[string]any{"type": "view_closed", "is_cleared": false})
	if got := call(t, s, slacktest.BotToken, "views.update", url.Values{"view_id": {m.ID}, "view": {modal}})["error"]; got != "not_found" {
		t.Errorf("a closed view: %v", got)
	}
}

func TestAckDoesNotReopenAClosedView(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	open(t, s, ws, modal)
	m := s.Modals(slacktest.Ada)[0]
	p := s.SubmitView(slacktest.Ada, m, map[string]string{"text": "dup", "kind": "m"})
	s.CloseView(slacktest.Ada, m)
	payload(t, ws, `{"response_action":"update","view":{"type":"modal","title":{"type":"plain_text","text":"Then"},"blocks":[]}}`)
	if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged {
		t.Fatal(d, err)
	}
	if left := s.Modals(slacktest.Ada); len(left) != 0 {
		t.Errorf("open: %+v", left)
	}
}

func TestViewIsUpdated(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	open(t, s, ws, modal)
	m := s.Modals(slacktest.Ada)[0]
	update := url.Values{"view_id": {m.ID}, "hash": {"old"}, "view": {`{"type":"modal","title":{"type":"plain_text","text":"Then"},"blocks":[]}`}}
	if got := call(t, s, slacktest.BotToken, "views.update", update)["error"]; got != "hash_conflict" {
		t.Errorf("an old hash: %v", got)
	}
	update.Del("hash")
	call(t, s, slacktest.BotToken, "views.update", update)
	if got := s.Modals(slacktest.Ada)[0]; got.Title != "Then" || got.ID != m.ID {
		t.Errorf("got %+v", got)
	}
}
