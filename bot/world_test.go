package bot_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/goldenfile"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a real bot between two fake servers, over HTTP and WebSocket.
type world struct {
	testing.TB
	slack   *slacktest.Server
	api     *chameliotest.Server
	journal *journal.Journal
	log     *logs

	url        string // the journal's
	toSlack    *slacktest.Pipe
	toChamelio *chameliotest.MemoryListener

	bot  *bot.Bot
	stop func() error // stops the bot and returns what Run returned
}

type options struct {
	bot       bot.Config
	timeout   time.Duration // of a Chamelio call
	rateLimit int           // of the key; none to speak of if zero
	journal   bot.Journal   // instead of the world's
	url       string        // DATABASE_URL; a fresh SQLite file if empty
	prepare   func(*world)  // before the bot starts
}

// alwaysFresh makes each click ask Slack about the person.
func alwaysFresh(o *options) { o.bot.FactsMaxAge = -1 }

// newWorld starts everything and waits until the bot is connected. All
// connections are in memory, so that a test can run in a bubble of virtual
// time (testing/synctest), except with Postgres.
func newWorld(tb testing.TB, change ...func(*options)) *world {
	tb.Helper()
	o := options{timeout: 5 * time.Second, url: "sqlite:" + filepath.Join(tb.TempDir(), "journal.db")}
	o.bot = bot.Config{Connections: 2, CommandsPerMinute: 1_000_000, AnnounceGap: time.Millisecond, Stagger: time.Millisecond, Grace: 5 * time.Second}
	for _, f := range change {
		f(&o)
	}
	w := &world{TB: tb, log: &logs{}, toSlack: slacktest.NewPipe(), toChamelio: chameliotest.NewMemoryListener()}
	w.slack = slacktest.New(slacktest.Options{Listener: w.toSlack, URL: "http://127.0.0.1:2"})
	w.api = chameliotest.New(chameliotest.Options{Listener: w.toChamelio})
	tb.Cleanup(func() {
		for _, line := range w.log.twice {
			tb.Errorf("logged with a key twice: %s", line)
		}
	})
	tb.Cleanup(w.slack.Close)
	tb.Cleanup(w.api.Close)
	w.url = o.url
	w.journal = w.open(o)
	if o.journal == nil {
		o.journal = w.journal
	}
	if o.prepare != nil {
		o.prepare(w)
		if o.journal == nil {
			o.journal = w.journal
		}
	}
	w.stop = w.start(o)
	tb.Cleanup(func() { _ = w.stop() })
	w.eventually("the bot connects", func() bool { return w.slack.Connections() == o.bot.Connections })
	return w
}

// open opens the world's journal, as another process would.
func (w *world) open(o options) *journal.Journal {
	w.Helper()
	j, err := journal.Open(w.Context(), o.url, journal.Options{Audit: o.bot.AuditChannel != "", Now: time.Now})
	w.must(err)
	w.Cleanup(func() { _ = j.Close() })
	return j
}

// start runs a bot. A world can have several.
func (w *world) start(o options) (stop func() error) {
	w.Helper()
	toSlack, toChamelio := transport.New(), transport.New()
	toSlack.DialContext, toChamelio.DialContext = w.toSlack.Dial, w.toChamelio.DialContext
	tasks, err := chamelio.New(chamelio.Options{BaseURL: w.api.URL(), APIKey: chameliotest.Key, Together: cmp.Or(o.bot.MaxTasks, 10), Timeout: o.timeout, Transport: toChamelio})
	w.must(err)
	tasks.SetRateLimit(cmp.Or(o.rateLimit, 1<<30))
	cfg := o.bot
	cfg.Transport = toSlack
	cfg.CancelTimeout = o.timeout
	cfg.AppToken, cfg.BotToken = cmp.Or(cfg.AppToken, appToken), cmp.Or(cfg.BotToken, botToken)
	cfg.SlackAPI = w.slack.URL()
	cfg.Log = slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	b, err := bot.New(cfg, tasks, o.journal)
	w.must(err)
	w.bot = b
	introducing, introduced := context.WithTimeout(w.Context(), time.Second)
	_, _ = b.Workspace(introducing) // else a command may come before the bot knows where it is; where Slack fails, that is the test
	introduced()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		defer toChamelio.CloseIdleConnections()
		return <-ended
	})
}

// virtual runs a test in virtual time: waits take no time.
func virtual(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// eventuallyTimeout is longer than any decision takes. In virtual time it
// costs nothing; otherwise it is how long a broken test takes to fail.
const eventuallyTimeout = 4 * time.Minute

func (w *world) eventually(what string, cond func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), eventuallyTimeout)
	defer cancel()
	if err := w.slack.WaitFor(ctx, cond); err != nil {
		w.Fatalf("%s: %v\n%s", what, err, w.log)
	}
}

// slash types a command and returns the private answer to it.
func (w *world) slash(user, channel, text string) slacktest.Message {
	w.Helper()
	before := len(w.slack.Private(user, channel))
	w.acked(w.slack.Slash(user, channel, text))
	w.eventually("an answer to "+text, func() bool { return len(w.slack.Private(user, channel)) > before })
	return w.slack.Private(user, channel)[before]
}

// latePrompt types a command for which the rate limit may not suffice at once. It returns
// what the person reads first, and the prompt.
func (w *world) latePrompt(user, channel, text string) (sign, prompt slacktest.Message) {
	w.Helper()
	before := len(w.slack.Private(user, channel))
	sign = w.slash(user, channel, text)
	w.eventually("a prompt", func() bool {
		all := w.slack.Private(user, channel)
		prompt = all[len(all)-1]
		return len(all) > before && prompt.Button("cancel_task") != nil
	})
	return sign, prompt
}

// acked waits for the acknowledgement.
func (w *world) acked(p *slacktest.Pending) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 10*time.Second)
	defer cancel()
	d, err := p.Wait(ctx)
	w.must(err)
	if d.State != slacktest.Acknowledged {
		w.Fatalf("a delivery ended as %s\n%s", d.State, w.log)
	}
}

// now returns a message in its current state.
func (w *world) now(m slacktest.Message) slacktest.Message {
	for _, current := range w.slack.All() {
		if current.TS == m.TS && current.Channel == m.Channel {
			return current
		}
	}
	return slacktest.Message{}
}

// confirm presses Cancel task and waits for the announcement and the prompt's
// final update.
func (w *world) confirm(user string, prompt slacktest.Message) (announcement, line slacktest.Message) {
	w.Helper()
	before := len(w.slack.History(prompt.Channel))
	w.acked(w.slack.Click(user, prompt, "cancel_task"))
	w.eventually("an announcement", func() bool { return len(w.slack.History(prompt.Channel)) > before })
	w.eventually("the prompt's last line", func() bool { return settled(w.now(prompt)) })
	return w.slack.History(prompt.Channel)[before], w.now(prompt)
}

func settled(m slacktest.Message) bool {
	if len(m.Buttons()) > 0 {
		return false
	}
	return meaning(m) != "under_way" && meaning(m) != "checking"
}

// meaning is what a message says about a decision, whatever its words.
func meaning(m slacktest.Message) string {
	if len(m.Blocks) == 0 {
		return ""
	}
	return m.Blocks[0].BlockID
}

func (w *world) wantPrompt(m slacktest.Message) slacktest.Message {
	w.Helper()
	if m.Button("cancel_task") == nil || m.Button("keep_task") == nil {
		w.Fatalf("no prompt, but: %s", m.Text)
	}
	time.Sleep(time.Millisecond) // no one presses in the same instant
	return m
}

// noCancel fails if any cancel request was sent.
func (w *world) noCancel() {
	w.Helper()
	for _, r := range w.api.Requests() {
		if r.Method == http.MethodPost {
			w.Errorf("a cancel was sent: %s", r.Path)
		}
	}
}

// logs collects what the bot logs.
type logs struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	twice []string // lines that have a key twice: readers of JSON differ on what that means
}

func (l *logs) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if hasKeyTwice(line) {
		l.twice = append(l.twice, string(line))
	}
	return l.buf.Write(line)
}

// hasKeyTwice reports whether a JSON object has a key twice.
func hasKeyTwice(object []byte) bool {
	seen := map[string]bool{}
	in := json.NewDecoder(bytes.NewReader(object))
	_, _ = in.Token() // the brace
	for in.More() {
		key, _ := in.Token()
		name, isKey := key.(string)
		if !isKey || seen[name] {
			return isKey
		}
		seen[name] = true
		var value json.RawMessage
		_ = in.Decode(&value)
	}
	return false
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// golden compares messages with testdata/messages/NAME.golden.
func golden(t testing.TB, name string, messages ...slacktest.Message) {
	t.Helper()
	var b strings.Builder
	for i, m := range messages {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(goldenfile.Transcribe(m))
	}
	got := moments.ReplaceAllString(b.String(), "<!date^T^$1|T>")
	got = permalinks.ReplaceAllString(got, "${1}TS|")
	goldenfile.Same(t, filepath.Join("testdata", "messages", name+".golden"), got)
}

var permalinks = regexp.MustCompile(`(slack\.com/archives/\w+/p)\d+\|`)

var moments = regexp.MustCompile(`<!date\^\d+\^([^|]*)\|[^>]*>`)

// statement changes the journal directly.
func (w *world) statement(text string) {
	w.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(w.url, "sqlite:")+"?_pragma=busy_timeout(4000)")
	w.must(err)
	defer db.Close()
	_, err = db.ExecContext(w.Context(), text)
	w.must(err)
}

// slashOnTask types a command about a task that Ada owns.
func (w *world) slashOnTask() slacktest.Message {
	w.Helper()
	w.slack.SetScopes(allScopes...)
	return w.slash(ada, general, "/cancel-task 12345")
}

// place adds a public channel.
func (w *world) place(id string) {
	w.slack.AddConversation(slacktest.Conversation{ID: id, Name: strings.ToLower(id), Kind: slacktest.Public, BotIsMember: true})
}

// announced counts the public messages in all channels.
func (w *world) announced() int {
	n := 0
	for _, m := range w.slack.All() {
		if m.Only == "" && m.Author == slacktest.BotUser && m.ThreadTS == "" {
			n++
		}
	}
	return n
}
