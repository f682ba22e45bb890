package bot

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/carry"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// auditEvery is the interval at which the journal is asked for notes.
	auditEvery = 2 * time.Second

	// auditPause is how long a note waits after Slack has refused it.
	auditPause = time.Minute

	// auditFor bounds the tries to post a note: longer than a weekend in which no one
	// fixes the audit channel. A process that has hardly tried goes on: see trying. The
	// journal has what the note says.
	auditFor = 7 * 24 * time.Hour

	// maxAuditPause bounds the pauses that Slack asks for.
	maxAuditPause = time.Hour

	// goneFor is how long a note waits if its decision isn't in the journal.
	goneFor = 10 * time.Minute

	// auditDoubts is how many posts of a note may get no clear answer. It
	// counts as posted then. auditDoubtPause is the time between two.
	auditDoubts     = 2
	auditDoubtPause = time.Hour

	permalinkTimeout = 5 * time.Second

	// lastAuditWrite bounds the last write about a note when the process stops.
	lastAuditWrite = 2 * time.Second
)

// notes is the part of the journal that the audit channel needs.
type notes interface {
	TakeNote(context.Context) (decision.Note, error)
	MarkNoted(context.Context, decision.Note) error
	PutOff(ctx context.Context, n decision.Note, wait time.Duration) error
	Doubt(ctx context.Context, n decision.Note, wait time.Duration) error
	Get(context.Context, decision.ID) (decision.Record, error)
	Taken(context.Context, decision.Record) ([]chamelio.TaskID, error)
}

// auditor reports announcements, refusals and credentials in the audit channel.
// The journal has the notes that are due.
type auditor struct {
	channel string
	journal notes
	poster  *slackapi.Poster
	slack   *slackapi.Client
	texts   texts.Texts
	gap     time.Duration
	trying  trying
	log     *slog.Logger
	group   *work.Group

	ownersFirst func() bool // see carry.Carrier

	sending sync.Mutex // held while notes are sent
	paused  time.Time  // until when Slack asked this process to wait; protected by sending
}

// look starts to send the notes that are due, unless that is still going on. It runs
// in a loop, which succeeds if the journal answers: the readiness of the process
// depends on it, and a problem with one channel delays only that channel.
func (a *auditor) look(ctx context.Context) error {
	if !a.sending.TryLock() {
		return nil
	}
	n, err := a.take(ctx)
	if err != nil {
		a.sending.Unlock()
		return unlessGone(err)
	}
	a.group.Run(func() {
		defer a.sending.Unlock()
		_ = a.sendFrom(ctx, n) // look meets the same error next
	})
	return nil
}

// sendFrom sends a note and those that are due after it, one after the other, until
// one can't be sent. Its error is that of taking one.
func (a *auditor) sendFrom(ctx context.Context, n taken) error {
	var err error
	for err == nil && a.send(ctx, n) && ctx.Err() == nil {
		n, err = a.take(ctx)
	}
	return unlessGone(err)
}

// taken is a note that this process may post until a time.
type taken struct {
	decision.Note
	until time.Time
}

// take takes a note that is due. The error is ErrGone if there is none, or if its
// owner may be about to record that it posted it, and errAsked if Slack asked to wait.
func (a *auditor) take(ctx context.Context) (taken, error) {
	switch {
	case a.ownersFirst():
		return taken{}, journal.ErrGone
	case !time.Now().After(a.paused):
		return taken{}, errAsked
	}
	asked := time.Now()
	n, err := a.journal.TakeNote(ctx)
	return taken{n, asked.Add(journal.NoteLease)}, err
}

// valid reports whether the note can't be another process's by the time when Slack
// must have answered.
func (t taken) valid() bool { return carry.Before(time.Now().Add(slackapi.CallTimeout), t.until) }

// errNotOurs means that another process may have taken a note since.
var errNotOurs = errors.New("the note's lease ends before Slack has to answer")

// errAsked means that Slack asked to wait before the next note.
var errAsked = errors.New("Slack asked to wait before the next post in the audit channel")

// unlessGone returns the error of taking a note, nil if none is due.
func unlessGone(err error) error {
	if errors.Is(err, journal.ErrGone) || errors.Is(err, errAsked) {
		return nil
	}
	return err
}

// SendAuditNotes sends the notes that are due. It is for a process that stops for a
// reason that should be noted in the audit channel; otherwise Run sends them.
func (b *Bot) SendAuditNotes(ctx context.Context) error {
	if b.audits == nil {
		return nil
	}
	defer b.http.CloseIdleConnections()
	n, err := b.audits.take(ctx)
	switch {
	case errors.Is(err, errAsked):
		return err
	case err != nil:
		return unlessGone(err)
	}
	return b.audits.sendFrom(ctx, n)
}

// send posts one note, once, and records the result. It returns whether the
// next note can be sent: a note that is only put off takes no time from others.
func (a *auditor) send(ctx context.Context, n taken) (next bool) {
	log := a.log.With("confirmation", string(n.ConfirmationID), "tasks", n.Tasks, "channel", n.Channel)
	choose, err := a.message(ctx, log, n.Note)
	if err != nil {
		return a.unread(ctx, log, n.Note, err)
	}
	if n.Doubts > 0 && a.poster.Probe(ctx) != nil { // the second post is the last: it has to be worth it
		a.later(ctx, log, n.Note, auditPause)
		return false
	}
	if choose == nil {
		a.done(ctx, n.Note)
		return true
	}
	return a.post(ctx, log, n, choose) && work.Sleep(ctx, a.gap)
}

// unread puts a note off whose decision can't be read now. It returns whether the next
// note can be sent.
func (a *auditor) unread(ctx context.Context, log *slog.Logger, n decision.Note, err error) (next bool) {
	switch {
	case errors.Is(err, journal.ErrGone): // nothing proves what the note is about
		log.Error("audit note about a decision that isn't in the journal; retrying", "again_in", goneFor)
		a.later(ctx, log, n, goneFor)
		return true
	case journal.IsUnverified(err): // the journal works; the row's key may become known
		log.Warn("audit note about a decision that can't be verified yet; retrying", "again_in", auditPause, "error", err)
		a.later(ctx, log, n, auditPause)
		return true
	}
	log.Error("audit copy failed; retrying", "error", err) // the journal's
	a.later(ctx, log, n, auditEvery)
	return false
}

// post posts a note's message, once, if the note is still this process's, and records
// the answer. It returns whether the next note can be sent.
func (a *auditor) post(ctx context.Context, log *slog.Logger, n taken, choose slackapi.Choose) (next bool) {
	var unread error
	_, err := a.poster.Post(ctx, a.channel, "", func(ctx context.Context) (m texts.Message, err error) {
		if m, unread = choose(ctx); unread != nil {
			return texts.Message{}, unread
		}
		if !n.valid() {
			return texts.Message{}, errNotOurs
		}
		return m, nil
	})
	said, asked := slackapi.Classify(err)
	switch {
	case unread != nil:
		return a.unread(ctx, log, n.Note, unread)
	case errors.Is(err, errNotOurs): // it is due again
	case said == slackapi.Posted:
		a.done(ctx, n.Note)
		return true
	case said == slackapi.Unclear && n.Doubts >= auditDoubts-1:
		log.Error("audit copy not confirmed by Slack; it counts as posted", "error", err)
		a.done(ctx, n.Note)
	case said == slackapi.Unclear:
		log.Error("audit copy failed; retrying", "error", err)
		a.save(ctx, func(ctx context.Context) error { return a.journal.Doubt(ctx, n.Note, auditDoubtPause) })
	default:
		log.Error("audit copy failed; retrying", "error", err)
		asked = min(asked, maxAuditPause)
		a.later(ctx, log, n.Note, cmp.Or(asked, auditPause))
		a.paused = time.Now().Add(asked) // from after the note is put off, so that it is due first
	}
	return false
}

// later puts a note off, or gives it up if it has been tried for long enough. A process
// that stops gives it back instead.
func (a *auditor) later(ctx context.Context, log *slog.Logger, n decision.Note, wait time.Duration) {
	if ctx.Err() != nil {
		wait = 0
	}
	if !a.trying.longEnough(time.Since(n.At), auditFor) {
		a.save(ctx, func(ctx context.Context) error { return a.journal.PutOff(ctx, n, wait) })
		return
	}
	log.Error("audit copy given up", "noted_at", n.At)
	a.done(ctx, n)
}

// done records that a note isn't due any more.
func (a *auditor) done(ctx context.Context, n decision.Note) {
	a.save(ctx, func(ctx context.Context) error { return a.journal.MarkNoted(ctx, n) })
}

// save records the result of a note, until that is saved: otherwise it would be
// posted again. The write must be idempotent. A process that stops tries a last time.
func (a *auditor) save(ctx context.Context, write func(context.Context) error) {
	err := work.Retry(ctx, 0, func() error { return write(ctx) })
	if err = work.OnceMore(ctx, err, lastAuditWrite, write); err != nil {
		a.log.Warn("step not saved; retrying", "action", "audit copy", "error", err)
	}
}

// message returns what chooses a note's message at its turn; nil if the audit channel has
// the original already, or if there is nothing to report.
func (a *auditor) message(ctx context.Context, log *slog.Logger, n decision.Note) (slackapi.Choose, error) {
	switch n.Kind {
	case decision.NoteRefusal:
		return slackapi.Always(a.texts.AuditRefusal(n, time.Now())), nil
	case decision.NoteCredential:
		if m := a.texts.AuditCredential(n, time.Now()); m != nil {
			return slackapi.Always(*m), nil
		}
		return nil, nil
	case decision.NoteAnnouncement, decision.NoteSettled:
	}
	d, err := a.journal.Get(ctx, n.ConfirmationID)
	switch {
	case err != nil:
		return nil, err
	case d.Channel == a.channel && d.MessageTS != "": // else it was announced in person, or by the response_url
		return nil, nil
	case n.Kind == decision.NoteSettled && d.SettledOutcome() == "": // someone else removed what the note is about, or wrote that it is due
		return nil, journal.ErrGone
	}
	link := a.permalink(ctx, log, d)
	return func(ctx context.Context) (texts.Message, error) {
		now, err := carry.AsOfNow(ctx, a.journal, d)
		switch {
		case err != nil:
			return texts.Message{}, err
		case n.Kind == decision.NoteSettled:
			return a.texts.AuditSettled(now, link), nil
		}
		return a.texts.AuditCopy(now, link, time.Now()), nil
	}, nil
}

// permalink returns the address of the original; "" if Slack doesn't return
// one.
func (a *auditor) permalink(ctx context.Context, log *slog.Logger, d decision.Record) string {
	if d.MessageTS == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, permalinkTimeout)
	defer cancel()
	address, err := a.slack.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: d.Channel, Ts: d.MessageTS})
	if err != nil {
		log.Info("audit copy posted without a link to the original", "error", err)
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".slack.com") && !strings.HasSuffix(u.Hostname(), ".slack-gov.com") ||
		strings.ContainsAny(address, "<>| \"") {
		return ""
	}
	return address
}
