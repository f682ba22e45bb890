package texts

import (
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// credentialText is what the audit channel reads about a token or key that is
// refused, and accepted again later. The placeholders are {why}, the refusal;
// {found}, when it was noticed; and {since} and {now}, from when to when it was
// refused.
type credentialText struct {
	which             string
	refused, accepted string
}

// credentialTexts has no text for a refused bot token: without one, nothing can
// be posted.
var credentialTexts = []credentialText{
	{which: "app_token",
		refused:  ":warning: *Slack refuses my app token* ({why}). I noticed {found}.\nOnce my connections end, I can't take commands or clicks. Whatever was confirmed before isn't lost.\nPlease make sure that {operator} knows: it needs replacing.",
		accepted: ":white_check_mark: *Slack accepts my app token again.*\nI found it refused {since}, and accepted {now}."},
	{which: "bot_token",
		accepted: ":white_check_mark: *Slack accepts my bot token again.*\nI found it refused {since}, and accepted {now}. I couldn't post anything in between, and I'm catching up now."},
	{which: "api_key",
		refused:  ":warning: *Chamelio refuses my API key:* {why}. I noticed {found}.\nUntil it's replaced, nobody can cancel a task with me. Whoever tries is told so.\nPlease make sure that {operator} knows.",
		accepted: ":white_check_mark: *Chamelio accepts my API key again.*\nI found it refused {since}, and accepted {now}. Tasks can be cancelled again."},
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
		since := "before"
		if !n.Since.IsZero() {
			since = on(n.Since)
		}
		return new(say("%s", fill(text, "{why}", whyRefused(n), "{found}", on(n.At), "{since}", since, "{now}", on(n.At), "{operator}", w.contact())))
	}
	return nil
}

// whyRefused returns Slack's error code, or a clause for Chamelio's reason.
func whyRefused(n decision.Note) string {
	if n.Person != "api_key" {
		return "`" + excerpt(n.Code, maxName) + "`"
	}
	if why, known := keyRefused[chamelio.Reason(n.Code)]; known {
		return why
	}
	return keyRefused[chamelio.KeyUnclear]
}
