package bot

import (
	"context"
	"log/slog"
	"sync"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/slackapi"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/chamelio"
)

// peopleFinder finds the people on a task in this workspace. A nil one finds
// none.
type peopleFinder struct {
	slack interface {
		// users.lookupByEmail
		GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error)
	}
}

// newPeopleFinder returns nil if announcements mention no one.
func newPeopleFinder(wanted bool, client *slackapi.Client) *peopleFinder {
	if !wanted {
		return nil
	}
	return &peopleFinder{slack: client}
}

// find returns the owner and the assignee, if Slack knows their addresses,
// without the requester and the confirmer of d. People who aren't found before
// ctx ends aren't mentioned.
func (f *peopleFinder) find(ctx context.Context, log *slog.Logger, task chamelio.Task, d decision.Record) []decision.Person {
	if f == nil {
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
			ids[i] = f.byEmail(ctx, log, address)
		})
	}
	all.Wait()
	if addresses[1] == addresses[0] {
		ids[1] = ids[0]
	}
	var found []decision.Person
	for i, role := range []string{"owner", "assignee"} {
		switch id := ids[i]; {
		case id == "" || id == d.Confirmer || id == d.Requester:
		case len(found) > 0 && found[0].User == id:
			found[0].Role += " and " + role
		default:
			found = append(found, decision.Person{User: id, Role: role})
		}
	}
	return found
}

// byEmail returns the Slack ID of a member with this address; "" if there is
// none whose address is certain.
func (f *peopleFinder) byEmail(ctx context.Context, log *slog.Logger, address string) string {
	u, err := f.slack.GetUserByEmailContext(ctx, address)
	switch {
	case err != nil && slackapi.Code(err) == "users_not_found":
		return ""
	case err != nil:
		log.Warn("cannot look up who is on a task; they are not mentioned", "error", err)
		return ""
	case u.Deleted, u.IsBot, u.IsStranger, !u.IsEmailConfirmed:
		return ""
	}
	return u.ID
}
