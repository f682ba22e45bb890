package sandbox

import (
	"encoding/json"
	"regexp"
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// viewMessage is a message as one person sees it. The page draws the blocks
// from Slack's own JSON.
type viewMessage struct {
	TS        string            `json:"ts"`
	Thread    string            `json:"thread"` // the message that it replies to
	Author    string            `json:"author"`
	App       bool              `json:"app"`
	At        int64             `json:"at"` // seconds since 1970
	Text      string            `json:"text"`
	Blocks    []json.RawMessage `json:"blocks"`
	Only      bool              `json:"only"` // only visible to you
	Edited    bool              `json:"edited"`
	Broadcast bool              `json:"broadcast"` // a reply that the channel shows too
	Tasks     []int64           `json:"tasks"`     // that it names
}

// viewModal is the topmost modal that a person has open.
type viewModal struct {
	ID     string            `json:"id"`
	Title  string            `json:"title"`
	Submit string            `json:"submit"`
	Close  string            `json:"close"`
	Blocks []json.RawMessage `json:"blocks"`
	Errors map[string]string `json:"errors"`
}

func messagesView(slack *slacktest.Server, messages []slacktest.Message, known map[int64]bool) []viewMessage {
	var all []viewMessage
	for _, m := range messages {
		author, _ := slack.User(m.Author)
		raw := rawBlocks(m.Blocks)
		all = append(all, viewMessage{
			TS: m.TS, Thread: m.ThreadTS, Author: m.Author, App: author.IsBot, At: m.At.Truncate(time.Second).Unix(),
			Text: m.Text, Blocks: raw, Only: m.Only != "", Edited: m.Edited, Broadcast: m.Broadcast,
			Tasks: tasksNamed(m.Text, raw, known),
		})
	}
	return all
}

func rawBlocks(blocks []slacktest.Block) []json.RawMessage {
	var raw []json.RawMessage
	for _, b := range blocks {
		raw = append(raw, b.Raw)
	}
	return raw
}

var number = regexp.MustCompile(`\d+`)

// tasksNamed lists the known tasks whose IDs a message has, in its text, in its
// blocks or in their links.
func tasksNamed(text string, blocks []json.RawMessage, known map[int64]bool) []int64 {
	for _, b := range blocks {
		text += " " + string(b)
	}
	seen := map[int64]bool{}
	var all []int64
	for _, digits := range number.FindAllString(text, -1) {
		id, err := strconv.ParseInt(digits, 10, 64)
		if err == nil && known[id] && !seen[id] {
			seen[id], all = true, append(all, id)
		}
	}
	return all
}

func modalView(slack *slacktest.Server, user string) *viewModal {
	open := slack.Modals(user)
	if len(open) == 0 {
		return nil
	}
	m := open[len(open)-1]
	return &viewModal{m.ID, m.Title, m.Submit, m.Close, rawBlocks(m.Blocks), m.Errors}
}
