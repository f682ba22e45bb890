package journal

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mountedAlone reports whether a file is on another mount than its directory. A
// file that isn't there isn't.
func mountedAlone(file, dir string) bool {
	var ofFile, ofDir unix.Stat_t
	if unix.Stat(file, &ofFile) != nil || unix.Stat(dir, &ofDir) != nil {
		return false
	}
	if ofFile.Dev != ofDir.Dev {
		return true
	}
	// A file bound from the same file system has the same device.
	for _, m := range mounts() {
		if m.point == file {
			return true
		}
	}
	return false
}

// networkMagic has the file systems on other machines, by their magic numbers:
// those of statfs(2) and linux/magic.h, and for lustre and beegfs those of their
// sources, which stat(1) has, too. 9p is missing: gVisor reports it for all files,
// also for those on a disk of the machine.
var networkMagic = map[int64]string{
	unix.NFS_SUPER_MAGIC: "nfs", unix.SMB_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "cifs", unix.SMB2_SUPER_MAGIC: "smb3",
	unix.AFS_SUPER_MAGIC: "afs", unix.AFS_FS_MAGIC: "afs", unix.CODA_SUPER_MAGIC: "coda",
	unix.CEPH_SUPER_MAGIC: "ceph", 0x0bd00bd0: "lustre", 0x19830326: "beegfs",
}

// networkFuse has parts of the names of user-space file systems on other
// machines. The others are local. MooseFS and LizardFS are called mfs.
var networkFuse = []string{
	"sshfs", "s3", "gcsfuse", "rclone", "goofys", "gluster", "dav", "ftpfs", "blobfuse", "juicefs", "smb", "nfs",
	"ceph", ".mfs", "seaweedfs", "alluxio", "ossfs",
}

// networkFileSystem returns the name of the file system that a directory is on
// if it is on another machine, "" if it isn't.
func networkFileSystem(dir string) string {
	var on unix.Statfs_t
	if unix.Statfs(dir, &on) != nil {
		return ""
	}
	if name := networkMagic[int64(uint32(on.Type))]; name != "" {
		return name
	}
	if on.Type == unix.FUSE_SUPER_MAGIC {
		return networkFuseAt(dir, mounts())
	}
	return ""
}

// networkFuseAt judges the innermost mount that a directory is on.
func networkFuseAt(dir string, all []mount) string {
	var inner mount
	for _, m := range all {
		below := dir == m.point || strings.HasPrefix(dir, strings.TrimSuffix(m.point, "/")+"/")
		if below && len(m.point) >= len(inner.point) {
			inner = m
		}
	}
	for _, name := range networkFuse {
		if strings.HasPrefix(inner.system, "fuse") && strings.Contains(inner.system, name) {
			return inner.system
		}
	}
	return ""
}

// mount is where a file system is mounted.
type mount struct{ point, system string }

func mounts() []mount {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer func() { _ = file.Close() }()
	return readMounts(file)
}

// readMounts parses the format of proc_pid_mountinfo(5).
func readMounts(r io.Reader) (all []mount) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		before, after, _ := strings.Cut(lines.Text(), " - ")
		fields := strings.Fields(before)
		if len(fields) < 5 {
			continue
		}
		system, _, _ := strings.Cut(after, " ")
		all = append(all, mount{unescapeOctal(fields[4]), system})
	}
	return all
}

// unescapeOctal decodes the four characters that mountinfo escapes: "\040" is
// a blank.
func unescapeOctal(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+3 < len(text) {
			if code, err := strconv.ParseUint(text[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(code))
				i += 3
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// writableBy reports whether this user may write the file at a path, if it's
// there, and make further files in the directory. SQLite needs both.
func writableBy(path, dir string) error {
	if err := unix.Access(dir, unix.W_OK|unix.X_OK); err != nil {
		return problem(NotWritable, err, path, "the directory "+dir+": "+err.Error())
	}
	if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil && !errors.Is(err, unix.ENOENT) {
		return problem(NotWritable, err, path, err.Error())
	}
	return nil
}
