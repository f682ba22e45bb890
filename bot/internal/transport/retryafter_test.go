package transport

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// Each form of Retry-After leaves the transport as whole seconds, or not at all.
func TestRetryAfterIsInWholeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		date := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for said, want := range map[string]string{
			"1": "1", "30": "30", "86400": "86400", "1.5": "2", "0.001": "1", "5.0": "5",
			date(40 * time.Second): "40", date(48 * time.Hour): "86400", date(-time.Minute): "",
			"86401": "86400", "9223372037": "86400", "99999999999999999999": "86400", strings.Repeat("9", 400): "86400",
			"": "", "0": "", "0.0": "", "-1": "", "+1": "", "soon": "", "2 ; x": "", "1e9": "", "Inf": "", "NaN": "", "0x10": "",
		} {
			client := http.Client{Transport: InWholeSeconds(roundTripper(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {said}}, Body: http.NoBody, Request: r}, nil
			}))}
			resp, err := client.Get("http://slack.example/")
			if err != nil {
				t.Fatal(err)
			}
			if got, is := resp.Header.Get("Retry-After"), resp.Header.Values("Retry-After"); got != want || (want == "") != (len(is) == 0) {
				t.Errorf("%.40q: %q, want %q", said, is, want)
			}
			_ = resp.Body.Close()
		}
	})
}
