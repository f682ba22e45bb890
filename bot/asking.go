package bot

import (
	"context"
	"log/slog"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// askPatience bounds the tries of chat.postMessage, before the command's
	// response_url is used instead, and askPause these and the pauses that Slack
	// asks for.
	askPatience = 5 * time.Second
	askPause    = 30 * time.Second

	// replyPatience bounds the tries of the response_url, without the pauses that
	// Slack asks for, and those to list a request: its message can't change when it
	// expires otherwise.
	replyPatience = 30 * time.Second
)

// ask posts a request in its channel and lists it, so that it is replaced when
// it expires. If the bot can't post there, the response_url has the request
// instead, for which ask waits as long as Slack asks and the request is open; only a
// late click replaces that one. If it may have been posted, it isn't posted again.
// ask returns whether it was.
func (r *requests) ask(ctx context.Context, log *slog.Logger, responseURL string, c decision.Confirmation, m texts.Message) (status slackapi.Status) {
	// The status is the last try's, also if the process stops during a pause.
	once := func(err error) error {
		status, _ = slackapi.Classify(err)
		return slackapi.UnlessPosted(err)
	}
	var ts string
	err := slackapi.Retry(ctx, askPatience, askPause, func() (err error) {
		ts, err = r.poster.PostIn(ctx, c.Channel, c.Thread, m)
		return once(err)
	})
	switch status {
	case slackapi.Posted:
		r.list(ctx, log, c, ts)
		return status
	case slackapi.Refused, slackapi.Later:
		log.Info("can't post a request in the channel; answering the command instead", "reason", err)
		open := max(c.ExpiresAt.Sub(r.now()), time.Nanosecond) // 0 would be no limit
		err = slackapi.Retry(ctx, replyPatience, open, func() error {
			return once(r.poster.Respond(ctx, slackapi.Target{Channel: c.Channel, ResponseURL: responseURL}, m, slackapi.InChannel))
		})
	case slackapi.Unclear:
	}
	switch status {
	case slackapi.Unclear:
		log.Warn("not known whether a request was posted", "error", err)
	case slackapi.Refused, slackapi.Later:
		log.Warn("request not posted", "error", err)
	case slackapi.Posted:
	}
	return status
}

// list notes a request that was posted.
func (r *requests) list(ctx context.Context, log *slog.Logger, c decision.Confirmation, ts string) {
	left := c.ExpiresAt.Sub(r.now())
	remind := time.Duration(0)
	if r.remind > 0 {
		remind = max(left-r.remind, time.Millisecond)
	}
	open := journal.Request{ID: decision.ID(c.ID), MessageTS: ts, Confirmation: r.signer.Encode(c)}
	if err := work.Retry(ctx, replyPatience, func() error { return r.journal.Opened(ctx, open, remind, left+carry.RequestGrace) }); err != nil {
		log.Warn("request not listed; its message won't change when it expires", "error", err)
	}
}
