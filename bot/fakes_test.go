package bot_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

var recent = journal.Query{Limit: 1000}

// brokenJournal refuses claims while it is down.
type brokenJournal struct {
	bot.Journal
	down atomic.Bool
}

func (j *brokenJournal) Claim(ctx context.Context, d decision.Record) (journal.Claim, error) {
	if j.down.Load() {
		return journal.Claim{}, errors.New("connection refused")
	}
	return j.Journal.Claim(ctx, d)
}

func (j *brokenJournal) Abandon(ctx context.Context, d decision.Record) (decision.Record, bool, error) {
	if j.down.Load() {
		return decision.Record{}, false, errors.New("connection refused")
	}
	return j.Journal.Abandon(ctx, d)
}

func (j *brokenJournal) Withdraw(ctx context.Context, d decision.Record) (decision.Record, bool, error) {
	if j.down.Load() {
		return decision.Record{}, false, errors.New("connection refused")
	}
	return j.Journal.Withdraw(ctx, d)
}

// Values that many tests use.
var (
	appToken = secret.New(slacktest.AppToken)
	botToken = secret.New(slacktest.BotToken)
)
