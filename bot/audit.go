package bot

import (
	"context"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

const (
	// auditEvery is how often the journal is asked for copies due.
	auditEvery = 2 * time.Second

	// auditPatience bounds the tries for one copy; it stays due beyond.
	auditPatience = 30 * time.Second

	// auditPause follows a copy that Slack does not take.
	auditPause = time.Minute

	auditAtOnce = 8

	refusalLimit = 2 * time.Second
)

// auditor copies announcements and refusals to the audit channel. What is due
// stands in the journal: a crash may cost a second copy, never one.
type auditor struct {
	channel   string
	journal   Journal
	slack     *slack.Client
	announcer *announcer
	words     words
	gap       time.Duration
	log       *slog.Logger
}

func (a *auditor) run(ctx context.Context) {
	if a.channel == "" {
		return
	}
	for sleep(ctx, auditEvery) {
		notes, err := a.journal.AuditDue(ctx, auditAtOnce)
		if err != nil {
			if ctx.Err() == nil {
				a.log.Error("cannot see which copies for the audit channel are due; trying again", "error", err)
			}
			continue
		}
		for _, n := range notes {
			if err := a.send(ctx, n); err != nil {
				if ctx.Err() == nil {
					a.log.Error("the audit channel (AUDIT_CHANNEL) does not take a copy; trying again", "error", err, "again_in", auditPause)
				}
				sleep(ctx, auditPause)
				break
			}
			sleep(ctx, a.gap)
		}
	}
}

func (a *auditor) send(ctx context.Context, n journal.Note) error {
	log := a.log.With("confirmation", n.ConfirmationID, "task", n.TaskID, "channel", n.Channel)
	m := a.words.auditRefusal(n)
	if n.Kind == journal.NoteAnnouncement {
		if n.Channel == a.channel { // it stands there already
			return a.journal.Audited(ctx, n.ID)
		}
		d, err := a.journal.Get(ctx, n.ConfirmationID)
		if err != nil {
			return err
		}
		m = a.words.auditCopy(d, resultOf(d), a.permalink(ctx, log, d))
	}
	if _, err := a.announcer.post(ctx, log, a.channel, m, auditPatience); err != nil {
		return err
	}
	return a.journal.Audited(context.WithoutCancel(ctx), n.ID)
}

// permalink finds the original; "" where Slack gives none.
func (a *auditor) permalink(ctx context.Context, log *slog.Logger, d journal.Decision) string {
	if d.MessageTS == "" {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, lookUpLimit)
	defer cancel()
	address, err := a.slack.GetPermalinkContext(ctx, &slack.PermalinkParameters{Channel: d.Channel, Ts: d.MessageTS})
	if err != nil {
		log.Info("a copy goes to the audit channel without a link to the original", "error", err)
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || !strings.HasSuffix(u.Hostname(), ".slack.com") && !strings.HasSuffix(u.Hostname(), ".slack-gov.com") ||
		strings.ContainsAny(address, "<>| \"") {
		return ""
	}
	return address
}

// recordRefusal keeps a "no" of the policy on record. It is not worth failing
// for: the person has been refused already.
func (b *Bot) recordRefusal(ctx context.Context, log *slog.Logger, n journal.Note) {
	ctx, cancel := context.WithTimeout(ctx, refusalLimit)
	defer cancel()
	n.At = b.now()
	if err := b.journal.Refused(ctx, n); err != nil {
		log.Error("a refusal is not on record", "error", err)
	}
}
