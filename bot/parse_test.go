package bot

import (
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

func TestParseCommand(t *testing.T) {
	tests := []struct {
		text   string
		task   chamelio.TaskID
		reason string
		err    error
	}{
		{"12345", 12345, "", nil},
		{"  #12345  ", 12345, "", nil},
		{"12345 duplicate of 12346", 12345, "duplicate of 12346", nil},
		{"12345\u00a0non-breaking\t blank", 12345, "non-breaking blank", nil},
		{"https://app.chamelio.ai/workflows/tasks/12345 dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345> dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345|the task> dup", 12345, "dup", nil},
		{"<https://app.chamelio.ai/workflows/tasks/12345?tab=a&amp;b=c#top>", 12345, "", nil},
		{"https://app.chamelio.ai/workflows/tasks/12345/steps", 12345, "", nil},
		{"https://own.example/tasks/7", 7, "", nil},
		{"9223372036854775807", math.MaxInt64, "", nil},
		{"0012345", 12345, "", nil},
		{"12345 a &lt; b &amp;amp; c", 12345, "a < b &amp; c", nil},
		{"12345 " + strings.Repeat("ü", 300), 12345, strings.Repeat("ü", 300), nil},
		{"12345 " + strings.Repeat("ü", 301), 0, "", errReasonTooLong},
		{"12345 \u202egnihton", 12345, "gnihton", nil},
		// What people type and paste besides.
		{"task 12344", 12344, "", nil}, {"Task #12344 dup", 12344, "dup", nil}, {"cancel task 12344", 12344, "", nil}, {"please cancel 5 now", 5, "now", nil},
		{`"12344"`, 12344, "", nil}, {"“12344” dup", 12344, "dup", nil}, {`"12344 dup of 5"`, 12344, "dup of 5", nil}, {"'12344'", 12344, "", nil}, {"`12344`", 12344, "", nil},
		{"12344:", 12344, "", nil}, {"12345.", 12345, "", nil}, {"(12345)", 12345, "", nil}, {"12345;", 12345, "", nil}, {"12345, dup", 12345, "dup", nil},
		{"12345 - dup", 12345, "dup", nil}, {"12345 — dup", 12345, "dup", nil}, {"12345 : dup", 12345, "dup", nil}, {"12345 -5 degrees", 12345, "-5 degrees", nil},
		{"app.chamelio.ai/workflows/tasks/12345 dup", 12345, "dup", nil}, {"http://app.chamelio.ai/workflows/tasks/12345", 12345, "", nil},
		{"<http://app.chamelio.ai/workflows/tasks/12345|app.chamelio.ai/workflows/tasks/12345> dup", 12345, "dup", nil},
		{"`https://app.chamelio.ai/workflows/tasks/12345` dup", 12345, "dup", nil}, {"`<https://app.chamelio.ai/workflows/tasks/12345>`, dup", 12345, "dup", nil},
		{"(<https://app.chamelio.ai/workflows/tasks/12345|the task>) dup", 12345, "dup", nil}, {"https://app.chamelio.ai/workflows/tasks/12345.", 12345, "", nil},
		{"\ufeff12345", 12345, "", nil}, {"12345\u200b", 12345, "", nil}, {"\u200b#\u200d12345 dup\u00ad", 12345, "dup", nil},
		{"12345 12345", 12345, "", nil}, {"12345 <https://app.chamelio.ai/workflows/tasks/12345>", 12345, "", nil},
		// Reasons of which nothing can be seen are none.
		{"12345 \u200b\u3164\u115f \u2800", 12345, "", nil}, {"12345 \u0301\u0301", 12345, "", nil}, {"12345 \U000e0041\U000e0042", 12345, "", nil},
		{"12345 a\u0301\u0301\u0301\u0301\u0301\u0301\u0301", 12345, "a\u0301\u0301\u0301\u0301", nil}, {"12345 👩\u200d👧 1\ufe0f\u20e3", 12345, "👩\u200d👧 1\ufe0f\u20e3", nil},
		// Two tasks are two tasks.
		{"12345 12346", 0, "", errSeveralTasks}, {"12345, 12346", 0, "", errSeveralTasks}, {"12345 and 12346", 0, "", errSeveralTasks}, {"12345 &amp; #12346.", 0, "", errSeveralTasks},
		{"12345 https://app.chamelio.ai/workflows/tasks/12346", 0, "", errSeveralTasks}, {"tasks 1, 2 and 3", 0, "", errSeveralTasks},
		{"12345 12346 is the right one", 12345, "12346 is the right one", nil},
		{"task", 0, "", errNotATask}, {`"`, 0, "", errNotATask}, {"()", 0, "", errNotATask}, {"task help", 0, "", errNotATask},
		{"?", 0, "", errHelp}, {"help!", 0, "", errHelp}, {"“help”", 0, "", errHelp},
		{"", 0, "", errHelp}, {"  ", 0, "", errHelp}, {"HELP", 0, "", errHelp}, {"help me", 0, "", errHelp},
		{"abc", 0, "", errNotATask}, {"#", 0, "", errNotATask}, {"##1", 0, "", errNotATask}, {"-5", 0, "", errNotATask},
		{"+5", 0, "", errNotATask}, {"12.5", 0, "", errNotATask}, {"1e3", 0, "", errNotATask}, {"0x10", 0, "", errNotATask},
		{"١٢٣", 0, "", errNotATask}, {"１２３", 0, "", errNotATask}, {"12,345", 0, "", errNotATask},
		{"0", 0, "", errIDOutOfRange}, {"9223372036854775808", 0, "", errIDOutOfRange}, {"99999999999999999999", 0, "", errIDOutOfRange},
		{"https://evil.example/workflows/tasks/12345", 0, "", errForeignLink},
		{"https://app.chamelio.ai.evil.example/tasks/1", 0, "", errForeignLink},
		{"https://app.chamelio.ai@evil.example/tasks/1", 0, "", errForeignLink},
		{"ftp://app.chamelio.ai/workflows/tasks/12345", 0, "", errForeignLink}, {"and/or", 0, "", errForeignLink},
		{"https://app.chamelio.ai/workflows/12345", 0, "", errForeignLink},
		{"https://app.chamelio.ai/workflows/tasks/", 0, "", errNotATask},
		{"<@U123>", 0, "", errNotATask}, {"<", 0, "", errNotATask}, {"<>", 0, "", errNotATask},
	}
	for _, tt := range tests {
		got, err := parseCommand(tt.text, []string{"own.example"})
		if !errors.Is(err, tt.err) || tt.err == nil && (err != nil || got.task != tt.task || got.reason != tt.reason) {
			t.Errorf("%q: got %+v, %v; want %d %q, %v", tt.text, got, err, tt.task, tt.reason, tt.err)
		}
	}
	for text, unsure := range map[string]bool{"12345 12346 is the right one": true, "12345 duplicate of 12346": false, "task 12345": false} {
		if got, err := parseCommand(text, nil); err != nil || got.unsure != unsure {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
}

func FuzzParseCommand(f *testing.F) {
	for _, s := range []string{"12345 reason", "#1", "<https://app.chamelio.ai/workflows/tasks/12345|x y> z", "help", "<!channel>", "\x00\xff", "9223372036854775808"} {
		f.Add(s)
	}
	w := texts{command: "/cancel-task"}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseCommand(text, nil)
		if err == nil {
			if got.task <= 0 || utf8.RuneCountInString(got.reason) > maxReason || !utf8.ValidString(got.reason) {
				t.Fatalf("%q gives %+v", text, got)
			}
			return
		}
		m := w.notUnderstood(err)
		if n := utf8.RuneCountInString(m.text); n == 0 || n > sectionLimit {
			t.Fatalf("%q is answered with %d characters", text, n)
		}
		for _, bad := range []string{"<!", "<@", "<http"} {
			if strings.Contains(m.text, bad) {
				t.Fatalf("%q gets %s through: %s", text, bad, m.text)
			}
		}
	})
}

func testSigner(t testing.TB) signer {
	t.Helper()
	s, err := newSigner("xoxb-test", nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheLongestConfirmationFitsAButton(t *testing.T) {
	id := strings.Repeat("W", 24)
	for _, filler := range []string{"🙂", `"`, `\`, "<", "\u2028", "\x01", "\u202e"} {
		req, err := parseCommand("9223372036854775807 "+strings.Repeat(filler, maxReason), nil)
		if err != nil {
			t.Fatal(err)
		}
		c := confirmation{
			ID: newConfirmationID(), Task: req.task, Team: id, Channel: id, Requester: id, Reason: req.reason,
			RequestedAt: time.Now().Truncate(time.Second), ExpiresAt: time.Now().Add(time.Minute).Truncate(time.Second),
		}
		s := testSigner(t)
		value := s.encode(c)
		if len(value) > 2000 {
			t.Errorf("a reason of %q gives a value of %d characters", filler, len(value))
		}
		back, err := s.decode(value, time.Now())
		if err != nil || back.Reason != c.Reason || back.Task != c.Task || !back.ExpiresAt.Equal(c.ExpiresAt) || back.ID != c.ID {
			t.Errorf("came back as %+v, %v", back, err)
		}
	}
}

func TestAConfirmationOfAnotherTokenOrTimeIsRefused(t *testing.T) {
	now := time.Now()
	c := confirmation{ID: "x", Task: 1, ExpiresAt: now.Add(time.Minute)}
	value := testSigner(t).encode(c)
	other, err := newSigner("xoxb-rotated", nil, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.decode(value, now); !errors.Is(err, errForged) {
		t.Errorf("another token: %v", err)
	}
	if got, err := testSigner(t).decode(value, now.Add(time.Minute)); !errors.Is(err, errExpired) || got.Task != 1 {
		t.Errorf("at its expiry: %v", err)
	}
}

func FuzzConfirmation(f *testing.F) {
	s := testSigner(f)
	good := s.encode(confirmation{ID: "x", Task: 1, Reason: "r", ExpiresAt: time.Now().Add(time.Hour)})
	f.Add(good)
	// The last character of a signature has two bits that say nothing.
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	f.Add(good[:len(good)-1] + digits[strings.IndexByte(digits, good[len(good)-1])^1:][:1])
	f.Add("1.W10.AAAA")
	f.Add("")
	f.Add("..")
	f.Fuzz(func(t *testing.T, value string) {
		if _, err := s.decode(value, time.Now()); err == nil && value != good {
			t.Fatalf("%q is accepted", value)
		}
		// What is rightly signed but oddly made must not get through either.
		if signed := confirmationVersion + "." + value; len(value) < 1000 {
			_, _ = s.decode(signed+"."+strings.TrimRight(value, "."), time.Now())
		}
	})
}

func TestShortenCutsAtARune(t *testing.T) {
	if got := shorten(strings.Repeat("ü🙂", 10), 5); got != "ü🙂ü🙂…" || !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
}

func TestOnlySlackGetsAnAnswer(t *testing.T) {
	p := newPoster(nil, nil, &url.URL{Scheme: "https", Host: "slack.com"})
	for address, want := range map[string]bool{
		"https://hooks.slack.com/commands/T/1/x": true, "https://hooks.slack-gov.com/actions/x": true,
		"http://hooks.slack.com/x": false, "https://hooks.slack.com.evil.example/x": false, "https://u@hooks.slack.com/": false,
		"http://127.0.0.1:8080/x": false, "http://169.254.169.254/": false, "file:///etc/passwd": false, "": false, "::": false,
	} {
		if got := p.check(address) == nil; got != want {
			t.Errorf("%q: accepted = %v", address, got)
		}
	}
}

func TestNewRefusesABadConfiguration(t *testing.T) {
	good := Config{AppToken: secret.New("xapp-1"), BotToken: secret.New("xoxb-1")}
	for name, spoil := range map[string]func(*Config){
		"swapped tokens": func(c *Config) { c.AppToken, c.BotToken = c.BotToken, c.AppToken },
		"http":           func(c *Config) { c.SlackAPI = "http://slack.example/api/" },
		"connections":    func(c *Config) { c.Connections = 11 },
		"long TTL":       func(c *Config) { c.ConfirmTTL = time.Hour },
		"negative TTL":   func(c *Config) { c.ConfirmTTL = -time.Hour },
		"command":        func(c *Config) { c.Command = "cancel task" },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
