package clock

import (
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// SinceBoot returns how long ago this machine was booted, suspensions included
// (clock_gettime(2), CLOCK_BOOTTIME). Nobody can set that clock, and all
// processes see the same.
func SinceBoot() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("reading the clock since boot: %w", err)
	}
	return time.Duration(t.Nano()), nil
}

// BootID returns a name for the time since this machine was booted (proc(5),
// /proc/sys/kernel/random/boot_id).
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}
