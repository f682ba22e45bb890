package bot_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

var (
	newBotToken = secret.New("xoxb-4444-new")
	newAppToken = secret.New("xapp-4444-new")
)

// A prompt from before the rotation is confirmed, and announced, even by the
// next start, which only has the new token.
func TestBotTokenIsReplacedAtRunTime(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12344"))
		under := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
		time.Sleep(5 * time.Minute)
		w.confirm(ada, prompt)
		if w.api.Effects(12344) != 1 {
			t.Error("nothing was cancelled")
		}
		w.wantPrompt(w.slash(grace, general, "/cancel-task 12345"))

		w.api.Break(chameliotest.Fault{Task: 12345, Hang: true})
		w.acked(w.slack.Click(ada, under, "cancel_task"))
		time.Sleep(time.Second)
		w.must(w.stop())
		if n := len(w.slack.History(general)); n != 1 {
			t.Fatalf("%d announcements: it was to be cut off before the second", n)
		}
		w.api.ClearFaults()
		o.journal, o.bot.BotToken = w.journal, newBotToken
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		w.eventually("the announcement", func() bool { return len(w.slack.History(general)) == 2 })
	})
}

// A prompt from before the rotation is valid even after a restart.
func TestPromptSurvivesTokenRotationAndRestart(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		w.must(w.stop())
		o.journal, o.bot.BotToken = w.journal, newBotToken
		stop := w.start(o)
		defer func() { w.must(stop()) }()
		w.eventually("the bot connects", func() bool { return w.slack.Connections() == 2 })
		w.confirm(ada, prompt)
	})
}

// A modal that is open during the rotation can be submitted.
func TestModalSurvivesTokenRotation(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t, requireReason)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		modal := w.askedForReason(ada, prompt)
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		time.Sleep(5 * time.Minute)
		if said := w.submitted(ada, modal, "duplicate"); said != "" {
			t.Errorf("it is not taken: %s", said)
		}
		w.eventually("the outcome", func() bool { return len(w.slack.History(general)) == 1 })
	})
}

// Both replicas go back to the earlier token, minutes apart. Until then, and after,
// each takes the other's prompts.
func TestBotTokenGoesBack(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(w *options) { o = *w })
		w.slack.AddToken(newBotToken.Reveal())
		w.api.Add(1000, 16)
		first := w.bot
		w.replica(o)
		second := w.bot
		w.must(first.UseBotToken(t.Context(), newBotToken))
		w.must(second.UseBotToken(t.Context(), newBotToken))
		time.Sleep(time.Hour)
		w.must(first.UseBotToken(t.Context(), botToken))
		time.Sleep(5 * time.Minute)
		for i := range 16 {
			if i == 8 {
				w.must(second.UseBotToken(t.Context(), botToken))
			}
			w.confirm(ada, w.wantPrompt(w.slash(ada, general, fmt.Sprint("/cancel-task ", 1000+i))))
		}
	})
}

// An unusable token changes nothing.
func TestUnusableTokenIsRejected(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.AddToken(newBotToken.Reveal())
		use := func(token secret.Value) error { return w.bot.UseBotToken(t.Context(), token) }
		var refused *bot.TokenError
		if err := use(secret.New("xoxb-unknown")); !errors.As(err, &refused) || refused.Token != bot.BotToken {
			t.Errorf("refused by Slack: %v", err)
		}
		if err := use(newAppToken); !errors.Is(err, bot.ErrNoToken) {
			t.Errorf("of the other kind: %v", err)
		}
		w.slack.SetInstallation(slacktest.Installation{TeamID: "T9OTHER"})
		if err := use(newBotToken); !errors.Is(err, bot.ErrOtherWorkspace) {
			t.Errorf("of another installation: %v", err)
		}
		w.slack.SetInstallation(slacktest.Installation{TeamID: slacktest.TeamID})
		w.must(w.journal.Close())
		if err := use(newBotToken); err == nil {
			t.Error("taken without the journal")
		}
		app := func(token secret.Value) error { return w.bot.UseAppToken(t.Context(), token) }
		if err := app(newAppToken); !errors.As(err, &refused) || refused.Token != bot.AppToken {
			t.Errorf("refused by Slack: %v", err)
		}
		if err := app(newBotToken); !errors.Is(err, bot.ErrNoToken) {
			t.Errorf("of the other kind: %v", err)
		}
		w.must(w.bot.CheckAppToken(t.Context()))
	})
}

// Slack couldn't be asked for which app a new token is: it isn't used before it could. If
// Slack won't say, because the bot lacks a scope, its workspace is enough.
func TestTokenOfAnUnknownAppIsNotUsed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.AddToken(newBotToken.Reveal())
		var unknown *bot.UnknownAppError
		for _, fault := range []slacktest.Fault{{Status: 503}, {Error: "internal_error"}, {Cut: true}} {
			fault.Method, fault.Times = "bots.info", 1
			w.slack.Break(fault)
			if err := w.bot.UseBotToken(t.Context(), newBotToken); !errors.As(err, &unknown) {
				t.Errorf("%+v: %v", fault, err)
			}
		}
		w.slack.Break(slacktest.Fault{Method: "bots.info", Error: "missing_scope"})
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
	})
}

// The workspace joins an Enterprise organisation, and the app is installed there again:
// it is the same app in the same workspace.
func TestBotTokenOfAWorkspaceThatJoinsAnOrganisation(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.slack.AddToken(newBotToken.Reveal())
		w.slack.SetInstallation(slacktest.Installation{EnterpriseID: "E0ORG", EnterpriseName: "org"})
		w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		time.Sleep(time.Minute) // what is known of people is looked up again
		w.confirm(ada, prompt)
		for name, other := range map[string]slacktest.Installation{
			"another workspace":      {TeamID: "T9OTHER", EnterpriseID: "E0ORG"},
			"the whole organisation": {TeamID: slacktest.TeamID, EnterpriseID: "E0ORG", OrgWide: true},
		} {
			w.slack.SetInstallation(other)
			w.slack.AddToken("xoxb-5555-other")
			if err := w.bot.UseBotToken(t.Context(), secret.New("xoxb-5555-other")); !errors.Is(err, bot.ErrOtherWorkspace) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// Slack has refused the bot token since the start, so it never said where the bot is
// installed. The decisions on record show it.
func TestTokenIsComparedAlthoughTheOldOneIsRefused(t *testing.T) {
	for team, want := range map[string]error{slacktest.TeamID: nil, "T9OTHER": bot.ErrOtherWorkspace} {
		t.Run(team, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, func(all *options) { o = *all })
				w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
				w.must(w.stop())
				w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
				w.restart(o, 1)
				time.Sleep(5 * time.Second)
				w.slack.SetInstallation(slacktest.Installation{TeamID: team})
				w.slack.AddToken(newBotToken.Reveal())
				if err := w.bot.UseBotToken(t.Context(), newBotToken); !errors.Is(err, want) {
					t.Errorf("%v, not %v", err, want)
				}
			})
		})
	}
}

// An organisation's token names no workspace, and Slack says only in one which app it is
// for. The decisions on record name some.
func TestTokenOfAnOrganisationIsCompared(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var o options
		w := newWorld(t, func(all *options) {
			all.prepare = func(w *world) {
				w.slack.SetInstallation(slacktest.Installation{EnterpriseID: "E0ORG", EnterpriseName: "org", OrgWide: true})
			}
			o = *all
		})
		w.confirm(ada, w.wantPrompt(w.slash(ada, general, "/cancel-task 12345")))
		w.must(w.stop())
		w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
		w.restart(o, 1)
		time.Sleep(5 * time.Second)
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
	})
}

// Nothing is on record either. The app token says for which app the new bot token has to
// be.
func TestTokenIsComparedWithTheAppToken(t *testing.T) {
	for token, want := range map[string]error{slacktest.AppToken: nil, "xapp-old": bot.ErrUnknownWorkspace} {
		t.Run(token, func(t *testing.T) {
			virtual(t, func(t *testing.T) {
				var o options
				w := newWorld(t, func(all *options) { o = *all })
				w.must(w.stop())
				w.slack.RefuseToken(slacktest.BotToken, "token_revoked")
				w.slack.AddToken(newBotToken.Reveal())
				o.journal, o.bot.AppToken = w.journal, secret.New(token)
				stop := w.start(o)
				defer func() { _ = stop() }()
				time.Sleep(5 * time.Second)
				if err := w.bot.UseBotToken(t.Context(), newBotToken); !errors.Is(err, want) {
					t.Errorf("%v, not %v", err, want)
				}
			})
		})
	}
}

// New connections use the new app token: the old one may be revoked.
func TestAppTokenIsReplacedAtRunTime(t *testing.T) {
	virtual(t, func(t *testing.T) {
		w := newWorld(t)
		w.slack.AddToken(newAppToken.Reveal())
		w.must(w.bot.UseAppToken(t.Context(), newAppToken))
		w.slack.RefuseToken(slacktest.AppToken, "token_revoked")
		w.must(w.bot.CheckAppToken(t.Context()))
		opened := w.slack.Opened()
		w.slack.Cut()
		w.eventually("new connections", func() bool { return w.slack.Opened() >= opened+2 && w.slack.Connections() == 2 })
		w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
	})
}

// A request was posted before the token's file changed, and its end comes long after
// that: all processes were away. It ends like any other.
func TestRequestOfAnEarlierTokenEnds(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var next options
		w := newWorld(t, secondPerson, func(o *options) { next = *o })
		prompt := w.ask(ada, general, "/cancel-task 12345 duplicate of 12346")
		time.Sleep(time.Minute)
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		next.bot.BotToken = newBotToken
		time.Sleep(3 * time.Minute)
		w.must(w.stop())
		time.Sleep(40 * time.Minute)
		w.restart(next, 1)
		time.Sleep(time.Minute)
		if now := w.now(prompt); len(now.Buttons()) > 0 || !ranOut(now.Text) {
			t.Errorf("the request shows %s", now.Text)
		}
	})
}

// An unknown outcome is followed for a day, and its click was signed before the token
// changed.
func TestUnknownOutcomeOfAnEarlierTokenIsFollowed(t *testing.T) {
	virtual(t, func(t *testing.T) {
		var next options
		w := newWorld(t, func(o *options) { next = *o })
		prompt := w.wantPrompt(w.slash(ada, general, "/cancel-task 12345"))
		w.api.Break(chameliotest.Fault{Method: http.MethodPost, Hang: true})
		w.api.Break(chameliotest.Fault{Method: http.MethodGet, Status: http.StatusBadGateway})
		w.acked(w.slack.Click(ada, prompt, "cancel_task"))
		w.eventually("it is unknown", func() bool { return len(w.slack.History(general)) == 1 })
		w.slack.AddToken(newBotToken.Reveal())
		w.must(w.bot.UseBotToken(t.Context(), newBotToken))
		next.bot.BotToken = newBotToken
		time.Sleep(time.Minute)
		w.must(w.stop())
		time.Sleep(20 * time.Hour)
		w.api.ClearFaults()
		w.api.SetStatus(12345, "cancelled")
		w.restart(next, 1)
		time.Sleep(time.Minute)
		if text := w.slack.History(general)[0].Text; !strings.Contains(text, "is cancelled") {
			t.Errorf("the channel reads %s", text)
		}
	})
}
