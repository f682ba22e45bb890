package journal

import (
	"context"
	"errors"
	"math"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/chamelio"
)

// Seals makes and verifies the MACs that rows carry. signed.Signer implements
// it. A verification returns decision.ErrUnknownKey if the key isn't known yet, or
// decision.ErrStaleKey if its token may come back; any other error means that the bot
// didn't write the row like that.
type Seals interface {
	SignRow(d decision.Record, closed decision.Outcome) string
	VerifyRow(decision.Record) error
	IsDecision(decision.Record) bool
	Seal(fields ...string) string
	VerifySeal(seal string, at time.Time, fields ...string) error
	// Now returns the time by which keys end. Rows are dated by the same clock.
	Now() time.Time
	// Keys returns the first nine characters of the seals whose keys are known, and
	// decision.UsableKey of those that may sign now.
	Keys() []string
	Load(context.Context) error
}

// Table is a table whose rows are verified.
type Table string

// The tables.
const (
	Decisions   Table = "decisions"
	Requests    Table = "requests"
	Notes       Table = "audit"
	Credentials Table = "credentials"
	Keys        Table = "signing_keys"
)

// Tables returns all tables whose rows are verified.
func Tables() []Table { return []Table{Decisions, Requests, Notes, Credentials, Keys} }

// Unverified is a row that doesn't verify.
type Unverified struct {
	Table   Table
	ID      string
	Tasks   []chamelio.TaskID
	Channel string
	Why     error
	Waits   bool // it may verify later; otherwise it was set aside

	part string // what is verified by itself; "" is the rest of the row
}

// errUnverified means that a row can't be verified now, and that nothing may
// be said or done about it.
var errUnverified = errors.New("a row can't be verified now")

// IsUnverified reports whether an error means that a row can't be verified now. It
// may be genuine, so it isn't absent; nothing may be said or done about it.
func IsUnverified(err error) bool { return errors.Is(err, errUnverified) }

// waitsForKey reports whether a row waits for its key, and the journal works.
func waitsForKey(err error) bool {
	return errors.Is(err, errUnverified) && errors.Is(err, decision.ErrUnknownKey)
}

const (
	// A row whose key isn't known waits for its key: waitInWay if a claim
	// can't be saved before and no living replica has the row, waitTaken
	// otherwise. The keys of another replica are in the journal before they
	// are used, so a longer wait is for restored databases and for replicas
	// that were started with another token.
	waitInWay = 10 * time.Second
	waitTaken = 10 * time.Minute

	// atOnce is the patience of a caller whose own row is the only genuine one with its
	// ID, unless another row has vanished: what is in its place was written by someone else.
	atOnce time.Duration = 0

	// untilKnown is the patience of a caller that leaves the row alone.
	untilKnown time.Duration = math.MaxInt64

	// maxWaiting bounds how many such rows of each table are remembered.
	maxWaiting = 1024

	// maxInWay bounds how many rows a call sets aside before it fails.
	maxInWay = 8
)

// trust verifies rows.
type trust struct {
	Seals
	report func(Unverified)

	mu      sync.Mutex
	waiting map[Table]map[string]wait // of rows for their keys, by Unverified.key
}

// Trust makes the journal seal each row that it writes, and return only rows
// that verify. A row that doesn't is reported once, blocks nothing, and is set
// aside: moved to the table set_aside, from which it comes back when its key
// becomes known. Without Trust, as in commands that only read, rows are
// neither sealed nor verified.
func (j *Journal) Trust(s Seals, report func(Unverified)) {
	j.trust.Store(&trust{Seals: s, report: report, waiting: map[Table]map[string]wait{}})
}

// unknownKeyError is decision.ErrUnknownKey about one of a row's seals.
type unknownKeyError struct {
	error
	name string // as in Seals.Keys; "" if it isn't a seal's
}

func (e unknownKeyError) Unwrap() error { return e.error }

// VerifyRow is that of Seals, and names the key that isn't known. A row whose own
// key is known may carry a confirmation by another one, which has no name.
func (t *trust) VerifyRow(d decision.Record) error { return t.named(d.MAC, t.Seals.VerifyRow(d)) }

// VerifySeal is that of Seals, and names the key that isn't known.
func (t *trust) VerifySeal(seal string, at time.Time, fields ...string) error {
	return t.named(seal, t.Seals.VerifySeal(seal, at, fields...))
}

func (t *trust) named(seal string, err error) error {
	if !errors.Is(err, decision.ErrUnknownKey) {
		return err
	}
	name := seal[:min(len(seal), len("12345678."))]
	switch {
	case errors.Is(err, decision.ErrStaleKey):
		name = decision.UsableKey(name)
	case slices.Contains(t.Keys(), name):
		name = ""
	}
	return unknownKeyError{err, name}
}

// seal returns the MAC of fields as they are stored; "" without Trust.
func (j *Journal) seal(fields ...string) string {
	if t := j.trust.Load(); t != nil {
		for i := range fields {
			fields[i] = decision.Storable(fields[i])
		}
		return t.Seal(fields...)
	}
	return ""
}

// at returns the time with which rows are dated.
func (j *Journal) at() time.Time {
	if t := j.trust.Load(); t != nil {
		return t.Now()
	}
	return time.Now()
}

// The fields that are sealed.
func outcomeFields(id decision.ID, task int, o decision.Outcome, detail string, at time.Time) []string {
	return []string{"outcome", string(id), strconv.Itoa(task), string(o), detail, milli(at)}
}

func settledFields(id decision.ID, task int, o decision.Outcome, detail string) []string {
	return []string{"settled", string(id), strconv.Itoa(task), string(o), detail}
}

func unsentFields(id decision.ID, task, tries int) []string {
	return []string{"unsent", string(id), strconv.Itoa(task), strconv.Itoa(tries)}
}

func announcedFields(id decision.ID, ts string, at time.Time) []string {
	return []string{"announced", string(id), ts, milli(at)}
}

func milli(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMilli(), 10)
}
