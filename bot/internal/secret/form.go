package secret

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	assignment = regexp.MustCompile(`^(export\s+)?[A-Z][A-Z0-9_]*\s*=`)
	yamlEntry  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*:\s`)
	bearer     = regexp.MustCompile(`(?i)^bearer\s`)
	scheme     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)
)

// Misform returns what is wrong with a text that isn't a bare secret, but one
// with something around it that people don't see or don't think of. The result
// is read after a variable's name, never quotes the text, and is "" if nothing
// is wrong. prefixes are the possible prefixes of the secret.
func Misform(text string, prefixes ...string) string {
	if misform := invisible(text); misform != "" {
		return misform
	}
	trimmed := strings.TrimSpace(text)
	begins := func(text string) bool {
		for _, prefix := range prefixes {
			if len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix) {
				return true
			}
		}
		return false
	}
	switch {
	case trimmed == "" || begins(trimmed) && trimmed == text:
		return ""
	case begins(trimmed):
		return "begins or ends with a blank or a line break"
	case strings.IndexAny(trimmed, "\"'`“”‘’„«") == 0:
		return "is in quotation marks: leave them out"
	case assignment.MatchString(trimmed):
		return "is a whole line NAME=value: write the value alone"
	case yamlEntry.MatchString(trimmed), strings.HasPrefix(trimmed, "{"):
		return "is an entry of YAML or JSON: write the value alone"
	case bearer.MatchString(trimmed):
		return `begins with "Bearer": write what comes after it alone`
	case strings.HasPrefix(trimmed, "$"), strings.HasPrefix(trimmed, "%") && strings.HasSuffix(trimmed, "%"), strings.HasPrefix(trimmed, "{{"):
		return "is the name of a variable that nothing has replaced"
	case strings.HasPrefix(trimmed, "<"):
		return "is a placeholder: write the value in its place, without < and >"
	case isBase64Of(trimmed, begins):
		return "is in base64: decode it (base64 -d). In Kubernetes, data is encoded once, and stringData not at all"
	case (strings.HasPrefix(trimmed, "/") || strings.HasPrefix(trimmed, "./")) && !scheme.MatchString(trimmed):
		return "is a path: put it into the variable of the same name with _FILE at its end"
	}
	return ""
}

// invisible names characters that people don't see.
func invisible(text string) string {
	switch {
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"), strings.Contains(text, "\x00"):
		return "is in UTF-16: save it as UTF-8"
	case strings.HasPrefix(text, "\ufeff"):
		return "begins with a byte-order mark, which can't be seen: save it as UTF-8 without one"
	case !utf8.ValidString(text):
		return "isn't text in UTF-8"
	}
	for _, r := range text {
		if unicode.Is(unicode.Cf, r) || r > unicode.MaxASCII && unicode.IsSpace(r) {
			return fmt.Sprintf("has a character that can't be seen (U+%04X): type it again, or copy it from another place", r)
		}
	}
	return ""
}

// isBase64Of reports whether text is the base64 form, of any kind, of a secret.
func isBase64Of(text string, begins func(string) bool) bool {
	compact := strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := encoding.DecodeString(compact); err == nil && begins(string(decoded)) {
			return true
		}
	}
	return false
}
