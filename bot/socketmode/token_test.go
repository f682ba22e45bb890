package socketmode_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// A token that replaces another serves the next connections; those that are
// open stay.
func TestNewConnectionsUseReplacedToken(t *testing.T) {
	const fresh = "xapp-fresh"
	w := newWorld(t)
	c, _ := w.start(w.options(1))
	w.slack.AddToken(fresh)
	opened := w.slack.Opened()
	if err := c.UseToken(fresh); err != nil {
		t.Fatal(err)
	}
	w.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	if err := c.CheckToken(t.Context()); err != nil {
		t.Errorf("the new token: %v", err)
	}
	if w.slack.Opened() != opened {
		t.Error("a connection was opened anew")
	}
	w.slack.Cut()
	w.eventually("the next connection", func() bool { return w.slack.Opened() == opened+1 && w.slack.Connections() == 1 })
	for _, wrong := range []string{"", "xoxb-other", "xapp-with blank"} {
		if err := c.UseToken(wrong); err == nil || strings.Contains(err.Error(), "other") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	if err := c.CheckToken(t.Context()); err != nil {
		t.Errorf("the new token, after what is none: %v", err)
	}
}

// A token that is revoked before its successor is in place is tried for a while. After
// that, Run ends.
func TestRefusedTokenAwaitsItsSuccessor(t *testing.T) {
	const fresh = "xapp-fresh"
	w := newWorld(t)
	o := w.options(1)
	o.TokenPatience = time.Hour
	c, _ := w.start(o)
	w.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	w.slack.Cut()
	w.eventually("it is refused", func() bool { return strings.Contains(w.log.String(), "token_revoked") })
	w.slack.AddToken(fresh)
	if err := c.UseToken(fresh); err != nil {
		t.Fatal(err)
	}
	w.eventually("it is back", func() bool { return c.Open() == 1 })

	w = newWorld(t)
	o = w.options(1)
	o.TokenPatience = 1500 * time.Millisecond
	_, ended := w.start(o)
	w.slack.RefuseToken(slacktest.AppToken, "token_revoked")
	w.slack.Cut()
	if err := <-ended; !errors.Is(err, socketmode.ErrTokenRefused) {
		t.Errorf("Run returned %v", err)
	}
}
