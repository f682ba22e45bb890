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
		`{"attachments": [{"fallback": "Task 12345"}]}`:                                                                             {12345},
		`{"attachments": [{"blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Task 12345"}}]}]}`:                 {12345},
		`{"text": "98765 is the next task", "attachments": [{"text": "98765 is the next task"}]}`:                                   nil,
		`{"attachments": [{"title": "Task", "actions": [{"name": "a", "type": "button", "text": "Open", "value": "task 12345"}]}]}`: nil,
		// Values and labels of buttons.
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open next"}, "value": "task 12345"}`):                               nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Task 12345"}, "url": "https://jira.example/1"}`):                    nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "` + link + `12345"}`):                               {12345},
		actions(`{"type": "static_select", "options": [{"text": {"type": "plain_text", "text": "Next"}, "value": "` + link + `12345"}]}`):       nil,
		actions(`{"type": "button", "text": {"type": "plain_text", "text": "Open"}, "value": "` + link + `12345", "title": null, "type": "x"}`): nil,
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

func richText(elements string) string {
	return `{"blocks": [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [` + elements + `]}]}]}`
}

func actions(elements string) string {
	return `{"blocks": [{"type": "actions", "elements": [` + elements + `]}]}`
}
