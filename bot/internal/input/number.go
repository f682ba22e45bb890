package input

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/cancelbot/cancelbot/chamelio"
)

// parseID accepts ASCII digits only, without a leading zero: digits of other
// scripts, signs, separators, and phone numbers are more likely a mistake than
// an ID.
func parseID(digits string) (chamelio.TaskID, error) {
	for _, r := range digits {
		if !isDigit(r) {
			return 0, ErrNotATask
		}
	}
	switch short := strings.TrimLeft(digits, "0"); {
	case digits == "", short != "" && short != digits:
		return 0, ErrNotATask
	case short == "":
		return 0, ErrIDOutOfRange
	}
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, ErrIDOutOfRange
	}
	return chamelio.TaskID(id), nil
}

// hasNumber reports whether text has the digits of number, with no other digit
// next to them.
func hasNumber(text, number string) bool {
	for rest := text; ; {
		digits, after := nextNumber(rest)
		if digits == "" || digits == number {
			return digits != ""
		}
		rest = after
	}
}

// nextNumber returns the first run of digits in text, and the text after it.
func nextNumber(text string) (digits, rest string) {
	start := 0
	for start < len(text) && !isDigit(rune(text[start])) {
		start++
	}
	end := start
	for end < len(text) && isDigit(rune(text[end])) {
		end++
	}
	return text[start:end], text[end:]
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }

// amount matches the text after a number that counts or measures something. It
// has no noun that is a verb, too: "task 12345 files the contract".
var amount = regexp.MustCompile(`^[\s\p{Z}]*(?:\p{Sc}|[%‰°]|(?i:` +
	`eur|euros?|usd|dollars?|bucks|cents?|gbp|pounds?|chf|francs?|jpy|yen|cny|inr|cad|aud|` +
	`ms|millis|secs?|seconds?|mins?|minutes?|h|hrs?|hours?|days?|weeks?|months?|years?|` +
	`bytes|[kmgt]i?b|px|kg|km|cm|mm|pcs|pieces|percent|` +
	`people|users|customers|employees|words|characters|rows|items|others)\b|(?i:of)\s+\d)`)

// date matches a date without separators, such as 20261128.
var date = regexp.MustCompile(`^(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$`)

// measures reports whether digits, followed by rest, are a date or an amount.
func measures(digits, rest string) bool {
	return date.MatchString(digits) || amount.MatchString(rest)
}
