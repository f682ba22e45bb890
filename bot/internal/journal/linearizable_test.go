package journal_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// asked is one of several concurrent calls: three prompts for one task.
type asked struct {
	call string // "claim", "withdraw", "finish" or "get"
	id   int
	mac  string           // of a claim
	as   decision.Outcome // of a finish
}

// answered is the result of a call. Unknown is the answer of a handle that was
// closed in the middle: the call may have been carried out or not.
type answered struct {
	unknown bool
	won     bool             // of a claim, a withdrawal, a finish
	winner  int              // of a claim that was lost
	outcome decision.Outcome // of a get
}

// absent is the outcome of a row that doesn't exist.
const absent decision.Outcome = "absent"

// prompts is the state: the result of each prompt, and whose click claimed it.
type prompts [3]struct {
	outcome decision.Outcome
	mac     string
}

// serial is the journal if all calls were sequential.
var serial = porcupine.NondeterministicModel{
	Init: func() []any {
		var s prompts
		for i := range s {
			s[i].outcome = absent
		}
		return []any{s}
	},
	Step: func(state, input, output any) []any {
		s, in, out := state.(prompts), input.(asked), output.(answered)
		after, want := serialStep(s, in)
		switch {
		case out.unknown:
			return []any{s, after}
		case out == want:
			return []any{after}
		case in.call == "claim" && !want.won && !out.won && s[in.id].outcome == absent && blocks(s[out.winner].outcome):
			return []any{after} // any conflicting decision will do
		}
		return nil
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

func blocks(o decision.Outcome) bool { return o == "" || o == decision.Cancelled }

func serialStep(s prompts, in asked) (prompts, answered) {
	row := &s[in.id]
	switch in.call {
	case "get":
		return s, answered{outcome: row.outcome}
	case "withdraw":
		if row.outcome == absent {
			row.outcome = decision.Withdrawn
		}
		return s, answered{won: row.outcome == decision.Withdrawn}
	case "finish":
		if row.outcome == "" {
			row.outcome = in.as
		}
		return s, answered{won: row.outcome == in.as}
	}
	switch {
	case row.outcome == "" && row.mac == in.mac: // the same claim again
		return s, answered{won: true}
	case row.outcome != absent:
		return s, answered{winner: in.id}
	}
	for i, other := range s {
		if blocks(other.outcome) {
			return s, answered{winner: i}
		}
	}
	row.outcome, row.mac = "", in.mac
	return s, answered{won: true}
}

// TestConcurrentCallsAreAsIfOneAfterTheOther makes several processes claim,
// withdraw, finish and read at once, some of them closing in the middle, and
// searches for a sequential order of the calls that gives the same answers.
func TestConcurrentCallsAreAsIfOneAfterTheOther(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		rounds := 60
		if testing.Short() {
			rounds = 10
		}
		handles := [3]*journal.Journal{}
		for i := range handles {
			handles[i] = open(t, url, 5*time.Minute)
		}
		for round := range rounds {
			dying := open(t, url, 5*time.Minute) // by its end everything of it is done or never will be
			history := concurrently(t, round, append(handles[:2:2], dying))
			if porcupine.CheckOperationsTimeout(serial.ToModel(), history, 20*time.Second) == porcupine.Illegal {
				for _, op := range history {
					t.Logf("%d: %d to %d: %+v -> %+v", op.ClientId, op.Call, op.Return, op.Input, op.Output)
				}
				t.Fatalf("round %d: no order of these calls gives these answers", round)
			}
		}
	})
}

// concurrently makes all processes do a few things at once, and one of the
// handles close in the middle.
func concurrently(t *testing.T, round int, handles []*journal.Journal) []porcupine.Operation {
	begun := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var all sync.WaitGroup
	for client := range 6 {
		j := handles[client%len(handles)]
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(round), uint64(client)))
			held := map[int]journal.Lease{}
			for range 5 {
				in := asked{call: []string{"claim", "claim", "withdraw", "finish", "get"}[r.IntN(5)], id: r.IntN(3)}
				if _, mine := held[in.id]; in.call == "finish" && !mine {
					in.call = "claim"
				}
				in.mac = fmt.Sprintf("of %d", client)
				in.as = []decision.Outcome{decision.Cancelled, decision.Failed}[r.IntN(2)]
				called := time.Since(begun)
				out := ask(context.Background(), j, round, in, held)
				returned := time.Since(begun)
				if out.unknown {
					returned = time.Hour // it may come to pass at any later time
				}
				mu.Lock()
				history = append(history, porcupine.Operation{ClientId: client, Input: in, Call: int64(called), Output: out, Return: int64(returned)})
				mu.Unlock()
				if out.unknown {
					return
				}
			}
		})
	}
	all.Go(func() {
		time.Sleep(time.Duration(rand.IntN(6)) * time.Millisecond)
		_ = handles[len(handles)-1].Close()
	})
	all.Wait()
	return history
}

func ask(ctx context.Context, j *journal.Journal, round int, in asked, held map[int]journal.Lease) answered {
	name := func(i int) string { return fmt.Sprintf("r%d-%d", round, i) }
	d := sampleDecision(name(in.id), int64(round+1))
	d.MAC = in.mac
	switch in.call {
	case "claim":
		c, err := j.Claim(ctx, d)
		if err != nil {
			return answered{unknown: true}
		}
		if c.Won {
			held[in.id] = c.Lease
			return answered{won: true}
		}
		for i := range 3 {
			if string(c.Winners[0].ID) == name(i) {
				return answered{winner: i}
			}
		}
	case "withdraw":
		_, withdrawn, err := j.Withdraw(ctx, d)
		return answered{unknown: err != nil, won: withdrawn}
	case "finish":
		_, err := j.Finish(ctx, held[in.id], 0, decision.Result{Outcome: in.as}, false)
		if isLost(err) {
			return answered{}
		}
		return answered{unknown: err != nil, won: err == nil}
	case "get":
		found, err := j.Get(ctx, d.ID)
		if isGone(err) {
			return answered{outcome: absent}
		}
		return answered{unknown: err != nil, outcome: found.Outcome()}
	}
	return answered{unknown: true}
}

func isLost(err error) bool { return errors.Is(err, journal.ErrLost) }
func isGone(err error) bool { return errors.Is(err, journal.ErrGone) }
