package slackapi

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/chamelio"
)

// The tasks of a message are those that people see in it.
func TestShortcutReadsWhatIsShown(t *testing.T) {
	const link = "https://app.chamelio.ai/workflows/tasks/"
	for message, want := range map[string][]chamelio.TaskID{
		`{"text": "task 12345"}`: {12345},
		`{"blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "*Task:*\n12345"}}]}`:                                  {12345},
		`{"blocks": [{"type": "section", "fields": [{"type": "mrkdwn", "text": "*Task*"}, {"type": "mrkdwn", "text": "12345"}]}]}`: {12345},
		// Rich text.
		richText(`{"type": "text", "text": "please stop task "}, {"type": "text", "text": "12345", "style": {"bold": true}}`): {12345},
		richText(`{"type": "text", "text": "task 12345"}, {"type": "text", "text": "67", "style": {"bold": true}}`):           {1234567},
		richText(`{"type": "text", "text": "task "}, {"type": "text", "text": "12345", "style": {"strike": true}}`):           nil,
		richText(`{"type": "link", "url": "` + link + `12345", "text": "Task 99999"}`):                                        {12345},
		richText(`{"type": "link", "url": "https://jira.example/browse/X-1", "text": "Task 12345"}`):                          nil,
		richText(`{"type": "text", "text": "task "}, {"type": "user", "user_id": "U1"}, {"type": "text", "text": "12345"}`):   nil,
		richText(`{"type": "link", "url": "` + link + `12345", "style": {"strike": true}}`):                                   nil,
		`{"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_list", "elements": [
			{"type": "rich_text_section", "elements": [{"type": "text", "text": "task 12345"}]},
			{"type": "rich_text_section", "elements": [{"type": "text", "text": "task 12346"}]}]}]}]}`: {12345, 12346},
		// Attachments.
		`{"attachments": [{"fields": [{"title": "Task", "value": "12345", "short": true}]}]}`:                                       {12345},
		`{"attachments": [{"fields": [{"title": "Duration", "value": "12345"}]}]}`:                                                  nil,
		`{"attachments": [{"title": "Task 12345", "title_link": "https://jira.example/1", "fallback": "Task 12345"}]}`:              nil,
		`{"attachments": [{"title": "Contract", "title_link": "` + link + `12345"}]}`:                                               {12345},
		`{"attachments": [{"fallback": "Task 12345"}]}`:                                                                             nil,
		`{"attachments": [{"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Task 12345"}}]}]}`:                 {12345},
		`{"text": "98765 is the next task", "attachments": [{"text": "98765 is the next task"}]}`:                                   nil,
		`{"attachments": [{"title": "Task", "actions": [{"name": "a", "type": "button", "text": "Open", "value": "task 12345"}]}]}`: nil,
		// Values and labels of buttons.
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open next"}, "value": "task 12345"}`):                               nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Task 12345"}, "url": "https://jira.example/1"}`):                    nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "` + link + `12345"}`):                               {12345},
		actions(`{"type": "static_select", "options": [{"text": {"type": "plain_text", "text": "Next"}, "value": "` + link + `12345"}]}`):       nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open"}, "value": "` + link + `12345", "title": null, "type": "x"}`): nil,
		// Other blocks, known and unknown.
		`{"blocks": [{"type": "table", "rows": [[{"type": "raw_text", "text": "Task"}, {"type": "raw_text", "text": "12345"}]]}]}`:         {12345},
		`{"blocks": [{"type": "card", "title": {"type": "mrkdwn", "text": "Renewal"}, "body": {"type": "mrkdwn", "text": "task 12345"}}]}`: {12345},
		`{"blocks": [{"type": "new", "text": {"type": "mrkdwn", "text": "task 12345"}, "data": {"text": "task 12346"}}]}`:                  {12345},
		// Parts that Slack doesn't show.
		`{"text": "task 12346", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "task 12345"}}]}`:     {12345},
		`{"text": "task 12346", "blocks": [{"type": "image", "image_url": "` + link + `1", "alt_text": "task 12345"}]}`: nil,
		`{"text": "task 12345", "blocks": []}`: {12345},
		`{"attachments": [{"text": "task 12346", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "task 12345"}}]}]}`:                                  {12345},
		`{"attachments": [{"image_url": "` + link + `1", "from_url": "` + link + `2", "author_link": "` + link + `3", "fallback": "task 12345"}]}`:                      nil,
		`{"metadata": {"text": "task 12345"}, "root": {"text": "task 12345"}, "files": [{"title": "task 12345"}]}`:                                                      nil,
		`{"blocks": [{"type": "container", "default_collapsed": true, "title": {"text": "x"}, "child_blocks": [{"type": "section", "text": {"text": "task 12345"}}]}]}`: nil,
		actions(`{"type": "button", "text": {"text": "OK"}, "confirm": {"title": {"text": "Sure?"}, "text": {"type": "mrkdwn", "text": "task 12345"}}}`):                nil,
		actions(`{"type": "overflow", "options": [{"text": {"type": "plain_text", "text": "task 12345"}, "url": "` + link + `12345"}]}`):                                nil,
		actions(`{"type": "checkboxes", "options": [{"text": {"type": "plain_text", "text": "task 12345"}, "value": "task 12346"}]}`):                                   {12345},
		actions(`{"type": "workflow_button", "text": {"text": "Go"}, "workflow": {"trigger": {"url": "` + link + `12345"}}, "accessibility_label": "task 12345"}`):      nil,
		`[]`: nil, `{"blocks": "task 12345"}`: nil, `{"blocks": [{"type": "rich_text_section", "elements": [1, null]}]}`: nil,
	} {
		payload := `{"type": "message_action", "callback_id": "` + texts.ShortcutCancel + `", "user": {"id": "U1"}, "channel": {"id": "C1"}, "message": ` + message + `}`
		s, ok := ParseShortcut(json.RawMessage(payload), time.Time{})
		if got := input.FindTasks(s.Texts, nil); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %v (%t) in %q, want %v", message, got, ok, s.Texts, want)
		}
	}
}

// Of a message of the app itself, only the names that the app wrote are read, in mrkdwn.
func TestShortcutReadsOnlyNamesInOwnMessage(t *testing.T) {
	for block, want := range map[string][]chamelio.TaskID{
		`{"type": "section", "text": {"type": "mrkdwn", "text": "“Amendment to task 55555” (task 12345) is cancelled"}}`:                  {12345},
		`{"type": "section", "text": {"type": "mrkdwn", "text": "<https://app.chamelio.ai/workflows/tasks/12345|Re task 55555> failed"}}`: {12345},
		`{"type": "context", "elements": [{"type": "mrkdwn", "text": "Follow-up of task 55555 · at Wait for task 66666"}]}`:               nil,
		`{"type": "header", "text": {"type": "plain_text", "text": "Cancel “x” (task 55555)”?"}}`:                                         nil,
	} {
		for app, of := range map[string]string{"A1": "its own", "A2": "another app's"} {
			payload := `{"type": "message_action", "callback_id": "` + texts.ShortcutCancel + `", "api_app_id": "A1", "user": {"id": "U1"}, "channel": {"id": "C1"},
				"message": {"app_id": "` + app + `", "text": "task 77777", "blocks": [` + block + `], "attachments": [{"text": "task 88888"}]}}`
			s, ok := ParseShortcut(json.RawMessage(payload), time.Time{})
			got := input.FindTasks(s.Texts, nil)
			if own := slices.Equal(got, want); !ok || own != (app == "A1") {
				t.Errorf("%s message %s: %v", of, block, got)
			}
		}
	}
}

// A message that was forwarded or shared may be the app's own, and its payload doesn't
// always say so. Only a person's rich text and the names that the app writes are read.
func TestShortcutReadsQuotedMessageWithCare(t *testing.T) {
	const copied = "*@Ada cancelled <https://app.chamelio.ai/workflows/tasks/12345|Re task 55555> (task 12345)*"
	blocks := func(all string) string {
		return `[{"channel": "C2", "message": {"text": "task 66666", "blocks": [` + all + `]}}]`
	}
	for quote, want := range map[string][]chamelio.TaskID{
		`"message_blocks": ` + blocks(`{"type": "section", "text": {"type": "mrkdwn", "text": "`+copied+`"}},
			{"type": "section", "text": {"type": "mrkdwn", "text": ">duplicate of task 55555, which must stay"}}`): {12345},
		`"message_blocks": ` + blocks(`{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "stop task 12345"}]}]}`): {12345},
		`"is_msg_unfurl": true`: nil, `"is_share": true`: nil, `"is_share": true, "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "task 55555"}}]`: nil,
	} {
		attachment := `{` + quote + `, "text": "duplicate of task 55555: app.chamelio.ai/workflows/tasks/55555", "fallback": "task 55555", "from_url": "https://acme.slack.com/archives/C2/p1"}`
		payload := `{"type": "message_action", "callback_id": "` + texts.ShortcutCancel + `", "api_app_id": "A1", "user": {"id": "U1"}, "channel": {"id": "C1"},
			"message": {"text": "FYI", "attachments": [` + attachment + `]}}`
		s, ok := ParseShortcut(json.RawMessage(payload), time.Time{})
		if got := input.FindTasks(s.Texts, nil); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %v (%t), want %v", quote, got, ok, want)
		}
	}
}

func richText(elements string) string {
	return `{"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [` + elements + `]}]}]}`
}

func actions(elements string) string {
	return `{"blocks": [{"type": "actions", "elements": [` + elements + `]}]}`
}
