package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// serve runs the bot with the environment's configuration.
func (p Program) serve(ctx context.Context, args []string) error {
	if err := p.parse("", args, noFlags); err != nil {
		return err
	}
	cfg, err := loadConfig()
	if err != nil {
		return err
	}
	log, err := newLogger(cfg, p.Stderr)
	if err != nil {
		return err
	}
	surviveFileSizeLimit()
	return p.runBot(ctx, cfg, log)
}

// runBot wires the parts together and serves until ctx ends.
func (p Program) runBot(ctx context.Context, cfg config, log *slog.Logger) error {
	registry := newRegistry(p.version())
	options := cfg.chamelio(p.version())
	options.Transport = countCalls(registry, "cancelbot_chamelio_calls_total", "endpoint", chamelioEndpoint)
	tasks, err := chamelio.New(options)
	if err != nil {
		return usageError(err.Error())
	}
	decisions, err := journal.Open(ctx, cfg.DatabaseURL.Reveal(), journal.Options{Audit: cfg.AuditChannel != ""})
	if err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	defer decisions.Close()
	settings := cfg.bot()
	settings.Log, settings.Metrics, settings.TaskHosts = log, registry, taskHosts(tasks)
	settings.Transport = countCalls(registry, "cancelbot_slack_calls_total", "method", slackMethod(cfg.SlackAPIURL))
	traces, flush, err := newTraces(ctx, p.version(), log)
	if err != nil {
		return err
	}
	defer flush()
	settings.Traces = traces
	b, err := bot.New(settings, tasks, decisions)
	if err != nil {
		return usageError(err.Error())
	}
	log.Info("starting", "version", p.version(), "journal", decisions.Engine(),
		"connections", cfg.SlackConnections, "policy", cfg.CancelPolicy, "second_person", cfg.SecondPerson, "command", cfg.SlackCommand)

	listener, err := listenHTTP(cfg.HTTPAddr)
	if err != nil {
		return err
	}
	// Whatever ends first ends the others. The checks end only when a token
	// or key is refused, which no waiting mends.
	parts, ctx := errgroup.WithContext(ctx)
	parts.Go(func() error {
		err := b.Run(ctx)
		var refused *bot.TokenError
		if errors.As(err, &refused) {
			err = fmt.Errorf("%w\n%s", err, doctor.Remedy(refused.Token, err))
		}
		return err
	})
	if listener != nil {
		parts.Go(func() error { return serveHTTP(ctx, listener, b, registry, log) })
	}
	parts.Go(func() error {
		return introduce(ctx, b, tasks, log, "version", p.version(), "journal", decisions.Engine(),
			"connections", cfg.SlackConnections, "policy", cfg.CancelPolicy, "second_person", cfg.SecondPerson)
	})
	return parts.Wait()
}

// taskHosts lists the hosts of task links besides Chamelio's own.
func taskHosts(c *chamelio.Client) []string { return []string{c.Host()} }
