package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

var errRefused = errors.New("refused")

// noteBook records the notes for the journal, which is down if that fails.
type noteBook struct {
	notes []string
	fails int
}

func (n *noteBook) CredentialTried(_ context.Context, which, refusal string, tell bool) error {
	if n.fails > 0 {
		n.fails--
		return errors.New("the database is away")
	}
	n.notes = append(n.notes, fmt.Sprintf("%s %q %v", which, refusal, tell))
	return nil
}

// watchFor watches one credential in virtual time.
func watchFor(t *testing.T, d time.Duration, try func(context.Context) error, notes ...*noteBook) (log string, refused float64) {
	book := &noteBook{}
	if len(notes) > 0 {
		book = notes[0]
	}
	var out bytes.Buffer
	gauge := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "refused", Help: "."}, []string{"which"})
	synctest.Test(t, func(t *testing.T) {
		c := &credentials{gauge: gauge, log: slog.New(slog.NewTextHandler(&out, nil)), notes: book, every: tryEvery, looking: readEvery}
		c.all = []*credential{{which: "key", try: try, refusal: func(err error) *refusal {
			if !errors.Is(err, errRefused) {
				return nil
			}
			return &refusal{"gone", doctor.Result{Found: "it is refused", Remedy: "get another"}}
		}}}
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		c.watch(ctx)
	})
	return out.String(), testutil.ToFloat64(gauge.WithLabelValues("key"))
}

func TestRefusedCredentialIsReportedEarly(t *testing.T) {
	t.Parallel()
	log, refused := watchFor(t, 2*tryEvery+time.Second, func(context.Context) error { return errRefused })
	if strings.Count(log, "credential refused") != 2 || !strings.Contains(log, `remedy="get another"`) || refused != 1 {
		t.Errorf("%v\n%s", refused, log)
	}
}

func TestUnrelatedErrorKeepsCredentialState(t *testing.T) {
	t.Parallel()
	answers := []error{errRefused, errors.New("the network is down"), nil}
	said := func(n int) (string, float64) {
		i := -1
		return watchFor(t, time.Duration(n)*tryEvery+time.Second, func(context.Context) error { i++; return answers[i] })
	}
	if _, refused := said(2); refused != 1 {
		t.Error("trouble with the network makes a refused key a good one")
	}
	if log, refused := said(3); refused != 0 || !strings.Contains(log, "accepted again") {
		t.Errorf("%v\n%s", refused, log)
	}
}

// Each change is recorded once, and again if the journal was down.
func TestCredentialChangeIsRecordedOnce(t *testing.T) {
	t.Parallel()
	answers := []error{nil, nil, errRefused, errRefused, errors.New("the network is down"), errRefused, nil, nil}
	for away, name := range []string{"never away", "away once"} {
		i := -1
		book := &noteBook{fails: away}
		watchFor(t, time.Duration(len(answers))*tryEvery+time.Second, func(context.Context) error { i++; return answers[i] }, book)
		if got, want := strings.Join(book.notes, ", "), `key "" true, key "gone" true, key "" true`; got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// A file whose value can't be tried, because Slack hangs, delays no other.
func TestFileThatHangsDelaysNoOther(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "CHAMELIO_API_KEY"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("next"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv(name+"_FILE", filepath.Join(dir, name))
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hangs := func(ctx context.Context, _ secret.Value) error { <-ctx.Done(); return ctx.Err() }
		var used time.Duration
		c := &credentials{log: slog.New(slog.DiscardHandler), learn: func(...secret.Value) {}, every: tryEvery, looking: readEvery}
		c.files = []*watchedFile{
			newWatchedFile("SLACK_APP_TOKEN", secret.Value{}, hangs, nil), newWatchedFile("SLACK_BOT_TOKEN", secret.Value{}, hangs, nil),
			newWatchedFile("CHAMELIO_API_KEY", secret.Value{}, func(context.Context, secret.Value) error { used = time.Since(began); return nil }, nil),
		}
		c.watch(ctx)
		if used != readEvery {
			t.Errorf("the key is used after %s", used)
		}
	})
}

// keys is a Chamelio with keys of two organisations. A key is ca_ORGANISATION and a digit.
type keys struct {
	*httptest.Server
	used     chan string // by cancel requests
	nameless atomic.Bool
}

func newKeys(t *testing.T) *keys {
	k := &keys{used: make(chan string, 9)}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-API-Key")
		name := strings.Trim(key, "ca_12")
		switch {
		case r.Method == http.MethodPost:
			k.used <- key
			_, _ = io.WriteString(w, `{"task_id":1,"status":"cancelled"}`)
		case key == "ca_refused":
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"detail":"Invalid API key"}`)
		case key == "ca_down":
			w.WriteHeader(http.StatusBadGateway)
		case k.nameless.Load():
			_, _ = io.WriteString(w, `{"rate_limit_per_minute":100}`)
		default:
			_, _ = fmt.Fprintf(w, `{"org_name":%q,"rate_limit_per_minute":100,"api_key_id":%d}`, name, crc32.ChecksumIEEE([]byte(key)))
		}
	}))
	t.Cleanup(k.Close)
	return k
}

// tasks returns what a process does with a key.
func (k *keys) tasks(t *testing.T, key string, j organisations) *tasks {
	t.Helper()
	one, err := newTasks(chamelio.Options{BaseURL: k.URL, APIKey: key}, j)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// emptyJournal returns a new journal.
func emptyJournal(t *testing.T) *journal.Journal {
	t.Helper()
	j, err := journal.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "journal.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func always(context.Context) error { return nil }

// A key of another organisation, or one that Chamelio refuses or says nothing about, is
// never used: an open prompt would cancel a task that no one has seen.
func TestKeyOfAnotherOrganisationIsNotUsed(t *testing.T) {
	api := newKeys(t)
	key := api.tasks(t, "ca_here1", emptyJournal(t))
	if _, err := key.check(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, next := range []struct {
		key, why string
		final    bool
		uses     string
		nameless bool
	}{
		{"ca_there1", `the journal is about the tasks of "here", and the key is one of "there"`, true, "ca_here1", false},
		{"ca_refused", "Invalid API key", false, "ca_here1", false},
		{"ca_down", "502", false, "ca_here1", false},
		{"ca_here2", "doesn't say", false, "ca_here1", true},
		{"ca_here2", "", true, "ca_here2", false},
		{"ca_there2", `the journal is about the tasks of "here", and the key is one of "there"`, true, "ca_here2", false},
	} {
		api.nameless.Store(next.nameless)
		why, final := unusable(key.use(t.Context(), secret.New(next.key)))
		if !strings.Contains(why, next.why) || final != next.final || (why == "") != (next.why == "") {
			t.Errorf("%s: %q, final %t", next.key, why, final)
		}
		if err := key.Cancel(t.Context(), 1, always); err != nil {
			t.Error(err)
		}
		if was := <-api.used; was != next.uses {
			t.Errorf("after %s, the key in use is %s", next.key, was)
		}
	}
}

// A process that starts with a key of another organisation than the journal's cancels
// nothing, and shows nothing, until it has one of that organisation.
func TestJournalBelongsToItsOrganisation(t *testing.T) {
	api, j := newKeys(t), emptyJournal(t)
	if _, err := api.tasks(t, "ca_here1", j).check(t.Context()); err != nil {
		t.Fatal(err)
	}
	key := api.tasks(t, "ca_there1", j)
	for range 2 { // before the key was checked, and after
		if err := key.Cancel(t.Context(), 1, always); err == nil || len(api.used) > 0 {
			t.Errorf("%v, %d requests", err, len(api.used))
		}
	}
	var foreign *chamelio.Error
	if _, err := key.Preview(t.Context(), 1); !errors.As(err, &foreign) || foreign.Reason != chamelio.KeyForeign {
		t.Errorf("a task of another organisation is shown: %v", err)
	}
	if err := key.use(t.Context(), secret.New("ca_here2")); err != nil {
		t.Error(err)
	}
	if err := key.Cancel(t.Context(), 1, always); err != nil || <-api.used != "ca_here2" {
		t.Error(err)
	}
}

// A changed key file is used without a restart; a file that is incomplete, or
// contains no key, changes nothing.
func TestChangedKeyFileIsUsed(t *testing.T) {
	api := chameliotest.NewServer()
	t.Cleanup(api.Close)
	file := filepath.Join(t.TempDir(), "key")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("CHAMELIO_API_KEY_FILE", file)
	write("ca_old\n")
	key, err := newTasks(chamelio.Options{BaseURL: api.URL(), APIKey: "ca_old"}, emptyJournal(t))
	if err != nil {
		t.Fatal(err)
	}
	key.SetShare(2)
	var out bytes.Buffer
	secrets := config{ChamelioAPIKey: secret.New("ca_old-one")}.redactors()
	c := &credentials{log: slog.New(slog.NewTextHandler(&out, nil)), learn: secrets.learn}
	in := newWatchedFile("CHAMELIO_API_KEY", secret.New("ca_old"), key.use, nil)
	look := func() bool { return c.readFile(t.Context(), in) }
	if _, err := key.check(t.Context()); err == nil || look() {
		t.Fatal("the old key is not refused, or has changed")
	}
	for _, unusable := range []string{"", "not a key", "\ufeff" + chameliotest.Key, "KEY=" + chameliotest.Key} {
		if write(unusable); look() {
			t.Errorf("%q is used", unusable)
		}
	}
	write(chameliotest.Key + "\n")
	if !look() || look() {
		t.Error("the new key is not used once")
	}
	if _, err := key.check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, r := range []*secret.Redactor{secrets.output, secrets.answers} {
		if got := r.Clean("ca_old-one, " + chameliotest.Key); got != "…, …" {
			t.Errorf("not redacted: %s", got)
		}
	}
	if said := out.String(); strings.Count(said, "unusable; old value still in use") != 3 || !strings.Contains(said, "byte-order mark") || !strings.Contains(said, "NAME=value") || strings.Contains(said, "ca_") && strings.Contains(said, chameliotest.Key) {
		t.Error(said)
	}
}

// Someone has a word in a secret's file for a moment. The answers and the log keep
// that word, which they have for other reasons.
func TestWordInASecretsFileIsNoSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	t.Setenv("SLACK_BOT_TOKEN_FILE", file)
	secrets := config{SlackBotToken: secret.New("xoxb-old-one")}.redactors()
	c := &credentials{log: slog.New(slog.DiscardHandler), learn: secrets.learn}
	in := newWatchedFile("SLACK_BOT_TOKEN", secret.New("xoxb-old-one"), func(context.Context, secret.Value) error { return bot.ErrNoToken }, nil)
	for text, want := range map[string]string{"cancelled": "cancelled", "xoxb-new-one": "…"} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c.readFile(t.Context(), in)
		for _, r := range []*secret.Redactor{secrets.output, secrets.answers} {
			if got := r.Clean("xoxb-old-one, " + text); got != "…, "+want {
				t.Errorf("%s: %s", text, got)
			}
		}
	}
}
