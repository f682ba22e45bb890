package decision

import (
	"errors"
	"strings"
)

// Seals are the MACs over what was added to a task of a decision after its
// click. Like the click's, only a holder of the signing keys can make them.
type Seals struct {
	Outcome string // over the outcome, its detail, and when it was saved
	Unsent  string // over the statement that no request can take effect any more
	Settled string // over the final result of an unknown outcome
}

// ErrUnknownKey means that a row can't be verified yet: it was sealed with a
// key that isn't known here. Another replica may use another bot token already.
var ErrUnknownKey = errors.New("it was sealed with a key that isn't known here")

// ErrStaleKey is an ErrUnknownKey about a key that is known, but was replaced for too
// long. It may be used again: then its bot token has come back.
var ErrStaleKey error = staleKeyError{}

type staleKeyError struct{}

func (staleKeyError) Error() string { return "the key that signed it had been replaced for too long" }
func (staleKeyError) Unwrap() error { return ErrUnknownKey }

// UsableKey returns what a row waits for that ErrStaleKey is about, from the name of
// the key.
func UsableKey(name string) string { return strings.TrimSuffix(name, ".") + "!" }
