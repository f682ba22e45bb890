package bot

import (
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// credentialText is what the audit channel is told of a token, or the key,
// that is refused, and once it is accepted again. In the texts {why} is the
// refusal, {found} when it was noticed, {since} and {now} from when to when it
// was refused.
type credentialText struct {
	which             string
	refused, accepted string
}

// A refused bot token cannot tell of itself: it has no text for that.
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

// auditCredential tells the audit channel of a credential; nil where there is
// nothing to tell.
func (w texts) auditCredential(n journal.Note) *message {
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

// whyRefused is Slack's word, or a clause for Chamelio's reason.
func whyRefused(n journal.Note) string {
	if n.Person != "api_key" {
		return "`" + excerpt(n.Code, maxName) + "`"
	}
	if why, known := keyRefused[chamelio.Reason(n.Code)]; known {
		return why
	}
	return keyRefused[chamelio.KeyUnclear]
}
