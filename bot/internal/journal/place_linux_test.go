package journal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// kindOf returns the kind of a problem, "" if err is nil.
func kindOf(err error) Kind {
	var p *Error
	if errors.As(err, &p) {
		return p.Kind
	}
	return ""
}

// If one of the files is a mount of its own, commits and file don't survive
// together.
func TestFileMountedAloneIsRefused(t *testing.T) {
	for _, name := range []string{"j.db", "j.db-wal", "j.db-shm"} {
		t.Run(name, func(t *testing.T) {
			outside, dir := t.TempDir(), t.TempDir()
			for _, place := range []string{outside, dir} {
				for _, file := range []string{"j.db", "j.db-wal", "j.db-shm"} {
					if err := os.WriteFile(filepath.Join(place, file), nil, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			target := filepath.Join(dir, name)
			if err := unix.Mount(filepath.Join(outside, name), target, "", unix.MS_BIND, ""); err != nil {
				t.Skipf("no right to mount, which this test needs (root): %v", err)
			}
			defer func() { _ = unix.Unmount(target, 0) }()
			link := filepath.Join(outside, "link.db")
			if err := os.Symlink(filepath.Join(dir, "j.db"), link); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{filepath.Join(dir, "j.db"), link} {
				_, err := Open(t.Context(), "sqlite:"+path, Options{})
				if kindOf(err) != FileAlone || !strings.Contains(err.Error(), target) {
					t.Errorf("%s: %v", path, err)
				}
				if p := Diagnose("sqlite:"+path, err); !strings.Contains(p.Remedy, dir) || strings.Contains(p.Found+p.Remedy, "%!") {
					t.Errorf("%q, %q", p.Found, p.Remedy)
				}
				if kindOf(Preflight(t.Context(), "sqlite:"+path)) != FileAlone {
					t.Errorf("%s: Preflight doesn't refuse it", path)
				}
			}
		})
	}
}

// A directory that is a mount of its own is fine.
func TestMountedDirectoryIsAccepted(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	if err := unix.Mount(outside, dir, "", unix.MS_BIND, ""); err != nil {
		t.Skipf("no right to mount, which this test needs (root): %v", err)
	}
	defer func() { _ = unix.Unmount(dir, 0) }()
	for range 2 { // the second time, the files are there
		j, err := Open(t.Context(), "sqlite:"+filepath.Join(dir, "j.db"), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNetworkFileSystems(t *testing.T) {
	all := readMounts(strings.NewReader(`22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/ssh rw - fuse.sshfs host:/ rw
31 22 0:41 / /mnt/my\040bucket rw - fuse.s3fs s3 rw
32 22 0:42 / /mnt/ssh/local rw - fuse.ext4 /dev/sdb rw
33 22 0:43 / /mnt/dev rw - fuse /dev/fuse rw
34 22 0:44 / /mnt/ceph rw - fuse.ceph-fuse ceph-fuse rw
35 22 0:45 / /mnt/mfs rw - fuse.mfsmount mfsmount rw
36 22 0:46 / /mnt/memory rw - fuse.memfs memfs rw
37 22 0:47 / /mnt/merged rw - fuse.mergerfs a:b rw
`))
	for dir, want := range map[string]string{
		"/": "", "/mnt/ssh": "fuse.sshfs", "/mnt/ssh/a/b": "fuse.sshfs", "/mnt/sshx": "", "/mnt/my bucket/x": "fuse.s3fs",
		"/mnt/ssh/local/x": "", "/mnt/dev": "", "/mnt/ceph": "fuse.ceph-fuse", "/mnt/mfs": "fuse.mfsmount",
		"/mnt/memory": "", "/mnt/merged": "",
	} {
		if got := networkFuseAt(dir, all); got != want {
			t.Errorf("%s: got %q, want %q", dir, got, want)
		}
	}
	if got := networkFileSystem(t.TempDir()); got != "" {
		t.Errorf("the test's own directory is on %s", got)
	}
	if got := networkFileSystem("/proc"); got != "" {
		t.Errorf("/proc is on %s", got)
	}
	for magic, name := range map[int64]string{
		0x6969: "nfs", 0x517b: "smb", 0xff534d42: "cifs", 0xfe534d42: "smb3", 0x6b414653: "afs",
		0x00c36400: "ceph", 0x0bd00bd0: "lustre", 0x19830326: "beegfs", 0x01021997: "", // the last one is 9p
	} {
		if networkMagic[magic] != name {
			t.Errorf("%#x is %q, want %s", magic, networkMagic[magic], name)
		}
	}
}

// Errors name the place by its absolute path, because a relative one depends
// on a directory that people don't see.
func TestErrorsNameTheAbsolutePath(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir("dir", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"file/j.db", "dir"} {
		_, err := Open(t.Context(), "sqlite:"+path, Options{})
		if err == nil || !strings.Contains(Diagnose("sqlite:"+path, err).Found, filepath.Join(here, path)) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := OpenReadOnly(t.Context(), "sqlite:nowhere.db"); err == nil || !strings.Contains(err.Error(), filepath.Join(here, "nowhere.db")) {
		t.Errorf("read-only: %v", err)
	}
}
