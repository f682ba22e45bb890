package signed

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// SignClick returns the MAC of an accepted click: who, when, on what, and
// where the answer goes. Write access to the journal isn't enough to make one.
// No two are alike, so a decision can distinguish its row from another
// click's, even in the same millisecond.
func (s Signer) SignClick(d decision.Record) string { return s.SignRow(d, "") }

// SignRow is SignClick for a row that closes a prompt, with an outcome that is
// Closed, instead of deciding anything. The row can't be turned into a decision.
//
// The address for the answer has a MAC of its own, because it is erased when
// it isn't needed any more.
func (s Signer) SignRow(d decision.Record, closed decision.Outcome) string {
	keys, nonce := s.signing(), rand.Text()
	parts := []string{keys.id, nonce, rowMAC(keys.clicks, nonce, d, closed), ""}
	if d.ResponseURL != "" {
		parts[3] = urlMAC(keys.clicks, nonce, d)
	}
	return strings.Join(parts, ".")
}

func rowMAC(key []byte, nonce string, d decision.Record, closed decision.Outcome) string {
	return sum(key, "row", nonce, closed, d.ID, d.IDs(), d.Team, d.Channel, d.Thread, d.Requester, d.Confirmer, d.DecidedAt.UnixMilli(), d.FactsAge.Milliseconds(), d.Untitled, d.Confirmation)
}

func urlMAC(key []byte, nonce string, d decision.Record) string {
	return sum(key, "response_url", nonce, d.ResponseURL)
}

// sum returns the MAC of a list of strings and numbers.
func sum(key []byte, fields ...any) string {
	text, err := json.Marshal(fields)
	if err != nil {
		panic(err) // a list of strings and numbers always encodes
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, string(text)))
}

// Reasons to reject a row of the journal.
var (
	errNoClick   = errors.New("it has no genuine click")
	errUnlike    = errors.New("it differs from the confirmation that it carries")
	errLateClick = errors.New("the click came after the confirmation had expired")
	errAhead     = errors.New("it is dated after the end of its key")
	errNoSeal    = errors.New("its seal doesn't match")
)

// VerifyRow returns nil if this bot or another replica made d from a click, or
// closed its prompt. The error is decision.ErrUnknownKey if the row's key
// isn't known, and decision.ErrStaleKey if its token was replaced too long ago.
func (s Signer) VerifyRow(d decision.Record) error {
	parts := strings.Split(d.MAC, ".")
	if len(parts) != 4 {
		return errNoClick
	}
	keys, usable, known := s.find(parts[0])
	if !known {
		return decision.ErrUnknownKey
	}
	fits := func(given, want string) bool { return hmac.Equal([]byte(given), []byte(want)) }
	closed := decision.Outcome("")
	if !fits(parts[2], rowMAC(keys.clicks, parts[1], d, closed)) {
		if closed = d.Outcome(); !closed.Closed() || !fits(parts[2], rowMAC(keys.clicks, parts[1], d, closed)) {
			return errNoClick
		}
	}
	if d.ResponseURL != "" && !fits(parts[3], urlMAC(keys.clicks, parts[1], d)) {
		return errNoClick
	}
	if err := s.inTime(usable, s.lastUse(d, closed)); err != nil {
		return err
	}
	return s.verifyConfirmation(d, closed)
}

// inTime returns nil if keys that are usable until a time (zero: without an end) could
// sign at the time at. Otherwise the error is errAhead if they can sign now, and
// decision.ErrStaleKey if they can't: their token may be used again.
func (s Signer) inTime(usable, at time.Time) error {
	switch {
	case usable.IsZero() || !at.After(usable):
		return nil
	case s.now().Before(usable):
		return errAhead
	}
	return decision.ErrStaleKey
}

// lastUse returns until when the key of a row must have been usable: until the click, or
// until now if the row is overdue. A holder of an earlier key can choose the time of a
// click, but no click is older than its prompt.
func (s Signer) lastUse(d decision.Record, closed decision.Outcome) time.Time {
	last := later(d.DecidedAt, madeAt(d.ID))
	if closed == "" && d.Overdue(s.now()) {
		return later(last, s.now())
	}
	return last
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// verifyConfirmation compares a row, whose own MAC is valid, with the
// confirmation that it carries.
func (s Signer) verifyConfirmation(d decision.Record, closed decision.Outcome) error {
	at := d.DecidedAt
	if closed != "" { // a request expires after its end
		at = time.Time{}
	}
	c, err := decodeBy(s.accepted(keysKept), d.Confirmation, at)
	switch {
	case errors.Is(err, ErrExpired):
		return errLateClick
	case errors.Is(err, ErrForged): // someone who holds the keys has accepted it
		return decision.ErrUnknownKey
	case err != nil:
		return fmt.Errorf("its confirmation: %w", err)
	case c.ID != string(d.ID) || c.Team != d.Team || c.Channel != d.Channel || c.Thread != d.Thread || c.Untitled && !d.Untitled ||
		c.Requester != d.Requester || c.Reason != d.Reason || c.RequestedAt.Unix() != d.RequestedAt.Unix() ||
		!slices.EqualFunc(c.Tasks, d.Tasks, func(t decision.Named, of decision.Item) bool {
			return t == of.Named()
		}):
		return errUnlike
	}
	return nil
}

// IsDecision reports whether the MAC of a verified row is a click's: the row
// isn't only the end of a prompt.
func (s Signer) IsDecision(d decision.Record) bool {
	parts := strings.Split(d.MAC, ".")
	if len(parts) != 4 {
		return false
	}
	keys, _, _ := s.find(parts[0])
	return hmac.Equal([]byte(parts[2]), []byte(rowMAC(keys.clicks, parts[1], d, "")))
}

// Seal returns a MAC over fields. The first one should name the kind of
// record.
func (s Signer) Seal(fields ...string) string {
	keys := s.signing()
	return keys.id + "." + sum(keys.clicks, "seal", fields)
}

// VerifySeal returns nil if seal was made by Seal, here or elsewhere, of the
// same fields, with a key that was usable at a time: when the seal was made, if
// that is known from something else, or now, if the fields are still to be used.
// The errors are those of VerifyRow.
func (s Signer) VerifySeal(seal string, at time.Time, fields ...string) error {
	id, given, ok := strings.Cut(seal, ".")
	if !ok {
		return errNoSeal
	}
	keys, usable, known := s.find(id)
	switch {
	case !known:
		return decision.ErrUnknownKey
	case !hmac.Equal([]byte(given), []byte(sum(keys.clicks, "seal", fields))):
		return errNoSeal
	}
	return s.inTime(usable, at)
}
