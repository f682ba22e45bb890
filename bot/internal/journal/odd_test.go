package journal_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// TestOddValuesAreSetAside forges rows in SQLite whose ID or MAC has another
// type, or a text that no argument can have. Each is reported and set aside
// once, and blocks nothing.
func TestOddValuesAreSetAside(t *testing.T) {
	for name, value := range map[string][2]string{
		"MAC of bytes":    {`'x1'`, `x'00ff'`},
		"ID of bytes":     {`x'7831'`, `'m'`},
		"both":            {`x'7831'`, `x'00ff'`},
		"numbers":         {`1.5`, `2`},
		"NUL":             {`char(120, 0, 49)`, `char(120, 0, 49)`},
		"invalid UTF-8":   {`CAST(x'ff78' AS TEXT)`, `CAST(x'ff78' AS TEXT)`},
		"empty":           {`''`, `''`},
		"a decision's ID": {`(SELECT CAST(confirmation_id AS BLOB) FROM decisions)`, `(SELECT mac FROM decisions)`},
	} {
		t.Run(name, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
			j := openTrusting(t, url, "xoxb-1")
			genuine := j.click(1)
			won(t, j.Journal, genuine)
			forge(t, url, fmt.Sprintf(`
				CREATE TABLE value AS SELECT %s AS id, %s AS mac;
				INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch, mac)
					SELECT value.id, 'T1', 'C1', 'U', 'U', 'x', decided_at, decided_at, 1, value.mac FROM value, decisions;
				INSERT INTO tasks (confirmation_id, position, task_id) SELECT id, 0, 7 FROM value;
				INSERT INTO requests (confirmation_id, message_ts, confirmation, mac, remind_at, ends_at) SELECT id, '1.2', 'x', mac, 1, 1 FROM value;
				INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code, mac)
					SELECT id, 'refusal', '2020-01-01 00:00:00+00:00', '', '', '', '', '', '', mac FROM value`, value[0], value[1]))
			won(t, j.Journal, j.click(7))
			for range 2 {
				if held := take(t, j.Journal, journal.ToResolve); len(held) != 0 {
					t.Errorf("taken: %+v", held)
				}
				if ended, err := j.TakeEnded(t.Context(), 9); err != nil || len(ended) != 0 {
					t.Errorf("ended: %+v %v", ended, err)
				}
				if n, err := j.TakeNote(t.Context()); !errors.Is(err, journal.ErrGone) {
					t.Errorf("noted: %+v %v", n, err)
				}
				statement(t, url, `UPDATE requests SET taken_until = 0`)
				statement(t, url, `UPDATE audit SET leased_until = 0`)
			}
			aside, err := j.SetAsides(t.Context(), journal.Query{})
			if err != nil || len(aside) != 3 || len(j.reported) != 3 {
				t.Errorf("set aside: %+v %v; reported: %+v", aside, err, j.reported)
			}
			if got, err := j.Get(t.Context(), genuine.ID); err != nil || len(got.Tasks) != 2 {
				t.Errorf("the genuine decision: %+v %v", got, err)
			}
		})
	}
}

// TestTakenRowsWithOddIDsAreSetAside takes over rows whose IDs the bot can't have
// written. They don't wait for a key.
func TestTakenRowsWithOddIDsAreSetAside(t *testing.T) {
	for _, mac := range forgedSeals {
		url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
		j := openTrusting(t, url, "xoxb-1")
		for i, id := range []string{`x'7831'`, `char(120, 0, 49)`, `CAST(x'ff78' AS TEXT)`, `''`} {
			forge(t, url, fmt.Sprintf(`
				INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch, mac)
					VALUES (%s, 'T1', 'C1', 'U', 'U', 'x', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', 1, '%s');
				INSERT INTO tasks (confirmation_id, position, task_id) VALUES (%[1]s, 0, %[3]d)`, id, mac, i))
		}
		if held := take(t, j.Journal, journal.ToResolve); len(held) != 0 {
			t.Errorf("taken: %+v", held)
		}
		if aside, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != 4 || len(j.reported) != 4 {
			t.Errorf("%q: set aside: %+v %v", mac, aside, err)
		}
	}
}

// TestOddEpochHarmsOneDecision gives one of two decisions an epoch that isn't a whole
// number. It is lost, the other is renewed, and a process that takes it over keeps it.
func TestOddEpochHarmsOneDecision(t *testing.T) {
	for _, epoch := range []string{`'x'`, `0.5`, `1.5`, `x'00'`, `9e999`} {
		url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
		j := openTrusting(t, url, "xoxb-1")
		a, b := j.click(1), j.click(2)
		la, lb := won(t, j.Journal, a), won(t, j.Journal, b)
		forge(t, url, fmt.Sprintf(`UPDATE decisions SET epoch = %s WHERE confirmation_id = '%s'`, epoch, a.ID))
		if still, err := j.RenewAll(t.Context(), []journal.Lease{la, lb}); err != nil || len(still) != 1 || still[0].ID != b.ID {
			t.Errorf("epoch %s: %+v renewed, %v", epoch, still, err)
		}
		expire(t, url, string(a.ID))
		held := take(t, j.Journal, journal.ToResolve)
		if len(held) != 1 {
			t.Fatalf("epoch %s: taken: %+v", epoch, held)
		}
		if _, err := j.Renew(t.Context(), held[0].Lease); err != nil {
			t.Errorf("epoch %s: %v", epoch, err)
		}
	}
}

// TestOddReplicasFailNoHeartbeat makes up replicas whose numbers add up to more than a
// number holds.
func TestOddReplicasFailNoHeartbeat(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		_, _, err := j.Beat(t.Context(), true)
		must(t, err)
		odd := []string{"9223372036854775807", "9223372036854775807", "-5", "1"}
		if strings.HasPrefix(url, "sqlite:") {
			odd = append(odd, "'x'", "0.5", "x'00'")
		}
		for i, serving := range odd {
			statement(t, url, fmt.Sprintf(`INSERT INTO replicas (id, seen_until, serving) SELECT 'f%d', seen_until + 60000, %s FROM replicas ORDER BY seen_until LIMIT 1`, i, serving))
		}
		if alive, others, err := j.Beat(t.Context(), true); err != nil || alive != len(odd)+1 || others != 1 {
			t.Errorf("%d alive, %d others serve, %v", alive, others, err)
		}
	})
}

// TestLongRowTakesLittleMemory writes a decision with a long text and many tasks, each
// of which is read with it. It is set aside, also if its MAC is what is long.
func TestLongRowTakesLittleMemory(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j := openTrusting(t, url, "xoxb-1")
		for i, column := range []string{"reason", "mac"} {
			const size, tasks = 500_000, 500
			other := map[string]string{"reason": "mac", "mac": "reason"}[column]
			statement(t, url, fmt.Sprintf(`INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, %s, %s, requested_at, decided_at, epoch)
				VALUES ('f%d', 'T', 'C', 'U', 'U', 'x', '%s', '2020-01-01 00:00:00+00:00', '2020-01-01 00:00:00+00:00', 1)`, other, column, i, strings.Repeat("x", size)))
			parts := make([]string, tasks)
			for p := range parts {
				parts[p] = fmt.Sprintf(`('f%d', %d, %d)`, i, p, 5000+1000*i+p)
			}
			statement(t, url, `INSERT INTO tasks (confirmation_id, position, task_id) VALUES `+strings.Join(parts, ", "))
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			take(t, j.Journal, journal.ToResolve)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 50_000_000 {
				t.Errorf("%s: %d MB", column, used/1_000_000)
			}
			if aside, err := j.SetAsides(t.Context(), journal.Query{}); err != nil || len(aside) != i+1 {
				t.Errorf("%s: %d set aside, %v", column, len(aside), err)
			}
		}
	})
}
