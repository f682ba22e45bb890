package carry

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// signAfter is how long after a press its person is shown that it is being handled. The
// message then has another 1.5 s to appear: people see a sign of life within three
// seconds.
const signAfter = 1500 * time.Millisecond

// Sign shows the person who pressed a button that the press is being handled, if
// that takes long (law 13). It ends with the answer to the press; one below a prompt that
// asks for a reason stays. Its methods work on a nil Sign, which shows nothing.
type Sign struct {
	where slackapi.Placement
	timer *time.Timer

	mu      sync.Mutex
	over    bool
	sent    chan struct{} // made when the message is sent, closed when Slack has answered
	refused bool          // Slack certainly doesn't have the message
}

// Watch begins to watch a press. Unless it is answered soon, Watch shows m: in place
// of the prompt if the press may replace it and the journal says that nothing has
// been decided, else below it. It shows nothing if another delivery of the press is
// being carried out: that one shows the result.
func (c *Carrier) Watch(ctx context.Context, p Press, m texts.Message, mayReplace bool) *Sign {
	s := &Sign{where: ephemeral}
	s.timer = time.AfterFunc(max(signAfter-time.Since(p.Received), 0), func() {
		defer work.RecoverPanic(p.Log)
		err := errNotUndecided
		defer func() { s.end(p.Log, err) }()
		switch {
		case mayReplace && p.Aside() == replaceOriginal:
			err = c.Poster.Respond(ctx, p.Target(), func(ctx context.Context) (texts.Message, error) {
				if err := c.undecided(ctx, p); err != nil {
					return texts.Message{}, err
				}
				return m, s.begin(replaceOriginal)
			}, replaceOriginal)
		case errors.Is(c.undecided(ctx, p), errRedelivered):
			err = errRedelivered
		}
		if errors.Is(err, errNotUndecided) {
			if err = s.begin(ephemeral); err == nil {
				err = c.Poster.To(ctx, p.Target(), slackapi.Always(m), ephemeral)
			}
		}
	})
	return s
}

var (
	errNotUndecided = errors.New("its prompt may be decided")
	errAnswered     = errors.New("the press is answered")
)

// begin notes that the message is being sent. It returns errAnswered if nothing may
// be sent any more.
func (s *Sign) begin(where slackapi.Placement) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return errAnswered
	}
	s.where, s.sent = where, make(chan struct{})
	return nil
}

// end notes what Slack said, if the message was sent.
func (s *Sign) end(log *slog.Logger, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !errors.Is(err, errAnswered) && !errors.Is(err, errRedelivered) {
		log.Info("can't show that a click is being checked", "error", err)
	}
	if s.sent == nil {
		return
	}
	status, _ := slackapi.Classify(err)
	s.refused = status == slackapi.Refused || status == slackapi.Later
	close(s.sent)
}

// Stop ends the sign: nothing is sent after it. It returns a channel that is
// closed once an earlier message has arrived; nil if there was none.
func (s *Sign) Stop() <-chan struct{} {
	if s == nil {
		return nil
	}
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.sent
}

// Wait stops the sign, and waits until an earlier message has arrived.
func (s *Sign) Wait() {
	if sent := s.Stop(); sent != nil {
		<-sent
	}
}

// Spent returns how many uses of the response_url the sign has spent. It must be
// called after Stop.
func (s *Sign) Spent() int {
	if s.Stop() == nil {
		return 0
	}
	return 1
}

// Below stops the sign, and reports whether it was sent below a message.
func (s *Sign) Below() bool { return s.Stop() != nil && s.where == ephemeral }

// Shown stops the sign, waits until it has arrived, and reports whether Slack may show it.
func (s *Sign) Shown() bool {
	s.Wait()
	return s.Spent() > 0 && !s.refused
}

// Replaced is Shown for a sign in place of the prompt.
func (s *Sign) Replaced() bool { return s.Shown() && s.where == replaceOriginal }
