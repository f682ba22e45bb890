package decision

import (
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// NoteKind is the kind of a Note. The journal stores these words.
type NoteKind string

// The kinds of notes.
const (
	NoteAnnouncement NoteKind = "announcement"
	NoteSettled      NoteKind = "settled"
	NoteRefusal      NoteKind = "refusal"
	NoteCredential   NoteKind = "credential" // a token or the key is refused, or accepted again
)

// Note is an entry for the audit channel.
type Note struct {
	ID             string
	Kind           NoteKind
	At             time.Time
	ConfirmationID ID                // "" for a refused command
	Tasks          []chamelio.TaskID // none for a credential
	Team, Channel  string
	Person         string    // who confirmed or was refused; for a credential, which one
	Code           string    // the outcome, or why; "" for a credential that is accepted again
	Since          time.Time // for a credential that is accepted again: when it was found refused

	Doubts int64 // posts to which Slack gave no clear answer
	Epoch  int64 // the fencing number of the process that is sending it
}
