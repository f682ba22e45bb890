package bot

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// personLimit bounds how many commands each person may type a minute, so that
// nobody takes the bot, and Chamelio's rate limit, away from the others.
type personLimit struct {
	perMinute int
	people    *lru.Cache[string, *rate.Limiter]
}

func newPersonLimit(perMinute int) *personLimit {
	people, err := lru.New[string, *rate.Limiter](peopleKept)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &personLimit{perMinute: perMinute, people: people}
}

// allow takes one command of a person's share; false if there is none left.
func (l *personLimit) allow(user string) bool {
	share := rate.NewLimiter(rate.Limit(l.perMinute)/60, l.perMinute)
	if known, ok, _ := l.people.PeekOrAdd(user, share); ok {
		share = known
		l.people.Get(user) // stays among the recent ones
	}
	return share.Allow()
}
