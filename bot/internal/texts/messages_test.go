package texts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
)

// posted sends samples through the fake Slack, which refuses what Slack
// would refuse, and returns them as it keeps them.
func posted(t *testing.T, samples []sample) []slacktest.Message {
	t.Helper()
	s := slacktest.NewServer()
	t.Cleanup(s.Close)
	var all []slacktest.Message
	for _, sample := range samples {
		if sample.Blocks == nil || sample.Modal {
			all = append(all, slacktest.Message{Text: sample.Text, Blocks: modalBlocks(t, sample)})
			continue
		}
		body, err := json.Marshal(map[string]any{"channel": slacktest.General, "text": sample.Text, "blocks": sample.Blocks})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"chat.postMessage", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+slacktest.BotToken)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		history := s.History(slacktest.General)
		if len(history) == 0 || history[len(history)-1].Text != sample.Text {
			t.Fatalf("%s: Slack does not take it: %s", sample.Name, sample.Blocks)
		}
		all = append(all, history[len(history)-1])
	}
	http.DefaultClient.CloseIdleConnections()
	return all
}

// modalBlocks shows an input by its label.
func modalBlocks(t *testing.T, sample sample) []slacktest.Block {
	t.Helper()
	if sample.Blocks == nil {
		return nil
	}
	var blocks []slacktest.Block
	if err := json.Unmarshal(sample.Blocks, &blocks); err != nil {
		t.Fatal(err)
	}
	for i, b := range blocks {
		for j, e := range b.Elements {
			blocks[i].Elements[j].Content.Type = e.Type
			_ = json.Unmarshal(e.RawText, &blocks[i].Elements[j].Content.Text)
		}
		if b.Type == "input" {
			blocks[i].Text = &slacktest.Text{Type: "plain_text", Text: b.Label.Text + ": " + offered(b.Element)}
		}
	}
	return blocks
}

// offered shows what an input offers.
func offered(e *slacktest.Element) string {
	if len(e.Options) == 0 {
		return "______"
	}
	text := ""
	for _, o := range e.Options {
		text += "\n[x] " + o.Text.Text
		if o.Description != nil {
			text += "\n    " + o.Description.Text
		}
	}
	return text
}

// TestMessagesMatchGoldenFiles keeps every text and every variant, as sent to
// Slack, in the golden files named after the parts of docs/messages.md.
func TestMessagesMatchGoldenFiles(t *testing.T) {
	samples := typicalSamples()
	messages := posted(t, samples)
	parts, names := map[string]string{}, map[string]bool{}
	for i, sample := range samples {
		if names[sample.Name] || sample.Text == "" || sample.When == "" || sample.Reader == "" {
			t.Errorf("%q: not unique, or empty", sample.Name)
		}
		names[sample.Name] = true
		_, body, _ := strings.Cut(goldenfile.Transcribe(messages[i]), "\n")
		parts[sample.Part] += "# " + sample.Name + "\n" + body + "\n"
	}
	for part, text := range parts {
		goldenfile.Same(t, filepath.Join("testdata", "messages", "all "+strings.ToLower(part)+".golden"), text)
	}
}

// TestMessagesPage makes docs/messages.md: every message, one after the other,
// as Slack shows it.
func TestMessagesPage(t *testing.T) {
	samples := typicalSamples()
	messages := posted(t, samples)
	var page strings.Builder
	page.WriteString("# Every message\n\n" +
		"All that people read of cancelbot in Slack, about as Slack shows it, on 2 March 2026 at 9:31. Ada typed the command, Grace is a colleague.\n" +
		"The titles of tasks are links. A test makes this page and fails when it is stale:\n" +
		"`go test ./bot/internal/texts -run TestMessagesPage -update`.\n")
	part := ""
	for i, sample := range samples {
		if sample.Part != part {
			part = sample.Part
			fmt.Fprintf(&page, "\n## %s\n", part)
		}
		shown := addresses.ReplaceAllString(slacktest.PlainAt(messages[i], nameOf, sampleTime), "")
		if sample.Modal {
			shown = sample.Text + "\n" + shown
		}
		fmt.Fprintf(&page, "\n### %s\n\n%s Shown %s.\n\n```text\n%s\n", upper(sample.Name), sample.When, sample.Reader,
			shown)
		var buttons []string
		for _, b := range messages[i].Blocks {
			for _, e := range b.Elements {
				if e.Type == "button" {
					buttons = append(buttons, "["+e.Label+"]")
				}
			}
		}
		if len(buttons) > 0 {
			page.WriteString(strings.Join(buttons, " ") + "\n")
		}
		page.WriteString("```\n" + asked(t, sample.Blocks))
	}
	goldenfile.Same(t, filepath.Join("..", "..", "..", "docs", "messages.md"), page.String())
}

// asked shows the dialogs in which Slack asks back.
func asked(t *testing.T, blocks json.RawMessage) string {
	t.Helper()
	var parsed []struct {
		Elements []struct{ Confirm map[string]any }
	}
	if blocks == nil {
		return ""
	}
	if err := json.Unmarshal(blocks, &parsed); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, b := range parsed {
		for _, e := range b.Elements {
			if e.Confirm == nil {
				continue
			}
			said := func(key string) any { return e.Confirm[key].(map[string]any)["text"] }
			text += fmt.Sprintf("\nSlack then asks:\n\n```text\n%s\n%s\n[%s] [%s]\n```\n", said("title"), said("text"), said("confirm"), said("deny"))
		}
	}
	return text
}

// addresses follow links in plain text.
var addresses = regexp.MustCompile(` \(https://[^)]*\)`)

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func nameOf(id string) string {
	return map[string]string{slacktest.Ada: "Ada Lovelace", slacktest.Grace: "Grace Hopper", slacktest.Linus: "Linus", slacktest.General: "general", slacktest.Random: "random"}[id]
}

// TestWhileACancelMayBeUnderWayNothingIsSaidOfTheTask is the law that
// announcements stay true.
func TestWhileACancelMayBeUnderWayNothingIsSaidOfTheTask(t *testing.T) {
	said := regexp.MustCompile(`(?i)untouched|not touched|nothing changed|unchanged|still run|keeps? running|goes on|nothing was|(wasn't|was not|not been) (cancelled|changed)|not cancelled`)
	n := 0
	for _, sample := range typicalSamples() {
		if sample.UnderWay {
			n++
			if found := said.FindString(sample.Text + string(sample.Blocks)); found != "" {
				t.Errorf("%s says %q: %s", sample.Name, found, sample.Text)
			}
		}
	}
	if n < 80 {
		t.Errorf("only %d texts were looked at", n)
	}
}

var (
	alive    = regexp.MustCompile(`<[!@#]|<\w+:`)
	ours     = regexp.MustCompile(`<!date\^\d+\^[^<>|]*\|[^<>]*>|<@[UW][0-9A-Z]+>|<#[CG][0-9A-Z]+>|<!subteam\^S[0-9A-Z]+>|<https://(app\.chamelio\.ai|[a-z]+\.slack\.com)/[^<>|]*\|[^<>]*>`)
	evil     = regexp.MustCompile(`U0EVIL>|C0EVIL>|S0EVIL>|\|Chamelio>|<!channel|<!here|<https?://evil|<mailto`)
	stands   = regexp.MustCompile(`\{[A-Za-z]+\}`)
	tokens   = regexp.MustCompile(`<!date[^>]*>`)
	goFormat = regexp.MustCompile(`%!\w?\(`)
)

// TestHostileDataBreaksNoMessage: every message, with every kind of data that
// was made to break it, is one that Slack takes, in which nothing from outside
// is live or invisible.
func TestHostileDataBreaksNoMessage(t *testing.T) {
	for kind, samples := range hostileSamples() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			for _, sample := range samples {
				surface := slacktest.InMessage
				if sample.Modal {
					surface = slacktest.InModal
				}
				for _, p := range slacktest.ValidateBlocks(sample.Blocks, surface) {
					t.Errorf("%s: %s", sample.Name, p)
				}
				if n := utf8.RuneCountInString(sample.Text); n == 0 || n > maxText || !utf8.ValidString(sample.Text) {
					t.Errorf("%s: its text has %d characters", sample.Name, n)
				}
				texts := append(textsOf(t, sample), sample.Text)
				for _, text := range texts {
					if left := ours.ReplaceAllString(text, ""); alive.MatchString(left) || evil.MatchString(text) {
						t.Errorf("%s: something is live: %s", sample.Name, text)
					}
					if goFormat.MatchString(text) {
						t.Errorf("%s: formatted wrongly: %s", sample.Name, text)
					}
					if kind != "format" && stands.MatchString(tokens.ReplaceAllString(text, "")) {
						t.Errorf("%s: a piece is missing: %s", sample.Name, text)
					}
					if i := strings.IndexFunc(text, invisible); i >= 0 {
						t.Errorf("%s: holds %q", sample.Name, text[i:min(i+8, len(text))])
					}
				}
			}
		})
	}
}

// Text from outside can't look like the name of a task in a message of the bot, whether
// the task is linked or not. Nor can its address lead to another task.
func TestOnlyTheBotNamesTasks(t *testing.T) {
	const other = "Re” (task 55555) > (task 55555) `task 55555` <https://app.chamelio.ai/workflows/tasks/55555|x> https://app.chamelio.ai/workflows/tasks/55555 task 55555"
	for _, address := range []string{"", typical().task.URL, "https://app.chamelio.ai/workflows/tasks/55555", typical().task.URL + "/../55555"} {
		e, w := typical(), sampleTexts()
		e.task.URL, e.task.Title, e.task.Workflow, e.task.Step, e.task.Owner, e.task.Assignee = address, other, other, other, other, other
		e.task.Status, e.reason, e.detail, e.typed, w.Operator = chamelio.Status(other), other, other, other, other
		named := 0
		for _, sample := range samples(w, e) {
			var names []string
			for _, text := range textsOf(t, sample) {
				names = append(names, NamesIn(text)...)
			}
			tasks := input.FindTasks(names, nil)
			if slices.Contains(tasks, 55555) {
				t.Errorf("address %q, %s: %v in %s", address, sample.Name, tasks, sample.Blocks)
			}
			if slices.Contains(tasks, 12345) {
				named++
			}
		}
		if named < 40 {
			t.Errorf("address %q: only %d messages name the task", address, named)
		}
	}
}

// No message has rich text: the shortcut takes that of a forwarded message for a person's.
func TestNoMessageHasRichText(t *testing.T) {
	for _, sample := range samples(sampleTexts(), typical()) {
		if bytes.Contains(sample.Blocks, []byte(`"rich_text`)) {
			t.Errorf("%s has rich text: %s", sample.Name, sample.Blocks)
		}
	}
}

// invisible are characters that hide something; the word joiner is ours.
func invisible(r rune) bool {
	return strings.ContainsRune("\u200b\u00ad\u3164\ufeff\u034f\u115f\u2800\u202e\u202c\u2067\u2069\u200f\u2028\u2029\x00\x1b", r) || r >= 0xe0000 && r < 0xe1000
}

// textsOf lists the mrkdwn of a sample, and fails where Slack would make
// something of it that we did not write.
func textsOf(t *testing.T, sample sample) []string {
	t.Helper()
	var found []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, one := range v {
				walk(one)
			}
		case map[string]any:
			if v["type"] == "mrkdwn" {
				found = append(found, v["text"].(string))
				if v["verbatim"] != true {
					t.Errorf("%s: not verbatim: %v", sample.Name, v)
				}
			}
			for _, key := range slices.Sorted(func(yield func(string) bool) {
				for k := range v {
					if !yield(k) {
						return
					}
				}
			}) {
				walk(v[key])
			}
		}
	}
	if sample.Blocks != nil {
		var blocks any
		if err := json.Unmarshal(sample.Blocks, &blocks); err != nil {
			t.Fatal(err)
		}
		walk(blocks)
	}
	return found
}
