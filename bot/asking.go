package bot

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

const (
	// askPatience bounds the tries of chat.postMessage, before the command's
	// response_url is used instead. askPause bounds them including the pauses that
	// Slack asks for. It is long because a request that is posted through a response_url
	// isn't replaced when it expires.
	askPatience = 5 * time.Second
	askPause    = 2 * time.Minute

	// replyPatience bounds how long the response_url is retried, not counting the
	// pauses that Slack asks for, and how long a request is listed again. The message of
	// one that isn't listed can't change when it expires.
	replyPatience = 30 * time.Second

	// askingAfter is how long a command is silent while its request is posted.
	askingAfter = 2 * time.Second

	// decidedTimeout bounds the question whether anything is decided about a request's
	// tasks, or by it.
	decidedTimeout = time.Second

	// lastList bounds the last try to list a request when the process stops.
	lastList = 2 * time.Second
)

// maxSubmissions bounds how many submitted modals are remembered.
const maxSubmissions = 1024

// submission is a submitted modal that asked for a request, and its answer.
type submission struct {
	answered chan struct{} // closed once message is the answer
	message  texts.Message // empty if it isn't known
}

// repeats returns the reply to another delivery of a submission: the answer to the
// first one, or that it isn't known here.
func (s *submission) repeats(unknown texts.Message) reply {
	return reply{find: func(ctx context.Context) reply {
		select {
		case <-s.answered:
			if s.message.Text != "" {
				return alone(s.message)
			}
		case <-ctx.Done():
		}
		return alone(unknown)
	}}
}

// answers returns a as the answer to the submission.
func (s *submission) answers(a reply) reply {
	if a.find == nil {
		s.message = a.message
		close(s.answered)
		return a
	}
	find := a.find
	a.find = func(ctx context.Context) reply {
		defer close(s.answered)
		found := find(ctx)
		s.message = found.message
		return found
	}
	return a
}

// submitted posts a request that was submitted in a modal. It returns the answer for
// the modal. It posts one request for all deliveries of the submission, each of which
// is answered, because its acknowledgement has replaced what the modal showed. All
// get the answer to the first one.
func (c *commands) submitted(ctx context.Context, log *slog.Logger, k slackapi.Click, asked decision.Confirmation) reply {
	mine := &submission{answered: make(chan struct{})}
	if first, again, _ := c.submissions.PeekOrAdd(asked.ID, mine); again {
		log.Info("request delivered twice")
		return first.repeats(c.texts.AskedBefore(asked))
	}
	said, first := c.first(ctx, log, "modal "+asked.ID, asked)
	switch {
	case first:
		return mine.answers(c.ask(ctx, log, k, asked))
	case said.message.Text == "": // another replica has answered
		return mine.answers(alone(c.texts.AskedBefore(asked)))
	}
	c.submissions.Remove(asked.ID) // another delivery may find the journal
	return mine.answers(said)
}

// ask judges the first delivery of a submitted modal like a command: everything may
// have changed since the modal was shown. It posts its request.
func (c *commands) ask(ctx context.Context, log *slog.Logger, k slackapi.Click, asked decision.Confirmation) reply {
	who := asker{user: k.User, team: asked.Team, channel: asked.Channel, thread: asked.Thread, origin: k.Origin}
	found := c.prompter.consider(ctx, log, who, input.Request{Tasks: asked.IDs(), Reason: asked.Reason})
	if found.explained.Text != "" {
		return alone(found.explained)
	}
	found.confirmation.Public = true // as the modal said
	return reply{find: func(ctx context.Context) reply {
		if failed := c.request(ctx, log, k.ResponseURL, found); failed.Text != "" {
			return alone(failed)
		}
		return alone(c.texts.Requested(found.confirmation))
	}}
}

// first reports whether this delivery of a command or a submitted modal is the one that
// posts the request: the first among all replicas. If it isn't, said is the answer:
// nothing, or that the request may have been posted if the journal doesn't answer.
func (c *commands) first(ctx context.Context, log *slog.Logger, event string, asked decision.Confirmation) (said reply, first bool) {
	by := signed.NewID(time.Now())
	err := work.Retry(ctx, askPatience, func() (err error) {
		first, err = c.requests.journal.BeginAsking(ctx, event, by)
		return err
	})
	switch {
	case err != nil:
		log.Warn("request not posted", "error", err)
		return alone(c.texts.PerhapsAsked(asked)), false
	case !first:
		log.Info("request delivered twice")
	}
	return reply{}, first
}

// askByCommand posts the request that a command asked for, unless another delivery of the
// command does, and returns the answer. If that takes long, it says so meanwhile.
func (c *commands) askByCommand(ctx context.Context, log *slog.Logger, cmd slackapi.Command, found considered) reply {
	waiting, asked := context.WithCancel(ctx)
	var saying sync.WaitGroup
	saying.Go(func() {
		defer work.RecoverPanic(log)
		if work.Sleep(waiting, askingAfter) {
			_ = c.poster.To(waiting, cmd.Target(), c.requests.unlessPressed(found.confirmation, c.texts.Asking(found.confirmation)), slackapi.Ephemeral) // in one try: the request or the reason follows
		}
	})
	defer saying.Wait()
	defer asked()
	said, first := c.first(ctx, log, cmd.Event, found.confirmation)
	if !first {
		said.message = c.texts.WithLeftOut(said.message, found.preview.Excluded)
		return said
	}
	return alone(c.request(ctx, log, cmd.ResponseURL, found))
}

// request posts a request, and returns what its requester has to know; an empty
// message if it was posted.
func (c *commands) request(ctx context.Context, log *slog.Logger, responseURL string, found considered) texts.Message {
	var failed texts.Message
	switch c.requests.post(ctx, log, responseURL, found.confirmation, c.promptOf(found)) {
	case slackapi.Unclear:
		failed = c.texts.PerhapsAsked(found.confirmation)
	case slackapi.Refused, slackapi.Later:
		failed = c.texts.NotRequested(found.confirmation)
		if c.requests.decided(ctx, found.confirmation) {
			failed = c.texts.NotNeeded(found.confirmation)
		}
	case slackapi.Posted:
	}
	return c.texts.WithLeftOut(failed, found.preview.Excluded)
}

// post posts a request in its thread, or else in its channel, and lists it there, so
// that it is replaced when it expires. If the bot can't post there, the response_url has
// the request instead, for which post waits as long as Slack asks and the request is
// open; only a late click replaces that one. If it may have been posted, it isn't posted again,
// nor is it posted once other decisions have its tasks. post returns the status of the last
// try.
func (r *requests) post(ctx context.Context, log *slog.Logger, responseURL string, c decision.Confirmation, m texts.Message) (status slackapi.Status) {
	// If the process stops or the request expires during a pause, status is still that
	// of the last try.
	status = slackapi.Later
	tried := false
	once := func(post func() error) error {
		if !r.now().Before(c.ExpiresAt) {
			return work.Permanent(signed.ErrExpired)
		}
		if tried && r.decided(ctx, c) {
			return work.Permanent(errDecided)
		}
		tried = true
		err := post()
		status, _ = slackapi.Classify(err)
		return slackapi.UnlessPosted(err)
	}
	open := func() time.Duration { return max(c.ExpiresAt.Sub(r.now()), time.Nanosecond) } // 0 would be no limit
	var ts string
	err := slackapi.Retry(ctx, askPatience, min(askPause, open()), func() error {
		return once(func() (err error) {
			ctx, cancel := context.WithTimeout(ctx, open()) // Post may wait for its turn in the channel
			defer cancel()
			ts, err = r.poster.Post(ctx, c.Channel, c.Thread, slackapi.Always(m))
			if said, _ := slackapi.Classify(err); said == slackapi.Refused && c.Thread != "" { // it may be gone
				c.Thread = ""
				ts, err = r.poster.Post(ctx, c.Channel, c.Thread, slackapi.Always(m))
			}
			return err
		})
	})
	switch {
	case errors.Is(err, errDecided):
		log.Info("request not posted; other decisions have its tasks")
		return status
	case status == slackapi.Posted:
		r.carrier.Aside.Run(ctx, c.Channel, func(ctx context.Context) { r.list(ctx, log, c, ts) })
		return status
	case status == slackapi.Refused, status == slackapi.Later:
		log.Info("can't post a request in the channel; answering the command instead", "reason", err)
		err = slackapi.Retry(ctx, replyPatience, open(), func() error {
			return once(func() error {
				return r.poster.Respond(ctx, slackapi.Target{Channel: c.Channel, User: c.Requester, ResponseURL: responseURL}, slackapi.Always(m), slackapi.InChannel)
			})
		})
	}
	if status == slackapi.Unclear && r.pressed(ctx, c) {
		return slackapi.Posted
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

// decided reports whether other decisions have all tasks of a request that isn't posted.
func (r *requests) decided(ctx context.Context, c decision.Confirmation) bool {
	ctx, cancel := context.WithTimeout(ctx, decidedTimeout)
	defer cancel()
	_, err := r.journal.Became(ctx, decision.ID(c.ID), c.IDs())
	return err == nil
}

// pressed reports whether someone has pressed a request's button, which then was posted.
func (r *requests) pressed(ctx context.Context, c decision.Confirmation) bool {
	if r.judging.has(c.ID) || r.carrier.Carries(c) || r.carrier.Withdraws(c) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, decidedTimeout)
	defer cancel()
	_, err := r.journal.Get(ctx, decision.ID(c.ID))
	return err == nil
}

// unlessPressed returns a Choose for what is true of a request that may not be posted.
func (r *requests) unlessPressed(c decision.Confirmation, m texts.Message) slackapi.Choose {
	return func(ctx context.Context) (texts.Message, error) {
		if r.pressed(ctx, c) {
			return texts.Message{}, errPressed
		}
		return m, nil
	}
}

// list notes a request that was posted, in the thread of c, even while the process
// stops. It tries as long as the request is open.
func (r *requests) list(ctx context.Context, log *slog.Logger, c decision.Confirmation, ts string) {
	open := journal.Request{ID: decision.ID(c.ID), MessageTS: ts, Confirmation: r.signer.Encode(c)}
	opened := func(ctx context.Context) error {
		left, remind := c.ExpiresAt.Sub(r.now()), time.Duration(0)
		if r.remind > 0 {
			remind = max(left-r.remind, time.Millisecond)
		}
		return r.journal.Opened(ctx, open, remind, left+carry.RequestGrace)
	}
	err := work.Retry(ctx, max(c.ExpiresAt.Sub(r.now()), replyPatience), func() error { return opened(ctx) })
	if err = work.OnceMore(ctx, err, lastList, opened); err != nil {
		log.Warn("request not listed; its message won't change when it expires", "error", err)
	}
}
