//go:build !linux

package clock

import (
	"errors"
	"time"
)

// SinceBoot always fails on this system.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }

// suspended always returns 0 on this system: a suspension isn't counted.
func suspended() time.Duration { return 0 }

// BootID always fails on this system.
func BootID() (string, error) { return "", errors.ErrUnsupported }
