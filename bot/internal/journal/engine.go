package journal

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// engine is a database that stores a journal.
type engine interface {
	// Engine returns the name of the database: "sqlite" or "postgres".
	Engine() string
	// Healthy reports whether the journal can be read and is still the one
	// that was opened.
	Healthy(context.Context) error
	// Close closes the database. Decisions in progress stay leased; see
	// Journal.Release.
	Close() error

	// pool returns the connection pool that several calls share.
	pool() *sql.DB

	// write runs do, which makes one change in one statement. When write
	// returns nil, the change is on disk. If it returns another error than do
	// did, it isn't known. do may still be running when write has returned, so
	// it must only return values, not set variables.
	write(ctx context.Context, do work) (any, error)
	// together is like write, for several statements that must be committed
	// together.
	together(ctx context.Context, do work) (any, error)
	// read returns a querier for queries only.
	read() querier
}

// work is the function that a write runs.
type work func(context.Context, querier) (any, error)

// only returns work that returns nothing but an error.
func only(do func(context.Context, querier) error) work {
	return func(ctx context.Context, q querier) (any, error) { return nil, do(ctx, q) }
}

// written runs work that returns a T.
func written[T any](ctx context.Context, run func(context.Context, work) (any, error), do func(context.Context, querier) (T, error)) (T, error) {
	out, err := run(ctx, func(ctx context.Context, q querier) (any, error) { return do(ctx, q) })
	if err != nil {
		var none T
		return none, err
	}
	return out.(T), nil
}

// dialect is the SQL that differs between the engines. The statements are
// composed from it.
type dialect struct {
	now        string // the journal's clock in milliseconds since 1970
	greatest   string // the function that returns the greatest of its arguments
	forUpdate  string // ends a SELECT: locks its rows
	skipLocked string // ends a SELECT: locks its rows, and skips locked ones

	// A SELECT that ends in noted is noted on its table: afterNoted, of which %s is the
	// table, waits for its transaction, and keeps further ones out until it has committed.
	// They then see what it has committed. Both are "" where transactions don't overlap.
	noted, afterNoted string

	ids     func(arg int) string               // a SELECT of the IDs in an argument made by listOf
	items   func(arg int) string               // a SELECT of the tasks in an argument made by itemList
	element func(arg int, index string) string // one of the texts in an argument made by listOf
	time    func(arg int) string               // a timestamp, if the type of the argument isn't clear otherwise
	millis  func(column string) string         // a timestamp's milliseconds since 1970; NULL if it is an impossible one

	// chain returns statements that run first, a change of tasks, and then, a
	// change of decisions, and also, which may change nothing, only if first
	// changed a row. then and also end in a WHERE clause. On Postgres it is one
	// statement, and so one round trip and one commit.
	chain func(first, then string, also ...string) []string

	// Where a row is: an expression that identifies it, also if its key is a
	// value that no argument can have; the condition that a column has the text
	// of an argument; and that argument. Lists of places are lists of IDs.
	place func(alias, key string) string
	same  func(column string, arg int) string
	exact func(text string) any

	// How many bytes a value has, how rows are converted to JSON and back, and an
	// expression for a new ID.
	length    func(column string) string
	pack      func(alias string, columns []string) string
	packAll   func(table Table, columns []string, where string) string
	unpack    func(table Table, columns []string, from string) string
	unpackAll func(table Table, columns []string) string
	randomID  string

	// clock returns the argument that now refers to; nil if it needs none.
	clock func() any
}

// lapsed returns the condition for an expired lease, whose end is in a column.
// An end farther ahead than the longest possible one was written by a clock that
// has been set back since.
func (d *dialect) lapsed(column string, longest time.Duration) string {
	return fmt.Sprintf("%s NOT BETWEEN %s AND %s + %d", column, d.now, d.now, longest.Milliseconds())
}

// renewed returns the end of a lease that is renewed by an argument: it never gets
// shorter, unless it was written by a clock that has been set back since.
func (d *dialect) renewed(arg int) string {
	return fmt.Sprintf("%[1]s(CASE WHEN leased_until > %[2]s + %[3]d THEN 0 ELSE leased_until END, %[2]s + $%[4]d)",
		d.greatest, d.now, maxLease.Milliseconds(), arg)
}

// runner runs statements: a pool, a transaction, or the statements of one connection.
type runner interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// querier runs statements, in a transaction or without one. In a transaction, all run on its
// connection: one that waited for another of the pool might wait for itself.
type querier struct {
	*dialect
	on runner

	report func(began time.Time, err error) // of each query; may be nil
}

func (q querier) query(ctx context.Context, query string, args ...any) (_ *sql.Rows, err error) {
	if q.report != nil {
		began := time.Now()
		defer func() { q.report(began, err) }()
	}
	return q.on.QueryContext(ctx, query, q.bound(query, args)...)
}

// query1 returns the single number that a query returns; 0 for another value.
func (q querier) query1(ctx context.Context, query string, args ...any) (int64, error) {
	rows, err := q.query(ctx, query, args...)
	return first(collect(rows, err, func(r *sql.Rows, n *int64) error { return r.Scan(number(n)) }))
}

// exec returns how many rows the statement changed.
func (q querier) exec(ctx context.Context, query string, args ...any) (int64, error) {
	res, err := q.on.ExecContext(ctx, query, q.bound(query, args)...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// apply runs the statements from chain, and reports whether first and then
// changed something.
func (q querier) apply(ctx context.Context, statements []string, args ...any) (bool, error) {
	for i, statement := range statements {
		if n, err := q.exec(ctx, statement, args...); err != nil || n == 0 && i < 2 {
			return false, err
		}
	}
	return true, nil
}

// bound returns the arguments of a statement, all storable, so that a value that can't be
// stored doesn't fail it again and again. A list goes through whole: part of it wouldn't decode.
func (q querier) bound(query string, args []any) []any {
	if q.clock != nil && strings.Contains(query, q.now) {
		args = append(args, q.clock())
	}
	for i, arg := range args {
		switch arg := arg.(type) {
		case string:
			args[i] = decision.Storable(arg)
		case list:
			args[i] = string(arg)
		}
	}
	return args
}

// statements prepares each statement once, for a driver that doesn't. There are as many as
// the code has.
type statements struct {
	db preparer

	mu    sync.Mutex
	known map[string]*sql.Stmt
}

// preparer is a database, or one connection to it.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func newStatements(db preparer) *statements {
	return &statements{db: db, known: map[string]*sql.Stmt{}}
}

func (s *statements) get(ctx context.Context, query string) (*sql.Stmt, error) {
	s.mu.Lock()
	stmt := s.known[query]
	s.mu.Unlock()
	if stmt != nil {
		return stmt, nil
	}
	stmt, err := s.db.PrepareContext(ctx, query) // without the lock, since it may wait for the database
	if err != nil {
		return nil, fmt.Errorf("preparing a statement: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.known[query]; other != nil { // another goroutine was faster
		_ = stmt.Close()
		return other, nil
	}
	s.known[query] = stmt
	return stmt, nil
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := s.get(ctx, query)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

// close closes all statements. SQLite keeps a connection open as long as one
// of its statements is.
func (s *statements) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, stmt := range s.known {
		_ = stmt.Close()
	}
	clear(s.known)
}

// list is an argument that has several values, as JSON. Texts in it that are stored
// must be Storable by themselves.
type list string

// listOf returns the argument that dialect.ids reads, if all are IDs.
func listOf[T any](all []T) list {
	if len(all) == 0 {
		return "[]"
	}
	raw, err := json.Marshal(all)
	if err != nil {
		return "[]" // strings and numbers always encode
	}
	return list(raw)
}

// collect reads all rows.
func collect[T any](rows *sql.Rows, err error, scan func(*sql.Rows, *T) error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var one T
		if err := scan(rows, &one); err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// first returns the first of the rows that were read; ErrGone if there is none.
func first[T any](all []T, err error) (T, error) {
	if err == nil && len(all) > 0 {
		return all[0], nil
	}
	var none T
	return none, cmp.Or(err, ErrGone)
}

// exec runs one statement, and ignores how many rows it changed.
func (j *Journal) exec(ctx context.Context, doing, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := j.write(ctx, only(func(ctx context.Context, q querier) error {
		_, err := q.exec(ctx, query, args...)
		return err
	}))
	return wrap(doing, err)
}

// wrap adds what was being done to an error; nil stays nil.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
