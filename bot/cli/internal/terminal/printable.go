// Package terminal prepares texts for a terminal.
package terminal

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable escapes control characters and other invisible ones, which could affect
// the terminal, or make one text look like several lines.
func Printable(s string) string {
	return escape(s, func(invisible string) string {
		quoted := strconv.Quote(invisible)
		return quoted[1 : len(quoted)-1]
	})
}

// WriteJSON writes a value and a line break. Invisible characters are escaped, which
// doesn't change the value: encoding/json escapes only some of them.
func WriteJSON(out io.Writer, value any, indent string) error {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	err := enc.Encode(value)
	if err == nil {
		_, err = io.WriteString(out, escape(text.String(), func(invisible string) string {
			if invisible == "\n" { // between two tokens
				return invisible
			}
			var escaped strings.Builder
			for _, unit := range utf16.Encode([]rune(invisible)) {
				fmt.Fprintf(&escaped, `\u%04x`, unit)
			}
			return escaped.String()
		}))
	}
	if err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

func escape(s string, escaped func(invisible string) string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if one := s[:size]; !strconv.IsPrint(r) || r == utf8.RuneError && size == 1 {
			b.WriteString(escaped(one))
		} else {
			b.WriteString(one)
		}
		s = s[size:]
	}
	return b.String()
}
