package bot

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	// clicksPerCommand bounds the presses of one person a minute, by the
	// commands that they may type: more than anybody needs, far less than would
	// hold up the others.
	clicksPerCommand = 3

	// toldPerMinute bounds how often they are told that they press too fast.
	toldPerMinute = 2

	maxPeople = 4096
)

// personLimit bounds what each person may do a minute, so that
// nobody takes the bot, and Chamelio's rate limit, away from the others.
type personLimit struct {
	perMinute int
	people    *lru.Cache[string, *rate.Limiter]
}

func newPersonLimit(perMinute int) *personLimit {
	people, err := lru.New[string, *rate.Limiter](maxPeople)
	if err != nil {
		panic(err) // only for a size below one
	}
	return &personLimit{perMinute: perMinute, people: people}
}

// allow takes one of a person's share; false if there is none left.
func (l *personLimit) allow(user string) bool {
	share := rate.NewLimiter(rate.Limit(l.perMinute)/60, l.perMinute)
	if known, ok, _ := l.people.PeekOrAdd(user, share); ok {
		share = known
		l.people.Get(user) // stays among the recent ones
	}
	return share.Allow()
}
