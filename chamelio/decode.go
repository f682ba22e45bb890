package chamelio

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
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

const (
	// maxBrief is how many characters of a title or a step's name are kept. No message
	// shows as many, and a megabyte of them can't be stored or remembered for each task.
	maxBrief = 500

	// maxWhole is the longest other text of a task, in bytes: more than an address that a
	// message links to, or any name of a workflow.
	maxWhole = 1000

	// maxAddress is the longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3),
	// maxAddresses the most bytes of a list of them.
	maxAddress   = 254
	maxAddresses = 16 << 10
)

// brief decodes a text that people read. Only its first maxBrief characters are kept,
// and then "…" takes the place of the last one.
type brief string

func (b *brief) UnmarshalJSON(data []byte) error {
	var text lenient[string]
	_ = text.UnmarshalJSON(data) // it never fails
	*b = brief(shortened(text.value, maxBrief))
	return nil
}

// whole decodes a text that is compared or opened, of which a part could be another
// one: if it is longer than maxWhole, it counts as absent.
type whole string

func (w *whole) UnmarshalJSON(data []byte) error {
	*w = whole(ifShort(data, maxWhole))
	return nil
}

// address decodes an e-mail address as whole does.
type address string

func (a *address) UnmarshalJSON(data []byte) error {
	*a = address(ifShort(data, maxAddress))
	return nil
}

// ifShort decodes a string; "" if it is longer than limit bytes.
func ifShort(data []byte, limit int) string {
	var text lenient[string]
	if _ = text.UnmarshalJSON(data); len(text.value) > limit {
		return ""
	}
	return text.value
}

// shortened returns a text of at most limit characters, which ends with "…" if it was
// cut.
func shortened(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return string([]rune(text)[:limit-1]) + "…"
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
// list with gaps are accepted. Those after maxAddresses bytes are left out.
type addresses []string

func (a *addresses) UnmarshalJSON(data []byte) error {
	*a = nil
	var one string
	list := make([]address, 1)
	if json.Unmarshal(data, &one) == nil {
		list[0] = address(ifShort(data, maxAddress))
	} else if json.Unmarshal(data, &list) != nil {
		return nil
	}
	left := maxAddresses
	for _, one := range list {
		if left -= len(one); one != "" && left >= 0 {
			*a = append(*a, string(one))
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
