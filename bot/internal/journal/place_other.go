//go:build !linux

package journal

// mountedAlone returns false: only Linux mounts a file alone.
func mountedAlone(_, _ string) bool { return false }

// networkFileSystem returns "", because it isn't known on this system.
func networkFileSystem(string) string { return "" }

// writableBy returns nil: on this system, opening the journal shows it.
func writableBy(_, _ string) error { return nil }
