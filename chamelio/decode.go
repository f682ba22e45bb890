package chamelio

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// lenient decodes a field independently of the others: if the JSON has another
// type than T, only this field stays empty.
type lenient[T any] struct{ value T }

func (l *lenient[T]) UnmarshalJSON(data []byte) error {
	var value T
	if json.Unmarshal(data, &value) == nil {
		l.value = value
	}
	return nil
}

// integer decodes a whole number, also written as 12345.0 or "12345". Anything
// else is 0.
type integer int64

func (n *integer) UnmarshalJSON(data []byte) error {
	*n = 0
	text := string(data)
	var quoted string
	if json.Unmarshal(data, &quoted) == nil {
		text = strings.TrimSpace(quoted)
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = integer(i)
		return nil
	}
	const exact = 1 << 53 // beyond this, a float doesn't identify an integer
	if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < exact {
		*n = integer(f)
	}
	return nil
}

// addresses decodes a list of e-mail addresses. Null, a single address, and a
// list with gaps are accepted.
type addresses []string

func (a *addresses) UnmarshalJSON(data []byte) error {
	*a = nil
	var one string
	if json.Unmarshal(data, &one) == nil {
		if one != "" {
			*a = addresses{one}
		}
		return nil
	}
	var list []lenient[string]
	if json.Unmarshal(data, &list) != nil {
		return nil
	}
	for _, address := range list {
		if address.value != "" {
			*a = append(*a, address.value)
		}
	}
	return nil
}

// progress counts a task's step runs. If the JSON isn't a list of objects, it
// counts none, because a wrong number would be worse than none.
type progress struct{ done, total int }

func (p *progress) UnmarshalJSON(data []byte) error {
	*p = progress{}
	var runs []*struct {
		Status lenient[string] `json:"status"`
	}
	if json.Unmarshal(data, &runs) != nil {
		return nil
	}
	var counted progress
	for _, run := range runs {
		if run == nil {
			return nil
		}
		counted.total++
		if strings.EqualFold(run.Status.value, string(Completed)) {
			counted.done++
		}
	}
	*p = counted
	return nil
}

// Timestamp is a time that the API may omit or write in an unknown format. It
// is zero then, so that a date never causes the rest of a task to be rejected.
type Timestamp struct{ time.Time }

// UnmarshalJSON parses RFC 3339, with or without a zone (UTC if there is
// none).
func (t *Timestamp) UnmarshalJSON(data []byte) error {
	t.Time = time.Time{}
	var text string
	if json.Unmarshal(data, &text) != nil {
		return nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, text); err == nil {
			t.Time = at
			return nil
		}
	}
	return nil
}
