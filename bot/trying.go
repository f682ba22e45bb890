package bot

import "time"

// trying knows since when this process has been trying to do what is due. An update or a
// copy may be old because no process ran, so its age alone doesn't show that anyone tried.
type trying struct {
	since time.Time
	least time.Duration // nothing is given up before: decision.Protocol.TryFor
}

// longEnough reports whether what has been due for an age may be given up after limit.
func (t trying) longEnough(age, limit time.Duration) bool {
	return age >= limit && time.Since(t.since) >= t.least
}
