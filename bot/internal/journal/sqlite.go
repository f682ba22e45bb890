package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // also registers "sqlite"
)

const (
	// readersAtOnce bounds the connections for reading. Writing has one.
	readersAtOnce = 4

	// pageCache bounds each connection's page cache, in KiB. A flow touches a
	// handful of pages, and the operating system caches those in use anyway.
	pageCache = "cache_size(-256)"

	// maxBatch bounds how many writes share a commit, writesQueueSize how many
	// wait for one.
	maxBatch        = 128
	writesQueueSize = 1024
)

// sqlite is a journal in a file. SQLite has one writer at a time: writes queue
// in Go, and those that wait at the same moment share a commit and its sync.
type sqlite struct {
	dialect dialect
	path    string
	opened  fs.FileInfo // the file at the path when it was opened
	now     func() time.Time

	writer, reader *sql.DB
	conn           *sql.Conn // the writer's only connection, used by commitAll
	writing        *statements
	reading        *statements

	writes  chan *write
	closing chan struct{}
	once    sync.Once
	done    chan struct{} // closed when the writing goroutine has ended
}

// write is one write that waits for its commit.
type write struct {
	ctx  context.Context
	do   work
	out  any           // the result of do
	err  error         // the error of do
	done chan struct{} // closed after the commit, or failed is set
	lost error         // the commit's error
}

func openSQLite(ctx context.Context, path string, now func() time.Time, readOnly bool) (engine, error) {
	if !readOnly {
		if err := checkPlace(path); err != nil {
			return nil, err
		}
	}
	if err := preparePlace(path, readOnly); err != nil {
		return nil, err
	}
	opened, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("the journal %s cannot be read: %s", absolute(path), cause(err))
	}
	s := &sqlite{
		path: path, opened: opened,
		writes: make(chan *write, writesQueueSize), closing: make(chan struct{}), done: make(chan struct{}),
		dialect: dialect{
			now:      "@now",
			greatest: "MAX",
			chain:    func(first, then string, also ...string) []string { return append([]string{first, then}, also...) },
			ids:      func(arg int) string { return fmt.Sprintf("SELECT value FROM json_each($%d)", arg) },
			element: func(arg int, index string) string {
				return fmt.Sprintf("json_extract($%d, '$[' || %s || ']')", arg, index)
			},
			time: func(arg int) string { return fmt.Sprintf("$%d", arg) },
			millis: func(column string) string {
				return fmt.Sprintf("CASE typeof(%[1]s) WHEN 'text' THEN CAST(round(unixepoch(%[1]s, 'subsec') * 1000) AS INTEGER) END", column)
			},
			items: func(arg int) string {
				return fmt.Sprintf(`SELECT value->>'position' AS position, value->>'task_id' AS task_id, value->>'title' AS title,
					value->>'url' AS url, value->>'step' AS step, value->>'sent' AS sent, value->>'tries' AS tries, value->>'outcome' AS outcome,
					value->>'detail' AS detail, value->>'outcome_mac' AS outcome_mac FROM json_each($%d)`, arg)
			},
			// SQLite accepts any value in any column, and compares a text with no other
			// type. Arguments are cleaned, unless they are bytes.
			place:  func(alias, _ string) string { return alias + ".rowid" },
			same:   func(column string, arg int) string { return fmt.Sprintf("CAST(%s AS BLOB) = $%d", column, arg) },
			exact:  func(text string) any { return []byte(text) },
			length: func(column string) string { return "octet_length(" + column + ")" },
			pack:   sqlitePack, packAll: sqlitePackAll, unpack: sqliteUnpack, unpackAll: sqliteUnpackAll,
			randomID: "lower(hex(randomblob(16)))",
			clock:    func() any { return sql.Named("now", now().UnixMilli()) },
		},
	}
	if s.writer, err = openFile(path, readOnly); err != nil {
		return nil, err
	}
	if s.reader, err = openFile(path, true); err != nil {
		return nil, errors.Join(err, s.writer.Close())
	}
	// With one connection, writers queue in Go, in order; several would sleep
	// and retry.
	s.writer.SetMaxOpenConns(1)
	s.reader.SetMaxOpenConns(readersAtOnce)
	s.reader.SetMaxIdleConns(readersAtOnce)
	s.reading = newStatements(s.reader)
	if err = s.foreign(ctx); err != nil {
		return nil, errors.Join(err, s.writer.Close(), s.reader.Close())
	}
	if readOnly {
		err = upToDate(ctx, s.reader, goose.DialectSQLite3, "sqlite")
	} else {
		err = migrate(ctx, s.writer, goose.DialectSQLite3, "sqlite")
	}
	switch {
	case err != nil || now != nil:
	case readOnly:
		now, err = runningClock(ctx, s.reader)
	default:
		now, err = machineClock(ctx, s.writer)
	}
	s.now = now
	if err == nil {
		s.conn, err = s.writer.Conn(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the journal in %s: %w", absolute(path), err), s.writer.Close(), s.reader.Close())
	}
	s.writing = newStatements(s.conn)
	go s.commitAll()
	return s, nil
}

// preparePlace creates the directory and the file, readable only by the bot's
// user, because who cancelled what is confidential.
func preparePlace(path string, readOnly bool) error {
	if readOnly {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no journal at %s", absolute(path))
		}
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return unwritable(path, err)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unwritable(path, err)
	}
	if err := file.Close(); err != nil {
		return unwritable(path, err)
	}
	return nil
}

func openFile(path string, readOnly bool) (*sql.DB, error) {
	// Syncs skip the file's time stamps, as in SQLite's own builds for Linux.
	// A commit is as durable, and the file system has half as much to write.
	// On a system without such a call, nothing changes.
	_, _ = driver.Fdatasync(true)
	options := url.Values{
		// WAL lets others read while the bot writes. FULL syncs each commit: a
		// claim must survive a power cut.
		"_pragma":      {"busy_timeout(4000)", "journal_mode(WAL)", "synchronous(FULL)", pageCache},
		"_time_format": {"sqlite"},
	}
	if readOnly {
		options["_pragma"] = []string{"busy_timeout(4000)", "query_only(1)", pageCache}
	}
	dsn := &url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: options.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening the journal: %w", err)
	}
	return db, nil
}

func (s *sqlite) Engine() string { return "sqlite" }

func (s *sqlite) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := s.inPlace(); err != nil {
		return err
	}
	_, err := s.read().query1(ctx, `SELECT count(*) FROM decisions WHERE announced_at IS NULL`)
	return err
}

// inPlace returns an error if the file was deleted, moved or replaced: the next
// process to open the journal wouldn't see what is written to it.
func (s *sqlite) inPlace() error {
	now, err := os.Stat(s.path)
	if err != nil {
		return fmt.Errorf("the journal's file is gone: %w", err)
	}
	if !os.SameFile(now, s.opened) {
		return errors.New("the journal's file was replaced by another while the bot runs: restart the bot")
	}
	return nil
}

func (s *sqlite) Close() error {
	s.once.Do(func() { close(s.closing) })
	<-s.done
	s.writing.close()
	s.reading.close()
	return errors.Join(s.conn.Close(), s.writer.Close(), s.reader.Close())
}

func (s *sqlite) pool() *sql.DB { return s.reader }

func (s *sqlite) read() querier { return querier{dialect: &s.dialect, on: s.reading} }

// together is the same as write: all writes share transactions.
func (s *sqlite) together(ctx context.Context, do work) (any, error) { return s.write(ctx, do) }

var errClosed = errors.New("the journal is closed")

func (s *sqlite) write(ctx context.Context, do work) (any, error) {
	w := &write{ctx: ctx, do: do, done: make(chan struct{})}
	select {
	case s.writes <- w:
	case <-s.closing:
		return nil, errClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the journal: %w", context.Cause(ctx))
	}
	select {
	case <-w.done:
	case <-s.done:
		select {
		case <-w.done: // it was the last
		default:
			return nil, errClosed
		}
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for the journal's commit: %w", context.Cause(ctx))
	}
	if w.lost != nil {
		return nil, w.lost
	}
	return w.out, w.err
}

// isAnswer reports whether an error is an answer of the journal, and not a
// failure.
func isAnswer(err error) bool {
	return errors.Is(err, ErrLost) || errors.Is(err, ErrGone) || errors.Is(err, ErrTooLate)
}
