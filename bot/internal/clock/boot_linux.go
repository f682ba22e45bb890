package clock

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot returns the time since this machine was booted, including
// suspensions (clock_gettime(2), CLOCK_BOOTTIME). No one can set that clock,
// and all processes see the same.
func SinceBoot() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("reading the clock since boot: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// suspended returns for how long this machine has been suspended since it was booted:
// CLOCK_MONOTONIC, which Go's times have, leaves that out. It returns 0 if the system
// doesn't say.
func suspended() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	since, err := SinceBoot()
	if err != nil {
		return 0
	}
	return since - time.Duration(t.Nano())
}

// BootID returns a name for the time since this machine was booted (proc(5),
// /proc/sys/kernel/random/boot_id).
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}
