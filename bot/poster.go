package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/slack-go/slack"
	"golang.org/x/sync/semaphore"

	"github.com/cancelbot/cancelbot/bot/socketmode"

	"log/slog"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// postTimeout bounds one call to Slack. The journal's lease of a decision
	// that is being told is much longer.
	postTimeout = 10 * time.Second

	// postsAtOnce bounds how many calls to Slack are under way.
	postsAtOnce = 64

	// tellLimit bounds the tries to answer somebody privately.
	tellLimit = 30 * time.Second

	// responseURLLife is how long Slack takes answers to a command or a click
	// (docs.slack.dev: interactivity/handling-user-interaction).
	responseURLLife = 30 * time.Minute

	maxResponseBody = 4 << 10
)

// placement is where an answer to a response_url goes.
type placement int

const (
	ephemeral       placement = iota // a new message that only this person sees
	replaceOriginal                  // in place of the message that was clicked
	inChannel                        // a new message that everybody sees
)

// poster is the one way in which anything is posted to Slack.
type poster struct {
	slack *webAPI
	http  *http.Client
	api   *url.URL
	slots *semaphore.Weighted
}

func newPoster(client *webAPI, h *http.Client, api *url.URL) *poster {
	return &poster{slack: client, http: h, api: api, slots: semaphore.NewWeighted(postsAtOnce)}
}

// post sends a message to a channel, or to a person by their id, once; thread
// is the ts of a message to reply to, or "".
func (p *poster) post(ctx context.Context, channel, thread string, m texts.Message) (ts string, err error) {
	var reply []slack.MsgOption
	if thread != "" {
		reply = append(reply, slack.MsgOptionTS(thread))
	}
	return p.postWith(ctx, channel, m, reply...)
}

// broadcast replies to a message, once, so that the channel sees it too.
func (p *poster) broadcast(ctx context.Context, channel, thread string, m texts.Message) (ts string, err error) {
	return p.postWith(ctx, channel, m, slack.MsgOptionTS(thread), slack.MsgOptionBroadcast())
}

func (p *poster) postWith(ctx context.Context, channel string, m texts.Message, more ...slack.MsgOption) (ts string, err error) {
	ctx, release, err := p.begin(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	_, ts, err = p.slack.PostMessageContext(ctx, channel, append(optionsOf(m), more...)...)
	if err != nil {
		return "", fmt.Errorf("posting a message (chat.postMessage): %w", err)
	}
	return ts, nil
}

// update shows a message in the place of one that was posted, once.
func (p *poster) update(ctx context.Context, channel, ts string, m texts.Message) error {
	ctx, release, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	if _, _, _, err = p.slack.UpdateMessageContext(ctx, channel, ts, optionsOf(m)...); err != nil {
		return fmt.Errorf("replacing a message (chat.update): %w", err)
	}
	return nil
}

func optionsOf(m texts.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// commandAck is the acknowledgement of a command that shows m to the person who
// typed it (docs.slack.dev: interactivity/implementing-slash-commands).
func commandAck(m texts.Message) any {
	return struct {
		Type   string        `json:"response_type"`
		Text   string        `json:"text"`
		Blocks []slack.Block `json:"blocks,omitempty"`
	}{slack.ResponseTypeEphemeral, m.Text, m.Blocks}
}

// begin takes a slot and bounds the call.
func (p *poster) begin(ctx context.Context) (context.Context, func(), error) {
	if err := p.slots.Acquire(ctx, 1); err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, postTimeout)
	return ctx, func() { cancel(); p.slots.Release(1) }, nil
}

// errNotSlack refuses a response_url that would make the bot call somewhere
// else than Slack.
var errNotSlack = errors.New("the response_url is not on Slack's host")

// check accepts https on Slack's own hosts, and the host of a stand-in.
func (p *poster) check(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return errNotSlack
	}
	host := u.Hostname()
	switch {
	case u.User != nil:
	case u.Scheme == "https" && (host == "hooks.slack.com" || host == "hooks.slack-gov.com"):
		return nil
	case isLoopback(p.api.Hostname()) && u.Host == p.api.Host && u.Scheme == p.api.Scheme:
		return nil
	}
	return errNotSlack
}

// respond answers a response_url, once: 5 uses within 30 minutes, in any
// conversation. Its errors never hold the URL, which is a ticket.
func (p *poster) respond(ctx context.Context, responseURL string, m texts.Message, where placement) error {
	if err := p.check(responseURL); err != nil {
		return err
	}
	ctx, release, err := p.begin(ctx)
	if err != nil {
		return err
	}
	defer release()
	body := &slack.WebhookMessage{
		Text: m.Text, Blocks: &slack.Blocks{BlockSet: m.Blocks},
		UnfurlLinks: new(false), UnfurlMedia: new(false),
	}
	switch where {
	case replaceOriginal:
		body.ReplaceOriginal = true
	case inChannel:
		body.ResponseType = slack.ResponseTypeInChannel
	case ephemeral:
		body.ResponseType = slack.ResponseTypeEphemeral
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return backoff.Permanent(fmt.Errorf("encoding a message: %w", err))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, responseURL, bytes.NewReader(raw))
	if err != nil {
		return errNotSlack
	}
	req.Header.Set("Content-Type", "application/json")
	return p.send(req)
}

// send reads the whole answer: Slack says no to a response_url also with a 200
// and {"ok":false,"error":…}.
func (p *poster) send(req *http.Request) error {
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
	isJSON := json.Unmarshal(text, &answer) == nil
	if resp.StatusCode == http.StatusOK && (said == "" || said == "ok" || isJSON && answer.OK != nil && *answer.OK) {
		return nil
	}
	refusal := &responseError{status: resp.StatusCode, code: answer.Error}
	if s, err := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 31); err == nil {
		refusal.retryAfter = time.Duration(s) * time.Second
	}
	return fmt.Errorf("answering a response_url: %w", refusal)
}

// responseError is a response_url's no.
type responseError struct {
	status     int
	code       string // Slack's word; may be empty
	retryAfter time.Duration
}

func (e *responseError) Error() string {
	return strings.TrimSpace(fmt.Sprintf("Slack answered %d %s", e.status, e.code))
}

// tell answers somebody, with retries where they may help. Nobody can be told
// that telling failed, so the log is. It reports whether it worked.
func (p *poster) tell(ctx context.Context, log *slog.Logger, responseURL string, m texts.Message, where placement) bool {
	err := work.Retry(ctx, tellLimit, func() error {
		return retryable(p.respond(ctx, responseURL, m, where))
	})
	if err != nil && ctx.Err() == nil {
		log.Warn("could not tell somebody what came of their request", "error", err)
	}
	return err == nil
}

// retryable makes an error of Slack's what retry goes by: permanent where
// waiting does not help, or with the pause that Slack wants.
func retryable(err error) error {
	switch pause, again := transient(err); {
	case err == nil:
		return nil
	case !again:
		return backoff.Permanent(err)
	case pause > 0:
		return errors.Join(err, &backoff.RetryAfterError{Duration: pause})
	}
	return err
}

// transient reports whether an error of Slack's may go away by waiting, and
// how long Slack wants us to wait, if it says so.
func transient(err error) (time.Duration, bool) {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	var response *responseError
	switch {
	case err == nil:
		return 0, false
	case errors.Is(err, errNotSlack):
		return 0, false
	case errors.As(err, &limited):
		return limited.RetryAfter, true
	case errors.As(err, &status):
		return 0, transientStatus(status.Code)
	case errors.As(err, &answer):
		return 0, transientCode(answer.Err)
	case errors.As(err, &response):
		if response.status == http.StatusOK {
			return 0, transientCode(response.code)
		}
		return response.retryAfter, transientStatus(response.status)
	}
	return 0, true // no answer, or half of one: the network's doing
}

func transientStatus(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout
}

func transientCode(code string) bool { return socketmode.Classify(code) == socketmode.Transient }

// unanswered tells an error that leaves open whether a message was posted from
// an answer that says it was not.
func unanswered(err error) bool {
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var answer slack.SlackErrorResponse
	var response *responseError
	switch {
	case err == nil, errors.Is(err, errNotSlack), errors.As(err, &limited), errors.As(err, &answer):
		return false
	case errors.As(err, &status):
		return status.Code >= 500
	case errors.As(err, &response):
		return response.status >= 500
	}
	return true
}
