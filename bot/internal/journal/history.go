package journal

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// pageRows bounds how many rows a page of the history has.
const pageRows = 500

// Query selects rows for Recent, Refusals and SetAsides. Zero fields select everything.
type Query struct {
	Task  chamelio.TaskID
	Since time.Time // decided, refused or set aside at or after
	Limit int       // 20 if zero. A page has at most pageRows
	After Mark      // only rows after this one
}

// Mark is a row's place in the history: newest first, and in the order of their keys
// where times are equal.
type Mark struct{ at, place any }

func (m Mark) mark() Mark { return m }

// Row is a row of the history.
type Row interface{ mark() Mark }

// Pages calls each with the rows that a query selects, a page at a time, until each
// fails. A page is read after each has returned, and within the time of one call. The
// first page may be empty.
func Pages[T Row](ctx context.Context, q Query, read func(context.Context, Query) ([]T, error), each func([]T) error) error {
	for left := q.Limit; ; left -= q.Limit {
		q.Limit = min(left, pageRows)
		page, err := read(ctx, q)
		if err != nil {
			return err
		}
		if err := each(page); err != nil {
			return err
		}
		if len(page) < q.Limit || left == q.Limit {
			return nil
		}
		q.After = page[len(page)-1].mark()
	}
}

// paged returns the end of a statement that selects a page, from the conditions on, in
// the order of a column and then of a place. Further arguments start at $3.
func paged(q Query, at, place string, args ...any) (string, []any) {
	args = append([]any{utc(q.Since), min(cmp.Or(max(q.Limit, 0), 20), pageRows)}, args...)
	where := at + ` >= $1`
	if n := len(args); q.After.place != nil {
		where += fmt.Sprintf(` AND (%s, %s) < ($%d, $%d)`, at, place, n+1, n+2)
		args = append(args, again(q.After.at), again(q.After.place))
	}
	return fmt.Sprintf(`%s ORDER BY %s DESC, %s DESC LIMIT $2`, where, at, place), args
}

// stored returns an expression for a column's value as the database has it: SQLite's
// driver converts values of columns only.
func stored(column string) string { return `coalesce(` + column + `, NULL)` }

// verbatim is a text that was read, and must not be cleaned when it is an argument.
type verbatim string

// Value implements driver.Valuer.
func (v verbatim) Value() (driver.Value, error) { return string(v), nil }

// again returns an argument for a value that was read.
func again(value any) any {
	if s, is := value.(string); is {
		return verbatim(s)
	}
	return value
}
