// Package slackapi makes the bot's calls to Slack, and parses Slack's
// payloads.
package slackapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// CallTimeout bounds one call to Slack. The lease of a decision that is being
	// announced is much longer.
	CallTimeout = 10 * time.Second

	// answerLimit bounds the tries of Answer, without the pauses that Slack asks
	// for. Both together are bounded by ResponseURLLife.
	answerLimit = 30 * time.Second

	// tellLimit is answerLimit for Tell.
	tellLimit = 10 * time.Second

	// lastAnswer bounds the last try of Answer and of Tell when the process stops.
	lastAnswer = 2 * time.Second

	// ResponseURLLife is how long a response_url works
	// (docs.slack.dev: interactivity/handling-user-interaction).
	ResponseURLLife = 30 * time.Minute

	maxResponseBody = 4 << 10
)

// Poster posts messages to Slack.
type Poster struct {
	slack   *Client
	http    *http.Client
	api     *url.URL
	posts   *slots  // what a channel reads, by channel
	answers *slots  // what answers a person, by channel and person; also what a modal shows
	prompts *shares // calls that replace the same prompt, one at a time
	turns   *viewTurns
	open    context.Context // ends with Close
	close   context.CancelFunc
}

// NewPoster returns a Poster that calls the Web API through client, and
// response_urls through h. api is the address of the Web API.
func NewPoster(client *Client, h *http.Client, api *url.URL) *Poster {
	p := &Poster{slack: client, http: h, api: api, posts: newSlots(), answers: newSlots(), prompts: newShares(1), turns: newViewTurns()}
	p.open, p.close = context.WithCancel(context.Background())
	return p
}

// Close ends the posts that are in progress, and prevents others.
func (p *Poster) Close() { p.close() }

// Post sends a message to a channel, or to a user as a direct message, once. If
// thread isn't "", it is a reply to the message with that timestamp, and the channel
// sees it, too. Once the call has begun, the end of ctx doesn't end it, but Close does.
func (p *Poster) Post(ctx context.Context, channel, thread string, choose Choose) (ts string, err error) {
	if p.open.Err() != nil {
		return "", errNotBegun
	}
	err = inTurn(ctx, p.posts, Target{Channel: channel}, choose, func(ctx context.Context, m texts.Message) (err error) {
		ctx, cancel := p.uncut(ctx)
		defer cancel()
		options := optionsOf(m)
		if thread != "" {
			options = append(options, slack.MsgOptionTS(thread), slack.MsgOptionBroadcast())
		}
		if ts, err = p.slack.PostMessageContext(ctx, channel, options...); err != nil {
			return fmt.Errorf("posting a message (chat.postMessage): %w", err)
		}
		return nil
	})
	return ts, err
}

// uncut returns a context with ctx's deadline for a call whose effect everyone sees:
// cut off by the end of ctx, it might have to be made again.
func (p *Poster) uncut(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	stop := context.AfterFunc(p.open, cancel)
	return ctx, func() { stop(); cancel() }
}

// Probe asks Slack whether it answers at all (auth.test). A refusal, also of the token, or
// being asked to wait, is an answer.
func (p *Poster) Probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	defer cancel()
	_, err := p.slack.AuthTestContext(ctx)
	if !Answered(err) {
		return fmt.Errorf("asking Slack whether it answers (auth.test): %w", err)
	}
	return nil
}

// Update replaces a message that the bot posted, once.
func (p *Poster) Update(ctx context.Context, channel, ts string, choose Choose) error {
	return inTurn(ctx, p.posts, Target{Channel: channel}, choose, func(ctx context.Context, m texts.Message) error {
		if err := p.slack.UpdateMessageContext(ctx, channel, ts, optionsOf(m)...); err != nil {
			return fmt.Errorf("replacing a message (chat.update): %w", err)
		}
		return nil
	})
}

func optionsOf(m texts.Message) []slack.MsgOption {
	return []slack.MsgOption{
		slack.MsgOptionText(m.Text, false), slack.MsgOptionBlocks(m.Blocks...),
		slack.MsgOptionDisableLinkUnfurl(), slack.MsgOptionDisableMediaUnfurl(),
	}
}

// inTurn waits for a free slot, chooses a message, and makes a call with it, which it
// bounds.
func inTurn(ctx context.Context, s *slots, to Target, choose Choose, call func(context.Context, texts.Message) error) error {
	ctx, release, err := begin(ctx, s, to.Channel, to.User)
	if err != nil {
		return err
	}
	defer release()
	m, err := choose(ctx)
	if err != nil {
		return err
	}
	return call(ctx, m)
}

// begin waits for a free slot and bounds the call. The caller must call the returned
// function at the end.
func begin(ctx context.Context, s *slots, channel, person string) (context.Context, func(), error) {
	release, err := s.acquire(ctx, channel, person)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", errNotBegun, err)
	}
	ctx, cancel := context.WithTimeout(ctx, CallTimeout)
	return ctx, func() { cancel(); release() }, nil
}

// Target is where an answer goes: to a modal, or else to a response_url.
type Target struct {
	View        string // the modal's ID; "" for none
	Channel     string // that the response_url posts in
	User        string // whose command or click the response_url answers
	ResponseURL string
	Prompt      string // the ID of the prompt that an answer may replace; "" for none
	Message     string // the timestamp of that prompt, if everyone sees it; otherwise ""
}

// Target returns where the answers to a click go.
func (k Click) Target() Target {
	return Target{View: k.View, Channel: k.Channel, User: k.User, ResponseURL: k.ResponseURL}
}

// Target returns where the answers to a command go.
func (c Command) Target() Target {
	return Target{Channel: c.Channel, User: c.User, ResponseURL: c.ResponseURL}
}

// Choose returns what to show. It is called immediately before the call that shows
// it, which may have waited for its turn. Its error prevents the call, and is returned.
type Choose func(context.Context) (texts.Message, error)

// Always returns a Choose for a message that stays true.
func Always(m texts.Message) Choose {
	return func(context.Context) (texts.Message, error) { return m, nil }
}

// Answer responds to a command, a click or a submitted modal with what choose
// returns at each try, and retries if that may help; once more if the process stops
// meanwhile. A modal that was closed after it was submitted is answered where it was
// opened, and a prompt that everyone sees is also replaced without its response_url.
// Answer reports whether it succeeded. It logs a failure, since there is no
// other way to reach the person.
func (p *Poster) Answer(ctx context.Context, log *slog.Logger, to Target, choose Choose, where Placement) bool {
	retry := func(try func() error) error {
		return Retry(ctx, answerLimit, ResponseURLLife, func() error { return Retryable(try()) })
	}
	err := retry(func() error { return p.To(ctx, to, choose, where) })
	switch {
	case err == nil || ctx.Err() != nil:
	case to.View != "" && where != InChannel && to.ResponseURL != "":
		err = retry(func() error { return p.Respond(ctx, to, choose, Ephemeral) })
	case where == ReplaceOriginal && to.Message != "":
		err = retry(func() error { return p.UpdatePrompt(ctx, to.Prompt, to.Channel, to.Message, choose) })
	}
	err = work.OnceMore(ctx, err, lastAnswer, func(ctx context.Context) error { return p.To(ctx, to, choose, where) })
	if err != nil {
		log.Warn("can't answer a command or a click", "error", err)
	}
	return err == nil
}

// Tell tells a person something in addition to what the target shows, and retries if that
// may help. It spends one use of the response_url at most: it doesn't try again once Slack
// may have the message.
func (p *Poster) Tell(ctx context.Context, to Target, choose Choose) error {
	maybe := false
	once := func(ctx context.Context) error {
		err := p.To(ctx, to, choose, Ephemeral)
		status, _ := Classify(err)
		maybe = status == Unclear
		return UnlessPosted(err)
	}
	err := Retry(ctx, tellLimit, ResponseURLLife, func() error { return once(ctx) })
	if maybe {
		return err
	}
	return work.OnceMore(ctx, err, lastAnswer, once)
}

// To shows an answer, in one try. A modal shows it in place of its view,
// unless the answer is for everyone.
func (p *Poster) To(ctx context.Context, to Target, choose Choose, where Placement) error {
	if to.View == "" || where == InChannel {
		return p.Respond(ctx, to, choose, where)
	}
	return p.ShowLast(ctx, to.View, choose)
}
