package simulation

import (
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// forger is the name that an attacker with access to the database uses, and
// forgedWord is in their texts: no one may be shown either.
const (
	forger     = "U0FORGER"
	forgedWord = "fabricated"
)

const changedOutcome = "an outcome that was told"

// meddlings are changes by an attacker who can write to the database, table by
// table. %s is the ID of a prompt that was shown.
var meddlings = []struct{ what, statement string }{
	{"a decision on a prompt", forgedDecision("%s", firstTask+1000)},
	{"a decision about a task", forgedDecision("fabricated-"+"%s", firstTask)},
	{"half a decision about a task", `INSERT INTO tasks (confirmation_id, position, task_id) VALUES ('half-%s', 0, 7001) ON CONFLICT DO NOTHING`},
	{"half a decision on a prompt", `INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, epoch)
		VALUES ('%s', 'T', 'C', '` + forger + `', '` + forger + `', '` + forgedWord + `', '2000-01-01 00:00:00+00:00', '2000-01-01 00:00:00+00:00', 1) ON CONFLICT DO NOTHING`},
	{changedOutcome, `DROP TRIGGER IF EXISTS tasks_announced_change; UPDATE OR IGNORE tasks SET detail = '{"title":"` + forgedWord + `"}', outcome = 'cancelled'
		WHERE confirmation_id = '%s' AND EXISTS (SELECT 1 FROM decisions d WHERE d.confirmation_id = tasks.confirmation_id AND d.announced_at IS NOT NULL)`},
	{"the message of a request", `UPDATE requests SET message_ts = '1.000001' WHERE confirmation_id = '%s'`},
	{"a request", `INSERT INTO requests (confirmation_id, message_ts, confirmation, remind_at, ends_at) VALUES ('fabricated-%s', '1.000001', 'x', 1, 1) ON CONFLICT DO NOTHING`},
	{"notes", `INSERT INTO audit (id, kind, noted_at, confirmation_id, task_ids, team_id, channel_id, person, code)
		VALUES ('fr-%[1]s', 'refusal', '2000-01-01 00:00:00+00:00', '', '7001', 'T', 'C0GENERAL', '` + forger + `', 'guest'),
			('fa-%[1]s', 'announcement', '2000-01-01 00:00:00+00:00', '%[1]s', '7001', 'T', 'C0GENERAL', '` + forger + `', 'cancelled'),
			('fs-%[1]s', 'settled', '2000-01-01 00:00:00+00:00', '%[1]s', '7001', 'T', 'C0GENERAL', '` + forger + `', 'cancelled'),
			('fk-%[1]s', 'credential', '2000-01-01 00:00:00+00:00', '', '', '', '', '` + forger + `', '` + forgedWord + `') ON CONFLICT DO NOTHING`},
	{"keys", `INSERT INTO signing_keys (id, sealed, kept_until) VALUES ('f-%s', 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB', 9000000000000) ON CONFLICT DO NOTHING`},
	{"a credential", `INSERT INTO credentials (name, refused, refused_at) VALUES ('` + forger + `%s', 1, '2000-01-01 00:00:00+00:00') ON CONFLICT DO NOTHING`},
}

// forgedDecision returns an announced decision that no one made.
func forgedDecision(id string, task int) string {
	return strings.NewReplacer("ID", id, "TASK", decimal(task)).Replace(`
		INSERT INTO tasks (confirmation_id, position, task_id, title, outcome, detail, finished_at)
			VALUES ('ID', 0, TASK, '` + forgedWord + `', 'cancelled', '{"title":"` + forgedWord + `"}', '2000-01-01 00:00:00+00:00') ON CONFLICT DO NOTHING;
		INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at, announced_at, epoch)
			SELECT 'ID', 'T', 'C0GENERAL', '` + forger + `', '` + forger + `', '` + forgedWord + `', '2000-01-01 00:00:00+00:00', '2000-01-01 00:00:00+00:00', '2000-01-01 00:00:00+00:00', 1
			WHERE EXISTS (SELECT 1 FROM tasks WHERE confirmation_id = 'ID') ON CONFLICT DO NOTHING`)
}

func decimal(n int) string {
	digits := ""
	for ; n > 0; n /= 10 {
		digits = string(rune('0'+n%10)) + digits
	}
	return digits
}

// meddle writes to the database directly.
func (w *world) meddle(what int) {
	w.look()
	w.mu.Lock()
	var id decision.ID
	for _, of := range w.marks {
		if id == "" || of < id {
			id = of
		}
	}
	w.mu.Unlock()
	if id == "" || w.calm.Load() {
		return
	}
	m := meddlings[what]
	w.h.add(func() { w.h.meddled = append(w.h.meddled, id, "fabricated-"+id, "half-"+id) })
	if w.write(strings.NewReplacer("%[1]s", string(id), "%s", string(id)).Replace(m.statement)) {
		w.h.fault("world", "row", "written by somebody else", m.what+" "+short(id))
		if m.what == changedOutcome {
			w.h.add(func() { w.h.retold = append(w.h.retold, id) })
		}
	}
}

// signOfLife (law 13): if nothing but slow facts happens, the first person to
// press sees something within three seconds.
func (c *checker) signOfLife() {
	if c.w.plan.modal || len(c.crashes) > 0 || len(c.w.plan.restarts) > 0 || c.w.plan.asleep > 0 {
		return
	}
	for f := range c.faults {
		if f != "users.info: "+slowFacts {
			return
		}
	}
	pressed := map[decision.ID]bool{}
	for _, p := range c.presses {
		if first := !pressed[p.id]; !first || !p.cancel || !p.allowed {
			pressed[p.id] = true
			continue
		}
		pressed[p.id] = true
		seen := false
		for _, s := range c.seen {
			here := s.only == p.user || s.only == "" || s.channel == "D"+p.user
			seen = seen || here && !s.at.Before(p.at) && s.at.Sub(p.at) <= 3*time.Second
		}
		if !seen {
			c.breaks("a sign of life", "%s pressed on %s at %s and saw nothing for 3 seconds", p.user, short(p.id), c.since(p.at))
		}
	}
}
