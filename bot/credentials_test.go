package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// The audit channel gets one note about a refused credential, and one when it
// works again, however many replicas try it and however often.
func TestRefusedCredentialIsReportedOnceInAuditChannel(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { w.bot.AuditChannel = slacktest.Deals; o = *w })
		o.url = w.url
		replicas := []*journal.Journal{w.journal, w.open(o)}
		tried := func(which, refusal string, tell bool) {
			t.Helper()
			for range 3 {
				for _, j := range replicas {
					w.must(j.CredentialTried(t.Context(), which, refusal, tell))
				}
				time.Sleep(5 * time.Minute)
			}
		}
		for range 2 {
			tried("api_key", "", true)
			tried("api_key", "expired", true)
			tried("app_token", "token_revoked", true)
			tried("app_token", "", true)
		}
		tried("api_key", "", true)
		golden(t, "audit of credentials", w.slack.History(slacktest.Deals)...)
	})
}

// A refused bot token can't post anything. Its only note is posted once it
// works again, and says when it was found refused.
func TestRefusedBotTokenIsReportedOnceAccepted(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, func(o *options) { o.bot.AuditChannel = slacktest.Deals })
		w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
		began := time.Now()
		w.must(w.journal.CredentialTried(t.Context(), "bot_token", "token_revoked", false))
		time.Sleep(time.Hour)
		w.slack.RefuseToken(slacktest.BotToken, "")
		w.must(w.journal.CredentialTried(t.Context(), "bot_token", "", true))
		w.eventually("the note", func() bool { return len(w.slack.History(slacktest.Deals)) > 0 })
		time.Sleep(time.Hour)
		history := w.slack.History(slacktest.Deals)
		golden(t, "audit of a bot token", history...)
		for _, moment := range []time.Time{began, began.Add(time.Hour)} {
			if at := moment.UTC().Format("15:04 UTC"); len(history) != 1 || !strings.Contains(history[0].Text, at) {
				t.Errorf("%s is not told in %v", at, history)
			}
		}
	})
}

// The bot token is refused until someone replaces it, which says nothing about a message:
// a request that ends in between is updated then, and so is the announcement of an
// outcome that became known.
func TestRefusedTokenLosesNoUpdate(t *testing.T) {
	replace := func(w *world) {
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(w.Context(), newBotToken))
		time.Sleep(2 * time.Hour)
	}
	t.Run("a request", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t, secondPerson)
			prompt := w.ask(ada, general, "/cancel-task 12345")
			time.Sleep(time.Until(w.endOf(prompt)) - time.Minute)
			w.slack.RefuseToken(slacktest.BotToken, "token_expired")
			time.Sleep(5 * time.Minute)
			replace(w)
			if now := w.now(prompt); len(now.Buttons()) > 0 || !ranOut(now.Text) {
				t.Errorf("two hours later it shows %s", now.Text)
			}
		})
	})
	t.Run("a final result", func(t *testing.T) {
		virtual(t, func(t *testing.T) {
			w := newWorld(t)
			first := unknownThenCancelled(w, slacktest.Fault{Method: "none", Status: 503})
			w.slack.RefuseToken(slacktest.BotToken, "token_expired")
			time.Sleep(2 * time.Minute)
			replace(w)
			if now := w.now(first); meaning(now) != "cancelled" {
				t.Errorf("two hours later the announcement says %s", now.Text)
			}
		})
	})
}
