package slackapi

import (
	"fmt"
	"strings"

	"github.com/slack-go/slack"
)

// OtherAnswerError means that Slack's answer isn't about what was asked: it names another
// person, conversation or message, or none. Something between the bot and Slack may have
// mixed answers up. It is no answer: a lookup has failed, and a post may have been made.
type OtherAnswerError struct{ Asked, Named string }

func (e *OtherAnswerError) Error() string {
	if e.Named == "" {
		return fmt.Sprintf("Slack's answer doesn't say that it is about %s", e.Asked)
	}
	return fmt.Sprintf("Slack's answer is about %.40q, not about %s", e.Named, e.Asked)
}

// about returns an error unless an answer names what was asked.
func about(asked, named string) error {
	if named == asked {
		return nil
	}
	return &OtherAnswerError{Asked: asked, Named: named}
}

// aboutUser is about for a user's ID. On Grid a user can have one in the workspace (U…)
// and another one in the organisation (W…), and may be asked for by either. If the answer
// has only the organisation's, nothing shows whose it is.
func aboutUser(asked string, u *slack.User) error {
	global := u.Enterprise.ID != "" && strings.HasPrefix(u.ID, "W") && strings.HasPrefix(asked, "U")
	if u.ID != "" && u.Enterprise.ID == asked || global {
		return nil
	}
	return about(asked, u.ID)
}

// aboutPost is about for the channel of a post, whose answer has to name the message too.
// A message to a user appears in a direct message, whose ID isn't known before.
func aboutPost(asked, named, ts string) error {
	if ts == "" {
		return about("a message", "")
	}
	if strings.HasPrefix(asked, "U") || strings.HasPrefix(asked, "W") {
		return nil
	}
	return about(asked, named)
}
