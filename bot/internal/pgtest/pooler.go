package pgtest

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Pooler starts pgbouncer in front of the server of a URL and returns the URL
// of the same database through it. Each setting is a line of the section
// [pgbouncer], such as "pool_mode = session". If pgbouncer isn't installed, it
// skips the test.
func Pooler(tb testing.TB, server string, settings ...string) string {
	tb.Helper()
	bin := pgbouncer(tb)
	u, err := url.Parse(server)
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pgb")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	port := freePort(tb)
	users, config := filepath.Join(dir, "users"), filepath.Join(dir, "pgbouncer.ini")
	text := fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = trust\nauth_file = %s\n%s\n",
		u.Hostname(), u.Port(), port, users, strings.Join(settings, "\n"))
	for path, content := range map[string]string{users: `"` + u.User.Username() + `" ""` + "\n", config: text} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			tb.Fatal(err)
		}
	}
	attr := unprivileged(tb, dir)
	pooler := exec.Command(bin, config)
	pooler.SysProcAttr, pooler.Dir = attr, dir
	var log bytes.Buffer
	pooler.Stdout, pooler.Stderr = &log, &log
	if err := pooler.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		quit(pooler.Process)
		_ = pooler.Wait()
	})
	u.Host = "127.0.0.1:" + strconv.Itoa(port)
	waitUntilListening(tb, u.Host, &log)
	return u.String()
}

// PoolerIsAtLeast reports whether this machine's pgbouncer has a version or a
// newer one.
func PoolerIsAtLeast(tb testing.TB, major, minor int) bool {
	tb.Helper()
	out, err := exec.Command(pgbouncer(tb), "--version").Output()
	if err != nil {
		tb.Fatal(err)
	}
	var hasMajor, hasMinor int
	if _, err := fmt.Sscanf(string(out), "PgBouncer %d.%d", &hasMajor, &hasMinor); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	return hasMajor > major || hasMajor == major && hasMinor >= minor
}

func pgbouncer(tb testing.TB) string {
	tb.Helper()
	bin, err := exec.LookPath("pgbouncer")
	if err != nil {
		if bin = "/usr/sbin/pgbouncer"; !exists(bin) {
			tb.Skip("no pgbouncer on this machine: install it (apt-get install pgbouncer) to run this test")
		}
	}
	return bin
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
