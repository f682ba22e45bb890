package slacktest

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FormatDate formats a time as Slack shows <!date^…^format|fallback> to a
// reader whose clock says now, in the zone of now. It replaces tokens such as
// {date_short_pretty}, uses "today", "yesterday" or "tomorrow" for those
// ending in _pretty where possible, and capitalises the first letter of the
// result. Times have AM and PM, the default in Slack. An unknown token stays
// as it is (docs.slack.dev/messaging/formatting-message-text, "date
// formatting").
func FormatDate(at time.Time, format string, now time.Time) string {
	at = at.In(now.Location())
	long := fmt.Sprintf("%s %s, %d", at.Month(), ordinal(at.Day()), at.Year())
	short, whole := at.Format("Jan 2, 2006"), at.Weekday().String()+", "+long
	pretty := func(otherwise string) string {
		if day := relativeDay(at, now); day != "" {
			return day
		}
		return otherwise
	}
	text := strings.NewReplacer(
		"{date_num}", at.Format("2006-01-02"), "{date}", long, "{date_short}", short, "{date_long}", whole,
		"{date_pretty}", pretty(long), "{date_short_pretty}", pretty(short), "{date_long_pretty}", pretty(whole),
		"{time}", at.Format("3:04 PM"), "{time_secs}", at.Format("3:04:05 PM"), "{ago}", ago(now.Sub(at)),
	).Replace(format)
	first, size := utf8.DecodeRuneInString(text)
	if size == 0 {
		return text
	}
	return string(unicode.ToUpper(first)) + text[size:]
}

// relativeDay returns "today", "yesterday", "tomorrow", or "".
func relativeDay(at, now time.Time) string {
	year, month, day := now.Date()
	for offset, word := range map[int]string{-1: "yesterday", 0: "today", 1: "tomorrow"} {
		y, m, d := time.Date(year, month, day+offset, 12, 0, 0, 0, now.Location()).Date()
		if ay, am, ad := at.Date(); ay == y && am == m && ad == d {
			return word
		}
	}
	return ""
}

func ordinal(day int) string {
	suffix := "th"
	if day%100 < 11 || day%100 > 13 {
		switch day % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return fmt.Sprintf("%d%s", day, suffix)
}

// ago describes a duration in words: "3 minutes ago", "in 2 hours".
func ago(d time.Duration) string {
	n, unit := int(d.Abs()/time.Second), "second"
	for _, step := range []struct {
		size int
		unit string
	}{{60, "minute"}, {60, "hour"}, {24, "day"}} {
		if n < step.size {
			break
		}
		n, unit = n/step.size, step.unit
	}
	if n != 1 {
		unit += "s"
	}
	if d < 0 {
		return fmt.Sprintf("in %d %s", n, unit)
	}
	return fmt.Sprintf("%d %s ago", n, unit)
}
