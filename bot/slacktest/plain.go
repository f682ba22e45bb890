package slacktest

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Plain renders a message as text, roughly as a person reads it: links as
// "label (address)", mentions as names, times in full in the given zone, so
// that the text doesn't depend on the current day. name returns the name for a
// user ID. Buttons are left out.
func Plain(m Message, name func(id string) string, zone *time.Location) string {
	return plainMessage(m, name, func(at time.Time, format string) string {
		at = at.In(zone)
		return strings.NewReplacer("{date_short_pretty}", at.Format("2 Jan 2006"), "{date_short}", at.Format("2 Jan 2006"),
			"{time}", at.Format("15:04"), " ({ago})", "").Replace(format)
	})
}

// PlainAt renders a message like Plain, but its times as Slack shows them to a
// reader whose clock says now, in the zone of now: "Today at 9:31 PM". See
// FormatDate.
func PlainAt(m Message, name func(id string) string, now time.Time) string {
	return plainMessage(m, name, func(at time.Time, format string) string { return FormatDate(at, format, now) })
}

// dates formats a time.
type dates func(at time.Time, format string) string

func plainMessage(m Message, name func(id string) string, show dates) string {
	var lines []string
	add := func(t Text) {
		if t.Type == "mrkdwn" {
			t.Text = plainMrkdwn(t.Text, name, show)
		}
		lines = append(lines, t.Text)
	}
	if len(m.Blocks) == 0 {
		add(Text{Type: "mrkdwn", Text: m.Text})
	}
	for _, b := range m.Blocks {
		if b.Type == "divider" {
			lines = append(lines, "────")
		}
		if b.Text != nil {
			add(*b.Text)
		}
		for _, f := range b.Fields {
			f.Text = strings.Replace(f.Text, "*\n", ":* ", 1) // name and value on one line
			add(f)
		}
		if b.Type == "context" {
			for _, e := range b.Elements {
				add(e.Content)
			}
		}
	}
	return strings.Join(lines, "\n")
}

var (
	angled    = regexp.MustCompile(`<([^<>]+)>`)
	formatted = regexp.MustCompile("(^|[\\s(“])[*`]([^*`\n]+)[*`]")
	emojis    = strings.NewReplacer(
		":white_check_mark:", "✅", ":warning:", "⚠️", ":information_source:", "ℹ️",
		":question:", "❓", ":hourglass_flowing_sand:", "⏳", ":no_entry:", "⛔",
		":octagonal_sign:", "🛑", ":double_vertical_bar:", "⏸️",
	)
	entities = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "\u2060", "")
)

func plainMrkdwn(text string, name func(string) string, show dates) string {
	text = angled.ReplaceAllStringFunc(text, func(s string) string { return plainAngled(s[1:len(s)-1], name, show) })
	text = formatted.ReplaceAllString(text, "$1$2")
	return entities.Replace(emojis.Replace(text))
}

// plainAngled renders the text between < and >
// (docs.slack.dev/messaging/formatting-message-text).
func plainAngled(s string, name func(string) string, show dates) string {
	target, label, labelled := strings.Cut(s, "|")
	switch {
	case strings.HasPrefix(target, "@"):
		return "@" + name(target[1:])
	case strings.HasPrefix(target, "#"):
		return "#" + name(target[1:])
	case strings.HasPrefix(target, "!date^"):
		parts := strings.Split(target, "^") // a fourth part is a link
		unix, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil || len(parts) < 3 {
			return label
		}
		return show(time.Unix(unix, 0), parts[2])
	case strings.HasPrefix(target, "!"):
		return "@" + target[1:]
	case labelled:
		return label + " (" + target + ")"
	}
	return target
}
