package texts

import (
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// credentialText is what the audit channel reads about a token or key that is
// refused, and accepted again later. The placeholders are {why}, the refusal;
// {found}, when it was found refused and accepted; and {Please}, who is to replace it.
type credentialText struct {
	which             string
	refused, accepted string
}

// credentialTexts has no text for a refused bot token: without one, nothing can
// be posted.
var credentialTexts = []credentialText{
	{which: "app_token",
		refused:  emojiWarning + " *Slack refuses my app token* ({why}). I'll stop receiving commands and clicks when the open connections close. Confirmed cancellations aren't lost.\n{Please} replace `SLACK_APP_TOKEN`.",
		accepted: emojiWorks + " *My Slack app token works again.*{found}"},
	{which: "bot_token",
		accepted: emojiWorks + " *My Slack bot token works again.*{found} I couldn't post anything in the meantime, and I'm catching up now."},
	{which: "api_key",
		refused:  emojiWarning + " *I've lost access to Chamelio:* {why}. Until it works again, I can't cancel anything.\n{Please} replace `CHAMELIO_API_KEY`.",
		accepted: emojiWorks + " *My Chamelio key works again.*{found} I can cancel tasks again."},
}

// AuditCredential returns the note about a credential for the audit channel;
// nil if there is nothing to report. It says when that was unless it is posted
// soon after.
func (w Texts) AuditCredential(n decision.Note, posted time.Time) *Message {
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
		if posted.Sub(n.At) > late {
			text += "\nI noticed this " + on(n.At) + ". It may have changed since."
		}
		return new(say("%s", fill(text, "{why}", whyRefused(n), "{found}", foundRefused(n), "{Please}", w.please())))
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

// foundRefused says when a credential was found refused, and accepted again; empty
// if that isn't known. Whether it was accepted in between isn't known either.
func foundRefused(n decision.Note) string {
	if n.Since.IsZero() {
		return ""
	}
	return " It was refused when I checked " + on(n.Since) + ", and accepted when I checked " + on(n.At) + "."
}

const emojiWorks = ":white_check_mark:"
