// Package doctor tells an operator what of a configuration works, and how to
// fix what does not: "cancelbot check". It speaks to operators, so it names
// the environment's variables.
package doctor

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/clock"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Settings has the settings to check.
type Settings struct {
	Version  string
	Problems []environ.Problem // with the environment, as the bot reports them at its start
	Bot      bot.Config
	Chamelio chamelio.Options
	Database string
	HTTPAddr string // where health and metrics are served; nowhere if empty
	Running  bool   // a bot answers there

	// Connect opens a connection to Slack even where a bot may be running; see
	// appToken.
	Connect bool
}

// Level says how serious a result is.
type Level string

// The levels. The bot is ready to run with warnings, but not with problems.
const (
	OK     Level = "ok"
	Warn   Level = "warning"
	Failed Level = "problem"
)

// Result is the result of one check.
type Result struct {
	Name   Name   `json:"name"`
	Level  Level  `json:"level"`
	Found  string `json:"found"`            // what is there, or what is wrong
	Remedy string `json:"remedy,omitempty"` // what to do about it

	cause cause // results with the same cause are reported once
}

// cause is what several checks can fail for.
type cause string

const (
	causeSlack    cause = "slack" // Slack can't be reached, or doesn't work
	causeBotToken cause = "bot token"
	causeScopes   cause = "scopes"
)

// checkTimeout bounds each check, but for what it has to undo. They run side by side.
const checkTimeout = 10 * time.Second

var errSlow = fmt.Errorf("nothing came within %s", checkTimeout)

// Run measures each precondition, and adds what an operator should think about.
// Preconditions whose variables are wrong are left out: they could only repeat
// it.
func Run(ctx context.Context, s Settings) []Result {
	c := newCheckup(s)
	results := c.measure(ctx, Preconditions())
	return slices.Concat([]Result{c.version()}, results, c.cancelling(), c.operator(), c.health())
}

// Installed measures the preconditions that only the installed app can tell
// about: whether Slack would connect it, its scopes, the audit channel, the IDs
// of the policy, the clock. The bot runs it at its start, in addition to its
// work. It leaves out what the bot reports by itself: a Slack that can't be
// reached, and a bot token that is refused.
func Installed(ctx context.Context, s Settings) []Result {
	c := newCheckup(s)
	c.journal <- placeUsed // by the bot that asks
	all := slices.DeleteFunc(Preconditions(), func(p Precondition) bool {
		return p.Name == Environment || p.Name == Journal || p.Name == APIKey // reported by their own part of the start
	})
	return slices.DeleteFunc(c.measure(ctx, all), func(r Result) bool { return r.cause == causeSlack || r.cause == causeBotToken })
}

// measure measures preconditions side by side, except the clock, which is read
// off the others' answers.
func (c *checkup) measure(ctx context.Context, all []Precondition) []Result {
	results := make([][]Result, len(all))
	bounded := func(i int) {
		ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errSlow)
		defer cancel()
		results[i] = all[i].measure(c, ctx)
	}
	var others sync.WaitGroup
	for i, p := range all {
		switch {
		case !c.usable(p.variables...):
			if p.Name == Journal {
				c.journal <- placeUnknown
				close(c.organisation)
			}
		case p.Name != Clock:
			others.Go(func() { bounded(i) })
		}
	}
	others.Wait()
	for i, p := range all {
		if p.Name == Clock {
			bounded(i)
		}
	}
	return once(slices.Concat(results...))
}

// once merges results with the same cause into the first of them, which names
// the others.
func once(results []Result) (kept []Result) {
	first := map[cause]int{}
	others := map[cause][]Name{}
	for _, r := range results {
		if r.cause == "" {
			kept = append(kept, r)
		} else if _, found := first[r.cause]; !found {
			first[r.cause] = len(kept)
			kept = append(kept, r)
		} else if !slices.Contains(others[r.cause], r.Name) && kept[first[r.cause]].Name != r.Name {
			others[r.cause] = append(others[r.cause], r.Name)
		}
	}
	for c, names := range others {
		kept[first[c]].Found += alsoUnchecked + join(names)
	}
	return kept
}

// alsoUnchecked precedes the names of the checks with the same cause.
const alsoUnchecked = "; not checked for the same reason: "

func join(names []Name) string {
	var all []string
	for _, n := range names {
		all = append(all, string(n))
	}
	return strings.Join(all, ", ")
}

// checkup is one run of the checks.
type checkup struct {
	Settings
	journal      chan place // what database has found, for appToken
	paused       journal.Pause
	organisation chan journal.Organisation // whose tasks the journal is about, for apiKey
	slack        clock.Meter
	who          func() (*slack.AuthTestResponse, error)
}

func newCheckup(s Settings) *checkup {
	c := &checkup{Settings: s, journal: make(chan place, 1), organisation: make(chan journal.Organisation, 1)}
	c.who = sync.OnceValues(func() (*slack.AuthTestResponse, error) {
		ctx, cancel := context.WithTimeoutCause(context.Background(), checkTimeout, errSlow)
		defer cancel()
		return c.client().AuthTestContext(ctx)
	})
	return c
}

// usable tells whether none of the variables is wrong.
func (c *checkup) usable(variables ...string) bool {
	return !slices.ContainsFunc(c.Problems, func(p environ.Problem) bool { return slices.Contains(variables, p.Variable) })
}

func (c *checkup) environment(context.Context) []Result {
	if len(c.Problems) == 0 {
		return []Result{good(Environment, "every variable is there and makes sense")}
	}
	var wrong []Result
	for _, p := range c.Problems {
		wrong = append(wrong, EnvironmentFailed(p))
	}
	return wrong
}

// version names what runs, for pasted output.
func (c *checkup) version() Result {
	return good("version", "cancelbot %s, %s/%s", cmp.Or(c.Version, "of unknown version"), runtime.GOOS, runtime.GOARCH)
}

// cancelling warns while an operator has paused it.
func (c *checkup) cancelling() []Result {
	if !c.paused.Active() {
		return nil
	}
	since := "it isn't known when"
	if c.paused.Dated() {
		since = c.paused.Since.UTC().Format("2006-01-02 15:04:05Z")
	}
	found := "paused since " + since
	if c.paused.Note != "" {
		found += ": " + c.paused.Note
	}
	return []Result{warning("cancelling", found, "When that is over: cancelbot resume")}
}

func (c *checkup) operator() []Result {
	const name = "operator"
	if !c.usable("OPERATOR_CONTACT") {
		return nil
	}
	if c.Bot.OperatorContact == "" {
		return []Result{warning(name, "not set: messages say “the bot's operator”", "Set OPERATOR_CONTACT to an ID such as U012AB3CD or C012AB3CD, or to a few words")}
	}
	return []Result{good(name, "people are sent to %s", c.Bot.OperatorContact)}
}

func (c *checkup) health() []Result {
	const name = "health"
	if !c.usable("HTTP_ADDR") {
		return nil
	}
	if c.HTTPAddr == "" {
		return []Result{warning(name, "no health endpoint and no metrics: nothing notices when the bot is down", "Set HTTP_ADDR to an address such as 127.0.0.1:8080")}
	}
	return []Result{good(name, "/healthz, /readyz and /metrics at %s", c.HTTPAddr)}
}

func good(name Name, format string, args ...any) Result {
	return Result{Name: name, Level: OK, Found: fmt.Sprintf(format, args...)}
}

func warning(name Name, found, remedy string) Result {
	return Result{Name: name, Level: Warn, Found: found, Remedy: remedy}
}

func bad(name Name, found, remedy string) Result {
	return Result{Name: name, Level: Failed, Found: found, Remedy: remedy}
}

// because returns the result with its cause.
func (r Result) because(c cause) Result {
	r.cause = c
	return r
}
