package slackapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"
)

// Something between the bot and Slack hands out the answer to another call, or one that
// says nothing.
func TestAnswerIsAboutWhatWasAsked(t *testing.T) {
	const channel, ts = "C1", "1.1"
	calls := map[string]func(context.Context, *Client) error{
		"users.info": func(ctx context.Context, c *Client) error { _, err := c.GetUserInfoContext(ctx, "U1"); return err },
		"usergroups.users.list": func(ctx context.Context, c *Client) error {
			_, err := c.GetUserGroupMembersContext(ctx, "S1")
			return err
		},
		"users.lookupByEmail": func(ctx context.Context, c *Client) error {
			_, err := c.GetUserByEmailContext(ctx, "Ada@acme.example")
			return err
		},
		"bots.info": func(ctx context.Context, c *Client) error {
			_, err := c.GetBotInfoContext(ctx, slack.GetBotInfoParameters{Bot: "B1"})
			return err
		},
		"conversations.info": func(ctx context.Context, c *Client) error {
			_, err := c.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: channel})
			return err
		},
		"chat.postMessage": func(ctx context.Context, c *Client) error { _, err := c.PostMessageContext(ctx, channel); return err },
		"to a user":        func(ctx context.Context, c *Client) error { _, err := c.PostMessageContext(ctx, "U1"); return err },
		"chat.update":      func(ctx context.Context, c *Client) error { return c.UpdateMessageContext(ctx, channel, ts) },
	}
	for _, tt := range []struct {
		call, answer string
		about        bool
	}{
		{"users.info", `"user":{"id":"U1"}`, true}, {"users.info", `"user":{"id":"U2"}`, false},
		{"users.info", `"user":{"id":"U2","enterprise_user":{"id":"U1"}}`, true}, {"users.info", `"user":{"id":"U2","enterprise_user":{"id":"W2"}}`, false},
		{"users.info", `"user":{"id":"W1","enterprise_user":{"id":"W1"}}`, true}, {"users.info", `"user":{"id":"W1"}`, false},
		{"users.info", `"user":{"enterprise_user":{"id":"U1"}}`, false}, {"users.info", `"user":{}`, false}, {"users.info", `"user":null`, false},
		{"usergroups.users.list", `"users":["U1"]`, true}, {"usergroups.users.list", `"users":[]`, true}, {"usergroups.users.list", `"users":null`, false},
		{"users.lookupByEmail", `"user":{"id":"U1","profile":{"email":"ada@acme.example"}}`, true},
		{"users.lookupByEmail", `"user":{"id":"U1","profile":{"email":"grace@acme.example"}}`, false},
		{"bots.info", `"bot":{"id":"B1"}`, true}, {"bots.info", `"bot":{"id":"B2"}`, false},
		{"conversations.info", `"channel":{"id":"C1"}`, true}, {"conversations.info", `"channel":{"id":"C2"}`, false},
		{"chat.postMessage", `"channel":"C1","ts":"1.1"`, true}, {"chat.postMessage", `"channel":"C2","ts":"1.1"`, false}, {"chat.postMessage", `"channel":"C1"`, false},
		{"to a user", `"channel":"D1","ts":"1.1"`, true}, {"to a user", `"channel":"D1"`, false},
		{"chat.update", `"channel":"C1","ts":"1.1"`, true}, {"chat.update", `"channel":"C2","ts":"1.1"`, false}, {"chat.update", `"channel":"C1","ts":"2.2"`, false},
	} {
		for _, answer := range []string{`{"ok":true,` + tt.answer + `}`, `{"ok":true}`, `{"ok":false}`} {
			c := NewClient("xoxb-1", "https://slack.com/api/", &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
			})})
			err := calls[tt.call](t.Context(), c)
			var other *OtherAnswerError
			if want := tt.about && strings.Contains(answer, tt.answer); (err == nil) != want || err != nil && !errors.As(err, &other) {
				t.Errorf("%s: %s: %v", tt.call, answer, err)
			}
			if status, _ := Classify(err); err != nil && status != Unclear {
				t.Errorf("%s: %s: %d", tt.call, answer, status)
			}
		}
	}
}
