package signed

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// FuzzEncode checks for any text from outside that encoding ends, that the value
// fits into a button and a modal, and that it carries what it can.
func FuzzEncode(f *testing.F) {
	const task = "https://app.chamelio.ai/workflows/tasks/12345?"
	texts := []string{
		"", "Master agreement", strings.Repeat("x", 150), strings.Repeat("📄", 150), strings.Repeat(`"`, 150), strings.Repeat("\\", 300),
		strings.Repeat("👩‍👩‍👧‍👦", 60), strings.Repeat("\u2028", 300), strings.Repeat("\x00", 300), strings.Repeat("\xff", 300),
		strings.Repeat("📄", 300), strings.Repeat("📄", 3000), strings.Repeat("  ", 2000),
	}
	for _, title := range texts {
		for _, reason := range texts {
			for _, length := range []int{0, 147, 148, 155, 160, 161, 5000} {
				url := ""
				if length > 0 {
					url = task + strings.Repeat("a", length-len(task))
				}
				f.Add(title, reason, url)
			}
		}
	}
	s := testSigner(f)
	now := time.Now().Truncate(time.Second)
	f.Fuzz(func(t *testing.T, title, reason, url string) {
		c := decision.Confirmation{
			ID: NewID(time.Now()), Tasks: []decision.Named{{ID: 1<<63 - 1, Title: title, URL: url}}, Reason: reason, Public: true,
			Team: strings.Repeat("T", 16), Channel: strings.Repeat("C", 16), Requester: strings.Repeat("U", 16),
			RequestedAt: now, ExpiresAt: now.Add(MaxTTL),
		}
		value := s.Encode(c)
		if len(value) > maxValue {
			t.Fatalf("the value has %d characters", len(value))
		}
		got, err := s.Decode(value, now)
		if err != nil {
			t.Fatal(err)
		}
		task := got.Tasks[0]
		if !begins(title, task.Title) || !begins(reason, got.Reason) || task.URL != "" && task.URL != decision.Storable(url) {
			t.Errorf("%q, %q, %q became %q, %q, %q", title, reason, url, task.Title, got.Reason, task.URL)
		}
		if len(reason) <= 1200 && !strings.ContainsAny(reason, "\"\\\u2028\u2029") && !slices.ContainsFunc([]byte(reason), func(b byte) bool { return b < ' ' }) &&
			utf8.ValidString(reason) && got.Reason != reason {
			t.Error("a reason of 300 characters was cut")
		}
		if s.Encode(got) != value {
			t.Error("encoding again gives another value")
		}
		metadata, err := s.EncodeModal(Modal{Value: value, ResponseURL: "https://hooks.slack-gov.com/actions/" + strings.Repeat("x", 200)}, c.Requester)
		if err != nil || len(metadata) > maxMetadata {
			t.Errorf("the modal's metadata has %d characters: %v", len(metadata), err)
		}
	})
}

// begins reports whether text was kept, cut with "…", or left out.
func begins(text, kept string) bool {
	text = decision.Storable(text)
	begin, cut := strings.CutSuffix(kept, "…")
	return kept == text || kept == "" || cut && begin != "" && strings.HasPrefix(text, begin)
}

// Several tasks share the available room, and none of their IDs is lost.
func TestSeveralTasksFitAButton(t *testing.T) {
	s, now := testSigner(t), time.Now().Truncate(time.Second)
	for name, tt := range map[string]struct {
		tasks         int
		title, reason string
	}{
		"a few":                        {3, "Master agreement with Globex", "started twice"},
		"as many as there may be":      {25, strings.Repeat("a", 150), strings.Repeat("r", 300)},
		"with a reason of emoji":       {25, strings.Repeat("🙂", 150), strings.Repeat("🙂", 300)},
		"with what JSON must escape":   {25, strings.Repeat("\"", 150), strings.Repeat("\x01", 300)},
		"ten, with titles and emoji":   {10, strings.Repeat("🙂", 150), ""},
		"as many, and nothing besides": {25, "", ""},
	} {
		c := decision.Confirmation{
			ID: NewID(time.Now()), Reason: tt.reason, Thread: "1772443860.000000", Public: true, Team: strings.Repeat("T", 16), Channel: strings.Repeat("C", 16),
			Requester: strings.Repeat("U", 16), RequestedAt: now, ExpiresAt: now.Add(MaxTTL),
		}
		for i := range tt.tasks {
			c.Tasks = append(c.Tasks, decision.Named{ID: 1<<63 - 1 - chamelio.TaskID(i), Title: tt.title, URL: "https://app.chamelio.ai/workflows/tasks/9223372036854775807"})
		}
		value := s.Encode(c)
		got, err := s.Decode(value, now)
		if err != nil || len(value) > maxValue || !slices.Equal(got.IDs(), c.IDs()) {
			t.Errorf("%s: %d characters, %v: %+v", name, len(value), err, got)
		}
		if again := s.Encode(got); again != value {
			t.Errorf("%s: encoding again gives another value", name)
		}
		if tt.reason == strings.Repeat("r", 300) && got.Reason != tt.reason {
			t.Errorf("%s: a reason of 300 characters was cut: %q", name, got.Reason)
		}
	}
}
