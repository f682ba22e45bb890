//go:build !linux

package clock

import (
	"errors"
	"time"
)

// SinceBoot always fails on this system.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }

// BootID always fails on this system.
func BootID() (string, error) { return "", errors.ErrUnsupported }
