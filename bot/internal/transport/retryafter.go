package transport

import (
	"math"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// MaxRetryAfter bounds RetryAfter. It is longer than any sensible pause.
const MaxRetryAfter = 24 * time.Hour

// RetryAfter returns how long an answer asks to wait, at most MaxRetryAfter: both forms of
// RFC 9110, section 10.2.3, and fractions of seconds. It returns 0 if the header is absent,
// malformed or in the past.
func RetryAfter(h http.Header) time.Duration {
	said := h.Get("Retry-After")
	if plainNumber.MatchString(said) {
		seconds, _ := strconv.ParseFloat(said, 64) // infinite if it is too long
		return time.Duration(min(seconds, MaxRetryAfter.Seconds()) * float64(time.Second))
	}
	if at, err := http.ParseTime(said); err == nil {
		return min(max(time.Until(at), 0), MaxRetryAfter)
	}
	return 0
}

// plainNumber matches what ParseFloat takes and RFC 9110 allows, with a fraction.
var plainNumber = regexp.MustCompile(`^\d+(\.\d+)?$`)

// InWholeSeconds returns a transport whose answers ask to wait for whole seconds, from 1 to
// MaxRetryAfter, or don't say how long. Slack's client fails with another error for a 429
// whose Retry-After has another form, and that error doesn't say that nothing has happened.
func InWholeSeconds(next http.RoundTripper) http.RoundTripper { return inWholeSeconds{next} }

type inWholeSeconds struct{ next http.RoundTripper }

func (s inWholeSeconds) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if wait := RetryAfter(resp.Header); wait > 0 {
		resp.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	} else {
		resp.Header.Del("Retry-After")
	}
	return resp, nil
}
