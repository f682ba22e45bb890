package cli

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// unreadableAfter is how long a file can't be read before that is reported. Replacing one
// takes less.
const unreadableAfter = time.Minute

// watchedFile is the file that NAME_FILE names. When its content changes, it
// is used without a restart.
type watchedFile struct {
	secretFile

	turn     *semaphore.Weighted // held by the one who reads the file and uses its content
	began    time.Time           // when the file was last read
	seen     secret.Value        // in use, or unusable
	reported secret.Value        // unusable for now, which was reported, and to be tried again
	use      func(context.Context, secret.Value) error

	credential *credential // to be tried when it has changed; nil in tests of the file alone

	unreadable time.Time // since when; 0 if it can be read
	lost       bool      // that was reported
}

func newWatchedFile(variable string, seen secret.Value, use func(context.Context, secret.Value) error, one *credential) *watchedFile {
	file := newSecretFile(variable)
	file.pipe = false
	return &watchedFile{secretFile: file, turn: semaphore.NewWeighted(1), seen: seen, use: use, credential: one}
}

// readFile uses the file's content if it has changed, and reports whether it did. A file
// that can't be read changes nothing, because it may be about to be replaced. If another
// try may help, it is tried again.
func (c *credentials) readFile(ctx context.Context, f *watchedFile) bool {
	asked := time.Now()
	if f.turn.Acquire(ctx, 1) != nil {
		return false
	}
	defer f.turn.Release(1)
	if f.began.After(asked) { // someone else has read it meanwhile
		return false
	}
	f.began = time.Now()
	reading, cancel := context.WithTimeout(ctx, fileTimeout)
	content, found, wrong := f.read(reading)
	cancel()
	if ctx.Err() != nil {
		f.began = time.Time{} // the next one reads it
	}
	if !found || ctx.Err() != nil {
		return false
	}
	c.noteReading(f, wrong)
	if wrong != nil || content.Reveal() == f.seen.Reveal() {
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
		c.log.Info("secret file changed; new value in use", "variable", f.variable+"_FILE")
	case content.Reveal() != f.reported.Reveal():
		c.log.Error("secret file changed, but its value is unusable; old value still in use", "variable", f.variable+"_FILE", "error", why, "again_in", again(c.looking, final))
	}
	if f.reported = content; err == nil || final {
		f.seen = content
	}
	return err == nil
}

// noteReading reports that a file hasn't been readable for a while, and that it is again.
func (c *credentials) noteReading(f *watchedFile, wrong *environ.Problem) {
	switch {
	case wrong == nil && f.lost:
		c.log.Info("secret file readable again", "variable", f.variable+"_FILE")
		c.unreadable.WithLabelValues(f.credential.which).Set(0)
		f.unreadable, f.lost = time.Time{}, false
	case wrong == nil:
		f.unreadable = time.Time{}
	case f.unreadable.IsZero():
		f.unreadable = time.Now()
	case !f.lost && time.Since(f.unreadable) >= unreadableAfter:
		c.log.Warn("secret file unreadable; old value still in use", "variable", f.variable+"_FILE", "error", wrong.Found, "remedy", wrong.Remedy)
		c.unreadable.WithLabelValues(f.credential.which).Set(1)
		f.lost = true
	}
}

// look uses the file's content if it has changed, and tries the credential then.
func (c *credentials) look(ctx context.Context, f *watchedFile) {
	if c.readFile(ctx, f) && f.credential != nil {
		c.try(ctx, f.credential)
	}
}

// tryUse rejects content that isn't a bare secret, and uses any other.
func (f *watchedFile) tryUse(ctx context.Context, content secret.Value) error {
	if misform := secret.Misform(content.Reveal(), prefixes[f.variable]...); misform != "" {
		return malformed(misform)
	}
	return f.use(ctx, content)
}

// malformed says what is wrong with a secret's format. It is printed after the
// secret's source.
type malformed string

func (e malformed) Error() string { return "what it holds " + string(e) }

// again returns the time until the next try; 0 if there is none.
func again(every time.Duration, final bool) time.Duration {
	if final {
		return 0
	}
	return every
}

// unusable returns why a file's content can't be used, and whether another try
// is useless.
func unusable(err error) (why string, final bool) {
	var option *chamelio.OptionError
	switch {
	case err == nil:
		return "", true
	case errors.As(err, &option):
		return "what it holds " + option.Advice, true
	case errors.As(err, new(malformed)), errors.As(err, new(*bot.OtherAppError)):
		return err.Error(), true
	case errors.Is(err, bot.ErrNoToken), errors.Is(err, bot.ErrOtherWorkspace), errors.Is(err, bot.ErrUnknownWorkspace):
		return err.Error(), true
	case errors.As(err, new(*chamelio.Error)):
		return doctor.ExplainKey(err), doctor.KeyForeign(err)
	case isTokenError(err):
		return "Slack refuses it: " + doctor.Explain(err), false
	}
	return doctor.Explain(err), false
}
