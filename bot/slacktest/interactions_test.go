package slacktest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// payload reads one envelope and acknowledges it, with what ack holds.
func payload(t *testing.T, ws *websocket.Conn, ack string) map[string]any {
	t.Helper()
	e := next(t, ws)
	id, _ := e["envelope_id"].(string)
	frame := `{"envelope_id":"` + id + `"}`
	if ack != "" {
		frame = `{"envelope_id":"` + id + `","payload":` + ack + `}`
	}
	if err := ws.WriteMessage(websocket.TextMessage, []byte(frame)); err != nil {
		t.Fatal(err)
	}
	p, _ := e["payload"].(map[string]any)
	return p
}

// at follows a path of keys, "a.b.0", through decoded JSON; it returns
// "absent" if there is nothing.
func at(v any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		if list, ok := v.([]any); ok && key == "0" && len(list) > 0 {
			v = list[0]
			continue
		}
		object, _ := v.(map[string]any)
		inner, ok := object[key]
		if !ok {
			return "absent"
		}
		v = inner
	}
	return v
}

func expect(t *testing.T, got any, want map[string]any) {
	t.Helper()
	for path, w := range want {
		if v := at(got, path); v != w {
			t.Errorf("%s is %v, want %v", path, v, w)
		}
	}
}

// post posts a message with a button in the block "ours".
func post(t *testing.T, s *slacktest.Server, channel string) slacktest.Message {
	t.Helper()
	blocks := `[{"type":"actions","block_id":"ours","elements":[{"type":"button","action_id":"go","value":"v","style":"danger","text":{"type":"plain_text","text":"Go"}}]}]`
	got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{"channel": {channel}, "text": {"x"}, "blocks": {blocks}})
	if got["ok"] != true {
		t.Fatal(got)
	}
	all := s.History(channel)
	return all[len(all)-1]
}

func TestCommandPayloadMatchesSlack(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.Slash(slacktest.Ada, slacktest.Legal, "/x 1 2")
	p := payload(t, ws, "")
	expect(t, p, map[string]any{
		"token": slacktest.VerificationToken, "team_id": slacktest.TeamID, "team_domain": "acme", "channel_id": slacktest.Legal,
		"channel_name": "privategroup", "user_id": slacktest.Ada, "command": "/x", "text": "1 2", "api_app_id": slacktest.AppID,
		"is_enterprise_install": "false", "enterprise_id": "absent",
	})
	if p["trigger_id"] == "" || p["response_url"] == "" {
		t.Errorf("got %v", p)
	}
}

func TestClickPayloadMatchesSlack(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	m := post(t, s, slacktest.General)
	s.Click(slacktest.Grace, m, "go")
	expect(t, payload(t, ws, ""), map[string]any{
		"type": "block_actions", "token": slacktest.VerificationToken, "api_app_id": slacktest.AppID, "enterprise": nil,
		"is_enterprise_install": false, "team.id": slacktest.TeamID, "user.id": slacktest.Grace, "user.team_id": slacktest.TeamID,
		"actions.0.block_id": "ours", "actions.0.action_id": "go", "actions.0.value": "v", "actions.0.style": "danger",
		"actions.0.text.text": "Go", "actions.0.text.emoji": true, "container.is_ephemeral": false,
		"message.type": "message", "message.bot_id": slacktest.BotID, "message.app_id": slacktest.AppID, "message.team": slacktest.TeamID,
		"message.user": slacktest.BotUser, "message.subtype": "absent", "message.blocks.0.block_id": "ours",
	})
	if d, _ := s.Click(slacktest.Ada, m, "stop").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("a button that is not there: %s", d.State)
	}
	if d, _ := s.Click(slacktest.Ada, slacktest.Message{Channel: slacktest.General, TS: "1.2"}, "go").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("a message that is not there: %s", d.State)
	}
	hidden := post(t, s, slacktest.Deals)
	if d, _ := s.Click(slacktest.Guest, hidden, "go").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("a channel that the person is not in: %s", d.State)
	}
	s.Forge(slacktest.Ada, m, "stop", "")
	expect(t, payload(t, ws, ""), map[string]any{"actions.0.action_id": "stop", "actions.0.value": "absent", "actions.0.block_id": ""})
}

func TestResponseURLPostsBotMessage(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.Slash(slacktest.Ada, slacktest.Legal, "/x")
	blocks := `[{"type":"actions","elements":[{"type":"button","action_id":"go","text":{"type":"plain_text","text":"Go"}}]}]`
	respond(t, payload(t, ws, ""), `{"response_type":"in_channel","text":"x","blocks":`+blocks+`}`)
	s.Click(slacktest.Grace, s.History(slacktest.Legal)[0], "go")
	expect(t, payload(t, ws, ""), map[string]any{"message.subtype": "bot_message", "message.user": "absent", "message.bot_id": slacktest.BotID, "channel.name": "privategroup"})
}

func TestAckMayBeAMessage(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	for _, c := range []struct {
		ack              string
		private, history int
	}{
		{`{"text":"x"}`, 1, 0},
		{`{"text":"x","response_type":"in_channel"}`, 0, 1},
		{`{}`, 0, 0}, // what official clients send for nothing
		{`{"text":"x","blocks":[{"type":"x"}]}`, 0, 0},
	} {
		before, public := len(s.Private(slacktest.Ada, slacktest.General)), len(s.History(slacktest.General))
		p := s.Slash(slacktest.Ada, slacktest.General, "/x")
		payload(t, ws, c.ack)
		if d, err := p.Wait(t.Context()); err != nil || d.State != slacktest.Acknowledged {
			t.Fatal(d, err)
		}
		if a, b := len(s.Private(slacktest.Ada, slacktest.General))-before, len(s.History(slacktest.General))-public; a != c.private || b != c.history {
			t.Errorf("%s: %d private, %d public", c.ack, a, b)
		}
	}
}

func TestEphemeralMessagesAreNotInPayloads(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.Slash(slacktest.Ada, slacktest.General, "/x")
	respond(t, payload(t, ws, ""), `{"text":"x","blocks":`+button(`,"action_id":"go"`)+`}`)
	s.Click(slacktest.Ada, s.Private(slacktest.Ada, slacktest.General)[0], "go")
	expect(t, payload(t, ws, ""), map[string]any{"message": "absent", "container.is_ephemeral": true})
}

func TestShortcutPayloadHasTheMessage(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	m := s.Say(slacktest.Grace, slacktest.General, "look at this")
	s.Shortcut(slacktest.Ada, m, "look")
	expect(t, payload(t, ws, ""), map[string]any{
		"type": "message_action", "callback_id": "look", "message.text": "look at this", "message.user": slacktest.Grace,
		"message.bot_id": "absent", "message_ts": m.TS, "user.id": slacktest.Ada,
	})
	if d, _ := s.Shortcut(slacktest.Foreign, m, "look").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("somebody of another organisation: %s", d.State)
	}
}

func TestPayloadCanBeAmended(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.AmendPayloads(func(kind string, p map[string]any) {
		delete(p, "team")
		p["new"] = kind
	})
	s.Click(slacktest.Ada, post(t, s, slacktest.General), "go")
	expect(t, payload(t, ws, ""), map[string]any{"team": "absent", "new": "interactive"})
}

func TestEnvelopesOfOtherWorkspaces(t *testing.T) {
	s := newServer(t)
	ws := connect(t, s)
	s.AddUser(slacktest.User{ID: "U9EVE", TeamID: "T9EVIL"})
	if d, _ := s.Slash("U9EVE", slacktest.General, "/x").Wait(t.Context()); d.State != slacktest.NotOffered {
		t.Errorf("an honest Slack offers it: %s", d.State)
	}
	evil := slacktest.Origin{AppID: "A9EVIL", TeamID: "T9EVIL", TeamDomain: "evil", EnterpriseID: "E9EVIL"}
	s.SlashFrom(evil, "U9EVE", slacktest.General, "/x")
	expect(t, payload(t, ws, ""), map[string]any{"api_app_id": "A9EVIL", "team_id": "T9EVIL", "team_domain": "evil", "enterprise_id": "E9EVIL", "user_id": "U9EVE"})
	s.ClickFrom(evil, "U9EVE", post(t, s, slacktest.General), "go", "v")
	expect(t, payload(t, ws, ""), map[string]any{"api_app_id": "A9EVIL", "team.id": "T9EVIL", "enterprise.id": "E9EVIL", "user.team_id": "T9EVIL", "actions.0.value": "v"})
}

func TestEnterpriseGrid(t *testing.T) {
	org := slacktest.Installation{EnterpriseID: "E012ACME", EnterpriseName: "Acme Group"}
	wide := org
	wide.OrgWide = true
	for _, c := range []struct {
		name                          string
		in                            slacktest.Installation
		auth, slash, click            map[string]any
		elsewhere, nowhere, outsiders slacktest.State
	}{
		{
			"workspace", slacktest.Installation{},
			map[string]any{"team_id": slacktest.TeamID, "enterprise_id": "absent", "is_enterprise_install": false, "app_id": "absent"},
			map[string]any{"enterprise_id": "absent", "is_enterprise_install": "false"},
			map[string]any{"team.id": slacktest.TeamID, "team.enterprise_id": "absent", "enterprise": nil},
			slacktest.NotOffered, slacktest.NotOffered, slacktest.NotOffered,
		},
		{
			"workspace of an organisation", org,
			map[string]any{"team_id": slacktest.TeamID, "enterprise_id": "E012ACME", "is_enterprise_install": false},
			map[string]any{"enterprise_id": "E012ACME", "enterprise_name": "Acme Group", "is_enterprise_install": "false"},
			map[string]any{"team.id": slacktest.TeamID, "team.enterprise_id": "E012ACME", "enterprise.id": "E012ACME", "is_enterprise_install": false},
			slacktest.NotOffered, slacktest.NotOffered, slacktest.NotOffered,
		},
		{
			"whole organisation", wide,
			map[string]any{"team_id": "E012ACME", "team": "Acme Group", "enterprise_id": "E012ACME", "is_enterprise_install": true},
			map[string]any{"team_id": slacktest.TeamID, "enterprise_id": "E012ACME", "is_enterprise_install": "true"},
			map[string]any{"team": nil, "enterprise.id": "E012ACME", "is_enterprise_install": true, "user.team_id": "E012ACME"},
			slacktest.Acknowledged, slacktest.NotOffered, slacktest.NotOffered,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newServer(t)
			s.SetInstallation(c.in)
			s.AddUser(slacktest.User{ID: "W0WANDA", Name: "wanda", TeamID: "T0SISTER", Teams: []string{"T0SISTER"}})
			s.AddUser(slacktest.User{ID: "W0NOBODY", Name: "nobody", TeamID: "T0SISTER", Teams: []string{}})
			s.AddUser(slacktest.User{ID: "W9EVE", Name: "eve", TeamID: "T9EVIL", EnterpriseID: "E9EVIL", Teams: []string{slacktest.TeamID}})
			ws := connect(t, s)
			expect(t, call(t, s, slacktest.BotToken, "auth.test", nil), c.auth)
			s.Slash(slacktest.Ada, slacktest.General, "/x")
			expect(t, payload(t, ws, ""), c.slash)
			s.Click(slacktest.Ada, post(t, s, slacktest.General), "go")
			expect(t, payload(t, ws, ""), c.click)
			for user, want := range map[string]slacktest.State{"W0WANDA": c.elsewhere, "W0NOBODY": c.nowhere, slacktest.Foreign: c.outsiders, "W9EVE": c.outsiders} {
				p := s.Slash(user, slacktest.General, "/x")
				if want == slacktest.Acknowledged {
					payload(t, ws, "")
				}
				if d, _ := p.Wait(t.Context()); d.State != want {
					t.Errorf("%s: %s", user, d.State)
				}
			}
		})
	}
}

func TestUsersInfoHasTheOrganisation(t *testing.T) {
	s := newServer(t)
	s.SetInstallation(slacktest.Installation{EnterpriseID: "E012ACME", EnterpriseName: "Acme Group"})
	s.AddUser(slacktest.User{ID: "W0WANDA", Name: "wanda", NoTeamID: true, IsAdmin: true, Teams: []string{slacktest.TeamID, "T0SISTER"}})
	info := func(id string) any {
		return call(t, s, slacktest.BotToken, "users.info", url.Values{"user": {id}})["user"]
	}
	expect(t, info("W0WANDA"), map[string]any{
		"team_id": "absent", "enterprise_user.id": "W0WANDA", "enterprise_user.enterprise_id": "E012ACME",
		"enterprise_user.enterprise_name": "Acme Group", "enterprise_user.is_admin": true, "enterprise_user.is_owner": false,
		"enterprise_user.teams.0": slacktest.TeamID,
	})
	expect(t, info(slacktest.Foreign), map[string]any{"team_id": "T9OTHER", "is_stranger": true})
	s.AddUser(slacktest.User{ID: "U9EVE", TeamID: "T9EVIL", EnterpriseID: "E9EVIL"})
	expect(t, info("U9EVE"), map[string]any{"enterprise_user.enterprise_id": "E9EVIL", "enterprise_user.teams.0": "T9EVIL"})
}

func TestUsersInfoHasTheRealSetOfFields(t *testing.T) {
	s := newServer(t)
	got := call(t, s, slacktest.BotToken, "users.info", url.Values{"user": {slacktest.Ada}})
	expect(t, got["user"], map[string]any{
		"is_email_confirmed": true, "who_can_share_contact_card": "EVERYONE", "tz": "Europe/Amsterdam", "profile.email": "absent",
		"profile.first_name": "Ada", "profile.display_name": "ada", "profile.status_text": "", "enterprise_user": "absent",
	})
	user := got["user"].(map[string]any)
	if n := len(user) + len(user["profile"].(map[string]any)); n < 40 {
		t.Errorf("%d fields", n)
	}
	s.SetScopes("users:read", "users:read.email")
	s.AddUser(slacktest.User{ID: "U0NEW", Email: "new@acme.example", EmailUnconfirmed: true, IsInvited: true})
	got = call(t, s, slacktest.BotToken, "users.info", url.Values{"user": {"U0NEW"}})
	expect(t, got["user"], map[string]any{"is_email_confirmed": false, "is_invited_user": true, "profile.email": "new@acme.example"})
	raw, _ := json.Marshal(call(t, s, slacktest.BotToken, "users.info", url.Values{"user": {slacktest.Gone}}))
	if strings.Contains(string(raw), "is_restricted") || !strings.Contains(string(raw), `"deleted":true`) {
		t.Errorf("of a deactivated person Slack tells less: %s", raw)
	}
}
