//go:build !linux

package clock

import (
	"errors"
	"time"
)

// SinceBoot can't tell here.
func SinceBoot() (time.Duration, error) { return 0, errors.ErrUnsupported }

// BootID can't tell here.
func BootID() (string, error) { return "", errors.ErrUnsupported }
