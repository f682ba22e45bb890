package bot_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// padded answers auth.test with this many bytes more than needed.
type padded int

func (p padded) RoundTrip(r *http.Request) (*http.Response, error) {
	body := `{"ok":true,"team_id":"T012ACME","user_id":"U012BOT","pad":"` + strings.Repeat("a", int(p)) + `"}`
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Slack's client holds a whole answer in memory, even a proxy's.
func TestAnswersOfSlackAreBounded(t *testing.T) {
	j, err := journal.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "journal.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	tasks, err := chamelio.New(chamelio.Options{BaseURL: chamelio.DefaultBaseURL, APIKey: chameliotest.Key})
	if err != nil {
		t.Fatal(err)
	}
	for size, fits := range map[padded]bool{1 << 20: true, 8 << 20: false} {
		b, err := bot.New(bot.Config{AppToken: appToken, BotToken: botToken, Transport: size}, tasks, j)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Workspace(t.Context()); (err == nil) != fits {
			t.Errorf("an answer of %d bytes: %v", size, err)
		}
	}
}
