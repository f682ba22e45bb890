// Package doctor tells an operator what of a configuration works, and how to
// fix what does not: "cancelbot check". It speaks to operators, so it names
// the environment's variables.
package doctor

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Settings are what is checked.
type Settings struct {
	Problems []environ.Problem // with the environment, as the bot reports them at its start
	Bot      bot.Config
	Chamelio chamelio.Options
	Database string

	// Connect opens a connection to Slack even where a bot may be running; see
	// appToken.
	Connect bool
}

// Result is what came of one check.
type Result struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`            // what is there, or what is wrong
	Remedy string `json:"remedy,omitempty"` // what to do about it
}

// checkTimeout bounds each check. They run side by side.
const checkTimeout = 10 * time.Second

var errSlow = fmt.Errorf("nothing came within %s", checkTimeout)

// Run checks everything that can be checked. Checks whose variables are wrong
// are left out: they could only repeat it.
func Run(ctx context.Context, s Settings) []Result {
	c := &checkup{Settings: s, journal: make(chan place, 1)}
	checks := []func(context.Context) []Result{c.botToken, c.appToken, c.apiKey, c.database, c.auditChannel, c.policy}
	results := make([][]Result, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errSlow)
			defer cancel()
			results[i] = check(ctx)
		})
	}
	all.Wait()
	return slices.Concat(append([][]Result{c.environment()}, results...)...)
}

// Installed checks what only the installed app can tell: whether Slack would
// connect it, its scopes, the audit channel, the ids of the policy. The bot
// runs it at its start, beside its work. Where the bot token itself is not
// accepted, it says nothing of what is asked with it.
func Installed(ctx context.Context, s Settings) []Result {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errSlow)
	defer cancel()
	c := &checkup{Settings: s, journal: make(chan place, 1)}
	c.journal <- placeUsed // by the bot that asks
	app := c.appToken(ctx)
	token := c.botToken(ctx)
	if len(token) < 2 {
		return app
	}
	return slices.Concat(app, token, c.auditChannel(ctx), c.policy(ctx))
}

// checkup is one run.
type checkup struct {
	Settings
	journal chan place // what database has found, for appToken
}

// usable tells whether none of the variables is wrong.
func (c *checkup) usable(variables ...string) bool {
	return !slices.ContainsFunc(c.Problems, func(p environ.Problem) bool { return slices.Contains(variables, p.Variable) })
}

func (c *checkup) environment() []Result {
	if len(c.Problems) == 0 {
		return []Result{good("environment", "every variable is there and makes sense")}
	}
	var wrong []Result
	for _, p := range c.Problems {
		wrong = append(wrong, bad("environment", p.Found, p.Remedy))
	}
	return wrong
}

func good(name, format string, args ...any) Result {
	return Result{name, true, fmt.Sprintf(format, args...), ""}
}

func bad(name, found, remedy string) Result { return Result{name, false, found, remedy} }
