package bot

import "time"

// minTrying is for how long a process has been running before it gives anything up. An
// update or a copy may be old because no process ran, so its age alone doesn't show
// that anyone tried.
const minTrying = time.Hour

// trying knows since when this process has been trying to do what is due.
type trying struct {
	since time.Time
}

// longEnough reports whether what has been due for an age may be given up after limit.
func (t trying) longEnough(age, limit time.Duration) bool {
	return age >= limit && time.Since(t.since) >= minTrying
}
