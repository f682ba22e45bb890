package journal

import (
	"database/sql"
	"fmt"
	"time"
)

// loose scans a column's value, and skips one that isn't of its type.
type loose func(any)

// Scan implements sql.Scanner.
func (l loose) Scan(value any) error {
	l(value)
	return nil
}

func text[T ~string](to *T) sql.Scanner {
	return loose(func(value any) {
		switch v := value.(type) {
		case nil:
			*to = ""
		case string:
			*to = T(v)
		case []byte:
			*to = T(v)
		default:
			*to = T(fmt.Sprint(v))
		}
	})
}

// key scans a row's key. One of another type isn't equal to the text that it looks
// like, so the row isn't found by it, and isn't genuine: to stays empty.
func key[T ~string](to *T) sql.Scanner {
	return loose(func(value any) {
		s, _ := value.(string)
		*to = T(s)
	})
}

func number[T ~int64](to *T) sql.Scanner {
	return loose(func(value any) {
		n, _ := value.(int64)
		*to = T(n)
	})
}

func instant(to *time.Time) sql.Scanner {
	return loose(func(value any) {
		at, _ := value.(time.Time)
		*to = possible(at)
	})
}

// possible returns a time in UTC; the zero time if its year has no four digits, so
// that any output can have it.
func possible(at time.Time) time.Time {
	if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}
	}
	return at
}

// odd sets a flag if a column has a value that isn't NULL and that a scanner reads as
// none: a condition in SQL takes it for something.
func odd(flag *bool, none func() bool, scan sql.Scanner) sql.Scanner {
	return loose(func(value any) {
		_ = scan.Scan(value)      // a loose scanner skips what it can't read
		_, whole := value.(int64) // a position of 0 is none, and right
		*flag = *flag || value != nil && none() && !whole
	})
}

func truth(to *bool) sql.Scanner {
	return loose(func(value any) { *to = value == true || value == int64(1) })
}
