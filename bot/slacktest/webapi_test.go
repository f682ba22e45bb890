package slacktest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestArgumentsComeInEveryEncoding(t *testing.T) {
	s := newServer(t)
	var form bytes.Buffer
	parts := multipart.NewWriter(&form)
	for k, v := range map[string]string{"token": slacktest.BotToken, "channel": slacktest.General, "text": "x"} {
		_ = parts.WriteField(k, v)
	}
	_ = parts.Close()
	plain := url.Values{"token": {slacktest.BotToken}, "channel": {slacktest.General}, "text": {"x"}}.Encode()
	object := `{"channel":"` + slacktest.General + `","text":"x","blocks":[{"type":"divider"}],"thread_ts":null}`
	for _, c := range []struct{ kind, body, header, want string }{
		{parts.FormDataContentType(), form.String(), "", ""},
		{"application/x-www-form-urlencoded", plain, "", ""},
		{"application/json; charset=utf-8", object, "Bearer " + slacktest.BotToken, ""},
		{"application/json", `{"token":"` + slacktest.BotToken + `"}`, "", "not_authed"}, // JSON has it in the header alone
		{"application/json", `{`, "Bearer " + slacktest.BotToken, "invalid_json"},
		{"multipart/form-data; boundary=x", "nonsense", "Bearer " + slacktest.BotToken, "invalid_form_data"},
	} {
		req, _ := http.NewRequest("POST", s.URL()+"chat.postMessage", strings.NewReader(c.body))
		req.Header.Set("Content-Type", c.kind)
		if c.header != "" {
			req.Header.Set("Authorization", c.header)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var out struct{ Error string }
		_ = json.NewDecoder(resp.Body).Decode(&out)
		resp.Body.Close()
		if out.Error != c.want {
			t.Errorf("%s %.40s: %q, want %q", c.kind, c.body, out.Error, c.want)
		}
	}
	if got := call(t, s, "", "apps.connections.open", url.Values{"token": {slacktest.AppToken}}); got["ok"] != true {
		t.Errorf("a token as a parameter: %v", got)
	}
	for _, c := range s.Calls() {
		if _, there := c.Args["token"]; there {
			t.Errorf("a token is remembered: %v", c)
		}
	}
}

func TestMethodsAnswerAsDocumented(t *testing.T) {
	s := newServer(t)
	s.SetScopes("chat:write", "users:read", "users:read.email", "channels:read", "im:write", "team:read")
	s.AddConversation(slacktest.Conversation{ID: "C9OLD", Name: "old", Kind: slacktest.Public, Archived: true})
	s.AddUser(slacktest.User{ID: "U9FAY", Email: "fay@other.example", TeamID: "T9OTHER", IsStranger: true})
	said := s.Say(slacktest.Ada, slacktest.General, "hello")
	whispered, _ := call(t, s, slacktest.BotToken, "chat.postEphemeral", url.Values{
		"channel": {slacktest.General}, "user": {slacktest.Ada}, "text": {"x"},
	})["message_ts"].(string)
	for _, c := range []struct {
		method string
		args   url.Values
		want   map[string]any
	}{
		{"no.such", nil, map[string]any{"error": "unknown_method"}},
		{"users.lookupByEmail", url.Values{"email": {"ADA@acme.example"}}, map[string]any{"user.id": slacktest.Ada, "user.profile.email": "ada@acme.example"}},
		{"users.lookupByEmail", url.Values{"email": {"who@acme.example"}}, map[string]any{"error": "users_not_found"}},
		{"users.lookupByEmail", url.Values{"email": {"fay@other.example"}}, map[string]any{"error": "users_not_found"}},
		{"users.lookupByEmail", nil, map[string]any{"error": "users_not_found"}},
		{"bots.info", url.Values{"bot": {slacktest.BotID}}, map[string]any{"bot.app_id": slacktest.AppID, "bot.user_id": slacktest.BotUser}},
		{"bots.info", url.Values{"bot": {"B9"}}, map[string]any{"error": "bot_not_found"}},
		{"team.info", nil, map[string]any{"team.id": slacktest.TeamID, "team.domain": "acme", "team.enterprise_id": "absent"}},
		{"team.info", url.Values{"team": {"T9"}}, map[string]any{"error": "team_not_found"}},
		{"conversations.info", url.Values{"channel": {slacktest.General}}, map[string]any{"channel.name": "general", "channel.is_private": false, "channel.is_ext_shared": false}},
		{"conversations.info", url.Values{"channel": {slacktest.Legal}}, map[string]any{"error": "channel_not_found"}},
		{"conversations.open", url.Values{"users": {slacktest.Ada}}, map[string]any{"channel.id": "DU0ADA", "already_open": false}},
		{"conversations.open", url.Values{"users": {slacktest.Ada}, "return_im": {"true"}}, map[string]any{"channel.user": slacktest.Ada, "already_open": true}},
		{"conversations.open", nil, map[string]any{"error": "users_list_not_supplied"}},
		{"conversations.open", url.Values{"users": {"U9"}}, map[string]any{"error": "user_not_found"}},
		{"conversations.open", url.Values{"users": {slacktest.Gone}}, map[string]any{"error": "user_disabled"}},
		{"conversations.open", url.Values{"users": {slacktest.Robot}}, map[string]any{"error": "cannot_dm_bot"}},
		{"conversations.open", url.Values{"channel": {slacktest.Direct}}, map[string]any{"error": "channel_not_found"}},
		{"conversations.list", url.Values{"limit": {"1"}}, map[string]any{"channels.0.id": slacktest.General, "response_metadata.next_cursor": slacktest.General}},
		{"conversations.list", url.Values{"cursor": {slacktest.Random}, "exclude_archived": {"true"}}, map[string]any{"channels.0": "absent", "response_metadata.next_cursor": ""}},
		{"conversations.list", url.Values{"cursor": {slacktest.Random}}, map[string]any{"channels.0.id": "C9OLD"}},
		{"conversations.list", url.Values{"types": {"private_channel"}}, map[string]any{"channels.0.id": slacktest.Deals}},
		{"conversations.list", url.Values{"types": {"private_channel"}, "cursor": {slacktest.Deals}}, map[string]any{"channels.0": "absent"}},
		{"chat.delete", url.Values{"channel": {slacktest.General}, "ts": {said.TS}}, map[string]any{"error": "cant_delete_message"}},
		{"chat.delete", url.Values{"channel": {slacktest.General}, "ts": {"1.2"}}, map[string]any{"error": "message_not_found"}},
		{"chat.delete", url.Values{"channel": {slacktest.General}, "ts": {whispered}}, map[string]any{"error": "message_not_found"}},
		{"chat.update", url.Values{"channel": {slacktest.General}, "ts": {whispered}, "text": {"y"}}, map[string]any{"error": "message_not_found"}},
		{"chat.postMessage", url.Values{"channel": {slacktest.General}, "text": {"x"}, "thread_ts": {whispered}}, map[string]any{"error": "thread_not_found"}},
		{"chat.postMessage", url.Values{"channel": {slacktest.General}, "text": {"x"}, "thread_ts": {"yesterday"}}, map[string]any{"error": "invalid_thread_ts"}},
		{"chat.postMessage", url.Values{"channel": {slacktest.General}, "text": {"x"}, "thread_ts": {"1000000000.000000"}}, map[string]any{"error": "thread_not_found"}},
		{"chat.postMessage", url.Values{"channel": {slacktest.General}, "text": {"x"}, "thread_ts": {said.TS}}, map[string]any{"message.thread_ts": said.TS, "message.bot_id": slacktest.BotID, "message.text": "x"}},
	} {
		if got := call(t, s, slacktest.BotToken, c.method, c.args); !matches(got, c.want) {
			t.Errorf("%s %v: %v, want %v", c.method, c.args, got, c.want)
		}
	}
	if n := len(s.Thread(slacktest.General, said.TS)); n != 1 {
		t.Errorf("%d replies", n)
	}
	s.SetInstallation(slacktest.Installation{EnterpriseID: "E1", OrgWide: true})
	if got := call(t, s, slacktest.BotToken, "conversations.list", nil); got["error"] != "missing_argument" {
		t.Errorf("of which workspace? %v", got)
	}
}

func matches(got any, want map[string]any) bool {
	for path, w := range want {
		v := at(got, path)
		if list, ok := at(got, strings.TrimSuffix(path, ".0")).([]any); ok && len(list) == 0 && strings.HasSuffix(path, ".0") {
			v = "absent"
		}
		if fmt.Sprint(v) != fmt.Sprint(w) {
			return false
		}
	}
	return true
}

func TestDeletesMessages(t *testing.T) {
	s := newServer(t)
	got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{
		"channel": {slacktest.General}, "text": {"x"}, "unfurl_links": {"true"}, "unfurl_media": {"false"},
	})
	ts, _ := got["ts"].(string)
	if m := s.History(slacktest.General)[0]; !m.UnfurlLinks || m.UnfurlMedia {
		t.Errorf("got %+v", m)
	}
	for _, want := range []any{nil, "message_not_found"} {
		args := url.Values{"channel": {slacktest.General}, "ts": {ts}}
		if got := call(t, s, slacktest.BotToken, "chat.delete", args); got["error"] != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if len(s.History(slacktest.General)) != 0 || len(s.All()) != 1 {
		t.Error("it is still shown")
	}
}
