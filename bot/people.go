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
// nobody.
type peopleFinder struct {
	slack interface {
		// users.lookupByEmail
		GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error)
	}
}

// newPeopleFinder returns nil where nobody is to be told.
func newPeopleFinder(wanted bool, client *slackapi.Client) *peopleFinder {
	if !wanted {
		return nil
	}
	return &peopleFinder{slack: client}
}

// find returns the owner and the assignee, where Slack knows their addresses,
// without whoever stands behind the decision. It takes as long as ctx allows;
// whoever is not found until then is not told.
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

// byEmail is "" where nobody of this workspace is found whose address is
// certain.
func (f *peopleFinder) byEmail(ctx context.Context, log *slog.Logger, address string) string {
	u, err := f.slack.GetUserByEmailContext(ctx, address)
	switch {
	case err != nil && slackapi.Code(err) == "users_not_found":
		return ""
	case err != nil:
		log.Warn("cannot look up who is on a task; they are not told", "error", err)
		return ""
	case u.Deleted, u.IsBot, u.IsStranger, !u.IsEmailConfirmed:
		return ""
	}
	return u.ID
}
