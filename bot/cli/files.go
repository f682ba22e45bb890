package cli

import (
	"context"
	"errors"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// watchedFile is the file that NAME_FILE names. What it holds is used once it
// changes, without a restart.
type watchedFile struct {
	variable string
	seen     secret.Value // in use, or of no use
	told     secret.Value // cannot be used now, which was told, and is tried again
	use      func(context.Context, secret.Value) error
}

// lookAtFiles uses what has changed. It reports whether anything was.
func (c *credentials) lookAtFiles(ctx context.Context) (changed bool) {
	for _, f := range c.files {
		if c.lookAt(ctx, f) {
			changed = true
		}
	}
	return changed
}

// lookAt uses what the file holds now. A file that cannot be read changes
// nothing: it may be being replaced. What can be tried again is.
func (c *credentials) lookAt(ctx context.Context, f *watchedFile) bool {
	content, found, wrong := secretFile(f.variable)
	if !found || wrong != nil || content.Reveal() == f.seen.Reveal() {
		return false
	}
	c.learn(content)
	trying, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	err := f.tryUse(trying, content)
	why, final := unusable(err)
	switch {
	case ctx.Err() != nil:
		return false
	case err == nil:
		c.log.Info("the file of a secret has changed: what it holds now is in use", "variable", f.variable+"_FILE")
	case content.Reveal() != f.told.Reveal():
		c.log.Error("the file of a secret has changed, but what it holds cannot be used: the old one stays in use", "variable", f.variable+"_FILE", "error", why, "again_in", again(c.looking, final))
	}
	if f.told = content; err == nil || final {
		f.seen = content
	}
	return err == nil
}

// tryUse names content that isn't a bare secret, and uses all other.
func (f *watchedFile) tryUse(ctx context.Context, content secret.Value) error {
	if misform := secret.Misform(content.Reveal(), prefixes[f.variable]...); misform != "" {
		return misformed(misform)
	}
	return f.use(ctx, content)
}

// misformed is what is wrong with the form of a secret, to be read after what
// holds it.
type misformed string

func (e misformed) Error() string { return "what it holds " + string(e) }

// again is when the next try is; 0 if there is none.
func again(every time.Duration, final bool) time.Duration {
	if final {
		return 0
	}
	return every
}

// unusable says why what a file holds cannot be used, and whether that stays
// so.
func unusable(err error) (why string, final bool) {
	var option *chamelio.OptionError
	switch {
	case err == nil:
		return "", true
	case errors.As(err, &option):
		return "what it holds " + option.Advice, true
	case errors.As(err, new(misformed)), errors.As(err, new(*bot.OtherAppError)):
		return err.Error(), true
	case errors.Is(err, bot.ErrNoToken), errors.Is(err, bot.ErrOtherWorkspace):
		return err.Error(), true
	case isTokenError(err):
		return "Slack refuses it: " + doctor.Explain(err), false
	}
	return doctor.Explain(err), false
}
