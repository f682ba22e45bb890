package slacktest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func button(more string) string {
	return `[{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"x"}` + more + `}]}]`
}

func TestBlockKitAcceptsValidBlocks(t *testing.T) {
	for name, blocks := range map[string]string{
		"nothing":         ``,
		"null":            `null`,
		"no action_id":    button(``),
		"a11y label":      button(`,"accessibility_label":"` + strings.Repeat("x", 75) + `"`),
		"confirm":         button(`,"confirm":{"title":{"type":"plain_text","text":"Sure?"},"text":{"type":"mrkdwn","text":"*x*"},"confirm":{"type":"plain_text","text":"Y"},"deny":{"type":"plain_text","text":"N"}}`),
		"divider":         `[{"type":"divider","block_id":"d"}]`,
		"emoji":           `[{"type":"header","text":{"type":"plain_text","text":"x","emoji":false}}]`,
		"verbatim":        `[{"type":"section","text":{"type":"mrkdwn","text":"x","verbatim":true},"expand":true}]`,
		"accessory":       `[{"type":"section","fields":[{"type":"mrkdwn","text":"x"}],"accessory":{"type":"overflow","options":[{"text":{"type":"plain_text","text":"a"},"value":"a","url":"https://a.example"}]}}]`,
		"image":           `[{"type":"image","image_url":"https://a.example/x.png","alt_text":"x","title":{"type":"plain_text","text":"x"}}]`,
		"context":         `[{"type":"context","elements":[{"type":"image","slack_file":{"id":"F1"},"alt_text":"x"},{"type":"plain_text","text":"x"}]}]`,
		"rich text":       `[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"x"}]}]}]`,
		"markdown":        `[{"type":"markdown","text":"# x"}]`,
		"select":          `[{"type":"actions","elements":[{"type":"static_select","placeholder":{"type":"plain_text","text":"x"},"options":[{"text":{"type":"plain_text","text":"a"},"value":"a"}]},{"type":"datepicker"},{"type":"users_select"}]}]`,
		"table":           `[{"type":"table","rows":[[{"type":"raw_text","text":"x"}]]}]`,
		"video":           `[{"type":"video","video_url":"https://a.example/v","thumbnail_url":"https://a.example/t","alt_text":"x","title":{"type":"plain_text","text":"x"}}]`,
		"input":           `[{"type":"input","label":{"type":"plain_text","text":"x"},"element":{"type":"plain_text_input","multiline":true}}]`,
		"50 blocks":       "[" + strings.Repeat(`{"type":"divider"},`, 49) + `{"type":"divider"}]`,
		"3000 characters": `[{"type":"section","text":{"type":"mrkdwn","text":"` + strings.Repeat("🦉", 3000) + `"}}]`,
	} {
		if got := slacktest.ValidateBlocks(json.RawMessage(blocks), slacktest.InMessage); len(got) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
	alert := json.RawMessage(`[{"type":"alert","text":{"type":"mrkdwn","text":"x"}}]`)
	if got := slacktest.ValidateBlocks(alert, slacktest.InModal); len(got) > 0 {
		t.Errorf("an alert in a modal: %v", got)
	}
	if got := slacktest.ValidateBlocks(alert, slacktest.InMessage); len(got) != 1 {
		t.Errorf("an alert in a message: %v", got)
	}
}

func TestBlockKitRejectsInvalidBlocks(t *testing.T) {
	long := func(n int) string { return strings.Repeat("x", n) }
	section := func(text string) string { return `[{"type":"section","text":` + text + `}]` }
	for _, c := range []struct{ blocks, pointer string }{
		{`{}`, ""},
		{`[7]`, "/0"},
		{`[{}]`, "/0"},
		{`[{"type":"carousel3"}]`, "/0/type"},
		{`[{"type":"file","external_id":"x","source":"remote"}]`, "/0/type"},
		{`[{"type":"divider","colour":"red"}]`, "/0/colour"},
		{`[{"type":"divider","a/b~c":1}]`, "/0/a~1b~0c"},
		{`[{"type":"divider","block_id":"` + long(256) + `"}]`, "/0/block_id"},
		{`[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`, "/1/block_id"},
		{"[" + strings.Repeat(`{"type":"divider"},`, 50) + `{"type":"divider"}]`, ""},
		{`[{"type":"section"}]`, "/0"},
		{section(`{"type":"mrkdwn","text":""}`), "/0/text/text"},
		{section(`{"type":"mrkdwn","text":"` + long(3001) + `"}`), "/0/text/text"},
		{section(`{"type":"mrkdwn","text":"x","emoji":true}`), "/0/text/emoji"},
		{section(`{"type":"plain_text","text":"x","verbatim":true}`), "/0/text/verbatim"},
		{section(`{"type":"html","text":"x"}`), "/0/text/type"},
		{section(`"x"`), "/0/text"},
		{`[{"type":"section","fields":[]}]`, "/0/fields"},
		{`[{"type":"section","fields":[{"type":"mrkdwn","text":"` + long(2001) + `"}]}]`, "/0/fields/0/text"},
		{`[{"type":"header","text":{"type":"mrkdwn","text":"x"}}]`, "/0/text/type"},
		{`[{"type":"header","text":{"type":"plain_text","text":"` + long(151) + `"}}]`, "/0/text/text"},
		{`[{"type":"context","elements":[]}]`, "/0/elements"},
		{`[{"type":"context","elements":[{"type":"button"}]}]`, "/0/elements/0"},
		{`[{"type":"actions","elements":[{"type":"image","alt_text":"x","image_url":"x"}]}]`, "/0/elements/0/type"},
		{button(`,"value":""`), "/0/elements/0/value"},
		{button(`,"value":"` + long(2001) + `"`), "/0/elements/0/value"},
		{button(`,"action_id":"` + long(256) + `"`), "/0/elements/0/action_id"},
		{button(`,"style":"loud"`), "/0/elements/0/style"},
		{button(`,"accessibility_label":"` + long(76) + `"`), "/0/elements/0/accessibility_label"},
		{button(`,"verbatim":true`), "/0/elements/0/verbatim"},
		{button(`,"confirm":{}`), "/0/elements/0/confirm"},
		{`[{"type":"image","alt_text":"x"}]`, "/0"},
		{`[{"type":"markdown","text":"` + long(12001) + `"}]`, "/0/text"},
		{`[{"type":"actions","elements":[{"type":"static_select"}]}]`, "/0/elements/0"},
		{`[{"type":"table","rows":[[{"type":"mrkdwn","text":"x"}]]}]`, "/0/rows/0/0/type"},
		{`[{"type":"input","label":{"type":"plain_text","text":"x"},"element":{"type":"button"}}]`, "/0/element/type"},
		{`[{"type":"table","rows":[[{"type":"raw_text","text":"x"}]]},{"type":"table","rows":[[{"type":"raw_text","text":"x"}]]}]`, ""},
	} {
		got := slacktest.ValidateBlocks(json.RawMessage(c.blocks), slacktest.InMessage)
		found := false
		for _, p := range got {
			found = found || p.Pointer == c.pointer
		}
		if !found {
			t.Errorf("%.90s: %v, want %q", c.blocks, got, c.pointer)
		}
	}
}

func TestBlocksValidateMethodMatchesSlack(t *testing.T) {
	s := newServer(t)
	s.SetScopes() // it needs none
	view := `{"type":"modal","title":{"type":"plain_text","text":"x"},"blocks":%s}`
	with := func(blocks string) string { return strings.Replace(view, "%s", blocks, 1) }
	input := `[{"type":"input","label":{"type":"plain_text","text":"x"},"element":{"type":"plain_text_input"}}]`
	for _, c := range []struct {
		args           url.Values
		error, pointer string
	}{
		{url.Values{"blocks": {`[{"type":"divider"}]`}}, "", ""},
		{url.Values{"message": {`{"text":"x","blocks":[{"type":"divider"}]}`}}, "", ""},
		{url.Values{"view": {with(`[{"type":"divider"}]`)}}, "", ""},
		{url.Values{"blocks": {`[{"type":"x"}]`}}, "invalid_blocks", "/0/type"},
		{url.Values{"message": {`{"blocks":[{"type":"x"}]}`}}, "invalid_message", "/blocks/0/type"},
		{url.Values{"view": {with(`[{"type":"x"}]`)}}, "invalid_view", "/blocks/0/type"},
		{url.Values{"view": {with(input)}}, "invalid_view", "/submit"},
		{url.Values{}, "invalid_arguments", ""},
		{url.Values{"blocks": {`[]`}, "view": {with(`[]`)}}, "invalid_arguments", ""},
	} {
		got := call(t, s, slacktest.BotToken, "blocks.validate", c.args)
		problem, _ := got["error"].(string)
		pointer := ""
		if list, _ := got["errors"].([]any); len(list) > 0 {
			pointer, _ = list[0].(map[string]any)["pointer"].(string)
		}
		if problem != c.error || pointer != c.pointer || len(s.All()) > 0 {
			t.Errorf("%v: %v", c.args, got)
		}
	}
}

func TestBlocksGetIDsAndDefaults(t *testing.T) {
	s := newServer(t)
	got := call(t, s, slacktest.BotToken, "chat.postMessage", url.Values{"channel": {slacktest.General}, "blocks": {button("")}})
	m := s.History(slacktest.General)[0]
	if len(m.Blocks[0].BlockID) != 5 || len(m.Buttons()) != 1 || m.Buttons()[0] == "" {
		t.Errorf("got %+v", m.Blocks[0])
	}
	answer, _ := json.Marshal(got["message"])
	for _, part := range []string{`"bot_id":"B0BOT"`, `"app_id"`, `"type":"message"`, `"team":"T012ACME"`, `"user":"U0BOT"`, `"emoji":true`, `"block_id":"` + m.Blocks[0].BlockID} {
		if !strings.Contains(string(answer), part) {
			t.Errorf("%s lacks %s", answer, part)
		}
	}
}
