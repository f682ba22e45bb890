// Package pgtest gives tests a real Postgres server: it starts one of its own
// from the binaries on this machine, on a Unix socket and a loopback port.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the "pgx" driver
)

// Start starts a server that lives as long as the test and returns the URL of
// an empty database. It skips the test where Postgres is not installed.
func Start(tb testing.TB) string {
	tb.Helper()
	bin := binaries()
	if bin == "" {
		tb.Skip("no Postgres server on this machine: install it (apt-get install postgresql) to run this test")
	}
	// Not tb.TempDir: a socket's path must be short, and the server's own
	// user must be able to reach it.
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	attr := unprivileged(tb, dir)

	data := filepath.Join(dir, "data")
	run(tb, attr, filepath.Join(bin, "initdb"), "-D", data, "-U", "cancelbot", "-A", "trust", "--no-sync")
	port := freePort(tb)
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", dir)
	server.SysProcAttr, server.Dir = attr, dir
	var log bytes.Buffer
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		quit(server.Process)
		_ = server.Wait()
	})
	admin := fmt.Sprintf("postgres://cancelbot@127.0.0.1:%d/postgres?sslmode=disable", port)
	waitUntilUp(tb, admin, &log)
	return Database(tb, admin)
}

// Installed tells whether there is a Postgres to start.
func Installed() bool { return binaries() != "" }

// Database creates an empty database on a running server, given the URL of
// any database there, and returns its URL.
func Database(tb testing.TB, server string) string {
	tb.Helper()
	name := "t" + strings.ToLower(rand.Text())
	db, err := sql.Open("pgx", server)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	head, options, _ := strings.Cut(server, "?")
	return head[:strings.LastIndex(head, "/")+1] + name + "?" + options
}

// binaries finds the directory of initdb and postgres. Debian keeps them off
// the PATH.
func binaries() string {
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	if path, err := exec.LookPath("initdb"); err == nil {
		places = append(places, filepath.Dir(path))
	}
	for i := len(places) - 1; i >= 0; i-- {
		if _, err := os.Stat(filepath.Join(places[i], "postgres")); err == nil {
			return places[i]
		}
	}
	return ""
}

func run(tb testing.TB, attr *syscall.SysProcAttr, name string, args ...string) {
	tb.Helper()
	cmd := exec.Command(name, args...)
	cmd.SysProcAttr, cmd.Dir = attr, "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func waitUntilUp(tb testing.TB, url string, log *bytes.Buffer) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 30*time.Second)
	defer cancel()
	db, err := sql.Open("pgx", url)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	for db.PingContext(ctx) != nil {
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			tb.Fatalf("Postgres did not come up:\n%s", log)
		}
	}
}

// waitUntilListening waits for something to accept connections at an address.
func waitUntilListening(tb testing.TB, address string, log *bytes.Buffer) {
	tb.Helper()
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Fatalf("nothing listens at %s:\n%s", address, log)
}

// Exec runs a statement in a database.
func Exec(tb testing.TB, url, statement string) {
	tb.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		tb.Fatal(err)
	}
}
