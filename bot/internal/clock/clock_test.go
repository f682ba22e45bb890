package clock_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cancelbot/cancelbot/bot/internal/clock"
)

// Whenever the other clock is read and however long the request takes, the
// true offset is within the error.
func TestTrueOffsetIsWithinTheError(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ms := func(name string, from, to int) time.Duration {
			return time.Duration(rapid.IntRange(from, to).Draw(t, name)) * time.Millisecond
		}
		ahead := ms("ahead", -3_600_000, 3_600_000)
		way, back := ms("way", 0, 5000), ms("back", 0, 5000)
		sent := time.Unix(1_800_000_000, 0).Add(ms("sent", 0, 1000))
		read := sent.Add(way).Add(-ahead) // by the other clock
		answered := sent.Add(way + back)
		header := http.Header{"Date": {read.UTC().Format(http.TimeFormat)}}
		got, ok := clock.OfHeader(header, sent, answered)
		if !ok || (got.By-ahead).Abs() > got.Error {
			t.Fatalf("got %+v, the truth is %s", got, ahead)
		}
		if got.AtLeast() > ahead.Abs() {
			t.Fatalf("%s is certain, the truth is %s", got.AtLeast(), ahead)
		}
	})
}

func TestMeterMeasuresAnswers(t *testing.T) {
	const ahead = 10 * time.Minute
	age := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-ahead).UTC().Format(http.TimeFormat))
		if age != "" {
			w.Header().Set("Age", age)
		}
	}))
	defer server.Close()
	for _, age = range []string{"30", ""} {
		var m clock.Meter
		client := http.Client{Transport: m.Transport(http.DefaultTransport)}
		resp, err := client.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		got, ok := m.Offset()
		if ok != (age == "") || ok && (got.By-ahead).Abs() > got.Error {
			t.Errorf("Age %q: %+v, %t", age, got, ok)
		}
	}
}

func TestMeterKeepsTheBest(t *testing.T) {
	var m clock.Meter
	now := time.Unix(1_800_000_000, 0)
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	want := func(by int) {
		t.Helper()
		if got, _ := m.Offset(); got.By != seconds(by) {
			t.Errorf("got %s, want %ds", got.By, by)
		}
	}
	learn := func(by, err int, after time.Duration) {
		now = now.Add(after)
		m.Learn(clock.Offset{By: seconds(by), Error: seconds(err)}, now)
	}
	learn(2, 5, 0)
	want(2)
	learn(3, 1, time.Second) // better
	want(3)
	learn(5, 4, time.Second) // worse
	want(3)
	learn(60, 4, time.Second) // the clock was set
	want(60)
	learn(61, 9, time.Second) // worse
	want(60)
	learn(62, 9, time.Hour) // long after
	want(62)
}
