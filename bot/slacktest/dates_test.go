package slacktest_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestDatesMatchSlack(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 3600))
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, 3, day, hour, minute, 0, 0, now.Location())
	}
	for _, c := range []struct {
		at           time.Time
		format, want string
	}{
		{at(1, 21, 31), "{date_short_pretty} at {time}", "Today at 9:31 PM"},
		{at(1, 9, 0), "on {date_short_pretty}", "On today"},
		{at(1, 9, 0).UTC(), "{date_pretty}", "Today"},
		{at(0, 23, 59), "{date_short_pretty} at {time}", "Yesterday at 11:59 PM"},
		{at(2, 0, 0), "by {date_long_pretty}", "By tomorrow"},
		{at(3, 0, 0), "{date_short_pretty}", "Mar 3, 2026"},
		{at(-1, 12, 0), "{date_pretty}", "February 27th, 2026"},
		{at(1, 12, 0), "{date}", "March 1st, 2026"},
		{at(2, 12, 0), "{date_long}", "Monday, March 2nd, 2026"},
		{at(13, 12, 0), "{date}", "March 13th, 2026"},
		{at(23, 12, 0), "{date_short} {date_num}", "Mar 23, 2026 2026-03-23"},
		{at(1, 0, 5), "{time_secs} {ago}", "12:05:00 AM 25 minutes ago"},
		{at(1, 2, 30), "{ago}", "In 2 hours"},
		{at(1, 0, 0), "{unknown} é", "{unknown} é"},
		{at(1, 0, 0), "élan", "Élan"},
		{at(1, 0, 0), "", ""},
	} {
		if got := slacktest.FormatDate(c.at, c.format, now); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.at, c.format, got, c.want)
		}
	}
}

func TestPlainTextDoesNotDependOnTheDayButPlainAtDoes(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := slacktest.Message{Text: "Done on <!date^1772356260^{date_short_pretty} at {time}|then> by <@U0ADA>, see <https://a.example|this> <!here>"}
	name := func(id string) string { return "ada" }
	if got, want := slacktest.Plain(m, name, time.UTC), "Done on 1 Mar 2026 at 09:11 by @ada, see this (https://a.example) @here"; got != want {
		t.Errorf("Plain: %q, want %q", got, want)
	}
	if got, want := slacktest.PlainAt(m, name, now), "Done on Today at 9:11 AM by @ada, see this (https://a.example) @here"; got != want {
		t.Errorf("PlainAt: %q, want %q", got, want)
	}
}
