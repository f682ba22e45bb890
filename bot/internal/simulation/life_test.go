package simulation

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// slot is a place for a process: one runs in it after the other.
type slot struct {
	number int
	lives  int
	offset atomic.Int64 // of its wall clock
	until  atomic.Int64 // it is stopped until then, in nanoseconds since 1970
	cutOff atomic.Int64 // its journal is unreachable until then
	mu     sync.Mutex
	calls  map[string]int // by boundary
	now    *life          // nil while it is down
	token  string         // of the bot; "" for the first
}

// life is one process from its start to its end.
type life struct {
	w       *world
	slot    *slot
	name    string // "A1": the first life in slot A
	link    *link
	real    *journal.Journal
	gone    chan struct{} // closed when it dies
	once    sync.Once
	closing sync.Once
	cancel  context.CancelFunc
	ended   chan struct{} // closed when nothing of it runs any more
	closers []func()
	bot     *bot.Bot

	mu  sync.Mutex
	has map[int64]journal.Held // what it last got, by task
}

func (l *life) dead() bool {
	select {
	case <-l.gone:
		return true
	default:
		return false
	}
}

// die kills the process like SIGKILL: nothing that it does from now on has any
// effect. The rest of it ends in the background.
func (l *life) die(boundary string) {
	l.once.Do(func() {
		l.w.h.add(func() {
			l.w.h.crashes = append(l.w.h.crashes, crash{time.Now(), l.name, boundary})
			l.w.h.crashed[boundary]++
		})
		l.w.h.say(l.name, "DIES at %s", boundary)
		close(l.gone)
		l.link.cut()
		l.cancel()
		l.w.group.Go(l.closeJournal) // and with it the lock that shows that it is alive
	})
}

// closeJournal closes it, once: a call that the process gave up may reach the boundary at
// which it dies after the process has ended.
func (l *life) closeJournal() {
	l.closing.Do(func() {
		if err := l.real.Close(); err != nil {
			l.w.fail("closing the journal of %s: %v", l.name, err)
		}
	})
}

// next counts the calls at a boundary, and returns the random source of this
// one.
func (l *life) next(boundary string) (int, *rand.Rand) {
	l.slot.mu.Lock()
	defer l.slot.mu.Unlock()
	l.slot.calls[boundary]++
	n := l.slot.calls[boundary]
	return n, l.w.plan.draw(l.slot.number, boundary, n)
}

// stand waits while the process is stopped, and kills it if the plan says so;
// it returns false if the process is dead.
func (l *life) stand(boundary string, n int, after bool) bool {
	l.paused()
	if !l.dead() && !l.w.calm.Load() {
		for _, c := range l.w.plan.crashes {
			if c.slot == l.slot.number && c.boundary == boundary && c.nth == n && c.after == after {
				when := "before "
				if after {
					when = "after "
				}
				l.die(when + boundary)
				l.w.group.Go(func() {
					time.Sleep(c.down)
					l.w.start(l.slot)
				})
			}
		}
	}
	return !l.dead()
}

// paused waits while the process is stopped.
func (l *life) paused() {
	for {
		wait := time.Until(time.Unix(0, l.slot.until.Load()))
		if wait <= 0 {
			return
		}
		select {
		case <-time.After(min(wait, time.Second)): // it may be let go sooner
		case <-l.gone:
			return
		}
	}
}

// away reports whether the journal is unreachable now.
func (l *life) away() (hangs, away bool) {
	if !l.w.calm.Load() && time.Now().UnixNano() < l.slot.cutOff.Load() {
		return false, true
	}
	since := time.Since(l.w.h.from)
	for _, o := range l.w.plan.outages {
		if (o.slot < 0 || o.slot == l.slot.number) && o.from <= since && since < o.to && !l.w.calm.Load() {
			return o.hangs, true
		}
	}
	return false, false
}

// sleep waits; false if ctx or the process ended first.
func (l *life) sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-l.gone:
	}
	return false
}

// start starts a process in a slot, unless there is one or the run is ending.
func (w *world) start(s *slot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil && !s.now.dead() || w.over.Load() || w.asleep.Load() {
		return
	}
	s.lives++
	l := &life{
		w: w, slot: s, name: fmt.Sprintf("%c%d", 'A'+s.number, s.lives),
		gone: make(chan struct{}), ended: make(chan struct{}), has: map[int64]journal.Held{},
	}
	l.link = &link{life: l, conns: map[*linkConn]bool{}}
	opened, err := journal.Open(context.Background(), "sqlite:"+w.path, journal.Options{
		Audit: w.plan.audit, Now: func() time.Time { return time.Now().Add(time.Duration(w.offset.Load())) },
	})
	if err != nil {
		w.fail("opening the journal: %v", err)
		return
	}
	l.real = opened
	tasks, err := chamelio.New(chamelio.Options{BaseURL: w.api.URL(), APIKey: chameliotest.Key, Transport: newWire(l, false, w.toChamelio.DialContext)})
	if err != nil {
		w.fail("a client: %v", err)
		return
	}
	tasks.SetRateLimit(1 << 20)
	if w.plan.slow {
		tasks.SetRateLimit(8)
	}
	cfg := bot.Config{
		AppToken: secret.New(slacktest.AppToken), BotToken: secret.New(cmp.Or(s.token, slacktest.BotToken)), SlackAPI: w.slack.URL(),
		Policy:     policy.Rules{SecondPerson: policy.SecondPerson{Always: w.plan.second}},
		ConfirmTTL: w.plan.lifetime, RemindBefore: w.plan.remind, RequireReason: w.plan.modal,
		Connections: 1, Stagger: time.Millisecond, Grace: 5 * time.Second,
		Transport: newWire(l, true, w.toSlack.Dial),
		Now:       func() time.Time { return time.Now().Add(time.Duration(s.offset.Load())) },
	}
	if w.logs {
		cfg.Log = slog.New(&storyHandler{life: l})
	}
	if w.plan.audit {
		cfg.AuditChannel = auditChannel
	}
	b, err := bot.New(cfg, tasks, newFaultyJournal(l))
	if err != nil {
		w.fail("a bot: %v", err)
		return
	}
	l.bot = b
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(context.Background())
	s.now = l
	w.h.say(l.name, "starts")
	w.h.add(func() { w.h.restarts++ })
	w.group.Go(func() {
		defer close(l.ended)
		if err := b.Run(ctx); err != nil && !l.dead() {
			w.h.breaks("run", "%s ended by itself: %v", l.name, err)
		}
		l.w.h.say(l.name, "has ended")
		l.link.cut()
		for _, f := range l.closers {
			f()
		}
		if !l.dead() {
			l.closeJournal()
		}
	})
}

// newToken is the bot token that replaces the first.
const newToken = "xoxb-9999-new"

// rotate makes the process in a slot use the new bot token as soon as
// possible.
func (w *world) rotate(s *slot) {
	for !w.over.Load() {
		s.mu.Lock()
		l := s.now
		s.mu.Unlock()
		if l != nil && !l.dead() {
			l.paused()
			ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
			err := l.bot.UseBotToken(ctx, secret.New(newToken))
			cancel()
			if err == nil && !l.dead() {
				s.mu.Lock()
				s.token = newToken
				s.mu.Unlock()
				w.h.fault("world", "bot token", "replaced", l.name)
				return
			}
		}
		time.Sleep(5 * time.Second)
	}
}

// stop stops a process with SIGTERM and waits for its end.
func (w *world) stop(s *slot) {
	s.mu.Lock()
	l := s.now
	s.now = nil
	s.mu.Unlock()
	if l == nil {
		return
	}
	w.h.say(l.name, "is asked to stop")
	l.cancel()
	<-l.ended
}

// storyHandler adds a bot's log to the trace.
type storyHandler struct {
	*life
	with []string
}

func (s *storyHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo
}

func (s *storyHandler) Handle(_ context.Context, r slog.Record) error {
	parts := []string{"· " + r.Message}
	r.Attrs(func(a slog.Attr) bool {
		parts = append(parts, a.String())
		return true
	})
	s.w.h.say(s.name, "%s", strings.Join(append(parts, s.with...), " "))
	return nil
}

func (s *storyHandler) WithAttrs(all []slog.Attr) slog.Handler {
	with := append([]string{}, s.with...)
	for _, a := range all {
		if a.Key == "confirmation" {
			with = append(with, short(decision.ID(a.Value.String())))
		}
	}
	return &storyHandler{s.life, with}
}

func (s *storyHandler) WithGroup(string) slog.Handler { return s }
