package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
)

const (
	// messagesTimeout bounds the look at all messages. They go one after the
	// other, since the method's rate limit is not documented.
	messagesTimeout = 2 * time.Minute

	maxValidation = 1 << 20
)

// messages asks Slack's blocks.validate about every message of the bot's, with
// the longest data that can occur. It needs no scope and posts nothing.
func (c *checkup) messages(ctx context.Context) []Result {
	const name = "messages"
	if !c.Messages || !c.slackUsable() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), messagesTimeout)
	defer cancel()
	samples := bot.SampleMessages(c.Bot)
	var refused []Result
	for _, s := range samples {
		problems, err := c.validate(ctx, s)
		switch {
		case err != nil && slackCode(err) == "unknown_method":
			return []Result{bad(name, "Slack doesn't know blocks.validate here", "Nothing to do: the messages can't be checked in this workspace yet")}
		case err != nil:
			return []Result{bad(name, c.found("checking the messages (blocks.validate)", err), c.remedy(err, "Try again in a minute"))}
		case len(problems) > 0:
			refused = append(refused, bad(name, fmt.Sprintf("Slack would refuse %q: %s", s.Name, strings.Join(problems, "; ")), "This is a bug in cancelbot: please report it"))
		}
	}
	if len(refused) > 0 {
		return refused
	}
	return []Result{good(name, "Slack takes all %d of them", len(samples))}
}

// validate returns what is wrong with a message, as JSON pointers with words.
func (c *checkup) validate(ctx context.Context, s bot.Sample) ([]string, error) {
	form := url.Values{"blocks": {string(s.Blocks)}}
	if s.Modal {
		view, err := json.Marshal(map[string]any{
			"type": "modal", "title": map[string]string{"type": "plain_text", "text": "Reason"},
			"submit": map[string]string{"type": "plain_text", "text": "Send"}, "blocks": s.Blocks,
		})
		if err != nil {
			return nil, fmt.Errorf("encoding a view: %w", err)
		}
		form = url.Values{"view": {string(view)}}
	}
	api := strings.TrimSuffix(c.Bot.SlackAPI, "/")
	if api == "" {
		api = strings.TrimSuffix(bot.DefaultSlackAPI, "/")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, api+"/blocks.validate", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("asking Slack: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+c.Bot.BotToken.Reveal())
	return ask(req)
}

// ask sends the question; what is wrong with the message is no error.
func ask(req *http.Request) ([]string, error) {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, slack.StatusCodeError{Code: resp.StatusCode, Status: resp.Status}
	}
	var answer struct {
		OK     bool
		Error  string
		Errors []struct{ Pointer, Message string }
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxValidation)).Decode(&answer); err != nil {
		return nil, slack.StatusCodeError{Code: resp.StatusCode, Status: "an answer that is no JSON"}
	}
	switch {
	case answer.OK:
		return nil, nil
	case answer.Error != "invalid_blocks" && answer.Error != "invalid_view" && len(answer.Errors) == 0:
		return nil, slack.SlackErrorResponse{Err: answer.Error}
	}
	problems := []string{answer.Error}
	for _, p := range answer.Errors {
		problems = append(problems, p.Pointer+" "+p.Message)
	}
	return problems, nil
}
