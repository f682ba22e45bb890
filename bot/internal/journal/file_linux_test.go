package journal

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// asNobody runs f as a user who isn't root, on this thread alone, and makes
// that user the owner of the paths.
func asNobody(t *testing.T, f func(), paths ...string) {
	t.Helper()
	const nobody = 65534
	if os.Geteuid() == 0 {
		for _, path := range paths {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		as := func(uid uintptr) {
			if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, 0); errno != 0 {
				t.Fatal(errno)
			}
		}
		as(nobody)
		defer as(0)
	}
	f()
}

// SQLite makes further files next to the first one, so both must be writable.
func TestPlaceMustBeWritable(t *testing.T) {
	for name, tt := range map[string]struct {
		dir, file os.FileMode
		want      bool
	}{
		"both":                {0o700, 0o600, true},
		"the directory isn't": {0o500, 0o600, false},
		"the file isn't":      {0o700, 0o400, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp("", "place") //nolint:usetesting // another user has to reach it
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "journal.db")
			t.Cleanup(func() { _, _ = os.Chmod(dir, 0o700), os.RemoveAll(dir) })
			for _, err := range []error{os.WriteFile(path, nil, tt.file), os.Chmod(dir, tt.dir)} {
				if err != nil {
					t.Fatal(err)
				}
			}
			asNobody(t, func() {
				var p *Error
				err := checkPlace(path)
				if refused := errors.As(err, &p) && p.Kind == NotWritable; refused == tt.want || tt.want && err != nil {
					t.Errorf("got %v", err)
				}
			}, dir, path)
		})
	}
}
