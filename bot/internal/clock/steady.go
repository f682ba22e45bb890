package clock

import "time"

// leastSuspension is the shortest suspension that a steady clock counts: its length is
// the difference of two readings, which aren't made at the same instant.
const leastSuspension = time.Second

// Steady returns a clock that starts at a time now, and that no one can set. It goes on
// while the machine is suspended, if the system says for how long it was.
func Steady(from time.Time) func() time.Time {
	from = from.Round(0)
	began, before := time.Now(), suspended()
	return func() time.Time {
		asleep := suspended() - before
		if asleep < leastSuspension {
			asleep = 0
		}
		return from.Add(time.Since(began) + asleep)
	}
}
