package decision

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// MaxStored is the longest text that is stored, in bytes. Ordinary input is
// never that long.
const MaxStored = 1 << 16

// Storable returns a text from outside in a form that any database can store
// and return unchanged: valid UTF-8 without NUL, of bounded length.
func Storable(text string) string {
	text = shortened(text)
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return shortened(strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD"))
}

// shortened cuts a text after a whole character, so that it has at most MaxStored
// bytes.
func shortened(text string) string {
	if len(text) <= MaxStored {
		return text
	}
	end := MaxStored
	for end > MaxStored-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// Storable returns the confirmation with its texts as any database can store
// them.
func (c Confirmation) Storable() Confirmation {
	for _, text := range []*string{&c.ID, &c.Team, &c.Channel, &c.Thread, &c.Requester, &c.Reason} {
		*text = Storable(*text)
	}
	c.Tasks = slices.Clone(c.Tasks)
	for i := range c.Tasks {
		t := &c.Tasks[i]
		t.Title, t.URL, t.Step = Storable(t.Title), Storable(t.URL), Storable(t.Step)
	}
	return c
}

// Storable returns the record with its texts as any database can store them.
// It comes before signing: a MAC covers what is stored.
func (r Record) Storable() Record {
	r.ID = ID(Storable(string(r.ID)))
	for _, text := range []*string{&r.Team, &r.Channel, &r.Thread, &r.Requester, &r.Confirmer, &r.Reason, &r.ResponseURL, &r.Confirmation} {
		*text = Storable(*text)
	}
	r.Tasks = slices.Clone(r.Tasks)
	for i := range r.Tasks {
		t := &r.Tasks[i]
		t.Title, t.URL, t.Step = Storable(t.Title), Storable(t.URL), Storable(t.Step)
	}
	return r
}

// Storable returns the note with its texts as any database can store them.
func (n Note) Storable() Note {
	n.ConfirmationID = ID(Storable(string(n.ConfirmationID)))
	for _, text := range []*string{&n.ID, &n.Team, &n.Channel, &n.Person, &n.Code} {
		*text = Storable(*text)
	}
	return n
}
