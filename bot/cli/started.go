package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/doctor"
	"github.com/cancelbot/cancelbot/chamelio"
)

// introduce logs one line that says what runs, where, and for whom, once Slack
// and Chamelio have said their part of it. It fails if a token or key is
// refused.
func introduce(ctx context.Context, b *bot.Bot, tasks *chamelio.Client, log *slog.Logger, what ...any) error {
	var where bot.Workspace
	var org chamelio.OrgInfo
	checks, checking := errgroup.WithContext(ctx)
	checks.Go(func() (err error) { where, err = checkWorkspace(checking, b, log); return err })
	checks.Go(func() (err error) { org, err = checkKey(checking, tasks, log); return err })
	if err := checks.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	log.Info("started", append(what, "workspace", where.Team, "team", where.TeamID, "bot", where.BotUser,
		"organisation", org.Name, "key_id", org.APIKeyID, "per_minute", org.RateLimitPerMinute)...)
	return nil
}

// checkWorkspace asks Slack once whether the bot token is good.
func checkWorkspace(ctx context.Context, b *bot.Bot, log *slog.Logger) (bot.Workspace, error) {
	where, err := b.Workspace(ctx)
	var refused *bot.TokenError
	switch {
	case errors.As(err, &refused):
		return where, fmt.Errorf("%w\n%s", err, doctor.Remedy(refused.Token, err))
	case err != nil && ctx.Err() == nil:
		log.Warn("Slack does not say which workspace this is; going on", "error", err)
	}
	return where, nil
}

// checkKey asks Chamelio whether the key is good and how often it may be
// used, until there is an answer.
func checkKey(ctx context.Context, tasks *chamelio.Client, log *slog.Logger) (chamelio.OrgInfo, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 2*time.Second, 5*time.Minute
	org, err := backoff.Retry(ctx, func() (chamelio.OrgInfo, error) {
		info, err := tasks.OrgInfo(ctx)
		switch {
		case err == nil:
			tasks.SetRateLimit(info.RateLimitPerMinute)
		case keyRefused(err):
			return info, backoff.Permanent(err)
		case ctx.Err() == nil:
			log.Warn("Chamelio does not answer for the key; going on", "error", err)
		}
		return info, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
	if e := new(chamelio.Error); keyRefused(err) && errors.As(err, &e) {
		return org, fmt.Errorf("Chamelio refuses the key in CHAMELIO_API_KEY (%s)\nAsk an administrator of your Chamelio organisation for a new one", e.Detail)
	}
	return org, nil
}

// keyRefused tells Chamelio's own no to the key from a gateway's.
func keyRefused(err error) bool {
	var e *chamelio.Error
	return errors.As(err, &e) && e.Kind == chamelio.ErrUnauthorized && e.FromAPI
}
