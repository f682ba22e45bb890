package chamelio

import (
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// reasons maps the "detail" of a 401 to its Reason
// (https://docs.chamelio.ai/api-reference/introduction).
var reasons = map[string]Reason{
	"API key required":         KeyMissing,
	"Invalid API key":          KeyInvalid,
	"API key is inactive":      KeyInactive,
	"API key has been revoked": KeyRevoked,
	"API key has expired":      KeyExpired,
}

// refusal fills e in from an answer whose status isn't 200.
func (e *Error) refusal(resp *http.Response, body []byte) *Error {
	detail, fromAPI := readDetail(resp.Header, body)
	e.Detail = detail
	e = e.means(outcome{sent: true, status: resp.StatusCode, fromAPI: fromAPI}, nil)
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		e.Reason = reasons[detail]
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		e.RetryAfter = retryAfter(resp.Header.Get("Retry-After"), time.Now())
	}
	return e
}

// readDetail returns the text of {"detail": "<text>"}, and reports whether the
// body has the form of the API's own errors. A list of validation errors in
// place of the text counts as such; its text is "".
func readDetail(header http.Header, body []byte) (text string, fromAPI bool) {
	// A gateway's problem details (RFC 9457) also have a "detail".
	if media, _, _ := mime.ParseMediaType(header.Get("Content-Type")); media == "application/problem+json" {
		return "", false
	}
	var answer map[string]any // a map, because the field's case matters
	if json.Unmarshal(body, &answer) != nil {
		return "", false
	}
	switch detail := answer["detail"].(type) {
	case string:
		return oneLine(detail), detail != ""
	case []any:
		return "", len(detail) > 0
	}
	return "", false
}

// oneLine makes a server's text safe to log: no key, no control characters, at
// most 200 characters.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, anyKey.ReplaceAllString(text, redacted)) // before truncating, which could leave half a key
	return shortened(text, 200)
}

// retryAfter parses a Retry-After header: seconds or an HTTP date (RFC 9110,
// section 10.2.3). It returns 0 if the header is absent, malformed or in the
// past.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	const longest = 24 * time.Hour // longer than any sensible wait; keeps the arithmetic safe
	if s, err := strconv.ParseUint(header, 10, 32); err == nil {
		return min(time.Duration(s)*time.Second, longest)
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), longest)
	}
	return 0
}

const redacted = "[redacted]"

// anyKey matches anything that looks like a key of this API.
var anyKey = regexp.MustCompile(`ca_[A-Za-z0-9_-]{4,}=*`)

// redact removes this client's key from a text that comes from a server. The
// padding at a key's end isn't compared, because it may have been escaped in a
// URL.
func (c *Client) redact(text string) string {
	return strings.ReplaceAll(text, strings.TrimRight(c.apiKey, "="), redacted)
}

// safe makes a transport error safe to return: without the URL, since *Error
// has method and path already, and without the key, which a server may have
// echoed in a header that net/http quotes.
func (c *Client) safe(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	if clean := c.redact(err.Error()); clean != err.Error() {
		return &redactedError{text: clean, hidden: err}
	}
	return err
}

// redactedError replaces an error whose text contained the key. errors.Is and
// errors.As still see the original error's kind, but not its text.
type redactedError struct {
	text   string
	hidden error
}

func (e *redactedError) Error() string        { return e.text }
func (e *redactedError) Is(target error) bool { return errors.Is(e.hidden, target) }
