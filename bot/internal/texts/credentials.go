package texts

import (
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// credentialText is what the audit channel reads about a token or key that is
// refused, and accepted again later. The placeholders are {why}, the refusal;
// {from}, from when to when it was refused; and {Please}, who is to replace it.
type credentialText struct {
	which             string
	refused, accepted string
}

// credentialTexts has no text for a refused bot token: without one, nothing can
// be posted.
var credentialTexts = []credentialText{
	{which: "app_token",
		refused:  emojiWarning + " *Slack refuses my app token* ({why}). I'll stop receiving commands and clicks when the open connections close. Confirmed cancellations aren't lost.\n{Please} replace `SLACK_APP_TOKEN`.",
		accepted: emojiWorks + " *My Slack app token works again.*{from}"},
	{which: "bot_token",
		accepted: emojiWorks + " *My Slack bot token works again.*{from} I couldn't post anything in the meantime, and I'm catching up now."},
	{which: "api_key",
		refused:  emojiWarning + " *I've lost access to Chamelio:* {why}. Until it works again, I can't cancel anything.\n{Please} replace `CHAMELIO_API_KEY`.",
		accepted: emojiWorks + " *My Chamelio key works again.*{from} I can cancel tasks again."},
}

// AuditCredential returns the note about a credential for the audit channel;
// nil if there is nothing to report.
func (w Texts) AuditCredential(n decision.Note) *Message {
	for _, row := range credentialTexts {
		if row.which != n.Person {
			continue
		}
		text := row.refused
		if n.Code == "" {
			text = row.accepted
		}
		if text == "" {
			return nil
		}
		return new(say("%s", fill(text, "{why}", whyRefused(n), "{from}", refusedFrom(n), "{Please}", w.please())))
	}
	return nil
}

// whyRefused returns Slack's error code, or a clause for Chamelio's reason.
func whyRefused(n decision.Note) string {
	if n.Person != "api_key" {
		return "`" + excerpt(n.Code, maxName) + "`"
	}
	return whyKeyRefused(chamelio.Reason(n.Code))
}

// refusedFrom says from when to when a credential was refused; empty if the
// beginning isn't known.
func refusedFrom(n decision.Note) string {
	switch {
	case n.Since.IsZero():
		return ""
	case n.At.Sub(n.Since) < 12*time.Hour:
		return fmt.Sprintf(" It was refused from %s to %s.", clock(n.Since), clock(n.At))
	}
	return fmt.Sprintf(" It was refused for %s.", duration(n.At.Sub(n.Since)))
}

const emojiWorks = ":white_check_mark:"
