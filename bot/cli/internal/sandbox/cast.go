package sandbox

import (
	"fmt"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// chamelioApp is Chamelio's own app in Slack, which posts links to tasks.
const chamelioApp = "U0CHAMELIO"

// The task that the first view is about, and the one it duplicates.
const (
	firstTask     = chameliotest.InProgressTask
	firstOriginal = 12346
)

// firstStoryTask is the first ID of the stories' tasks. People's own are below.
const firstStoryTask = 20_000

// deals are the titles of the stories' tasks, in turn.
var deals = []string{
	"Master agreement with Initech", "NDA with Hooli", "Order form for Umbrella",
	"Data processing agreement with Stark", "Rental agreement for Springfield",
}

// seed begins the conversation in #general: Chamelio's app posts two tasks, and
// Grace asks for one of them to be stopped.
func (e *Engine) seed() {
	began := time.Now().Add(-26 * time.Hour)
	for id, task := range map[int64]struct{ status, title string }{
		firstTask:     {"in_progress", "Master agreement with Globex"},
		firstOriginal: {"in_progress", "Master agreement with Globex, final"},
		12347:         {"in_progress", "Master agreement with Globex, copy"},
		12349:         {"completed", "Rental agreement for Shelbyville"},
	} {
		e.Chamelio.Put(chameliotest.NewTask(id, task.status, task.title, began))
	}
	e.Slack.AddUser(slacktest.User{ID: chamelioApp, Name: "chamelio", RealName: "Chamelio", IsBot: true})
	for _, id := range []int64{firstOriginal, firstTask} {
		e.Slack.Say(chamelioApp, slacktest.General, fmt.Sprintf("*Waiting for approval:* %s (task %d)\nContract review · Legal approval", e.link(id), id))
	}
	e.Slack.Say(slacktest.Linus, slacktest.General, "Legal asks why Globex is in review twice.")
	e.Slack.Say(slacktest.Grace, slacktest.General, "My mistake. "+duplicateOf(firstTask, firstOriginal))
}

func duplicateOf(task, original int64) string {
	return fmt.Sprintf("%d is a duplicate of %d, can someone stop it?", task, original)
}

// link returns a task's title, linked to its page, as mrkdwn.
func (e *Engine) link(id int64) string {
	task, found := e.Chamelio.Task(id)
	if !found {
		return fmt.Sprintf("task %d", id)
	}
	return fmt.Sprintf("<%s|%s>", *task.URL, *task.Title)
}

// open reports whether a task can still be cancelled.
func (e *Engine) open(id int64) bool {
	task, found := e.Chamelio.Task(id)
	return found && (task.Status == "pending" || task.Status == "in_progress")
}

// adds puts n tasks of one title into Chamelio.
func (s *scene) adds(n int) {
	s.web.mu.Lock()
	defer s.web.mu.Unlock()
	title := deals[s.web.deal%len(deals)]
	s.web.deal++
	for range n {
		s.web.nextTask++
		s.tasks = append(s.tasks, s.web.nextTask)
		s.Chamelio.Put(chameliotest.NewTask(s.web.nextTask, "in_progress", title, time.Now().Add(-26*time.Hour)))
	}
}

// A lead is what people say before a story begins.
type lead func(*scene)

// asksFor has Grace ask for a task of the story's own.
func asksFor(s *scene) {
	s.adds(2)
	s.original, s.tasks = s.tasks[1], s.tasks[:1]
	s.says(slacktest.Grace, duplicateOf(s.tasks[0], s.original))
}

// asksForOpen is about the task that Grace asked for first, as long as the
// conversation shows that, or about a new one.
func asksForOpen(s *scene) {
	if !s.web.asksForFirst(s.Engine) {
		asksFor(s)
		return
	}
	s.tasks, s.original = []int64{firstTask}, firstOriginal
}

// asksForFirst reports whether the conversation still is what it began with, about
// a task that can be cancelled.
func (w *web) asksForFirst(e *Engine) bool {
	w.mu.Lock()
	folded := w.fold != ""
	w.mu.Unlock()
	return !folded && e.open(firstTask)
}

// linksTo has Grace link to a task in a thread.
func linksTo(s *scene) {
	s.adds(2)
	s.original, s.tasks = s.tasks[1], s.tasks[:1]
	parent := s.says(slacktest.Linus, "Legal asks why this contract is in review twice. Does anyone know?")
	s.thread = parent.TS
	s.asked = s.Slack.Reply(slacktest.Grace, parent, "I uploaded it twice, sorry. Can someone stop "+s.link(s.tasks[0])+"?")
}

// asksForFive has Grace ask for five tasks at once, all copies of a sixth.
func asksForFive(s *scene) {
	s.adds(6)
	s.original, s.tasks = s.tasks[0], s.tasks[1:]
	s.says(slacktest.Grace, fmt.Sprintf("The import ran six times. %s are copies of %d, can someone stop them? %d stays.", strings.Join(s.ids(), ", "), s.original, s.original))
}

// says posts a person's message. The page folds what was said before it.
func (s *scene) says(user, text string) slacktest.Message {
	m := s.Slack.Say(user, slacktest.General, text)
	s.web.from(m.TS)
	return m
}

func (s *scene) ids() []string {
	var all []string
	for _, id := range s.tasks {
		all = append(all, fmt.Sprint(id))
	}
	return all
}

// from folds the messages before ts.
func (w *web) from(ts string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fold = ts
}
