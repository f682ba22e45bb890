// Package secret holds values that must not be seen.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Value is a token, a key or a password. Reveal returns it, but it can't be
// printed, logged or encoded by accident, not even as part of something else:
// it prints as dots. The zero Value is the empty secret.
type Value struct {
	// A pointer, because fmt prints the fields of a struct in an unexported
	// field without calling their methods.
	text *string
}

const dots = "…"

// New returns a Value for a text.
func New(text string) Value { return Value{&text} }

// Reveal returns the text. Pass it only to code that needs it.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Format writes dots, for any verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, dots) }

// LogValue returns dots.
func (v Value) LogValue() slog.Value { return slog.StringValue(dots) }

// MarshalText returns dots.
func (v Value) MarshalText() ([]byte, error) { return []byte(dots), nil }

// UnmarshalText sets the value. It never fails.
func (v *Value) UnmarshalText(text []byte) error {
	*v = New(string(text))
	return nil
}
