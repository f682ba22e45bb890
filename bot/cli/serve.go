package cli

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/chamelio"
)

// overtime is how long the process may take beyond SHUTDOWN_GRACE if a
// database or a network hangs: to give connections back, to release leases,
// and to send the last spans.
const overtime = 12 * time.Second

// lastNoteTimeout bounds the audit channel's last note.
const lastNoteTimeout = 5 * time.Second

// lastReadTimeout bounds the last reading of the bot token's file, and the use of a new
// token.
const lastReadTimeout = 4 * time.Second

var errHangs = errors.New("not everything ended in time; the next start, or another replica, goes on with it")

const errEnvironment = usageError("the environment is wrong")

// serve runs the bot with the environment's configuration.
func (p Program) serve(ctx context.Context, args []string) error {
	if err := p.parse("", args, noFlags); err != nil {
		return err
	}
	cfg, problems := readConfig(ctx)
	log := newLogs(cfg, p.Stderr)
	defer log.lines.close()
	// Log lines of the standard library, above all net/http, become lines of
	// this log, and are redacted.
	slog.SetLogLoggerLevel(slog.LevelWarn)
	slog.SetDefault(log.Logger)
	if ctx.Err() != nil { // the problems are of reading that it has ended
		log.Info("stopped")
		return nil
	}
	if len(problems) > 0 {
		end := error(errEnvironment)
		if !slices.ContainsFunc(problems, func(p environ.Problem) bool { return !p.Passes }) {
			end = errSlowFile
		}
		for _, problem := range problems {
			r := doctor.EnvironmentFailed(problem)
			log.Error("precondition failed", "precondition", string(r.Name), "error", r.Found, "remedy", r.Remedy)
		}
		log.Error("stopped", "error", end)
		return reportedError{end}
	}
	failInsteadOfDying()
	err := p.runBot(ctx, cfg, log)
	var start startError
	switch {
	case err == nil, errors.As(err, &start) && ctx.Err() != nil: // a signal also ends the start
		log.Info("stopped")
		return nil
	case errors.As(err, &start):
		log.Error("stopped", "precondition", string(start.name), "error", start.Error(), "remedy", start.remedy)
	default:
		log.Error("stopped", "error", err)
	}
	return reportedError{err}
}

// runBot wires the parts together and serves until ctx ends. Parts that are
// made first end last.
func (p Program) runBot(ctx context.Context, cfg config, log *logs) error {
	registry := newRegistry(p.version())
	log.count(registry)
	traces, flush, err := newTraces(ctx, p.version(), log.Logger)
	if err != nil {
		return err
	}
	defer flush()
	listener, err := listenHTTP(ctx, cfg.HTTPAddr)
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close() // if nothing has served it
	}
	decisions, err := journal.Open(ctx, cfg.DatabaseURL.Reveal(), journal.Options{Audit: cfg.AuditChannel != "", MaxConns: cfg.MaxConns, Observe: measureJournal(registry)})
	if err != nil {
		return cfg.noJournal(err)
	}
	defer closeInTime(decisions)
	registry.MustRegister(collectors.NewDBStatsCollector(decisions.Pool(), "journal"))

	var slackClock clock.Meter
	registerClocks(registry, &slackClock, decisions)
	options := cfg.chamelio(p.version())
	options.Transport = measureChamelio(log.secrets.answers.Transport(chamelio.NewTransport()), registry)
	key, err := newTasks(options, decisions)
	if err != nil {
		return err
	}
	watchRateLimit(registry, key.rateLimit)
	settings := cfg.bot()
	settings.Log, settings.Metrics, settings.TaskHosts, settings.Traces = log.Logger, registry, taskHosts(key.now()), traces
	settings.Transport = measureSlack(log.secrets.answers.Transport(slackClock.Transport(transport.New())), registry, cfg.SlackAPIURL)
	b, err := bot.New(settings, key, decisions)
	if err != nil {
		return err
	}
	what := []any{
		"version", p.version(), "journal", decisions.Engine(), "schema", journal.SchemaVersion(), "connections", cfg.SlackConnections,
		"policy", settings.Policy.Sentence(), "command", cfg.SlackCommand,
	}
	forgetTheStart()
	log.Info("starting", what...)
	r := &running{bot: b, key: key, watch: newCredentials(cfg, b, key, decisions, registry, log), cfg: cfg, log: log, what: what}
	return r.run(ctx, listener, registry)
}

// forgetTheStart frees the memory that only the start needed, above all the
// eight megabytes of the migrations' parser. Otherwise they would count as in
// use, and the heap could grow to four times that before the first collection.
// A pool's buffers survive one collection, so there are two.
func forgetTheStart() {
	runtime.GC()
	debug.FreeOSMemory()
}

// running is the bot and the parts around it.
type running struct {
	bot   *bot.Bot
	key   *tasks
	watch *credentials
	cfg   config
	log   *logs
	what  []any // for the line "started"
}

// run returns when ctx ends, or when a part fails. It stops the parts in
// order: the credentials' monitor, the bot with its drain, and last health and
// metrics, which report on the others until then.
func (r *running) run(ctx context.Context, listener net.Listener, registry *prometheus.Registry) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if listener != nil {
		h := serveHealth(ctx, stop, listener, r.bot.Health(), registry)
		defer h.close()
		r.log.Info("serving health and metrics", "addr", listener.Addr().String())
	}
	var watching sync.WaitGroup
	defer watching.Wait()
	watching.Go(func() { r.watch.watch(ctx) })
	watching.Go(func() {
		if err := introduce(ctx, r.bot, r.watch, r.key, doctor.Settings{Bot: r.cfg.bot(), Database: r.cfg.DatabaseURL.Reveal()}, r.log.Logger, r.what...); err != nil {
			stop(err)
		}
	})
	return r.serveBot(ctx, stop)
}

// serveBot runs the bot, and doesn't wait for it if it hangs at its end.
func (r *running) serveBot(ctx context.Context, stop context.CancelCauseFunc) error {
	ended := make(chan error, 1)
	go func() { ended <- r.bot.Run(r.untilHandedOver(ctx)) }()
	var err error
	select {
	case err = <-ended:
		stop(nil)
	case <-ctx.Done():
		select {
		case err = <-ended:
		case <-time.After(r.cfg.ShutdownGrace + overtime):
			err = errHangs
		}
	}
	if err != nil {
		r.noteEnd(ctx, err)
		return withRemedy(err, r.cfg.SlackAPIURL)
	}
	return failure(ctx)
}

// untilHandedOver returns a context that ends after ctx, once the bot token's file has
// been read a last time: if it has changed, the successor starts with the new token, and
// needs the keys of this one.
func (r *running) untilHandedOver(ctx context.Context) context.Context {
	serving, end := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		reading, cancel := context.WithTimeout(serving, lastReadTimeout)
		defer cancel()
		r.watch.readFile(reading, r.watch.botTokenFile())
		end(context.Cause(ctx))
	})
	return serving
}

// noteEnd notes in the audit channel that a refused app token stops the
// bot, while the bot can still post.
func (r *running) noteEnd(ctx context.Context, err error) {
	if !isTokenError(err) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastNoteTimeout)
	defer cancel()
	r.watch.lastNote(ctx, r.watch.appToken(), err)
	if err := r.bot.SendAuditNotes(ctx); err != nil {
		r.log.Warn("refused app token will be reported in the audit channel at the next start", "error", err)
	}
}

// failure returns why a part stopped the others; nil after a signal.
func failure(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

func (cfg config) noJournal(err error) error {
	return failed(doctor.JournalFailed(cfg.DatabaseURL.Reveal(), err))
}

// closeInTime closes the journal, and doesn't wait if the database hangs.
func closeInTime(j *journal.Journal) {
	closed := make(chan struct{})
	go func() { // ends with the process at the latest
		_ = j.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(time.Second):
	}
}

// taskHosts returns the hosts of task links in addition to Chamelio's own.
func taskHosts(c *chamelio.Client) []string { return []string{c.Host()} }
