// Package doctor tells an operator what of a configuration works, and how to
// mend what does not: "cancelbot check".
package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Settings are what is checked.
type Settings struct {
	Problems []string // with the environment, as the bot would report them
	Bot      bot.Config
	Chamelio chamelio.Options
	Database string
}

// Result is what came of one check.
type Result struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`          // what is there, or what is wrong
	Mend  string `json:"mend,omitempty"` // what to do about it
}

// limit bounds each check. They run side by side.
const limit = 10 * time.Second

var errSlow = fmt.Errorf("nothing came within %s", limit)

// Run checks everything that can be checked.
func Run(ctx context.Context, s Settings) []Result {
	environment := []Result{{"environment", true, "every variable is there and makes sense", ""}}
	if len(s.Problems) > 0 {
		environment = nil
		for _, p := range s.Problems {
			environment = append(environment, bad("environment", p, "cancelbot help lists all variables"))
		}
	}
	checks := []func(context.Context, Settings) []Result{botToken, appToken, apiKey, database, auditChannel, ids}
	results := make([][]Result, len(checks))
	var all sync.WaitGroup
	for i, check := range checks {
		all.Go(func() {
			ctx, cancel := context.WithTimeoutCause(ctx, limit, errSlow)
			defer cancel()
			results[i] = check(ctx, s)
		})
	}
	all.Wait()
	return slices.Concat(append([][]Result{environment}, results...)...)
}

func good(name, format string, args ...any) Result {
	return Result{name, true, fmt.Sprintf(format, args...), ""}
}

func bad(name, found, mend string) Result { return Result{name, false, found, mend} }

// mend is what to do about an error of Slack's with the bot token: what is
// wrong with token or network comes before what the check itself is about.
func mend(err error, otherwise string) string {
	return cmp.Or(Remedy(bot.BotToken, err), otherwise)
}

// slackUsable tells whether asking Slack makes sense: the two tokens are
// there, and of their kinds.
func slackUsable(s Settings) bool {
	return strings.HasPrefix(s.Bot.AppToken.Reveal(), "xapp-") && strings.HasPrefix(s.Bot.BotToken.Reveal(), "xoxb-")
}

func botToken(ctx context.Context, s Settings) []Result {
	const name = "bot token"
	if !slackUsable(s) {
		return nil
	}
	where, err := whoAmI(ctx, s.Bot)
	if err != nil {
		return []Result{bad(name, err.Error(), mend(err, "Slack's error tells what is wrong with the token; a new installation (Install App) gives a new one"))}
	}
	results := []Result{good(name, "workspace %s (%s), as @%s", where.team, where.teamID, where.user)}
	if where.orgWide {
		results = []Result{good(name, "the whole organisation %s (%s), as @%s", where.team, where.teamID, where.user)}
	}
	var missing []string
	for _, scope := range NeededScopes(s.Bot) {
		if !slices.Contains(where.scopes, scope) {
			missing = append(missing, scope)
		}
	}
	if len(missing) > 0 {
		return append(results, bad("scopes", "missing: "+strings.Join(missing, ", "),
			"Add under OAuth & Permissions → Scopes → Bot Token Scopes, then install the app again (Install App)"))
	}
	return append(results, good("scopes", "%s", strings.Join(NeededScopes(s.Bot), ", ")))
}

func appToken(ctx context.Context, s Settings) []Result {
	const name = "app token"
	if !slackUsable(s) {
		return nil
	}
	if err := socketMode(ctx, s.Bot); err != nil {
		return []Result{bad(name, err.Error(), cmp.Or(Remedy(bot.AppToken, err), "Slack's error tells what is wrong with the token; generate a new one (Basic Information → App-Level Tokens)"))}
	}
	return []Result{good(name, "Socket Mode is on, and Slack said hello")}
}

func apiKey(ctx context.Context, s Settings) []Result {
	const name = "API key"
	if s.Chamelio.APIKey == "" {
		return nil
	}
	client, err := chamelio.New(s.Chamelio)
	if err != nil {
		return []Result{bad(name, err.Error(), "Correct CHAMELIO_API_KEY or CHAMELIO_BASE_URL")}
	}
	info, err := client.OrgInfo(ctx)
	var e *chamelio.Error
	switch {
	case err == nil:
		return []Result{good(name, "organisation %s, %d calls a minute", info.Name, info.RateLimitPerMinute)}
	case errors.As(err, &e) && e.Kind == chamelio.ErrUnauthorized:
		return []Result{bad(name, "Chamelio refuses it: "+e.Detail, "Ask an administrator of your Chamelio organisation for a new key, for CHAMELIO_API_KEY")}
	case errors.Is(err, chamelio.ErrNotFound):
		return []Result{bad(name, err.Error(), "Check CHAMELIO_BASE_URL: nothing there knows this key's organisation")}
	}
	return []Result{bad(name, err.Error(), "Check the machine's network, its proxy (HTTPS_PROXY) and CHAMELIO_BASE_URL. The bot would start and keep trying")}
}

func database(ctx context.Context, s Settings) []Result {
	const name = "journal"
	const mend = "Check DATABASE_URL: the directory must be writable, or the Postgres server reachable with these rights"
	if s.Database == "" {
		return nil
	}
	j, err := journal.Open(ctx, s.Database, journal.Options{})
	if err != nil {
		return []Result{bad(name, err.Error(), mend)}
	}
	defer j.Close()
	if err := j.Writable(ctx); err != nil {
		return []Result{bad(name, err.Error(), mend)}
	}
	return []Result{good(name, "%s, migrated and writable", j.Engine())}
}

func auditChannel(ctx context.Context, s Settings) []Result {
	const name = "audit channel"
	if s.Bot.AuditChannel == "" || !slackUsable(s) {
		return nil
	}
	if err := posting(ctx, s.Bot, s.Bot.AuditChannel); err != nil {
		return []Result{bad(name, err.Error(), mend(err, "Invite the bot to that channel (/invite @cancelbot), or correct AUDIT_CHANNEL: it is the id at the end of the channel's About tab"))}
	}
	return []Result{good(name, "the bot may post in %s", s.Bot.AuditChannel)}
}

func ids(ctx context.Context, s Settings) []Result {
	const name = "who may cancel"
	if !slackUsable(s) || len(s.Problems) > 0 {
		return nil
	}
	var results []Result
	for _, err := range wrongIDs(ctx, s.Bot) {
		results = append(results, bad(name, err.Error(), mend(err, "Correct or remove the id; the bot refuses whoever it cannot look up")))
	}
	if len(results) > 0 {
		return results
	}
	found := s.Bot.Policy.Sentence()
	if len(s.Bot.Policy.Channels) > 0 {
		found += " (Channels were not looked up: that would need further scopes.)"
	}
	return []Result{good(name, "%s", found)}
}

// Write prints the results, a line each, or as JSON, and reports whether all
// is well.
func Write(out io.Writer, results []Result, asJSON bool) (ok bool, err error) {
	ok = !slices.ContainsFunc(results, func(r Result) bool { return !r.OK })
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return ok, enc.Encode(results)
	}
	for _, r := range results {
		mark := "✓"
		if !r.OK {
			mark = "✗"
		}
		if _, err := fmt.Fprintf(out, "%s %-14s %s\n", mark, r.Name, r.Found); err != nil {
			return ok, err
		}
		if r.Mend != "" {
			fmt.Fprintf(out, "  %-14s → %s.\n", "", r.Mend)
		}
	}
	if ok {
		_, err = fmt.Fprintln(out, "All is well: the bot would work.")
	} else {
		_, err = fmt.Fprintln(out, "Not all is well.")
	}
	return ok, err
}
