package texts

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// blocksOf decodes the blocks of a sample.
func blocksOf(t *testing.T, one sample) []slacktest.Block {
	t.Helper()
	var blocks []slacktest.Block
	if one.Blocks != nil {
		if err := json.Unmarshal(one.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
	}
	return blocks
}

func TestNothingFollowsButtons(t *testing.T) {
	n := 0
	for _, one := range typicalSamples() {
		blocks := blocksOf(t, one)
		for i, b := range blocks {
			if b.Type != "actions" {
				continue
			}
			n++
			if i != len(blocks)-1 {
				t.Errorf("%s: a block of type %s follows the buttons", one.Name, blocks[i+1].Type)
			}
			if len(blocks) > 1 && !strings.Contains(string(one.Blocks), "This can't be undone.") {
				t.Errorf("%s doesn't say that it can't be undone", one.Name)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d messages with buttons", n)
	}
}

func TestDangerousButtonsAskBackInTheChannelAndForSeveralTasks(t *testing.T) {
	for _, one := range typicalSamples() {
		var blocks []struct {
			Elements []struct {
				Style   string `json:"style"`
				Confirm any    `json:"confirm"`
				Text    any    `json:"text"`
			} `json:"elements"`
		}
		if one.Blocks == nil {
			continue
		}
		if err := json.Unmarshal(one.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
		want := one.Reader == toChannel || strings.Contains(string(one.Blocks), "Keep them")
		for _, b := range blocks {
			for _, e := range b.Elements {
				if e.Style == "danger" && (e.Confirm != nil) != want {
					t.Errorf("%s: %v asks back: %v", one.Name, e.Text, !want)
				}
			}
		}
	}
}

func TestNotificationsSayWhoWhatAndWhyFirst(t *testing.T) {
	who, what, why := "@Ada Lovelace", "Master agreement with Globex", "duplicate"
	for name, parts := range map[string][]string{
		"prompt": {what, why}, "request": {who, what, why}, "request for several": {who, "3 tasks", why}, "prompt for several": {"3 tasks", why},
		"announcement: cancelled": {who, what, why}, "announcement of two": {who, what, why}, "announcement of several": {who, "3 tasks", why},
		"announcement: unknown": {what, who}, "announcement: not_cancellable, completed": {what, who}, "announcement: not_found": {what, who},
	} {
		for _, one := range typicalSamples() {
			if one.Name != name {
				continue
			}
			shown := []rune(addresses.ReplaceAllString(slacktest.PlainAt(slacktest.Message{Text: one.Text}, nameOf, sampleTime), ""))
			shown = shown[:min(len(shown), 100)]
			for _, part := range parts {
				if !strings.Contains(string(shown), part) {
					t.Errorf("%s doesn't say %q: %s", name, part, string(shown))
				}
			}
			parts = nil
		}
		if parts != nil {
			t.Errorf("no sample %q", name)
		}
	}
}

// A mention is a notification.
func TestAnnouncementsMentionPeopleOnce(t *testing.T) {
	mentions := regexp.MustCompile(`<@[A-Z0-9]+>`)
	for _, one := range typicalSamples() {
		if !strings.HasPrefix(one.Name, "announcement") && !strings.HasPrefix(one.Name, "request") && !strings.HasPrefix(one.Name, "update") {
			continue
		}
		seen := map[string]bool{}
		blocks, _, _ := strings.Cut(strings.ReplaceAll(strings.ReplaceAll(string(one.Blocks), `\u003c`, "<"), `\u003e`, ">"), "FYI ")
		for _, who := range mentions.FindAllString(blocks, -1) {
			if seen[who] {
				t.Errorf("%s mentions %s twice", one.Name, who)
			}
			seen[who] = true
		}
	}
}

func TestNoFillerAndNoAddresses(t *testing.T) {
	filler := regexp.MustCompile(`(?i)didn't do anything|no reason given|confirmed by|whoever|for your information|tell someone|somebody|acme\.example`)
	for _, one := range typicalSamples() {
		if found := filler.FindString(one.Text + string(one.Blocks)); found != "" {
			t.Errorf("%s says %q", one.Name, found)
		}
	}
}

// A check mark is for what works again, not for a contract that is gone.
func TestOnlyWhatWorksAgainGetsACheckMark(t *testing.T) {
	for _, one := range typicalSamples() {
		if has := strings.Contains(string(one.Blocks), "white_check_mark"); has != strings.HasPrefix(one.Name, "audit of an accepted") {
			t.Errorf("%s: has a check mark: %v", one.Name, has)
		}
		if strings.HasSuffix(one.Name, ": cancelled") && !strings.HasPrefix(one.Name, "clause") && !strings.Contains(string(one.Blocks), emojiCancelled) {
			t.Errorf("%s has no %s", one.Name, emojiCancelled)
		}
	}
}

func TestHeadersFit(t *testing.T) {
	for kind, samples := range hostileSamples() {
		for _, one := range samples {
			for _, b := range blocksOf(t, one) {
				if b.Type == "header" && (b.Text == nil || utf8.RuneCountInString(b.Text.Text) > headerLimit) {
					t.Errorf("%s, %s: its header is too long", kind, one.Name)
				}
			}
		}
	}
}

// A process may die while it is working on something that isn't in the journal. So what it
// says about that says, too, what to do if nothing follows.
func TestUnfinishedWorkComesWithAdvice(t *testing.T) {
	advice := regexp.MustCompile(`If (nothing|none|you don't see it)`)
	onRecord := regexp.MustCompile(`Cancelling|Not confirmed yet|couldn't tell|cancelled`)
	n := 0
	for _, s := range samples(sampleTexts(), typical()) {
		if !strings.HasPrefix(s.Text, emojiPending) || onRecord.MatchString(s.Text) {
			continue
		}
		n++
		if !advice.MatchString(s.Text) {
			t.Errorf("%s: %s", s.Name, s.Text)
		}
	}
	if n < 8 {
		t.Errorf("only %d such texts", n)
	}
}

// A prompt's last text, and an answer to a click, can't be edited once an
// unknown outcome is known, so they don't say that it isn't.
func TestNoPrivateTextBecomesFalse(t *testing.T) {
	s := &sampler{Texts: sampleTexts(), example: typical()}
	public := s.confirmation(true)
	for _, row := range outcomeTexts {
		if row.outcome != decision.Unknown {
			continue
		}
		for _, confirmer := range []string{s.user, s.other} {
			d := s.decision(confirmer, row.outcome).With(s.resultFor(row))
			other := d
			other.ID = "OTHER"
			for _, m := range []Message{s.OutcomeLine(d.AsOfNow()), s.CameSecond(public, s.user, d.AsOfNow()), s.TooLateToWithdraw(public, d.AsOfNow(), s.user), s.Overtaken(public, other.AsOfNow())} {
				if strings.Contains(m.Text, " yet") || !strings.Contains(m.Text, "I'll report back within 24 hours") {
					t.Errorf("%s: %s", rowName(row), m.Text)
				}
			}
		}
	}
}

// "This conversation" is the reader's own. The result of another prompt's decision may be
// posted in someone else's direct messages.
func TestResultElsewhereIsNotPromisedHere(t *testing.T) {
	s := &sampler{Texts: sampleTexts(), example: typical()}
	private := s.confirmation(false)
	for _, confirmer := range []string{s.user, s.other} {
		for channel, where := range map[string]string{"D0OTHER": "another conversation", "D0OWN": "this conversation", "C0OTHER": "<#C0OTHER>"} {
			d := s.decision(confirmer, "")
			d.ID, d.Channel, private.Channel = "OTHER", channel, "D0OWN"
			if m := s.CameSecond(private, s.user, d.AsOfNow()); !strings.Contains(m.Text, "post the result in "+where) {
				t.Errorf("the result is posted in %s: %s", where, m.Text)
			}
		}
	}
}

// A request that another decision overtook stays in its conversation, so it shows
// no title of that decision's either.
func TestOvertakenUntitledRequestStaysUntitled(t *testing.T) {
	s := &sampler{Texts: sampleTexts(), example: typical()}
	c := s.confirmation(true)
	c.Untitled = true
	for _, o := range []decision.Outcome{"", decision.Cancelled, decision.Unknown, decision.Failed} {
		winner := s.decision(s.other, o)
		winner.ID = "OTHER"
		if m := s.Overtaken(c, winner.AsOfNow()); strings.Contains(m.Text, s.task.Title) || !strings.Contains(m.Text, "12345") {
			t.Errorf("%q: %s", o, m.Text)
		}
	}
}

// No text says that a click didn't count: another delivery of the same one may be
// used at another replica. A text about a prompt that the journal has closed says that
// a click on it doesn't count.
func TestNoTextSaysThatAClickDidNotCount(t *testing.T) {
	advice := 0
	for _, one := range typicalSamples() {
		if strings.Contains(one.Text, "If no result appears in ") {
			advice++
		}
		for _, denied := range []string{"didn't count", "skipped this.", "None of the"} {
			if strings.Contains(one.Text, denied) && !strings.Contains(one.Text, "can be cancelled") {
				t.Errorf("%s says %q: %s", one.Name, denied, one.Text)
			}
		}
	}
	if advice < 6 {
		t.Errorf("only %d texts say what to do if no result appears", advice)
	}
}

// A time without a date is one of today, so only deadlines have none: they are soon.
func TestPastTimesHaveADate(t *testing.T) {
	clocks := regexp.MustCompile(`<!date\^(\d+)\^\{time\}`)
	deadlines := 0
	for _, s := range typicalSamples() {
		for _, found := range clocks.FindAllStringSubmatch(s.Text, -1) {
			at, err := strconv.ParseInt(found[1], 10, 64)
			if err != nil || at <= typical().now.Add(time.Minute).Unix() { // when the samples' clicks were received
				t.Errorf("%s: %s", s.Name, s.Text)
			}
			deadlines++
		}
	}
	if deadlines == 0 {
		t.Error("no text has a deadline")
	}
}
