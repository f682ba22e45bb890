package carry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// detailsTimeout bounds the optional GET that adds details to an announcement,
	// or to a prompt that is shown again.
	detailsTimeout = 2 * time.Second

	// maxSeen bounds how many tasks are remembered, at half a KB each, and how many
	// prompts.
	maxSeen = 1024

	// seenFor is how long an announcement may use what a prompt showed of a task, which
	// may have changed since.
	seenFor = 10 * time.Minute
)

// Details finds what an announcement says about a task in addition to its
// outcome, and what its prompt showed. No decision depends on it.
type Details struct {
	tasks   Tasks
	people  Directory // nil if no one is mentioned
	seen    *lru.Cache[chamelio.TaskID, seenTask]
	prompts *lru.Cache[string, *texts.Preview] // by the confirmation's ID
}

// seenTask is a task as a prompt of this process showed it.
type seenTask struct {
	chamelio.Task
	at time.Time
}

// Directory finds people by their e-mail address (users.lookupByEmail).
type Directory interface {
	GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error)
}

// details are the known details of a task.
type details struct {
	chamelio.Task
	asked  time.Time // when Chamelio was asked
	people []decision.Person
}

// NewDetails returns a Details. With a directory it finds the people on a task
// as well; people may be nil.
func NewDetails(tasks Tasks, people Directory) *Details {
	return &Details{
		tasks: tasks, people: people, seen: work.NewCache[chamelio.TaskID, seenTask](maxSeen),
		prompts: work.NewCache[string, *texts.Preview](maxSeen),
	}
}

// Keep remembers a task as a prompt shows it.
func (d *Details) Keep(task chamelio.Task) { d.seen.Add(task.ID, seenTask{task, time.Now()}) }

// recently returns what hardly changes of a task that a prompt of this process showed
// within seenFor; otherwise the zero Task. It has no title, which may be older than the one
// on the button, and no step.
func (d *Details) recently(id chamelio.TaskID) chamelio.Task {
	seen, known := d.seen.Get(id)
	if !known || !Before(time.Now(), seen.at.Add(seenFor)) {
		return chamelio.Task{}
	}
	seen.Title, seen.URL, seen.Step, seen.StepsDone, seen.StepsTotal = "", "", "", 0, 0
	return seen.Task
}

// KeepPrompt remembers what a prompt shows.
func (d *Details) KeepPrompt(asked decision.Confirmation, shown texts.Preview) {
	d.prompts.Add(asked.ID, &shown)
}

// shown returns what a prompt showed. If another replica showed it, it has only the
// tasks, as they are now, or else by their names on the button.
func (d *Details) shown(ctx context.Context, asked decision.Confirmation) texts.Preview {
	if shown, known := d.prompts.Get(asked.ID); known {
		return *shown
	}
	ctx, cancel := context.WithTimeout(ctx, detailsTimeout)
	defer cancel()
	tasks := make([]chamelio.Task, len(asked.Tasks))
	var getting sync.WaitGroup
	for i, t := range asked.Tasks {
		getting.Go(func() {
			var err error
			if tasks[i], err = d.tasks.Preview(ctx, t.ID); err != nil {
				tasks[i] = chamelio.Task{ID: t.ID, Title: t.Title, URL: t.URL}
			}
		})
	}
	getting.Wait()
	return texts.Preview{Tasks: tasks}
}

// find gets the details of a task of a decision, in parallel with the cancel
// request, because the task may have moved on since its prompt. If Chamelio doesn't
// answer in time, it returns what is known from a recent prompt, and the name on the
// button counts.
func (d *Details) find(ctx context.Context, log *slog.Logger, r decision.Record, task int) <-chan details {
	found := make(chan details, 1)
	id := r.Tasks[task].ID
	go func() {
		all := details{asked: time.Now()}
		defer func() { found <- all }()
		defer work.RecoverPanic(log)
		ctx, cancel := context.WithTimeout(ctx, detailsTimeout)
		defer cancel()
		var err error
		if all.Task, err = d.tasks.Preview(ctx, id); err != nil { // it gives way to cancels
			all.Task = d.recently(id)
		}
		all.people = d.mentioned(ctx, log, all.Task, r)
	}()
	return found
}

// mentioned returns the owner and the assignee, if Slack knows their addresses,
// without the requester and the confirmer. It takes as long as ctx allows; those
// who aren't found by then aren't mentioned.
func (d *Details) mentioned(ctx context.Context, log *slog.Logger, task chamelio.Task, r decision.Record) []decision.Person {
	if d.people == nil {
		return nil
	}
	addresses := []string{task.Owner, task.Assignee}
	ids := make([]string, len(addresses))
	var all sync.WaitGroup
	for i, address := range addresses {
		if address == "" || i > 0 && address == addresses[0] {
			continue
		}
		all.Go(func() {
			defer work.RecoverPanic(log)
			ids[i] = d.byEmail(ctx, log, address)
		})
	}
	all.Wait()
	if addresses[1] == addresses[0] {
		ids[1] = ids[0]
	}
	var found []decision.Person
	for i, role := range []string{"owner", "assignee"} {
		switch id := ids[i]; {
		case id == "" || id == r.Confirmer || id == r.Requester:
		case len(found) > 0 && found[0].User == id:
			found[0].Role += " and " + role
		default:
			found = append(found, decision.Person{User: id, Role: role})
		}
	}
	return found
}

// byEmail returns "" unless someone of this workspace has the address, confirmed.
func (d *Details) byEmail(ctx context.Context, log *slog.Logger, address string) string {
	u, err := d.people.GetUserByEmailContext(ctx, address)
	switch {
	case err != nil && slackapi.Code(err) == "users_not_found":
		return ""
	case err != nil:
		log.Warn("can't look up the people on a task; not mentioning them", "error", err)
		return ""
	case u.Deleted, u.IsBot, u.IsStranger, !u.IsEmailConfirmed:
		return ""
	}
	return u.ID
}
