package work

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// maxUsers bounds how many users a Limit remembers. The least recent ones are
// forgotten, and start with a full share again.
const maxUsers = 4096

// Limit bounds how often each user may do something, so that no one uses up
// what everyone shares.
type Limit struct {
	PerMinute int

	users *lru.Cache[string, *rate.Limiter]
}

// NewLimit returns a limit of perMinute for each user, in bursts up to the same
// number.
func NewLimit(perMinute int) *Limit {
	return &Limit{PerMinute: perMinute, users: NewCache[string, *rate.Limiter](maxUsers)}
}

// Allow takes one from the user's share. It returns false if none is left.
func (l *Limit) Allow(user string) bool {
	share := rate.NewLimiter(rate.Limit(l.PerMinute)/60, l.PerMinute)
	if known, ok, _ := l.users.PeekOrAdd(user, share); ok {
		share = known
		l.users.Get(user) // keeps it among the recent ones
	}
	return share.Allow()
}
