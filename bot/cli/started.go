package cli

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/internal/work"
	"github.com/cancelbot/cancelbot/bot/socketmode"
	"github.com/cancelbot/cancelbot/chamelio"
)

// startError is a precondition that stops the bot, and its remedy.
type startError struct {
	error
	name   doctor.Name
	remedy string
}

func (e startError) Unwrap() error { return e.error }

func failed(r doctor.Result) error { return startError{errors.New(r.Found), r.Name, r.Remedy} }

// refused returns an error for a refused token, which only another token
// fixes.
func refused(r doctor.Result) error { return startError{refusedError(r.Found), r.Name, r.Remedy} }

// introduce logs one line with the version, the workspace and the
// organisation, once Slack and Chamelio have answered. It fails if Slack
// refuses the bot token. If Chamelio refuses the key, it reports that and goes
// on: earlier decisions still have to be announced, and people who type the
// command read why nothing can be cancelled.
func introduce(ctx context.Context, b *bot.Bot, watch *credentials, key *tasks, settings doctor.Settings, log *slog.Logger, what ...any) error {
	var where bot.Workspace
	var org chamelio.OrgInfo
	checks, checking := errgroup.WithContext(ctx)
	checks.Go(func() (err error) { where, err = checkWorkspace(checking, b, watch, log); return err })
	checks.Go(func() error { org = checkKey(checking, watch, key, log); return nil })
	checks.Go(func() error { warn(checking, settings, log); return nil })
	if err := checks.Wait(); err != nil || ctx.Err() != nil {
		return err
	}
	log.Info("started", append(what, "workspace", where.Team, "team", where.TeamID, "bot", where.BotUser,
		"organisation", org.Name, "key_id", org.APIKeyID, "per_minute", org.RateLimitPerMinute)...)
	return nil
}

// warn logs the problems with the installation that "cancelbot check" would
// find. None of them stops the bot, since it may work for most people.
func warn(ctx context.Context, settings doctor.Settings, log *slog.Logger) {
	for _, r := range doctor.Installed(ctx, settings) {
		if r.Level == doctor.Failed && ctx.Err() == nil {
			report(log, r)
		}
	}
}

// report logs a precondition that doesn't hold, and doesn't stop the bot.
func report(log *slog.Logger, r doctor.Result) {
	log.Warn("precondition failed; continuing", "precondition", string(r.Name), "error", r.Found, "remedy", r.Remedy)
}

// checkWorkspace asks Slack whether the bot token is valid: once or, if another one may
// still be on its way, until one is. Then it compares the tokens' apps.
func checkWorkspace(ctx context.Context, b *bot.Bot, watch *credentials, log *slog.Logger) (bot.Workspace, error) {
	began := time.Now()
	where, err := b.Workspace(ctx)
	for isTokenError(err) && time.Since(began) < tokenPatience("SLACK_BOT_TOKEN") {
		watch.note(ctx, watch.botToken(), err)
		if !work.Sleep(ctx, watch.looking) {
			return where, nil
		}
		where, err = b.Workspace(ctx)
	}
	if isTokenError(err) {
		watch.lastNote(ctx, watch.botToken(), err)
		return where, withRemedy(err, watch.api)
	}
	other := compareApps(ctx, watch.api, log, func(ctx context.Context) error {
		if err != nil {
			where, err = b.Workspace(ctx)
		}
		if err != nil {
			return err
		}
		watch.note(ctx, watch.botToken(), nil)
		return b.SameApp(ctx)
	})
	return where, other
}

// compareApps calls compare until Slack has said whether both tokens are of one app, and
// fails if they aren't: a comparison that couldn't be made shows nothing.
func compareApps(ctx context.Context, api string, log *slog.Logger, compare func(context.Context) error) error {
	var other *bot.OtherAppError
	_, err := untilAnswered(ctx, log, func() (struct{}, error) {
		err := compare(ctx)
		if errors.As(err, &other) {
			err = backoff.Permanent(err)
		}
		return struct{}{}, err
	}, func(err error) doctor.Result {
		if isTokenError(err) { // reported elsewhere
			return doctor.Result{}
		}
		return doctor.BotTokenFailed(api, err)
	})
	if other != nil {
		return withRemedy(err, api)
	}
	return nil
}

// untilAnswered asks a question of the start for as long as it takes, or until its error
// is permanent. It reports each other problem, and the same one once; a problem without
// Found isn't reported.
func untilAnswered[T any](ctx context.Context, log *slog.Logger, ask func() (T, error), problem func(error) doctor.Result) (T, error) {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 2*time.Second, 5*time.Minute
	reported := ""
	return backoff.Retry(ctx, func() (T, error) {
		answer, err := ask()
		var final *backoff.PermanentError
		if err != nil && ctx.Err() == nil && !errors.As(err, &final) {
			if r := problem(err); r.Found != "" && r.Found != reported {
				report(log, r)
				reported = r.Found
			}
		}
		return answer, err
	}, backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0))
}

func isTokenError(err error) bool {
	var refused *bot.TokenError
	return errors.As(err, &refused)
}

// withRemedy adds the remedy to an error about a refused token, or tokens of
// two apps.
func withRemedy(err error, api string) error {
	var token *bot.TokenError
	var other *bot.OtherAppError
	switch {
	case errors.As(err, &other):
		return refused(doctor.BotTokenFailed(api, other))
	case errors.Is(err, socketmode.ErrOtherApp):
		return refused(doctor.AppTokenFailed(api, err))
	case !errors.As(err, &token):
		return err
	}
	return refused(tokenFailed(token.Token, api, err))
}

// refusedError means that Slack refuses a token.
type refusedError string

func (e refusedError) Error() string { return string(e) }

// checkKey asks Chamelio whether the key is valid, and for its rate limit,
// until there is an answer.
func checkKey(ctx context.Context, watch *credentials, key *tasks, log *slog.Logger) chamelio.OrgInfo {
	org, _ := untilAnswered(ctx, log, func() (chamelio.OrgInfo, error) {
		info, err := key.check(ctx)
		if ctx.Err() == nil {
			watch.note(ctx, watch.key(), err)
		}
		if doctor.KeyRefused(err) {
			err = backoff.Permanent(err)
		}
		return info, err
	}, doctor.APIKeyFailed)
	return org
}
