package bot_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// heads is a network that is down, and counts the HEAD requests by host.
type heads struct {
	mu   sync.Mutex
	seen map[string]int
}

func (h *heads) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Method == http.MethodHead {
		h.seen[r.URL.Host]++
	}
	return nil, errors.New("down")
}

// A connection to each host is opened at the start, and again before an unused
// one would be closed.
func TestConnectionsAreKeptOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &heads{seen: map[string]int{}}
		tasks, err := chamelio.New(chamelio.Options{BaseURL: chamelio.DefaultBaseURL, APIKey: chameliotest.Key, Transport: network})
		if err != nil {
			t.Fatal(err)
		}
		j, err := journal.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "journal.db"), journal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		b, err := bot.New(bot.Config{AppToken: appToken, BotToken: botToken, Transport: network}, tasks, j)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- b.Run(ctx) }()
		defer func() {
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		time.Sleep(41 * time.Second)
		network.mu.Lock()
		seen := maps.Clone(network.seen)
		network.mu.Unlock()
		if want := map[string]int{"slack.com": 3, "hooks.slack.com": 3, "platform.chamelio.ai": 3}; !maps.Equal(seen, want) {
			t.Errorf("%v, want %v", seen, want)
		}
	})
}
