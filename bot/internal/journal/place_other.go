//go:build !linux

package journal

// mountedAlone can't tell here: only Linux mounts a file alone.
func mountedAlone(_, _ string) bool { return false }

// networkFileSystem can't tell here.
func networkFileSystem(string) string { return "" }

// writableBy can't tell here: opening the journal does.
func writableBy(_, _ string) error { return nil }
