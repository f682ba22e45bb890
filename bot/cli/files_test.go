package cli

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// A file that can't be read for longer than its replacement takes is reported once, and
// when it can be read again.
func TestUnreadableFileIsReported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	t.Setenv("CHAMELIO_API_KEY_FILE", file)
	synctest.Test(t, func(t *testing.T) {
		var out SyncBuffer
		gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "unreadable", Help: "."}, []string{"credential"})
		c := &credentials{log: slog.New(slog.NewTextHandler(&out, nil)), unreadable: gauge, every: time.Hour, looking: readEvery}
		c.files = []*watchedFile{newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), nil, &credential{which: "api_key"})}
		go c.watch(t.Context())
		after := func(d time.Duration, lost, back int, unreadable float64) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			said := out.String()
			if strings.Count(said, "secret file unreadable") != lost || strings.Count(said, "readable again") != back || testutil.ToFloat64(gauge.WithLabelValues("api_key")) != unreadable || strings.Contains(said, file) {
				t.Errorf("gauge %v\n%s", testutil.ToFloat64(gauge.WithLabelValues("api_key")), said)
			}
		}
		after(unreadableAfter, 0, 0, 0)
		after(unreadableAfter, 1, 0, 1)
		after(time.Hour, 1, 0, 1)
		if err := os.WriteFile(file, []byte("ca_old"), 0o600); err != nil {
			t.Fatal(err)
		}
		after(readEvery, 1, 1, 0)
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		after(unreadableAfter/2, 1, 1, 0)
	})
}
