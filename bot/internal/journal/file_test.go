package journal_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// Common mistakes with SQLite: a file of another program, an incomplete backup, a
// file in a read-only directory. Each has its own remedy, and OpenReadOnly says
// the same as Open.
func TestUnusableSQLiteFilesAreExplained(t *testing.T) {
	journalFile := func(t *testing.T, path string) {
		j, err := journal.Open(t.Context(), "sqlite:"+path, journal.Options{})
		must(t, err)
		must(t, j.Close())
	}
	for name, tt := range map[string]struct {
		prepare func(t *testing.T, path string)
		want    journal.Kind
	}{
		"text": {func(t *testing.T, path string) {
			must(t, os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600))
		}, journal.NotADatabase},
		"half a copy": {func(t *testing.T, path string) {
			journalFile(t, path)
			must(t, os.Truncate(path, 20_000))
		}, journal.Damaged},
		"another program's": {func(t *testing.T, path string) {
			db, err := sql.Open("sqlite", path)
			must(t, err)
			defer db.Close()
			_, err = db.Exec("CREATE TABLE dashboards (id INTEGER)")
			must(t, err)
		}, journal.OtherProgram},
		"ours": {journalFile, ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			tt.prepare(t, path)
			url := "sqlite:" + path
			said := map[string]*journal.Error{}
			for how, open := range map[string]func() (*journal.Journal, error){
				"read":  func() (*journal.Journal, error) { return journal.OpenReadOnly(t.Context(), url) },
				"write": func() (*journal.Journal, error) { return journal.Open(t.Context(), url, journal.Options{}) },
			} {
				j, err := open()
				if err != nil {
					said[how] = journal.Diagnose(url, err)
				} else {
					must(t, j.Close())
				}
			}
			for how, p := range said {
				if p.Kind != tt.want || p.Remedy == "" {
					t.Errorf("%s: %s: %s → %s", how, p.Kind, p.Found, p.Remedy)
				}
			}
			if read, write := said["read"], said["write"]; tt.want != "" && (read == nil || write == nil || read.Found != write.Found) {
				t.Errorf("read says %v, write %v", read, write)
			}
			if tt.want == "" && len(said) > 0 {
				t.Errorf("refused: %v", said)
			}
		})
	}
}

// A lock and a full disk pass, and DATABASE_URL is right: the remedy is about the other
// process, or the disk.
func TestLocksAndFullDisksAreExplained(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	open(t, "sqlite:"+path, 0)
	connect := func() *sql.DB {
		db, err := sql.Open("sqlite", path)
		must(t, err)
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1) // locks and limits are a connection's
		return db
	}
	exec := func(db *sql.DB, statement string) error { _, err := db.Exec(statement); return err }
	for name, tt := range map[string]struct {
		fail   func() error
		want   journal.Kind
		remedy string
	}{
		"locked": {func() error {
			locking := connect()
			must(t, exec(locking, "BEGIN EXCLUSIVE"))
			defer func() { must(t, exec(locking, "ROLLBACK")) }()
			return exec(connect(), "BEGIN IMMEDIATE")
		}, journal.Locked, "fuser -v " + path},
		"full": {func() error {
			db := connect()
			must(t, exec(db, "PRAGMA max_page_count = 1")) // no more than it has
			return exec(db, "CREATE TABLE much AS SELECT zeroblob(1000000)")
		}, journal.DiskFull, "df -h " + filepath.Dir(path)},
		"full for a new file": {func() error {
			return &fs.PathError{Op: "open", Path: path, Err: syscall.ENOSPC}
		}, journal.DiskFull, "df -h " + filepath.Dir(path)},
	} {
		t.Run(name, func(t *testing.T) {
			err := tt.fail()
			if err == nil {
				t.Fatal("nothing failed")
			}
			p := journal.Diagnose("sqlite:"+path, fmt.Errorf("trying to write: %w", err))
			if p.Kind != tt.want || !strings.Contains(p.Found, path) || !strings.Contains(p.Remedy, tt.remedy) || strings.Contains(p.Found+p.Remedy, "%!") {
				t.Errorf("%s: %s → %s", p.Kind, p.Found, p.Remedy)
			}
		})
	}
}

// After a failover, a proxy can keep leading connections to a server that has
// become read-only. The first write that fails because of that drops them.
func TestReadOnlySessionsAreDropped(t *testing.T) {
	url := postgres(t)
	j, err := journal.Open(t.Context(), url, journal.Options{MaxConns: 3})
	must(t, err)
	defer j.Close()
	var held []*sql.Conn
	for range 3 {
		conn, err := j.Pool().Conn(t.Context())
		must(t, err)
		_, err = conn.ExecContext(t.Context(), "SET default_transaction_read_only = on")
		must(t, err)
		held = append(held, conn)
	}
	for _, conn := range held {
		must(t, conn.Close())
	}
	if err := j.Writable(t.Context()); err == nil {
		t.Fatal("a read-only session was writable")
	}
	if err := j.Writable(t.Context()); err != nil {
		t.Errorf("the sessions stay read-only: %v", err)
	}
	if n := j.Pool().Stats().MaxOpenConnections; n != 3 {
		t.Errorf("%d connections at most", n)
	}
}

// TestWritesIntoARemovedFileFail removes or replaces the file under an open
// journal. No write counts until the file is back.
func TestWritesIntoARemovedFileFail(t *testing.T) {
	for name, replaced := range map[string]bool{"removed": false, "replaced": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "journal.db")
			j := open(t, "sqlite:"+path, 0)
			l := won(t, j, sampleDecision("before", 1))
			must(t, os.Rename(path, path+".before"))
			if replaced {
				must(t, os.WriteFile(path, nil, 0o600))
			}
			if c, err := j.Claim(t.Context(), sampleDecision("x", 2)); err == nil {
				t.Errorf("claimed: %+v", c)
			}
			if _, err := j.MarkSent(t.Context(), l, 0); err == nil || errors.Is(err, journal.ErrLost) || errors.Is(err, journal.ErrGone) {
				t.Errorf("marked as sent: %v", err)
			}
			must(t, os.Rename(path+".before", path))
			won(t, j, sampleDecision("x", 2))
		})
	}
}
