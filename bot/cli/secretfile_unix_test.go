//go:build unix

package cli

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
)

// hungFile makes NAME_FILE a file that can't be read: a pipe that no one writes to.
func hungFile(t *testing.T, name string) {
	t.Helper()
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(name, "")
	t.Setenv(name+"_FILE", pipe)
	t.Cleanup(func() { // the reads end
		if f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = f.Close()
		}
	})
}

// While the files of the secrets hang, a refused key is an answer, and the process stops.
// Only one read of a file is under way.
func TestHungFilesHoldNothingUp(t *testing.T) {
	hungFile(t, "SLACK_BOT_TOKEN")
	hungFile(t, "CHAMELIO_API_KEY")
	key, err := newTasks(chamelio.Options{BaseURL: "https://chamelio.test", APIKey: "ca_old", Transport: roundTrip(func(*http.Request) (int, string) {
		return http.StatusUnauthorized, `{"detail":"API key has been revoked"}`
	})}, emptyJournal(t))
	if err != nil {
		t.Fatal(err)
	}
	key.proven = true
	keyFile, tokenFile := newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), key.use, nil), newWatchedFile("SLACK_BOT_TOKEN", secret.Value{}, nil, nil)
	watch := &credentials{log: slog.New(slog.DiscardHandler), every: time.Hour, looking: 10 * time.Millisecond, files: []*watchedFile{keyFile, tokenFile}}
	key.reread = func(ctx context.Context) { watch.look(ctx, keyFile) }
	ctx, stop := context.WithCancel(t.Context())
	var watching, calls sync.WaitGroup
	watching.Go(func() { watch.watch(ctx) })
	time.Sleep(100 * time.Millisecond) // the files are being read
	began := time.Now()
	for range 5 {
		calls.Go(func() {
			if key.Cancel(t.Context(), 1, always) == nil {
				t.Error("the refused key cancels")
			}
		})
	}
	calls.Wait()
	if took := time.Since(began); took > 5*fileTimeout {
		t.Errorf("a refusal is the answer after %s", took)
	}
	if keyFile.reading.TryAcquire(1) {
		t.Error("the read has ended")
	}
	serving := (&running{watch: watch}).untilHandedOver(ctx)
	began = time.Now()
	stop()
	watching.Wait()
	if took := time.Since(began); took > fileTimeout {
		t.Errorf("the files are watched %s longer", took)
	}
	<-serving.Done()
	if took := time.Since(began); took > lastReadTimeout {
		t.Errorf("the bot begins to stop after %s", took)
	}
}

// The first signal ends a command that waits for the file of a secret.
func TestSignalEndsTheReadingOfAFile(t *testing.T) {
	hungFile(t, "DATABASE_URL")
	hungFile(t, "SLACK_BOT_TOKEN")
	for _, command := range []string{"check", "history", ""} {
		ctx, stop := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, stop)
		began := time.Now()
		var said strings.Builder
		code := Program{Out: io.Discard, Stderr: &said}.Run(ctx, strings.Fields(command))
		if took := time.Since(began); (code == 0) != (command == "") || took > fileTimeout {
			t.Errorf("%q exits with %d after %s: %s", command, code, took, said.String())
		}
	}
}
