package journal_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// oddValues are those that someone else may write into a column, as SQL. Postgres
// refuses most.
var oddValues = []string{
	`''`, `'x'`, `0.5`, `x''`, `9e999`, `'infinity'`, `'12026-01-01 00:00:00+00:00'`,
	`9223372036854775807`, `(-9223372036854775807 - 1)`, `NULL`,
}

// TestOddValueStopsNothing writes odd values into each column of each table. No call
// fails, nothing is returned that the bot didn't write, and a click of someone else
// is carried out.
func TestOddValueStopsNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		s := newSweep(t, url)
		round, tried := 0, 0
		for _, table := range sweptTables {
			for _, column := range columnsOf(t, url, table) {
				for _, value := range oddValues {
					if round++; testing.Short() && round%7 != 0 {
						continue
					}
					s.begin(fmt.Sprintf("UPDATE %s SET %s = %s", table, column, value), column)
					if s.forged() {
						tried++
						s.calls()
					}
				}
			}
		}
		if tried < 20 {
			t.Errorf("only %d changes were possible", tried)
		}
	})
}

var sweptTables = []journal.Table{
	journal.Decisions, "tasks", journal.Requests, journal.Notes, journal.Credentials, journal.Keys,
	"set_aside", "asked", "replicas", "pause", "retention", "organisation",
}

// sweep is a journal with rows in each table, one column of which has an odd value.
type sweep struct {
	*testing.T
	*trusting
	url            string
	db             *sql.DB
	task           int64
	change, column string
	known          map[decision.ID]decision.Record // what the bot wrote
	leases         []journal.Lease
}

func newSweep(t *testing.T, url string) *sweep {
	s := &sweep{T: t, trusting: openTrusting(t, url, "xoxb-1"), url: url}
	driver, place := "pgx", url
	if path, is := strings.CutPrefix(url, "sqlite:"); is {
		driver, place = "sqlite", path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, place)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s.db = db
	for _, table := range []string{"decisions", "tasks"} {
		for _, change := range []string{"change", "delete"} {
			if driver == "sqlite" {
				s.sql(fmt.Sprintf("DROP TRIGGER %s_announced_%s", table, change))
			} else {
				s.sql(fmt.Sprintf("ALTER TABLE %s DISABLE TRIGGER %[1]s_announced_%s", table, change))
			}
		}
	}
	return s
}

func (s *sweep) sql(text string) {
	s.Helper()
	if _, err := s.db.ExecContext(s.Context(), text); err != nil {
		s.Fatalf("%s: %v", text, err)
	}
}

// begin replaces all rows: a decision under way, one to be announced, and one whose
// outcome is unknown; and a row of each other table.
func (s *sweep) begin(change, column string) {
	s.Helper()
	for _, table := range sweptTables {
		s.sql("DELETE FROM " + string(table))
	}
	s.sql("DELETE FROM tasks") // some may have had another key
	s.change, s.column, s.known, s.leases, s.reported = change, column, map[decision.ID]decision.Record{}, nil, nil
	ctx := s.Context()
	for _, outcome := range []decision.Outcome{"", decision.Failed, decision.Unknown} {
		d, l := s.decided(outcome)
		if outcome == decision.Unknown {
			must(s.T, s.MarkAnnounced(ctx, decision.Record{ID: d.ID}, "1.2"))
		}
		got, err := s.Get(ctx, d.ID)
		must(s.T, err)
		s.known[d.ID], s.leases = got, append(s.leases, l)
	}
	must(s.T, s.Opened(ctx, journal.Request{ID: "r", MessageTS: "3.4", Confirmation: "y"}, 0, -time.Minute))
	must(s.T, s.Refused(ctx, decision.Note{Person: "U1", Code: "guest", At: time.Now()}))
	must(s.T, s.CredentialTried(ctx, "api_key", "expired", true))
	must(s.T, s.KeepSigningKeys(ctx, "k", "sealed", time.Hour))
	_, _, err := s.Beat(ctx, true)
	must(s.T, err)
	must(s.T, s.Pause(ctx, "why"))
	_, err = s.BeginAsking(ctx, "event", "a")
	must(s.T, err)
	s.sql(`INSERT INTO set_aside (id, kind, confirmation_id, task_ids, set_aside_at, why, seal, content, tasks, retry)
		VALUES ('a', 'decisions', 'x', '1', '2026-01-01 00:00:00+00:00', '', '', '{}', '[]', 1)`)
	_, err = s.Bind(ctx, journal.Organisation{Name: "Acme", KeyID: 1})
	must(s.T, err)
	s.sql(`INSERT INTO retention (delete_before) VALUES ('2020-01-01 00:00:00+00:00')`)
}

// decided claims a decision of new tasks, and finishes it, unless the outcome is "".
func (s *sweep) decided(o decision.Outcome) (decision.Record, journal.Lease) {
	s.Helper()
	s.task++
	d := s.click(s.task)
	l := won(s.T, s.Journal, d)
	for position := range d.Tasks {
		if o != "" {
			_, err := s.Finish(s.Context(), l, position, decision.Result{Outcome: o}, false)
			s.may("finishing a new decision", err)
		}
	}
	return d, l
}

// forged makes the change, to one row if the rows can't all have the value. It reports
// whether that was possible.
func (s *sweep) forged() bool {
	key := strings.Fields(s.change)[1]
	_, err := s.db.ExecContext(s.Context(), s.change)
	if err != nil {
		_, err = s.db.ExecContext(s.Context(), fmt.Sprintf("%s WHERE %s = (SELECT min(%[2]s) FROM %s)", s.change, s.column, key))
	}
	return err == nil
}

// lapse ends all leases and waits. If that overwrote the changed column, it makes the
// change again.
func (s *sweep) lapse() {
	s.sql("UPDATE decisions SET leased_until = 0, check_after = 0")
	s.sql("UPDATE audit SET leased_until = 0")
	s.sql("UPDATE requests SET taken_until = 0")
	if slices.Contains([]string{"leased_until", "check_after", "taken_until"}, s.column) {
		s.sql(s.change)
	}
}

// may fails the test if an error says more than that a row isn't there, isn't this
// process's, or can't be verified.
func (s *sweep) may(what string, err error) {
	s.Helper()
	for _, fine := range []error{nil, journal.ErrGone, journal.ErrLost, journal.ErrDecided, journal.ErrTooLate} {
		if errors.Is(err, fine) {
			return
		}
	}
	if !journal.IsUnverified(err) {
		s.Errorf("%s: %s: %v", s.change, what, err)
	}
}

// calls makes the calls that a process makes.
func (s *sweep) calls() {
	ctx := s.Context()
	for _, l := range s.leases {
		_, err := s.Renew(ctx, l)
		s.may("renewing", err)
		_, err = s.MarkUnsent(ctx, l, 0)
		s.may("noting that nothing was sent", err)
		_, err = s.Unsettled(ctx, l.ID, s.known[l.ID].Tasks[0].ID)
		s.may("looking for others", err)
		d, err := s.Get(ctx, l.ID)
		s.quotes("reading", d, err)
		became, err := s.Became(ctx, l.ID, s.known[l.ID].IDs())
		s.quotes("what became of it", append(became, decision.Record{})[0], err)
	}
	_, err := s.RenewAll(ctx, s.leases)
	s.may("renewing all", err)
	s.work()
	s.lists()
	s.others()
}

// quotes fails the test if the journal returns a decision that the bot didn't write.
func (s *sweep) quotes(how string, d decision.Record, err error) {
	s.Helper()
	s.may(how, err)
	if err == nil && quoted(d) != quoted(s.known[d.ID]) {
		s.Errorf("%s: %s:\n%s\n%s", s.change, how, quoted(s.known[d.ID]), quoted(d))
	}
}

// work takes over what is due, and carries out a new decision.
func (s *sweep) work() {
	ctx := s.Context()
	s.lapse()
	due, err := s.TakeUnsettled(ctx, 10, nil)
	s.may("taking an unknown outcome", err)
	for _, w := range []journal.Work{journal.ToResolve, journal.ToAnnounce} {
		held, err := s.TakeExpired(ctx, w, 10, nil)
		s.may("taking over", err)
		due = append(due, held...)
	}
	for _, h := range due {
		s.quotes("taking over", h.Record, nil)
		s.may("releasing", s.Release(ctx, h.Lease))
	}
	for id := range s.known {
		taken := slices.ContainsFunc(due, func(h journal.Held) bool { return h.Record.ID == id })
		if _, err := s.Get(ctx, id); err == nil && !taken && !s.mayRest() {
			s.Errorf("%s: a decision is neither taken over nor set aside", s.change)
		}
	}
	if p, err := s.Paused(ctx); err != nil || !p.Active() {
		s.Errorf("%s: paused: %+v %v", s.change, p, err)
	}
	if has, err := s.Bind(ctx, journal.Organisation{Name: "Hooli", KeyID: 9}); err != nil || has.Name == "Hooli" && s.column != "name" && s.column != "key_id" {
		s.Errorf("%s: the journal is about %+v, %v", s.change, has, err)
	}
	if was, err := s.Resume(ctx); err != nil || !was { // no decision is claimed during it
		s.Errorf("%s: resuming: %t %v", s.change, was, err)
	}
	d, _ := s.decided(decision.Cancelled)
	if err := s.MarkAnnounced(ctx, decision.Record{ID: d.ID}, "5.6"); err != nil {
		s.Errorf("%s: announcing a new decision: %v", s.change, err)
	}
	if got, err := s.Get(ctx, d.ID); err != nil || got.Outcome() != decision.Cancelled || got.AnnouncedAt.IsZero() {
		s.Errorf("%s: a new decision: %+v %v", s.change, got, err)
	}
	s.known[d.ID] = d
}

// mayRest reports whether the change may leave a genuine decision neither taken over nor
// set aside. No seal covers these columns, any whole number is valid in them, and Postgres
// rounds other numbers to whole ones.
func (s *sweep) mayRest() bool {
	var settled int
	must(s.T, s.db.QueryRowContext(s.Context(), `SELECT count(*) FROM decisions WHERE settled_at = 1`).Scan(&settled))
	return settled > 0 || s.column == "follow_up" || s.column == "announcing_at"
}

// lists takes what is due of the lists.
func (s *sweep) lists() {
	ctx := s.Context()
	_, err := s.TakeToRemind(ctx, 5)
	s.may("taking reminders", err)
	ended, err := s.TakeEnded(ctx, 5)
	s.may("taking ends", err)
	if len(ended) > 1 || len(ended) == 1 && ended[0] != (journal.Request{ID: "r", MessageTS: "3.4", Confirmation: "y"}) {
		s.Errorf("%s: ended: %+v", s.change, ended)
	}
	for range 10 {
		n, err := s.TakeNote(ctx)
		s.may("taking a note", err)
		if err != nil {
			break
		}
		if _, is := s.known[n.ConfirmationID]; !is && !slices.Contains([]string{"guest", "expired"}, n.Code) {
			s.Errorf("%s: noted: %+v", s.change, n)
		}
		s.may("noting", s.MarkNoted(ctx, n))
	}
	_, err = s.Refusals(ctx, journal.Query{})
	s.may("refusals", err)
	_, err = s.Recent(ctx, journal.Query{})
	s.may("history", err)
	_, err = s.Backlog(ctx)
	s.may("backlog", err)
}

// others makes the calls about the other tables.
func (s *sweep) others() {
	ctx := s.Context()
	s.may("a credential is accepted", s.CredentialTried(ctx, "api_key", "", true))
	s.may("a credential is refused", s.CredentialTried(ctx, "api_key", "expired", true))
	s.may("keeping keys", s.KeepSigningKeys(ctx, "k", "sealed", time.Hour))
	s.may("shortening keys", s.ShortenSigningKeys(ctx, "holder00.", "k", time.Hour))
	s.may("forgetting keys", s.ForgetSigningKeys(ctx))
	_, err := s.SigningKeys(ctx, 100)
	s.may("reading keys", err)
	_, err = s.ReturnSetAside(ctx)
	s.may("returning rows", err)
	_, err = s.SetAsides(ctx, journal.Query{})
	s.may("reading rows that were set aside", err)
	alive, _, err := s.Beat(ctx, true)
	s.may("a heartbeat", err)
	if alive < 1 {
		s.Errorf("%s: %d alive", s.change, alive)
	}
	if first, err := s.BeginAsking(ctx, "another", "b"); !first || err != nil {
		s.Errorf("%s: asking: %v %v", s.change, first, err)
	}
	_, err = s.DeleteOld(ctx, 0, 10)
	s.may("deleting old rows", err)
}
