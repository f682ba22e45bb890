// Package secret holds values that must not be seen.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Value is a token, a key or a password. It can be used, by Reveal, but it
// cannot be printed, logged or encoded by accident, not even as a part of
// something else: it prints as dots. The zero Value is the empty secret.
type Value struct {
	// Behind a pointer, because fmt prints the fields of a struct that it
	// finds in an unexported field without asking their methods.
	text *string
}

const dots = "…"

// New makes a secret of a text.
func New(text string) Value { return Value{&text} }

// Reveal returns the text. Hand it to what needs it, and to nothing else.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// Format writes dots, whatever the verb.
func (v Value) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, dots) }

// LogValue logs dots.
func (v Value) LogValue() slog.Value { return slog.StringValue(dots) }

// MarshalText encodes dots.
func (v Value) MarshalText() ([]byte, error) { return []byte(dots), nil }

// UnmarshalText takes a text over. It never fails.
func (v *Value) UnmarshalText(text []byte) error {
	*v = New(string(text))
	return nil
}
