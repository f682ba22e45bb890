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
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/internal/signed"
	"github.com/cancelbot/cancelbot/chamelio"
)

// trusting is a journal that seals and verifies, and its signer.
type trusting struct {
	*journal.Journal
	signed.Signer
	reported []journal.Unverified
}

func openTrusting(t *testing.T, url, token string) *trusting {
	t.Helper()
	j, err := journal.Open(t.Context(), url, journal.Options{Audit: true})
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	s, err := signed.NewSigner(token, chamelio.DefaultBaseURL, j, time.Now)
	must(t, err)
	all := &trusting{Journal: j, Signer: s}
	j.Trust(s, func(u journal.Unverified) { all.reported = append(all.reported, u) })
	return all
}

// finally returns the reports of rows that were set aside.
func finally(all []journal.Unverified) (aside []journal.Unverified) {
	for _, u := range all {
		if !u.Waits {
			aside = append(aside, u)
		}
	}
	return aside
}

// click returns a genuine decision.
func (j *trusting) click(task int64) decision.Record { return j.clickAt(task, time.Now()) }

// clickAt returns a genuine decision of a click on a prompt from a minute before.
func (j *trusting) clickAt(task int64, at time.Time) decision.Record {
	at = at.UTC().Truncate(time.Millisecond)
	c := decision.Confirmation{
		ID: signed.NewID(time.Now()), Tasks: []decision.Named{{ID: chamelio.TaskID(task), Title: "Payroll"}, {ID: chamelio.TaskID(task + 1_000_000)}}, Team: "T1", Channel: "C1", Requester: "U1", Reason: "duplicate",
		RequestedAt: at.Add(-time.Minute).Truncate(time.Second), ExpiresAt: at.Add(10 * time.Minute).Truncate(time.Second),
	}
	d := decision.Record{
		ID: decision.ID(c.ID), Tasks: []decision.Item{{ID: c.Tasks[0].ID, Title: c.Tasks[0].Title}, {ID: c.Tasks[1].ID}}, Team: c.Team, Channel: c.Channel, Requester: c.Requester, Confirmer: "U2",
		Reason: c.Reason, RequestedAt: c.RequestedAt, DecidedAt: at, ResponseURL: "https://hooks.slack.com/actions/x", Confirmation: j.Encode(c),
	}
	d.MAC = j.SignClick(d)
	return d
}

// forge changes the database directly, in spite of the triggers.
func forge(t *testing.T, url, text string) {
	t.Helper()
	for _, table := range []string{"decisions", "tasks"} {
		if strings.HasPrefix(url, "sqlite:") {
			statement(t, url, "DROP TRIGGER IF EXISTS "+table+"_announced_change")
		} else {
			pgtest.Exec(t, url, "ALTER TABLE "+table+" DISABLE TRIGGER "+table+"_announced_change")
		}
	}
	statement(t, url, text)
}

// quoted returns the parts of a decision that are shown to people.
func quoted(d decision.Record) string {
	said := fmt.Sprint(d.ID, d.Team, d.Channel, d.Thread, d.Requester, d.Confirmer, d.Reason, d.RequestedAt, d.DecidedAt, d.FactsAge, d.AnnouncedAt, d.MessageTS)
	for _, t := range d.Tasks {
		said += fmt.Sprint(t.ID, t.Title, t.URL, t.FinishedAt, t.Outcome, t.Detail, t.SettledOutcome, t.SettledDetail)
	}
	return said
}

// TestReplacedRowIsGone has someone else write a row in the place of one that a
// process is working on. The process sees that its own is gone, and puts it back.
func TestReplacedRowIsGone(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		l := won(t, j.Journal, d)
		forge(t, url, "UPDATE decisions SET mac = 'forged', owner = 'forger', epoch = 7")
		if _, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, false); !errors.Is(err, journal.ErrGone) {
			t.Fatalf("finishing what someone replaced: %v", err)
		}
		if len(j.reported) != 1 || j.reported[0].Waits {
			t.Errorf("reported: %+v", j.reported)
		}
		l, _, err := j.Restore(t.Context(), d)
		must(t, err)
		_, err = j.Finish(t.Context(), l, 0, decision.Result{Outcome: decision.Cancelled}, false)
		must(t, err)
	})
}

// unsettled takes a decision whose unknown outcome is to be checked. Forged rows may be
// due, too.
func (j *trusting) unsettled(t *testing.T, id decision.ID) journal.Held {
	t.Helper()
	for range 1000 {
		held, err := j.TakeUnsettled(t.Context(), 64, nil)
		must(t, err)
		for _, one := range held {
			if one.Record.ID == id {
				return one
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it isn't taken")
	return journal.Held{}
}

// TestForgerChangesNothingThatIsQuoted changes each column of a decision at
// each stage of its life. The journal returns the decision as the bot wrote
// it, or not at all.
func TestForgerChangesNothingThatIsQuoted(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		forge(t, url, "SELECT 1") // no triggers
		task := int64(0)
		stages := map[string]func() decision.Record{
			"claimed": func() decision.Record {
				task++
				d := j.click(task)
				won(t, j.Journal, d)
				return d
			},
			"settled": func() decision.Record {
				task++
				d := j.click(task)
				l := won(t, j.Journal, d)
				for position := range d.Tasks {
					_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Unknown, Title: "Payroll"}, true)
					must(t, err)
				}
				must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
				statement(t, url, "UPDATE decisions SET check_after = 1 WHERE check_after > 0")
				held := j.unsettled(t, d.ID)
				for position := range d.Tasks {
					_, err := j.Settle(t.Context(), held.Lease, position, decision.Result{Outcome: decision.Failed})
					must(t, err)
				}
				_, err := j.BeginSettling(t.Context(), held.Lease)
				must(t, err)
				must(t, j.MarkSettled(t.Context(), d.ID))
				return d
			},
			"withdrawn": func() decision.Record {
				task++
				d := j.click(task)
				_, _, err := j.Withdraw(t.Context(), d)
				must(t, err)
				return d
			},
		}
		values := []string{"'2026-01-01 00:00:00+00:00'", "'forged'", "NULL", "4711", "'cancelled'", "''"}
		if testing.Short() {
			values = values[1:3]
		}
		tried := 0
		for name, stage := range stages {
			for table, columns := range journal.SetAsideColumns() {
				if table != journal.Decisions && table != "tasks" {
					continue
				}
				for _, column := range columns {
					for _, value := range values {
						d := stage()
						before, err := j.Get(t.Context(), d.ID)
						must(t, err)
						change := fmt.Sprintf("UPDATE %s SET %s = %s WHERE confirmation_id = '%s'", table, column, value, d.ID)
						if tryStatement(t, url, change) == nil { // else the types of columns refuse it
							tried++
							unchanged(t, j, before, name+": "+change)
						}
					}
				}
			}
		}
		if tried < 60 {
			t.Errorf("only %d changes were possible", tried)
		}
	})
}

// unchanged reads a decision in each way in which it reaches people.
func unchanged(t *testing.T, j *trusting, before decision.Record, what string) {
	t.Helper()
	check := func(how string, d decision.Record, err error) {
		t.Helper()
		if err == nil && d.ID == before.ID && quoted(d) != quoted(before) {
			t.Errorf("%s, %s:\n%s\n%s", what, how, quoted(before), quoted(d))
		}
	}
	all, err := j.Recent(t.Context(), journal.Query{Task: before.Tasks[0].ID})
	if err != nil && !strings.Contains(err.Error(), "Scan") && !strings.Contains(err.Error(), "scan") {
		t.Errorf("%s: %v", what, err)
	}
	for _, one := range all {
		check("history", one.Record, one.Unverified)
	}
	became, err := j.Became(t.Context(), before.ID, before.IDs()[:1])
	for _, d := range append(became, decision.Record{})[:1] {
		check("what became of it", d, err)
	}
	d, err := j.Get(t.Context(), before.ID)
	check("get", d, err)
}

// TestForgedRowBlocksNothing inserts forged rows that conflict with a click.
func TestForgedRowBlocksNothing(t *testing.T) {
	const row = `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch, mac)
		VALUES ('%s', 'T1', 'C1', 'U1', 'U9', 'x', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', %s, 1, '%s')`
	const part = `INSERT INTO tasks (confirmation_id, position, task_id, outcome) VALUES ('%s', 0, %d, %s)`
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		task := int64(100)
		for name, write := range map[string]func(own string){
			"an announced row of another prompt": func(string) {
				forge(t, url, fmt.Sprintf(row, fmt.Sprint("f", task), "'2026-11-28 10:00:00+00:00'", ""))
				forge(t, url, fmt.Sprintf(part, fmt.Sprint("f", task), task, "'cancelled'"))
			},
			"an open row of another prompt": func(string) {
				forge(t, url, fmt.Sprintf(row, fmt.Sprint("f", task), "NULL", "a.b.c.d"))
				forge(t, url, fmt.Sprintf(part, fmt.Sprint("f", task), task, "NULL"))
			},
			"a row of the same prompt": func(own string) {
				forge(t, url, fmt.Sprintf(row, own, "'2026-11-28 10:00:00+00:00'", ""))
				forge(t, url, fmt.Sprintf(part, own, task+1000, "'withdrawn'"))
			},
			"half a row of the same prompt": func(own string) { forge(t, url, fmt.Sprintf(row, own, "NULL", "")) },
			"both": func(own string) {
				forge(t, url, fmt.Sprintf(row, fmt.Sprint("f", task), "NULL", ""))
				forge(t, url, fmt.Sprintf(part, fmt.Sprint("f", task), task, "NULL"))
				forge(t, url, fmt.Sprintf(row, own, "NULL", ""))
			},
			"half a row of the task": func(string) {
				if strings.HasPrefix(url, "sqlite:") { // Postgres has a foreign key
					forge(t, url, fmt.Sprintf(part, fmt.Sprint("f", task), task, "NULL"))
				}
			},
		} {
			task++
			d := j.click(task)
			write(string(d.ID))
			c, err := j.Claim(t.Context(), d)
			if errors.Is(err, decision.ErrUnknownKey) { // it waits
				j.Later(11 * time.Second)
				c, err = j.Claim(t.Context(), d)
			}
			if err != nil || !c.Won {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
			task++
			d = j.click(task)
			write(string(d.ID))
			if _, tasks, err := j.Restore(t.Context(), d); err != nil && !errors.Is(err, decision.ErrUnknownKey) || err == nil && tasks[0].Outcome != "" {
				t.Errorf("%s, restored: %+v, %v", name, tasks, err)
			}
			task++
			d = j.click(task)
			write(string(d.ID))
			if first, withdrawn, err := j.Withdraw(t.Context(), d); (err != nil || !withdrawn) && !errors.Is(err, decision.ErrUnknownKey) {
				t.Errorf("%s, withdrawn: %+v, %v", name, first, err)
			}
		}
	})
}

// A decision vanishes, another one gets its tasks, and someone puts a row without tasks
// in its place: it is restored all the same.
func TestHalfARowBlocksNoOverruledDecision(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		won(t, j.Journal, j.click(1))
		forge(t, url, fmt.Sprintf(`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
			VALUES ('%s', 'T1', 'C1', 'U1', 'U9', 'x', '2026-11-28 10:00:00+00:00', '2026-11-28 10:00:00+00:00', 1)`, d.ID))
		_, tasks, err := j.Restore(t.Context(), d)
		must(t, err)
		if r := tasks[0].Result(); r.Outcome != decision.Unknown || r.Cause != decision.CauseOverruled {
			t.Errorf("restored as %+v", r)
		}
		if aside, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 1 {
			t.Errorf("set aside: %+v, %v", aside, err)
		}
	})
}

// TestUnsentSealCountsRequests puts the seal of an earlier request back, which
// had no effect. It says nothing about the next one.
func TestUnsentSealCountsRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		d := j.click(1)
		l, err := j.MarkUnsent(t.Context(), won(t, j.Journal, d), 0)
		must(t, err)
		if got, err := j.Get(t.Context(), d.ID); err != nil || got.Tasks[0].Sent {
			t.Fatalf("%+v %v", got, err)
		}
		forge(t, url, `UPDATE tasks SET sent_at = 1 WHERE position = 0`)
		if got, err := j.Get(t.Context(), d.ID); err != nil || !got.Tasks[0].Sent {
			t.Errorf("with the trace of a request: %+v %v", got, err)
		}
		forge(t, url, `CREATE TABLE kept AS SELECT unsent_mac FROM tasks WHERE unsent_mac <> ''`)
		_, err = j.MarkSent(t.Context(), l, 0)
		must(t, err)
		forge(t, url, `UPDATE tasks SET sent_at = 0, unsent_mac = (SELECT unsent_mac FROM kept) WHERE position = 0`)
		if got, err := j.Get(t.Context(), d.ID); err != nil || !got.Tasks[0].Sent {
			t.Errorf("%+v %v", got, err)
		}
	})
}

// TestWholeRowIsSetAside compares the columns of rows that can be set aside
// with the schema.
func TestWholeRowIsSetAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		open(t, url, 0)
		for table, columns := range journal.SetAsideColumns() {
			if schema := columnsOf(t, url, table); !slices.Equal(slices.Sorted(slices.Values(columns)), schema) {
				t.Errorf("%s has the columns %q", table, schema)
			}
		}
	})
}

func columnsOf(t *testing.T, url string, table journal.Table) (columns []string) {
	t.Helper()
	driver, place, query := "pgx", url, `SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = current_schema()`
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, place, query = "sqlite", path, `SELECT name FROM pragma_table_info($1)`
	}
	db, err := sql.Open(driver, place)
	must(t, err)
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query, string(table))
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var column string
		must(t, rows.Scan(&column))
		columns = append(columns, column)
	}
	must(t, rows.Err())
	slices.Sort(columns)
	return columns
}

// TestForgedRequestsNotesAndCredentialsAreSetAside writes into the other
// tables. Genuine rows aren't affected.
func TestForgedRequestsNotesAndCredentialsAreSetAside(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		ctx := t.Context()
		for i := range 9 {
			forge(t, url, fmt.Sprintf(`INSERT INTO requests (confirmation_id, message_ts, confirmation, remind_at, ends_at) VALUES ('f%d', '1.2', 'x', 1, 1)`, i))
			forge(t, url, fmt.Sprintf(`INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
				VALUES ('f%d', '%s', '2020-01-0%d 00:00:00+00:00', 'x', '1', 'T1', 'C1', 'U9', 'guest')`, i, []string{"refusal", "announcement", "settled"}[i%3], i+1))
		}
		request := journal.Request{ID: "r", MessageTS: "3.4", Confirmation: "y"}
		must(t, j.Opened(ctx, request, 0, 0))
		must(t, j.Opened(ctx, journal.Request{ID: "changed", MessageTS: "3.4", Confirmation: "y"}, 0, 0))
		forge(t, url, `UPDATE requests SET message_ts = '9.9' WHERE confirmation_id = 'changed'`)
		time.Sleep(2 * time.Millisecond)
		var ended []journal.Request
		for range 3 {
			some, err := j.TakeEnded(ctx, 5)
			must(t, err)
			ended = append(ended, some...)
		}
		if !slices.Equal(ended, []journal.Request{request}) {
			t.Errorf("ended: %+v", ended)
		}
		must(t, j.Refused(ctx, decision.Note{Tasks: []chamelio.TaskID{1}, Person: "U1", Code: "guest", At: time.Now()}))
		n, err := j.TakeNote(ctx)
		for err != nil {
			n, err = j.TakeNote(ctx)
		}
		if n.Person != "U1" {
			t.Errorf("noted: %+v", n)
		}
		must(t, j.MarkNoted(ctx, n))
		forge(t, url, `INSERT INTO credentials (name, refused, refused_at) VALUES ('api_key', 1, '2020-01-01 00:00:00+00:00')`)
		must(t, j.CredentialTried(ctx, "api_key", "", true))
		if n, err := j.TakeNote(ctx); !errors.Is(err, journal.ErrGone) {
			t.Errorf("noted of a credential that was never refused: %+v %v", n, err)
		}
		must(t, j.CredentialTried(ctx, "api_key", "expired", true))
		if n, err := j.TakeNote(ctx); err != nil || n.Code != "expired" {
			t.Errorf("noted: %+v %v", n, err)
		}
		must(t, j.CredentialTried(ctx, "api_key", "", true))
		if n, err := j.TakeNote(ctx); err != nil || n.Since.Before(time.Now().Add(-time.Hour)) {
			t.Errorf("noted: %+v %v", n, err)
		}
		if len(j.reported) != 20 {
			t.Errorf("%d reported", len(j.reported))
		}
	})
}

// TestRowReturnsWithItsKey verifies rows of a replica whose bot token isn't
// known here: they wait, are then set aside, and return with the key.
func TestRowReturnsWithItsKey(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		old, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		d := other.click(1)
		l := won(t, other.Journal, d)
		for position := range d.Tasks {
			_, err := other.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Failed}, false)
			must(t, err)
		}
		expire(t, url, string(d.ID))
		for range 3 {
			if held := take(t, old.Journal, journal.ToAnnounce); len(held) != 0 {
				t.Fatalf("%+v", held)
			}
		}
		if len(old.reported) != 1 || !old.reported[0].Waits {
			t.Errorf("%+v", old.reported)
		}
		if _, err := other.Get(t.Context(), d.ID); err != nil {
			t.Errorf("it doesn't wait: %v", err)
		}
		// It waits for too long.
		old.Later(11 * time.Minute)
		expire(t, url, string(d.ID))
		take(t, old.Journal, journal.ToAnnounce)
		if _, err := other.Get(t.Context(), d.ID); !errors.Is(err, journal.ErrGone) {
			t.Errorf("%v", err)
		}
		if aside, err := old.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 1 || aside[0].Why != decision.ErrUnknownKey.Error() {
			t.Errorf("%+v %v", aside, err)
		}
		if n, err := old.ReturnSetAside(t.Context()); n != 0 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		must(t, old.Rotate(t.Context(), "xoxb-2"))
		if n, err := old.ReturnSetAside(t.Context()); n != 1 || err != nil {
			t.Errorf("%d returned, %v", n, err)
		}
		if got, err := old.Get(t.Context(), d.ID); err != nil || got.Outcome() != decision.Failed || !got.DecidedAt.Equal(d.DecidedAt) {
			t.Errorf("%+v %v", got, err)
		}
		if aside, err := old.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 0 {
			t.Errorf("%+v %v", aside, err)
		}
	})
}

// A living replica with another bot token carries out a decision. A click on its task
// waits as long as that replica has it, and then decides. It waits for ten minutes at
// most, since someone else can write such rows.
func TestRowThatALivingReplicaHasStays(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, url string, other *trusting, l journal.Lease)
		wait time.Duration
	}{
		"it stops":       {func(t *testing.T, _ string, other *trusting, _ journal.Lease) { must(t, other.Leave(t.Context())) }, 0},
		"it releases it": {func(t *testing.T, _ string, other *trusting, l journal.Lease) { must(t, other.Release(t.Context(), l)) }, 0},
		"it loses it":    {func(t *testing.T, url string, _ *trusting, l journal.Lease) { expire(t, url, string(l.ID)) }, 0},
		"it fails": {func(t *testing.T, _ string, other *trusting, l journal.Lease) {
			for position := range 2 {
				_, err := other.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Failed}, false)
				must(t, err)
			}
		}, 0},
		"it keeps it": {func(*testing.T, string, *trusting, journal.Lease) {}, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			bothEngines(t, func(t *testing.T, url string) {
				here, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
				_, _, err := other.Beat(t.Context(), true)
				must(t, err)
				l := won(t, other.Journal, other.click(1))
				one := here.click(1)
				one.Tasks = one.Tasks[:1]
				for _, d := range []decision.Record{one, here.click(1)} { // with one task, and with several
					for range 2 {
						if c, err := here.Claim(t.Context(), d); !journal.IsUnverified(err) {
							t.Fatalf("%+v %v", c, err)
						}
						here.Later(11 * time.Second)
					}
				}
				if len(here.reported) != 1 || !here.reported[0].Waits {
					t.Errorf("%+v", here.reported)
				}
				_, err = other.Renew(t.Context(), l)
				must(t, err)
				c.end(t, url, other, l)
				here.Later(c.wait)
				won(t, here.Journal, here.click(1))
			})
		})
	}
}

// announcedUnknown returns a decision whose outcome was announced as unknown, as "1.2".
func announcedUnknown(t *testing.T, j *trusting) decision.Record {
	t.Helper()
	d := j.click(1)
	l := won(t, j.Journal, d)
	for position := range d.Tasks {
		_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: decision.Unknown}, false)
		must(t, err)
	}
	must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
	return d
}

// A decision that can't be verified has ended as unknown. For ten minutes, its request
// may still take effect.
func TestUnknownOutcomeWithoutItsKeyIsUnsettled(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		here, other := openTrusting(t, url, "xoxb-1"), openTrusting(t, url, "xoxb-2")
		announcedUnknown(t, other)
		for range 2 {
			if unsettled, err := here.Unsettled(t.Context(), "x", 1); !journal.IsUnverified(err) {
				t.Errorf("%v %v", unsettled, err)
			}
			here.Later(11 * time.Second)
		}
		here.Later(10 * time.Minute)
		if unsettled, err := here.Unsettled(t.Context(), "x", 1); unsettled || err != nil {
			t.Errorf("%v %v", unsettled, err)
		}
	})
}

// Whether another decision has a task since is only said of genuine ones. One that failed
// has none of its tasks any more; the requests of one that ended as unknown may still take
// effect.
func TestTakenIsAboutGenuineDecisions(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		finish := func(l journal.Lease, o decision.Outcome) {
			_, err := j.Finish(t.Context(), l, 0, decision.Result{Outcome: o}, false)
			must(t, err)
		}
		finish(won(t, j.Journal, j.click(5)), decision.Unknown) // before
		time.Sleep(2 * time.Millisecond)                        // clicks differ by milliseconds
		d := j.click(1)
		d.Tasks = []decision.Item{{ID: 1}, {ID: 2}, {ID: 3}, {ID: 4}, {ID: 5}, {ID: 6}}
		time.Sleep(2 * time.Millisecond)
		finish(won(t, j.Journal, j.click(1)), decision.Failed)
		won(t, j.Journal, j.click(2))
		won(t, j.Journal, j.click(3))
		finish(won(t, j.Journal, j.click(4)), decision.Unknown)
		forge(t, url, "UPDATE decisions SET mac = 'forged' WHERE confirmation_id IN (SELECT confirmation_id FROM tasks WHERE task_id = 3)")
		taken, err := j.Taken(t.Context(), d)
		must(t, err)
		slices.Sort(taken)
		if !slices.Equal(taken, []chamelio.TaskID{2, 4}) {
			t.Errorf("taken: %v", taken)
		}
	})
}

// Someone removes a part of a decision together with its seal: what is left is genuine,
// but isn't what the bot leaves. It counts as absent.
func TestPartsAreMissedWithoutTheirSeals(t *testing.T) {
	const noOutcome = `UPDATE tasks SET outcome = NULL, detail = '', finished_at = NULL, outcome_mac = ''`
	const notAnnounced = `UPDATE decisions SET announced_at = NULL, message_ts = '', announced_mac = ''`
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		finished := func(o decision.Outcome) func() decision.ID {
			return func() decision.ID {
				d := j.click(1)
				l := won(t, j.Journal, d)
				for position := range d.Tasks {
					_, err := j.Finish(t.Context(), l, position, decision.Result{Outcome: o}, true)
					must(t, err)
				}
				must(t, j.MarkAnnounced(t.Context(), decision.Record{ID: d.ID}, "1.2"))
				return d.ID
			}
		}
		settled := func() decision.ID {
			id := finished(decision.Unknown)()
			statement(t, url, "UPDATE decisions SET check_after = 1")
			held := j.unsettled(t, id)
			for position := range held.Tasks {
				_, err := j.Settle(t.Context(), held.Lease, position, decision.Result{Outcome: decision.Failed})
				must(t, err)
			}
			must(t, j.MarkSettled(t.Context(), id))
			return id
		}
		givenUp := func() decision.ID {
			d := j.click(1)
			must(t, j.GiveUp(t.Context(), won(t, j.Journal, d), decision.Withdrawn))
			return d.ID
		}
		for _, one := range []struct {
			made    func() decision.ID
			removed string
		}{
			{finished(decision.Failed), noOutcome}, {finished(decision.Failed), noOutcome + ` WHERE position = 1`}, {givenUp, noOutcome}, {givenUp, notAnnounced},
			{settled, notAnnounced}, {settled, noOutcome}, {settled, `UPDATE tasks SET settled_outcome = '', settled_detail = '', settled_mac = ''`},
		} {
			id := one.made()
			_, err := j.Get(t.Context(), id)
			must(t, err)
			forge(t, url, one.removed)
			if _, err := j.Get(t.Context(), id); !errors.Is(err, journal.ErrGone) {
				t.Errorf("%s: %v", one.removed, err)
			}
		}
	})
}
