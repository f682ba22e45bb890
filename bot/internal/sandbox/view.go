package sandbox

import (
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// view is all that the page shows, as one person sees one conversation. It is
// made of the stand-ins' public state and nothing else.
type view struct {
	Me       string        `json:"me"`
	Place    string        `json:"place"`
	People   []viewPerson  `json:"people"`
	Names    nameMap       `json:"names"` // of everybody and every channel, by id
	Channels []viewChannel `json:"channels"`
	Messages []viewMessage `json:"messages"`
	Tasks    []viewTask    `json:"tasks"`
	Requests []viewRequest `json:"requests"`
	Bot      viewBot       `json:"bot"`
	Faults   []viewFault   `json:"faults"`
	Policy   string        `json:"policy"`
}

type nameMap map[string]string

type viewPerson struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`
}

type viewChannel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Note string `json:"note"`
	Kind string `json:"kind"`
}

type viewMessage struct {
	TS     string      `json:"ts"`
	Author string      `json:"author"`
	App    bool        `json:"app"`
	At     int64       `json:"at"` // seconds since 1970
	Text   string      `json:"text"`
	Blocks []viewBlock `json:"blocks"`
	Only   bool        `json:"only"` // only visible to you
	Edited bool        `json:"edited"`
}

type viewBlock struct {
	Type     string        `json:"type"`
	Text     *viewText     `json:"text,omitempty"`
	Fields   []viewText    `json:"fields,omitempty"`
	Elements []viewElement `json:"elements,omitempty"`
}

type viewText struct {
	Plain bool   `json:"plain"`
	Text  string `json:"text"`
}

type viewElement struct {
	Button string    `json:"button,omitempty"` // its action id
	Label  string    `json:"label,omitempty"`
	Style  string    `json:"style,omitempty"`
	Text   *viewText `json:"text,omitempty"`
}

type viewTask struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	Status string `json:"status"`
}

type viewRequest struct {
	At     int64  `json:"at"` // milliseconds since 1970
	Line   string `json:"line"`
	Status int    `json:"status"`
}

type viewBot struct {
	Alive       bool `json:"alive"`
	Connections int  `json:"connections"`
}

type viewFault struct {
	ID    string `json:"id"`
	Side  string `json:"side"`
	Label string `json:"label"`
	On    bool   `json:"on"`
	Once  bool   `json:"once"` // it happens, and is over
}

// The people that one can be, and what they are.
var roles = []viewPerson{
	{slacktest.Ada, "Ada", "member"}, {slacktest.Grace, "Grace", "second member"},
	{slacktest.Linus, "Linus", "admin"}, {slacktest.Guest, "Gil", "guest"},
}

const requestsShown = 30

// look makes the view of a person in a conversation; of Ada in #general where
// the two do not fit together.
func (w *web) look(me, place string) view {
	slack, api := w.engine.Slack, w.engine.Chamelio
	if !slices.ContainsFunc(roles, func(p viewPerson) bool { return p.ID == me }) {
		me = slacktest.Ada
	}
	v := view{Me: me, People: roles, Names: nameMap{}, Bot: viewBot{w.engine.Alive(), slack.Connections()}}
	for _, c := range slack.Channels() {
		v.Names[c.ID] = c.Name
		if inside(c, me) {
			v.Channels = append(v.Channels, channelView(c, me, slack))
		}
	}
	if !slices.ContainsFunc(v.Channels, func(c viewChannel) bool { return c.ID == place }) {
		place = slacktest.General
	}
	v.Place = place
	for _, m := range slack.View(me, place) {
		if u, ok := slack.User(m.Author); ok {
			v.Names[m.Author] = u.RealName
		}
		v.Messages = append(v.Messages, messageView(m))
	}
	for _, id := range []string{slacktest.Ada, slacktest.Grace, slacktest.Linus, slacktest.Guest} {
		u, _ := slack.User(id)
		v.Names[id] = u.RealName
	}
	for _, t := range api.Tasks() {
		title := ""
		if t.Title != nil {
			title = *t.Title
		}
		v.Tasks = append(v.Tasks, viewTask{t.ID, title, t.Status})
	}
	requests := api.Requests()
	for _, r := range requests[max(0, len(requests)-requestsShown):] {
		v.Requests = append(v.Requests, viewRequest{r.At.UnixMilli(), r.Method + " " + r.Path, r.Status})
	}
	v.Faults, v.Policy = w.switches()
	return v
}

func inside(c slacktest.Conversation, me string) bool {
	return c.Kind == slacktest.Public || slices.Contains(c.Members, me)
}

func channelView(c slacktest.Conversation, me string, slack *slacktest.Server) viewChannel {
	note := "without the bot"
	if c.BotIsMember {
		note = "with the bot"
	}
	name := c.Name
	if c.Kind == slacktest.DM {
		for _, member := range c.Members {
			if u, ok := slack.User(member); ok && member != me {
				name = u.RealName
			}
		}
	}
	return viewChannel{c.ID, name, note, string(c.Kind)}
}

func messageView(m slacktest.Message) viewMessage {
	out := viewMessage{
		TS: m.TS, Author: m.Author, App: m.Author == slacktest.BotUser, At: m.At.Truncate(time.Second).Unix(),
		Text: m.Text, Only: m.Only != "", Edited: m.Edited,
	}
	for _, b := range m.Blocks {
		block := viewBlock{Type: b.Type}
		if b.Text != nil {
			block.Text = textView(*b.Text)
		}
		for _, f := range b.Fields {
			block.Fields = append(block.Fields, *textView(f))
		}
		for _, e := range b.Elements {
			if e.Type == "button" {
				block.Elements = append(block.Elements, viewElement{Button: e.ActionID, Label: e.Label, Style: e.Style})
			} else {
				block.Elements = append(block.Elements, viewElement{Text: textView(e.Content)})
			}
		}
		out.Blocks = append(out.Blocks, block)
	}
	return out
}

func textView(t slacktest.Text) *viewText { return &viewText{t.Type == "plain_text", t.Text} }
