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

// ErrStaleKey wraps ErrUnknownKey. It means that the key is known, but its bot token was
// replaced too long ago. The key can be used again once its token is.
var ErrStaleKey error = staleKeyError{}

type staleKeyError struct{}

func (staleKeyError) Error() string { return "the key that signed it was replaced too long ago" }
func (staleKeyError) Unwrap() error { return ErrUnknownKey }

// UsableKey returns the entry in the names of the keys that says that the key with this
// name may sign now. A row with ErrStaleKey waits for that entry.
func UsableKey(name string) string { return strings.TrimSuffix(name, ".") + "!" }
