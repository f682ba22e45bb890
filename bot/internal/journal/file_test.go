package journal_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
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
