package sandbox

import (
	"path/filepath"
	"slices"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// view is all that the page shows, as one person sees one conversation.
type view struct {
	Me       string        `json:"me"`
	Place    string        `json:"place"`
	People   []viewPerson  `json:"people"`
	Names    nameMap       `json:"names"` // of everybody and every channel, by id
	Channels []viewChannel `json:"channels"`
	Messages []viewMessage `json:"messages"`
	Modal    *viewModal    `json:"modal"` // nil if none is open
	Fold     string        `json:"fold"`  // the messages before it are folded
	Tasks    []viewTask    `json:"tasks"`
	Requests []viewRequest `json:"requests"`
	Journal  []viewRow     `json:"journal"`
	Acts     []act         `json:"acts"`
	Began    int64         `json:"began"` // of the last story; milliseconds since 1970
	Log      []logLine     `json:"log"`
	Metrics  []metric      `json:"metrics"`
	Bot      viewBot       `json:"bot"`
	Faults   []viewFault   `json:"faults"`
	Policy   string        `json:"policy"`
	Busy     string        `json:"busy"`  // what the page waits for
	Open     int64         `json:"open"`  // the task that Grace asked for first; 0 once that is past
	Story    *viewStory    `json:"story"` // nil while none is played
	Run      string        `json:"run"`   // another one after Start over
}

type nameMap map[string]string

type viewPerson struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Role  string `json:"role"`
	Email string `json:"email"`
}

type viewChannel struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Note string `json:"note"`
	Kind string `json:"kind"` // public, private, dm or app
	Last string `json:"last"` // the timestamp of the last message that someone else posted
}

type viewTask struct {
	ID     int64  `json:"id"`
	Title  string `json:"title"`
	Status string `json:"status"`
}

type viewRequest struct {
	At     int64  `json:"at"` // milliseconds since 1970
	Line   string `json:"line"`
	Task   int64  `json:"task"`
	Status int    `json:"status"`
}

// viewRow is a row of the journal.
type viewRow struct {
	ID        string `json:"id"`
	Task      int64  `json:"task"`
	State     string `json:"state"`
	Requester string `json:"requester"`
	Confirmer string `json:"confirmer"`
	Decided   int64  `json:"decided"` // milliseconds since 1970, like the others; 0 for not yet
	Finished  int64  `json:"finished"`
	Told      int64  `json:"told"` // when it was announced
	Settled   int64  `json:"settled"`
}

type viewBot struct {
	Alive       bool          `json:"alive"`
	Connections int           `json:"connections"`
	Replicas    []viewReplica `json:"replicas"`
}

type viewReplica struct {
	Number int  `json:"number"`
	Alive  bool `json:"alive"`
}

type viewFault struct {
	ID    string `json:"id"`
	Side  string `json:"side"`
	Label string `json:"label"`
	On    bool   `json:"on"`
	Once  bool   `json:"once"`  // it happens, and is over
	Story bool   `json:"story"` // a story does it, and undoes it
}

type viewStory struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Step     int    `json:"step"`
	Steps    int    `json:"steps"`
	As       string `json:"as"`
	Watch    string `json:"watch"`
	Tab      string `json:"tab"`
	Running  bool   `json:"running"`
	Now      string `json:"now"`
	Since    int64  `json:"since"`    // milliseconds since 1970
	Expected int64  `json:"expected"` // milliseconds; 0 if it is quick
	Failed   string `json:"failed"`
	Leaving  bool   `json:"leaving"`

	Next string `json:"next"` // the label of the next step
	By   string `json:"by"`   // who can play it in Slack, too
	Hand string `json:"hand"` // by which action
	At   string `json:"at"`   // on which message

	Thread string `json:"thread"` // that the page opens; "" for none
}

// The people that one can be, and what they are.
var roles = []viewPerson{
	{slacktest.Ada, "Ada", "requester", ""}, {slacktest.Grace, "Grace", "colleague", ""},
	{slacktest.Linus, "Linus", "admin", ""}, {slacktest.Guest, "Gil", "guest (not allowed)", ""},
}

const (
	requestsShown = 40
	linesShown    = 60
)

// look makes the view of a person in a conversation; of Ada in #general where
// the two don't fit together.
func (w *web) look(me, place string) view {
	e := w.current()
	slack := e.Slack
	if !slices.ContainsFunc(roles, func(p viewPerson) bool { return p.ID == me }) {
		me = slacktest.Ada
	}
	v := view{Me: me, People: slices.Clone(roles), Names: nameMap{}, Run: filepath.Base(e.dir), Bot: botView(e)}
	for i, p := range v.People {
		u, _ := slack.User(p.ID)
		v.People[i].Email, v.Names[p.ID] = u.Email, u.RealName
	}
	for _, c := range slack.Channels() {
		v.Names[c.ID] = c.Name
		if c.Kind == slacktest.Public || slices.Contains(c.Members, me) {
			v.Channels = append(v.Channels, channelView(c, me, slack))
		}
	}
	if !slices.ContainsFunc(v.Channels, func(c viewChannel) bool { return c.ID == place }) {
		place = slacktest.General
	}
	v.Place = place
	known := map[int64]bool{}
	for _, t := range e.Chamelio.Tasks() {
		title := "Task without a title"
		if t.Title != nil {
			title = *t.Title
		}
		v.Tasks, known[t.ID] = append(v.Tasks, viewTask{t.ID, title, t.Status}), true
	}
	v.Messages, v.Modal = messagesView(slack, slack.View(me, place), known), modalView(slack, me)
	for _, m := range v.Messages {
		if u, ok := slack.User(m.Author); ok {
			v.Names[m.Author] = u.RealName
		}
	}
	if w.asksForFirst(e) {
		v.Open = firstTask
	}
	requests := e.Chamelio.Requests()
	for _, r := range requests[max(0, len(requests)-requestsShown):] {
		v.Requests = append(v.Requests, viewRequest{r.At.UnixMilli(), r.Method + " " + r.Path, r.Task, r.Status})
	}
	for _, d := range e.record.decisions() {
		v.Journal = append(v.Journal, rowsView(d)...)
	}
	lines := e.record.logged()
	v.Acts = e.record.done()
	v.Log, v.Metrics = lines[max(0, len(lines)-linesShown):], e.record.measured()
	v.Faults, v.Policy = w.switches()
	w.storyView(&v)
	return v
}

func botView(e *Engine) viewBot {
	v := viewBot{Alive: e.Alive(), Connections: e.Slack.Connections()}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.replicas {
		v.Replicas = append(v.Replicas, viewReplica{r.number, r.alive()})
	}
	v.Replicas = v.Replicas[max(0, len(v.Replicas)-3):]
	return v
}

func channelView(c slacktest.Conversation, me string, slack *slacktest.Server) viewChannel {
	note, name, kind := "cancelbot isn’t in this channel", c.Name, string(c.Kind)
	if c.BotIsMember {
		note = ""
	}
	if c.Kind == slacktest.DM {
		for _, member := range c.Members {
			if u, ok := slack.User(member); ok && member != me {
				name = u.RealName
			}
		}
		if slices.Contains(c.Members, slacktest.BotUser) {
			kind, note = "app", "from cancelbot to you"
		}
	}
	last := ""
	for _, m := range slack.View(me, c.ID) {
		if m.Author != me && m.Only == "" && (m.ThreadTS == "" || m.Broadcast) {
			last = m.TS
		}
	}
	return viewChannel{c.ID, name, note, kind, last}
}

// rowsView has a row for each task of a decision.
func rowsView(d decision.Record) []viewRow {
	var all []viewRow
	id := string(d.ID)
	for _, t := range d.Tasks {
		state := string(t.Outcome)
		switch {
		case t.Outcome == "" && t.Sent:
			state = "under way, request sent"
		case t.Outcome == "":
			state = "decided"
		case t.SettledOutcome != "" && t.SettledOutcome != t.Outcome:
			state += ", then " + string(t.SettledOutcome)
		}
		all = append(all, viewRow{
			id[:min(8, len(id))], int64(t.ID), state, d.Requester, d.Confirmer,
			millis(d.DecidedAt), millis(t.FinishedAt), millis(d.AnnouncedAt), millis(d.SettledAt),
		})
	}
	return all
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// switches says what is broken and which policy is on.
func (w *web) switches() ([]viewFault, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []viewFault
	for _, f := range faults {
		all = append(all, viewFault{f.id, f.side, f.label, w.broken[f.id], f.once, false})
	}
	if f := w.byStory; f != nil {
		all = append(all, viewFault{"by-story", f.side, f.label, true, false, true})
	}
	return all, w.policy
}

// storyView puts the story that is played into a view.
func (w *web) storyView(v *view) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v.Busy, v.Fold, v.Began = w.busy, w.fold, w.began
	p := w.play
	if p == nil {
		return
	}
	now := p.story.steps[p.step]
	v.Story = &viewStory{
		ID: p.story.ID, Title: p.story.Title, Step: p.step + 1, Steps: len(p.story.steps), As: now.as, Watch: p.said(now.watch), Tab: now.tab,
		Running: p.running, Now: p.now, Since: p.since.UnixMilli(), Expected: p.expected.Milliseconds(), Failed: p.failed, Leaving: p.leaving,
	}
	if v.Story.As == "" {
		v.Story.As = slacktest.Ada
	}
	if p.step+1 < len(p.story.steps) {
		v.Story.Next = p.said(p.story.steps[p.step+1].label)
	}
	if p.scene != nil && !p.running {
		v.Story.Thread = p.scene.thread
	}
	if next, at := p.awaited(); at != "" {
		v.Story.By, v.Story.Hand, v.Story.At = next.by, next.action, at
	}
}
