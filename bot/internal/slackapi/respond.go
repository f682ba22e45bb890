package slackapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// Placement is where an answer to a response_url appears.
type Placement int

const (
	Ephemeral       Placement = iota // a new message for this person only
	ReplaceOriginal                  // instead of the clicked message
	InChannel                        // a new message for everyone
)

// ResponseURLHost returns where the response_urls lead that come with the Web API
// at an address.
func ResponseURLHost(api *url.URL) *url.URL {
	switch api.Hostname() {
	case "slack.com", "www.slack.com":
		return &url.URL{Scheme: "https", Host: "hooks.slack.com"}
	case "slack-gov.com", "www.slack-gov.com":
		return &url.URL{Scheme: "https", Host: "hooks.slack-gov.com"}
	}
	return api
}

// check accepts https on Slack's hosts, and the host of a fake.
func (p *Poster) check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errNotSlack
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
	case u.Scheme == "https" && (host == "hooks.slack.com" || host == "hooks.slack-gov.com"):
		return nil
	case IsLoopback(p.api.Hostname()) && u.Host == p.api.Host && u.Scheme == p.api.Scheme:
		return nil
	}
	return errNotSlack
}

// Respond answers a target's response_url, once. A response_url can be used five times
// within 30 minutes, in any conversation. Posts and updates in a channel don't wait for
// answers there. Calls that replace the same prompt are made one after the other, so that
// Slack doesn't handle an older one last. The errors don't contain the URL, which is a
// credential.
func (p *Poster) Respond(ctx context.Context, to Target, choose Choose, where Placement) error {
	if where == ReplaceOriginal && to.Prompt != "" {
		release, err := p.replaces(ctx, to.Prompt)
		if err != nil {
			return err
		}
		defer release()
	}
	if err := p.check(to.ResponseURL); err != nil {
		return err
	}
	if where != Ephemeral { // replacements take turns by prompt, and everyone reads what is for the channel
		to.User = ""
	}
	return inTurn(ctx, p.answers, to, choose, func(ctx context.Context, m texts.Message) error {
		return p.respond(ctx, to.ResponseURL, m, where)
	})
}

// replaces waits until no other call replaces a prompt. The caller must call the returned
// function at the end.
func (p *Poster) replaces(ctx context.Context, prompt string) (func(), error) {
	release, err := p.prompts.acquire(ctx, prompt)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotBegun, err)
	}
	return release, nil
}

// UpdatePrompt replaces a prompt that everyone sees, once, without a use of a
// response_url. Slack refuses it where the bot can't post.
func (p *Poster) UpdatePrompt(ctx context.Context, prompt, channel, ts string, choose Choose) error {
	release, err := p.replaces(ctx, prompt)
	if err != nil {
		return err
	}
	defer release()
	return p.Update(ctx, channel, ts, choose)
}

func (p *Poster) respond(ctx context.Context, address string, m texts.Message, where Placement) error {
	body := &slack.WebhookMessage{
		Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks},
		UnfurlLinks: new(false), UnfurlMedia: new(false),
	}
	switch where {
	case ReplaceOriginal:
		body.ReplaceOriginal = true
	case InChannel:
		body.ResponseType = slack.ResponseTypeInChannel
	case Ephemeral:
		body.ResponseType = slack.ResponseTypeEphemeral
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return backoff.Permanent(fmt.Errorf("encoding a message: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return errNotSlack
	}
	req.Header.Set("Content-Type", "application/json")
	return p.send(req)
}

// plainCode matches a code with which a response_url refuses as text, such as used_url.
// The page of a proxy has other words.
var plainCode = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

// send sends a request and reads the whole answer: a response_url refuses with a code as
// text and status 4xx, or with status 200 and {"ok":false,"error":…}.
func (p *Poster) send(req *http.Request) error {
	resp, err := p.http.Do(req)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the address
	}
	if err != nil {
		return fmt.Errorf("answering a response_url: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxResponseBody))
	if err != nil && resp.StatusCode == http.StatusOK {
		return fmt.Errorf("reading the answer of a response_url: %w", err)
	}
	var answer struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	said := strings.TrimSpace(string(text))
	isSlack := json.Unmarshal(text, &answer) == nil && answer.OK != nil
	if resp.StatusCode == http.StatusOK && (said == "" || said == "ok" || isSlack && *answer.OK) {
		return nil
	}
	refusal := &responseError{status: resp.StatusCode}
	switch {
	case isSlack && !*answer.OK:
		refusal.code = answer.Error
	case resp.StatusCode >= 400 && plainCode.MatchString(said):
		refusal.code = said
	}
	if s, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		refusal.retryAfter = time.Duration(s) * time.Second
	}
	return fmt.Errorf("answering a response_url: %w", refusal)
}
