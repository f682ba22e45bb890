package bot

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/chamelio"
)

// texts holds every text that a person reads in Slack. Each says what
// happened, to which task, and what to do next. What there is one of for each
// outcome and for each refusal stands in the tables of words_outcomes.go and
// words_refusals.go; docs/messages.md shows them all.
//
// Once a cancel may be under way, by whomever, no text says that a task still
// runs or was not touched. So an answer speaks of the click or the command
// that it answers.
type texts struct {
	command   string   // as people type it here
	hosts     []string // of task links, besides Chamelio's own
	channels  []policy.ChannelID
	approvers []string // who may be the second person; everybody if empty
	operator  string   // who runs the bot; may be empty
	asks      bool     // for a reason, where none was given
}

func newTexts(cfg Config) texts {
	return texts{
		command: cfg.Command, hosts: cfg.TaskHosts, channels: cfg.Policy.Channels, approvers: cfg.Policy.Approvers,
		operator: cfg.OperatorContact, asks: cfg.RequireReason,
	}
}

// Lengths, in characters, of what is quoted from outside.
const (
	maxTitle    = 150
	maxName     = 80
	maxInput    = 60
	maxOperator = 150
)

// fill puts pieces into a text of a table. What is put in is not looked at
// again. The pieces are pairs of a name in braces and what stands for it: few,
// in short texts, so that a strings.Replacer takes longer to make than this to
// run.
func fill(text string, pieces ...string) string {
	var filled strings.Builder
next:
	for {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			filled.WriteString(text)
			return filled.String()
		}
		filled.WriteString(text[:open])
		text = text[open:]
		for i := 0; i < len(pieces); i += 2 {
			if rest, ok := strings.CutPrefix(text, pieces[i]); ok {
				filled.WriteString(pieces[i+1])
				text = rest
				continue next
			}
		}
		filled.WriteByte('{')
		text = text[1:]
	}
}

// again is the command, ready to be copied.
func (w texts) again(task chamelio.TaskID) string { return fmt.Sprintf("`%s %d`", w.command, task) }

// contact names whoever runs the bot: a person or a channel by its id, or
// plain words.
func (w texts) contact() string {
	id := strings.TrimSpace(w.operator)
	switch {
	case id == "":
		return "whoever runs this bot"
	case input.IsID(id, "UW"):
		return "<@" + id + ">"
	case input.IsID(id, "CG"):
		return "<#" + id + ">"
	case input.IsID(id, "S") && len(id) > 5:
		return "<!subteam^" + id + ">"
	}
	return excerpt(id, maxOperator)
}

// places lists where tasks can be cancelled.
func (w texts) places() string {
	var all []string
	for _, channel := range w.channels {
		all = append(all, "<#"+strings.TrimSpace(string(channel))+">")
	}
	return cmp.Or(list(all, "or"), "another conversation")
}

// mayConfirm names the people who can be the second person: "@Grace or
// @leads can"; it is empty where everybody can.
func (w texts) mayConfirm() string {
	var all []string
	for _, id := range w.approvers {
		switch id = strings.TrimSpace(id); {
		case input.IsID(id, "S"):
			all = append(all, "<!subteam^"+id+">")
		case input.IsID(id, "UW"):
			all = append(all, mention(id))
		}
	}
	return list(all, "or")
}

// list says "a, b or c"; of many, only the first.
func list(all []string, last string) string {
	const shown = 5
	if len(all) > shown+1 {
		all = append(all[:shown:shown], fmt.Sprintf("%d more", len(all)-shown))
	}
	if len(all) < 2 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:len(all)-1], ", ") + " " + last + " " + all[len(all)-1]
}

// named is a task by its title and number, linked where its page is known:
// "Master agreement (task 12345)". One whose title is not known is "task
// 12345".
func (w texts) named(id chamelio.TaskID, address, title string) string {
	if title = excerpt(title, maxTitle); title == "" {
		return link(address, fmt.Sprintf("task %d", id), w.hosts)
	}
	return link(address, title, w.hosts) + fmt.Sprintf(" (task %d)", id)
}

// plainName is named without a link, for plain_text.
func plainName(id chamelio.TaskID, title string) string {
	if title = plain(title, maxTitle); title == "" {
		return fmt.Sprintf("task %d", id)
	}
	return fmt.Sprintf("task %d, %s", id, title)
}

// capital begins a sentence with what named returns.
func capital(named string) string {
	if address, label, linked := strings.Cut(named, "|"); linked && strings.HasPrefix(label, "task ") && strings.HasSuffix(label, ">") {
		return address + "|T" + label[1:]
	}
	if strings.HasPrefix(named, "task ") {
		return "T" + named[1:]
	}
	return named
}

// asked is the task of a prompt, and decided that of a decision.
func (w texts) asked(c confirmation) string { return w.named(c.Task, c.URL, c.Title) }

func (w texts) decided(d decision.Record) string { return w.named(d.Task(), d.URL, d.Title) }

// because is a reason below a sentence; empty if there is none.
func because(reason string) string {
	if reason = excerpt(reason, input.MaxReason); reason == "" {
		return ""
	}
	return "\n>" + reason
}
