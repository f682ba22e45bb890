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
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// tryEvery is how often the credentials are tried, so that the operator
	// learns about a refused one before anyone needs it.
	tryEvery = 5 * time.Minute

	// readEvery is how often the files of the secrets are read.
	readEvery = 10 * time.Second

	tryTimeout = 30 * time.Second
)

// credential is a token or a key.
type credential struct {
	which string // for metric, log and journal
	try   func(context.Context) error
	// refusal explains why the credential is refused; nil if err says nothing
	// about it.
	refusal func(err error) *refusal
	silent  bool // nothing can be posted while it is refused

	mu      sync.Mutex
	refused bool
	noted   *bool // whether the journal has it as refused; nil if that isn't known
}

// refusal is why a credential is refused: a code, and texts for the operator.
type refusal struct {
	code string
	doctor.Result
}

// credentialNotes is the part of the journal that credentials need.
type credentialNotes interface {
	CredentialTried(ctx context.Context, which, refusal string, tell bool) error
}

// credentials monitors the two tokens and the key.
type credentials struct {
	all        []*credential
	api        string // Slack's address, for remedies
	files      []*watchedFile
	learn      func(...secret.Value) // called with what a file has, so that it is redacted if it is a secret
	notes      credentialNotes
	gauge      *prometheus.GaugeVec // of refused ones
	unreadable *prometheus.GaugeVec // of files
	log        *slog.Logger
	every      time.Duration
	looking    time.Duration
}

func newCredentials(cfg config, b *bot.Bot, key *tasks, notes credentialNotes, registry prometheus.Registerer, log *logs) *credentials {
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "cancelbot_credential_refused", Help: "Whether Slack or Chamelio refuses a credential: 1 or 0.",
	}, []string{"credential"})
	unreadable := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "cancelbot_credential_file_unreadable", Help: "Whether the file of a credential has not been readable for a minute: 1 or 0.",
	}, []string{"credential"})
	registry.MustRegister(gauge, unreadable)
	slackSays := func(token bot.Token) func(error) *refusal {
		return func(err error) *refusal {
			if !isTokenError(err) {
				return nil
			}
			return tokenRefused(token, cfg.SlackAPIURL, err)
		}
	}
	c := &credentials{api: cfg.SlackAPIURL, notes: notes, gauge: gauge, unreadable: unreadable, log: log.Logger, learn: log.secrets.learn, every: tryEvery, looking: readEvery, all: []*credential{
		{which: "app_token", try: b.CheckAppToken, refusal: slackSays(bot.AppToken)},
		{which: "bot_token", try: func(ctx context.Context) error { _, err := b.Workspace(ctx); return err }, refusal: slackSays(bot.BotToken), silent: true},
		{which: "api_key", try: func(ctx context.Context) error { _, err := key.check(ctx); return err }, refusal: keySays},
	}}
	c.files = []*watchedFile{
		newWatchedFile("SLACK_APP_TOKEN", cfg.SlackAppToken, b.UseAppToken, c.appToken()),
		newWatchedFile("SLACK_BOT_TOKEN", cfg.SlackBotToken, b.UseBotToken, c.botToken()),
		newWatchedFile("CHAMELIO_API_KEY", cfg.ChamelioAPIKey, key.use, c.key()),
	}
	key.reread = func(ctx context.Context) { c.look(ctx, c.keyFile()) }
	for _, one := range c.all {
		gauge.WithLabelValues(one.which).Set(0)
		unreadable.WithLabelValues(one.which).Set(0)
	}
	return c
}

// appToken, botToken and key return one of the credentials.
func (c *credentials) appToken() *credential { return c.all[0] }
func (c *credentials) botToken() *credential { return c.all[1] }
func (c *credentials) key() *credential      { return c.all[2] }

// botTokenFile and keyFile return the files of two of them.
func (c *credentials) botTokenFile() *watchedFile { return c.files[1] }
func (c *credentials) keyFile() *watchedFile      { return c.files[2] }

func tokenRefused(token bot.Token, api string, err error) *refusal {
	return &refusal{doctor.Explain(err), tokenFailed(token, api, err)}
}

func tokenFailed(token bot.Token, api string, err error) doctor.Result {
	if token == bot.AppToken {
		return doctor.AppTokenFailed(api, err)
	}
	return doctor.BotTokenFailed(api, err)
}

func keySays(err error) *refusal {
	var e *chamelio.Error
	if !doctor.KeyRefused(err) || !errors.As(err, &e) {
		return nil
	}
	return &refusal{cmp.Or(string(e.Reason), "unclear"), doctor.APIKeyFailed(err)}
}

// watch tries the credentials and reads their files until ctx ends, each on its own: one
// that hangs delays no other.
func (c *credentials) watch(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, one := range c.all {
		all.Go(func() { every(ctx, c.every, func() { c.try(ctx, one) }) })
	}
	for _, f := range c.files {
		all.Go(func() { every(ctx, c.looking, func() { c.look(ctx, f) }) })
	}
}

// every calls do at intervals until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}

func (c *credentials) try(ctx context.Context, one *credential) {
	trying, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	if err := one.try(trying); ctx.Err() == nil {
		c.note(ctx, one, err)
	}
}

// note records the result of trying a credential. An error that says nothing
// about the credential changes nothing.
func (c *credentials) note(ctx context.Context, one *credential, err error) {
	no, says := one.verdict(err)
	if !says {
		return
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	switch {
	case no != nil:
		c.log.Error("credential refused; retrying", "precondition", string(no.Name), "which", one.which, "error", no.Found, "remedy", cmp.Or(no.Remedy, "see docs/troubleshoot.md"))
	case one.refused:
		c.log.Info("credential accepted again", "which", one.which)
	}
	one.refused = no != nil
	value := 0.0
	if one.refused {
		value = 1
	}
	c.gauge.WithLabelValues(one.which).Set(value)
	c.record(ctx, one, no)
}

// lastNote is note for an error that stops the bot, and so is logged anyway.
func (c *credentials) lastNote(ctx context.Context, one *credential, err error) {
	if no, says := one.verdict(err); says {
		one.mu.Lock()
		defer one.mu.Unlock()
		c.record(ctx, one, no)
	}
}

// verdict returns why the credential is refused, or nil if it is accepted;
// false if err says neither.
func (one *credential) verdict(err error) (no *refusal, says bool) {
	if err == nil {
		return nil, true
	}
	no = one.refusal(err)
	return no, no != nil
}

// record reports a change to the journal, and so to the audit channel. The
// journal knows what was before this process started. If the journal is away,
// the next try reports it.
func (c *credentials) record(ctx context.Context, one *credential, no *refusal) {
	refused, code := no != nil, ""
	if refused {
		code = no.code
	}
	if one.noted != nil && *one.noted == refused {
		return
	}
	if err := c.notes.CredentialTried(ctx, one.which, code, !refused || !one.silent); err != nil {
		c.log.Warn("credential state not saved for the audit channel; retrying", "which", one.which, "error", err)
		return
	}
	one.noted = &refused
}
