package decision

import "time"

// Backlog is the pending work of all processes. Its times are those of the
// clicks; zero if there is none.
type Backlog struct {
	Unannounced       int // decisions that are not announced yet
	OldestUnannounced time.Time
	Unknown           int // decisions whose outcome is unknown and is followed up
	OldestUnknown     time.Time
}
