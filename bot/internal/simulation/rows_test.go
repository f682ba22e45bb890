package simulation

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/texts"
	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// forgedTask is the first of the tasks that people never ask for: only forged
// rows are about them.
const forgedTask = 9001

// forgeries are rows without a click, as an attacker with access to the
// database could write them.
var forgeries = []struct {
	what, outcome string
	copied        bool // its signatures are those of a genuine row, if there is one
	told          bool
}{
	{"a decision to carry out", "", false, false},
	{"a decision to carry out, with the signatures of another", "", true, false},
	{"an outcome to tell", "cancelled", true, false},
	{"an unknown outcome to look after", "unknown", true, true},
}

// forgeRow writes a row into the journal directly.
func (w *world) forgeRow(what int) {
	f := forgeries[what]
	if w.calm.Load() {
		return
	}
	id := decision.ID(fmt.Sprintf("forged-%d-%d", what, time.Since(w.h.from).Milliseconds()))
	confirmation, mac := "e30.e30.e30", "bm9uZQ"
	if f.copied {
		err := w.db.QueryRow(`SELECT confirmation, mac FROM decisions WHERE mac <> '' LIMIT 1`).Scan(&confirmation, &mac)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return // the journal is busy
		}
	}
	now := time.Now().Add(time.Duration(w.offset.Load()))
	var outcome, announced any
	follow := 0
	if f.outcome != "" {
		outcome = f.outcome
	}
	if f.told {
		announced, follow = now.UTC(), 1
	}
	done := w.write(`INSERT INTO tasks (confirmation_id, position, task_id, outcome, finished_at)
			VALUES ($1, 0, $2, $3, $4) ON CONFLICT DO NOTHING;
		INSERT INTO decisions (confirmation_id, team_id, channel_id, requester, confirmer, reason, requested_at, decided_at,
				announced_at, confirmation, mac, epoch, claimed_at, follow_up)
			SELECT $1, 'T0TEAM', $5, $6, $6, 'forged', $7, $7, $4, $8, $9, 1, $10, $11
			WHERE EXISTS (SELECT 1 FROM tasks WHERE confirmation_id = $1) ON CONFLICT DO NOTHING`,
		string(id), forgedTask+what, outcome, announced, slacktest.General, slacktest.Ada, now.UTC(), confirmation, mac,
		now.UnixMilli(), follow)
	if done {
		w.h.fault("world", "row", "forged", f.what)
		w.h.add(func() { w.h.forged = append(w.h.forged, id) })
	}
}

// vanishes deletes a row that its owner has just written, as a failover to a
// server that hadn't received it would.
func (j *faultyJournal) vanishes(name string, n int, id decision.ID) {
	hit := slices.ContainsFunc(j.w.plan.vanish, func(v crashPoint) bool {
		return v.slot == j.slot.number && v.boundary == name && v.nth == n
	})
	if !hit || j.w.calm.Load() {
		return
	}
	j.w.h.add(func() { j.w.h.gone = append(j.w.h.gone, vanished{time.Now(), id}) })
	if j.w.write(`DELETE FROM decisions WHERE confirmation_id = ? AND announced_at IS NULL`, string(id)) {
		j.w.h.fault("world", "row", "vanishes", short(id)+" after "+name)
		return
	}
	j.w.h.add(func() { j.w.h.gone = j.w.h.gone[:len(j.w.h.gone)-1] })
}

// write changes the journal directly; it returns false if nothing was changed.
func (w *world) write(statement string, args ...any) bool {
	db, err := sql.Open("sqlite", "file:"+w.path+"?_pragma=busy_timeout(0)&_time_format=sqlite&_txlock=immediate")
	if err != nil {
		w.fail("opening the journal to change it: %v", err)
		return false
	}
	defer db.Close()
	for range 100 {
		done, err := db.Exec(statement, args...)
		if err == nil {
			n, err := done.RowsAffected()
			return err == nil && n > 0
		}
		if !strings.Contains(err.Error(), "SQLITE_BUSY") {
			w.fail("changing the journal: %v", err)
			return false
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func (h *history) hasVanished(id decision.ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.lost(id)
}

// lost is hasVanished. It must be called with mu held.
func (h *history) lost(id decision.ID) bool {
	return slices.ContainsFunc(h.gone, func(v vanished) bool { return v.id == id })
}

// row returns a decision as it was when it was first claimed.
func (c *checker) row(id decision.ID) decision.Record {
	for _, a := range c.claims {
		if a.id == id {
			return a.row
		}
	}
	return c.rows[id]
}

// decidedTwice reports whether a prompt was decided again after the journal lost
// the first decision, or after someone else overwrote it. The second process can't
// know about the first: a request may be sent without a check, the bot's own effect
// attributed to someone else, an outcome posted again, and a task shown as kept
// whose cancel is in progress.
func (c *checker) decidedTwice(id decision.ID) bool {
	if !c.lost(id) && !slices.Contains(c.meddled, id) {
		return false
	}
	if c.rows[id].Outcome().Closed() || c.lost(id) && slices.Contains(c.w.setAside(), id) { // the owner set aside what closed the prompt
		return true
	}
	n := 0
	for _, a := range c.claims {
		if a.id == id && a.byClick {
			n++
		}
	}
	return n > 1
}

// ownerOf returns the process that had a decision when it vanished.
func (c *checker) ownerOf(v vanished) (life string) {
	for _, a := range c.claims {
		if a.id == v.id && !a.at.After(v.at) {
			life = a.life
		}
	}
	return life
}

// restoredBy reports whether a process has put a decision back that the journal had
// lost. Its requests about the other tasks were under way meanwhile.
func (c *checker) restoredBy(id decision.ID, life string) bool {
	return slices.ContainsFunc(c.lines, func(l line) bool { return l.who == life && l.what == "Restore "+short(id) })
}

// untold reports whether a person reads that the bot doesn't know what became
// of a request: the journal lost its decision, and has only the request's word
// that there was one.
func (c *checker) untold(id decision.ID, life string) bool {
	return slices.ContainsFunc(c.lines, func(l line) bool {
		return l.who == life && strings.Contains(l.what, "can't tell what became of a prompt") && strings.HasSuffix(l.what, short(id))
	})
}

// restores: an owner that stays alive also announces a decision that the
// journal lost.
func (c *checker) restores() {
	for _, v := range c.gone {
		owner := c.ownerOf(v)
		ended := slices.ContainsFunc(c.lines, func(l line) bool {
			return l.who == owner && (strings.HasPrefix(l.what, "DIES") || l.what == "is asked to stop" && l.at.Before(v.at.Add(5*time.Minute)))
		})
		prompt, announced := c.about(v.id) // the prompt alone, if it wasn't known yet that it was claimed
		told := slices.ContainsFunc(append(prompt, announced...), func(s sight) bool {
			says := understood(s.meaning)
			return says != saysOther && says != saysWaiting || len(s.tasks) > 0 || s.meaning == texts.Meaning(decision.Various)
		})
		if d := c.rows[v.id]; !ended && !told && !d.Outcome().Closed() && !c.untold(v.id, owner) {
			c.breaks("what vanished is restored", "%s vanished under %s, which lived on, and nobody was told of it", short(v.id), owner)
		}
	}
}

// setAside (law 5): nothing is done or said about a row without a click.
func (c *checker) setAside() {
	for _, id := range c.forged {
		if d, there := c.rows[id]; there {
			c.breaks("the journal is not trusted", "%s, which nobody clicked for, is not set aside but %q", id, d.Outcome())
		}
	}
	for _, id := range c.w.setAside() {
		if !slices.Contains(c.forged, id) && !slices.Contains(c.meddled, id) && !c.decidedTwice(id) && id != "" {
			c.breaks("no orphan", "%s was set aside", short(id))
		}
	}
	for _, s := range c.seen {
		if strings.Contains(s.text, forger) || strings.Contains(s.text, forgedWord) {
			c.breaks("nobody reads what somebody else wrote", "%s", s.text)
		}
	}
	for what := range forgeries {
		task := int64(forgedTask + what)
		for _, s := range c.seen {
			if strings.Contains(s.text, fmt.Sprint(task)) {
				c.breaks("the journal is not trusted", "of task %d, which only a forged row is about, was told: %s", task, s.text)
			}
		}
		if t, _ := c.w.api.Task(task); t.Status != "in_progress" {
			c.breaks("the journal is not trusted", "task %d, which only a forged row is about, is %s", task, t.Status)
		}
	}
}

// requestsEnd: if requests end in time to be checked, none is left on the
// list, and none still has its buttons, unless something prevented its last
// update.
func (c *checker) requestsEnd() {
	if c.w.plan.lifetime == 0 || len(c.w.plan.clocks) > 0 || len(c.meddled) > 0 { // a process whose clock is late waits until then
		return
	}
	var left int
	if err := c.w.db.QueryRow(`SELECT count(*) FROM requests`).Scan(&left); err != nil || left > 0 {
		c.breaks("a request ends", "%d are left on the list (%v)", left, err)
	}
	for f := range c.faults {
		if strings.HasPrefix(f, "Opened") || strings.HasPrefix(f, "chat.") {
			return
		}
	}
	if c.hindered() {
		return
	}
	for _, m := range c.w.slack.All() {
		if m.Channel == slacktest.General && m.Button("cancel_task") != nil {
			c.breaks("a request ends", "that of %s still has its buttons", short(idOn(m)))
		}
	}
}

// oneRequest: a command or a submitted modal posts one request, however often
// and wherever it is delivered.
func (c *checker) oneRequest() {
	if !c.w.plan.second || len(c.meddled) > 0 {
		return
	}
	of := map[string]string{}
	for _, s := range c.seen {
		what, where := mark.FindString(s.text), s.channel+" "+s.ts
		if !s.buttons || s.only != "" || what == "" {
			continue
		}
		if first := of[what]; first != "" && first != where {
			c.breaks("one request", "that of %s was posted at %s and %s", what, first, where)
		}
		of[what] = where
	}
}

// setAside returns what the journal has set aside.
func (w *world) setAside() (ids []decision.ID) {
	rows, err := w.db.Query(`SELECT confirmation_id FROM set_aside`)
	if err != nil {
		w.fail("reading rows that were set aside: %v", err)
		return nil
	}
	defer rows.Close()
	for rows.Next() {
		var id decision.ID
		if err := rows.Scan(&id); err != nil {
			w.fail("reading rows that were set aside: %v", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		w.fail("reading rows that were set aside: %v", err)
	}
	return ids
}
