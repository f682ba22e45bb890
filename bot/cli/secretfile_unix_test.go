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
func hungFile(t *testing.T, name string) (path string) {
	t.Helper()
	path = newPipe(t)
	t.Setenv(name, "")
	t.Setenv(name+"_FILE", path)
	return path
}

func newPipe(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	kept := path + ".kept"
	if err := os.Link(path, kept); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the reads end
		if f, err := os.OpenFile(kept, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			_ = f.Close()
		}
	})
	return path
}

// readWithin reads a file as the watch does.
func readWithin(t *testing.T, d time.Duration, f *watchedFile) (used bool) {
	t.Helper()
	c := &credentials{log: slog.New(slog.DiscardHandler), learn: func(...secret.Value) {}}
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	return c.readFile(ctx, f)
}

// wantReads waits until so many reads of a file are under way.
func wantReads(t *testing.T, want int, f *watchedFile) {
	t.Helper()
	got := -1
	for began := time.Now(); got != want && time.Since(began) < fileTimeout; time.Sleep(10 * time.Millisecond) {
		f.files.mu.Lock()
		got = len(f.files.all)
		f.files.mu.Unlock()
	}
	if got != want {
		t.Errorf("%d reads are under way, want %d", got, want)
	}
}

// A regular file that replaces one that couldn't be read is read: a read that hangs holds
// up no other file's. A pipe hangs only where the file may be one.
func TestFileThatReplacesOneThatHangsIsRead(t *testing.T) {
	for name, reads := range map[string]int{"a pipe": 0, "a file that hangs": 1} {
		t.Run(name, func(t *testing.T) {
			path := hungFile(t, "CHAMELIO_API_KEY")
			var used []string
			file := newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), func(_ context.Context, v secret.Value) error { used = append(used, v.Reveal()); return nil }, nil)
			file.pipe = reads > 0
			for range 2 * maxReads {
				if readWithin(t, 50*time.Millisecond, file) {
					t.Error("the pipe is read")
				}
			}
			wantReads(t, reads, file)
			reading, cancel := context.WithTimeout(t.Context(), fileTimeout)
			defer cancel()
			if _, _, wrong := file.read(reading); wrong == nil || !file.pipe && !strings.Contains(wrong.Remedy, "Put a regular file there") {
				t.Errorf("what is wrong: %+v", wrong)
			}
			if err := os.WriteFile(path+".new", []byte("ca_new"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
			if !readWithin(t, fileTimeout, file) || len(used) != 1 || used[0] != "ca_new" {
				t.Errorf("the new file isn't used: %q", used)
			}
		})
	}
}

// Files that hang one after the other take few reads.
func TestFewReadsHang(t *testing.T) {
	file := newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), nil, nil)
	file.pipe = true
	for range 2 * maxReads {
		hungFile(t, "CHAMELIO_API_KEY")
		readWithin(t, 50*time.Millisecond, file)
	}
	wantReads(t, maxReads, file)
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
	keyFile.pipe, tokenFile.pipe = true, true // they hang like files of a file system that does
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
	wantReads(t, 1, keyFile)
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
