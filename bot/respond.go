package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
)

// placement is where an answer to a response_url goes.
type placement int

const (
	beside   placement = iota // a new message that only this person sees
	instead                   // in place of the message that was clicked
	inPublic                  // a new message that everybody sees
)

// responder posts to response_urls (api.slack.com/interactivity/handling,
// "message responses": 5 uses within 30 minutes, in any conversation).
type responder struct {
	http *http.Client
	api  *url.URL
}

// errNotSlack refuses a response_url that would make the bot call somewhere
// else than Slack.
var errNotSlack = errors.New("the response_url is not on Slack's host")

// check accepts https on Slack's own hosts, and the host of a stand-in.
func (r *responder) check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errNotSlack
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
	case u.Scheme == "https" && (host == "hooks.slack.com" || host == "hooks.slack-gov.com"):
		return nil
	case isLoopback(r.api.Hostname()) && u.Host == r.api.Host && u.Scheme == r.api.Scheme:
		return nil
	}
	return errNotSlack
}

// post sends once. Its errors never hold the URL, which is a ticket.
func (r *responder) post(ctx context.Context, responseURL string, m message, where placement) error {
	if err := r.check(responseURL); err != nil {
		return err
	}
	body := &slack.WebhookMessage{
		Text: m.text, Blocks: &slack.Blocks{BlockSet: m.blocks},
		UnfurlLinks: new(false), UnfurlMedia: new(false),
	}
	switch where {
	case instead:
		body.ReplaceOriginal = true
	case inPublic:
		body.ResponseType = slack.ResponseTypeInChannel
	default:
		body.ResponseType = slack.ResponseTypeEphemeral
	}
	err := slack.PostWebhookCustomHTTPContext(ctx, responseURL, r.http, body)
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	if err != nil {
		return fmt.Errorf("posting to a response_url: %w", err)
	}
	return nil
}

// tell posts with patience: half a minute of retries where that may help.
// Nobody can be told that telling failed, so the log is.
func (b *Bot) tell(ctx context.Context, log *slog.Logger, responseURL string, m message, where placement) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval = 300 * time.Millisecond
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := b.respond.post(ctx, responseURL, m, where)
		if pause, passing := passing(err); passing && pause > 0 {
			return struct{}{}, &backoff.RetryAfterError{Duration: pause}
		} else if !passing {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(30*time.Second))
	if err != nil && ctx.Err() == nil {
		log.Warn("could not tell somebody what came of their request", "error", err)
	}
}

// passing reports whether an error of Slack's may go away by waiting, and how
// long Slack wants us to wait, if it says so.
func passing(err error) (time.Duration, bool) {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	switch {
	case err == nil:
		return 0, false
	case errors.As(err, &limited):
		return limited.RetryAfter, true
	case errors.As(err, &status):
		return 0, status.Code >= 500 || status.Code == http.StatusTooManyRequests || status.Code == http.StatusRequestTimeout
	case errors.As(err, &answer):
		switch answer.Err {
		case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited", "accesslimited":
			return 0, true
		}
		return 0, false
	case errors.Is(err, errNotSlack):
		return 0, false
	}
	return 0, true // no answer, or half of one: the network's doing
}
