package cli

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/socketmode"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// tryEvery is how often the credentials are tried, so that an operator
	// learns of one that is refused before somebody needs it.
	tryEvery = 5 * time.Minute

	// lookEvery is how often the key's file is looked at.
	lookEvery = 10 * time.Second

	tryTimeout = 30 * time.Second
)

// credential is a token or a key.
type credential struct {
	which string // for metric and log
	try   func(context.Context) error
	// refusal says what is wrong with it and what to do; false if err says
	// nothing about the credential.
	refusal func(err error) (found, remedy string, refused bool)

	mu      sync.Mutex
	refused bool
}

// credentials watches over the two tokens and the key.
type credentials struct {
	all     []*credential
	api     string                // Slack's address, for remedies
	newKey  func() (changed bool) // uses the key that its file holds now
	gauge   *prometheus.GaugeVec
	log     *slog.Logger
	every   time.Duration
	looking time.Duration
}

func newCredentials(cfg config, b *bot.Bot, key *tasks, registry prometheus.Registerer, log *slog.Logger) *credentials {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "cancelbot_credential_refused", Help: "1 where Slack or Chamelio refuses a token or the key, else 0.",
	}, []string{"which"})
	registry.MustRegister(gauge)
	slackSays := func(token bot.Token) func(error) (string, string, bool) {
		return func(err error) (string, string, bool) {
			var refused *bot.TokenError
			if !errors.As(err, &refused) && !errors.Is(err, socketmode.ErrTokenRefused) {
				return "", "", false
			}
			return "Slack refuses the " + string(token) + " token: " + doctor.Explain(err), doctor.Remedy(token, cfg.SlackAPIURL, err), true
		}
	}
	options := socketmode.Options{AppToken: cfg.SlackAppToken.Reveal(), APIURL: cfg.SlackAPIURL}
	c := &credentials{api: cfg.SlackAPIURL, gauge: gauge, log: log, every: tryEvery, looking: lookEvery, all: []*credential{
		{which: "app_token", try: func(ctx context.Context) error { return socketmode.CheckToken(ctx, options) }, refusal: slackSays(bot.AppToken)},
		{which: "bot_token", try: func(ctx context.Context) error { _, err := b.Workspace(ctx); return err }, refusal: slackSays(bot.BotToken)},
		{which: "api_key", try: func(ctx context.Context) error { _, err := key.check(ctx); return err }, refusal: keySays},
	}}
	c.newKey = c.keyFromFile(key)
	for _, one := range c.all {
		gauge.WithLabelValues(one.which).Set(0)
	}
	return c
}

// key is the one for Chamelio.
func (c *credentials) key() *credential { return c.all[len(c.all)-1] }

func keySays(err error) (string, string, bool) {
	return doctor.ExplainKey(err), doctor.KeyRemedy(err), doctor.KeyRefused(err)
}

// keyFromFile uses what CHAMELIO_API_KEY_FILE holds, once that changes. A file
// that cannot be read changes nothing: it may be being replaced.
func (c *credentials) keyFromFile(key *tasks) func() bool {
	seen := key.options.APIKey
	return func() bool {
		content, found, wrong := secretFile(variables["APIKey"])
		if !found || wrong != nil || content.Reveal() == seen {
			return false
		}
		seen = content.Reveal()
		var option *chamelio.OptionError
		if err := key.use(seen); errors.As(err, &option) {
			c.log.Error("CHAMELIO_API_KEY_FILE has changed, but holds no key: the old key stays in use", "error", "what it holds "+option.Advice)
			return false
		}
		c.log.Info("CHAMELIO_API_KEY_FILE has changed: the new key is in use")
		return true
	}
}

// watch runs until ctx ends.
func (c *credentials) watch(ctx context.Context) {
	look, try := time.NewTicker(c.looking), time.NewTicker(c.every)
	defer look.Stop()
	defer try.Stop()
	for {
		select {
		case <-look.C:
			if c.newKey() {
				c.tryAll(ctx)
			}
		case <-try.C:
			c.tryAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (c *credentials) tryAll(ctx context.Context) {
	for _, one := range c.all {
		trying, cancel := context.WithTimeout(ctx, tryTimeout)
		err := one.try(trying)
		cancel()
		if ctx.Err() == nil {
			c.note(one, err)
		}
	}
}

// note tells what came of trying a credential. Trouble that says nothing about
// it leaves it as it was.
func (c *credentials) note(one *credential, err error) {
	var found, remedy string
	refused := false
	if err != nil {
		found, remedy, refused = one.refusal(err)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	switch {
	case refused:
		c.log.Error("a credential is refused; it is tried again", "which", one.which, "error", found, "remedy", cmp.Or(remedy, "see docs/troubleshoot.md"))
	case err != nil:
		return
	case one.refused:
		c.log.Info("a credential is accepted again", "which", one.which)
	}
	one.refused = refused
	value := 0.0
	if refused {
		value = 1
	}
	c.gauge.WithLabelValues(one.which).Set(value)
}
