package slacktest

import (
	crand "crypto/rand"
	"math/rand/v2"
	"strings"
	"sync"
)

// source generates IDs, tickets and random choices: from the system's
// randomness, or the same ones in each run if there is a seed.
type source struct {
	mu     sync.Mutex
	seeded *rand.Rand // nil for the system's
}

func newSource(seed uint64) *source {
	if seed == 0 {
		return &source{}
	}
	return &source{seeded: rand.New(rand.NewPCG(seed, seed))}
}

// text returns 26 characters that can't be guessed, except with a seed.
func (r *source) text() string {
	if r.seeded == nil {
		return strings.ToLower(crand.Text())
	}
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	for range 26 {
		b.WriteByte(letters[r.seeded.IntN(len(letters))])
	}
	return b.String()
}

func (r *source) perm(n int) []int {
	if r.seeded == nil {
		return rand.Perm(n)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seeded.Perm(n)
}

// shortID returns a block_id or action_id as Slack generates them: five
// characters.
func (s *Server) shortID() string { return s.random.text()[:5] }
