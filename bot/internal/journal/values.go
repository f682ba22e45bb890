package journal

import (
	"database/sql"
	"fmt"
	"time"
)

// A scanner scans a column's value, and reports whether the column can have it. A value
// that doesn't fit may look empty here and set to a condition in SQL, so its row doesn't
// verify (see noting).
type scanner func(value any) (fits bool)

var _ sql.Scanner = scanner(nil)

// Scan implements sql.Scanner.
func (s scanner) Scan(value any) error {
	s(value)
	return nil
}

// noting returns destinations for a row, whose scanners set a flag if a value doesn't
// fit. Such a row doesn't verify.
func noting(odd *bool, to ...any) []any {
	for i, one := range to {
		if s, is := one.(scanner); is {
			to[i] = scanner(func(value any) bool {
				fits := s(value)
				*odd = *odd || !fits
				return fits
			})
		}
	}
	return to
}

func text[T ~string](to *T) scanner {
	return func(value any) bool {
		switch v := value.(type) {
		case nil:
			*to = ""
		case string:
			*to = T(v)
		case []byte:
			*to = T(v)
			return false
		default:
			*to = T(fmt.Sprint(v))
			return false
		}
		return true
	}
}

// optional scans a text that is NULL until it is known, never empty.
func optional[T ~string](to *T) scanner {
	return func(value any) bool { return text(to)(value) && (value == nil) == (*to == "") }
}

// key scans a row's key. One of another type isn't equal to the text that it looks
// like, so the row isn't found by it, and isn't genuine: to stays empty.
func key[T ~string](to *T) scanner {
	return func(value any) bool {
		s, is := value.(string)
		*to = T(s)
		return is
	}
}

func number[T ~int64](to *T) scanner {
	return func(value any) bool {
		n, is := value.(int64)
		*to = T(n)
		return is
	}
}

func instant(to *time.Time) scanner {
	return func(value any) bool {
		at, _ := value.(time.Time)
		*to = possible(at)
		return (value == nil) == to.IsZero()
	}
}

// milliseconds scans a time in milliseconds since 1970, which only the bot reads; 0
// means that there is none.
func milliseconds(to *time.Time) scanner {
	return func(value any) bool {
		ms, is := value.(int64)
		*to = moment(ms)
		return is && (ms == 0) == to.IsZero()
	}
}

func truth(to *bool) scanner {
	return func(value any) bool {
		*to = value == true || value == int64(1)
		return *to || value == false || value == int64(0)
	}
}

// moment converts milliseconds since 1970 to a time; 0, and a number that no one's
// clock shows, is the zero time.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return possible(time.UnixMilli(ms))
}

// possible returns a time in UTC; the zero time if its year has no four digits, so
// that any output can have it.
func possible(at time.Time) time.Time {
	if at = at.UTC(); at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}
	}
	return at
}
