package carry

import (
	"testing"
	"time"
	"unsafe"
)

// TestLeaseEndsByBothClocks subtracts ten minutes from the wall clock's
// reading of a time, like a suspension of the machine, during which the
// monotonic clock stops.
func TestLeaseEndsByBothClocks(t *testing.T) {
	now := time.Now()
	until := now.Add(10 * time.Second)
	if !Before(now, until) || Before(until, until) || Before(until.Add(time.Second), until) {
		t.Fatal("a lease doesn't end")
	}
	asleep := until
	const nanoseconds = 30                                          // time.Time's wall: one bit, seconds since 1885, and 30 bits of nanoseconds
	*(*uint64)(unsafe.Pointer(&asleep)) -= (10 * 60) << nanoseconds //nolint:gosec // no other way to make the two clocks differ
	if asleep.Sub(now) != 10*time.Second || now.Round(0).Sub(asleep.Round(0)) != 590*time.Second {
		t.Fatalf("the clocks don't differ: %s and %s", now, asleep)
	}
	if Before(now, asleep) {
		t.Error("a machine that was suspended believes in its lease")
	}
	if Before(asleep.Round(0).Add(time.Hour), asleep) {
		t.Error("by the wall clock alone")
	}
}
