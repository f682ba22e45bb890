package texts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// Slack validates every message with blocks.validate, which posts nothing and
// needs no scope. The fake always does, the real Slack only where a bot token
// is given.
func TestSlackAcceptsEveryMessage(t *testing.T) {
	t.Run("fake", func(t *testing.T) {
		s := slacktest.NewServer()
		t.Cleanup(s.Close)
		validateAll(t, s.URL(), slacktest.BotToken)
	})
	t.Run("real", func(t *testing.T) {
		token := os.Getenv("SLACK_BOT_TOKEN")
		if token == "" {
			t.Skip("set SLACK_BOT_TOKEN to have the real Slack validate every message (takes some minutes)")
		}
		validateAll(t, "https://slack.com/api/", token)
	})
}

func validateAll(t *testing.T, api, token string) {
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	for _, sample := range samples(longestTexts(), longest()) {
		if sample.Blocks == nil {
			continue // plain text in a modal
		}
		payload := map[string]any{"text": sample.Text, "blocks": sample.Blocks}
		kind := "message"
		if sample.Modal {
			kind = "view"
			title := map[string]any{"type": "plain_text", "text": sample.Text}
			payload = map[string]any{"type": "modal", "title": title, "submit": title, "blocks": sample.Blocks}
		}
		raw, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t.Context(), api, token, url.Values{kind: {string(raw)}}); err != nil {
			t.Errorf("%s: %v", sample.Name, err)
		}
	}
}

// validate calls blocks.validate, again if Slack limits the rate.
func validate(ctx context.Context, api, token string, args url.Values) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"blocks.validate", strings.NewReader(args.Encode()))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		var answer struct {
			OK     bool            `json:"ok"`
			Error  string          `json:"error"`
			Errors json.RawMessage `json:"errors"`
		}
		err = json.NewDecoder(resp.Body).Decode(&answer)
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests:
			wait, err := strconv.Atoi(resp.Header.Get("Retry-After"))
			if err != nil {
				return errors.New("rate limited, without Retry-After")
			}
			time.Sleep(time.Duration(wait) * time.Second)
			continue
		case err != nil:
			return err
		case !answer.OK:
			return fmt.Errorf("%s: %s", answer.Error, answer.Errors)
		}
		return nil
	}
}
