// Package signed makes and verifies what leaves the process and comes back:
// the confirmation in a button, the click in a modal, and the rows of the
// journal. Only a holder of the bot token can make them.
package signed

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
)

// Why a value from outside is rejected.
var (
	ErrMalformed = errors.New("not a confirmation")
	ErrForged    = errors.New("the signature does not fit")
	ErrExpired   = errors.New("the confirmation has expired")
)

const (
	// MaxTTL is how long a confirmation may be valid.
	MaxTTL = 30 * time.Minute

	// confirmationVersion is the prefix of every value. It changes with the
	// format, so that a value in another format is rejected, not misread.
	confirmationVersion = "2"

	// maxValue is the longest value of a button (docs.slack.dev:
	// block-kit/button element), in characters.
	maxValue = 2000

	// maxSignedURL is the longest task address in a value, in bytes. A longer
	// one is left out.
	maxSignedURL = 160
)

// Signer signs confirmations, modals and accepted clicks, with keys that every
// replica derives from the bot token. If the token is replaced while a replica
// runs, what was signed before stays valid. If it is replaced while none runs,
// open prompts become invalid.
type Signer struct{ *keyring }

// NewSigner returns a signer for a bot token. s keeps the keys of earlier
// tokens.
func NewSigner(botToken string, j Store, now func() time.Time) (Signer, error) {
	keys, err := newKeyring(botToken, j, now)
	return Signer{keys}, err
}

// NewID returns a new, unguessable ID of a confirmation.
func NewID() string { return rand.Text() }

// Encode returns the value of a button: version, payload and signature. It
// shortens or drops the title so that the value fits.
func (s Signer) Encode(c decision.Confirmation) string {
	if len(c.URL) > maxSignedURL {
		c.URL = ""
	}
	for {
		value := s.encodeWhole(c)
		if len(value) <= maxValue || c.Title == "" {
			return value
		}
		// Base64 makes four of three; a rune has at most four bytes.
		c.Title = input.Shorten(c.Title, max(len([]rune(c.Title))-1-(len(value)-maxValue)*3/4/4, 0))
	}
}

func (s Signer) encodeWhole(c decision.Confirmation) string {
	var payload strings.Builder
	enc := json.NewEncoder(&payload)
	enc.SetEscapeHTML(false) // < would become six characters
	// A list of strings and numbers always encodes.
	_ = enc.Encode([]any{c.ID, c.Task, c.Team, c.Channel, c.Requester, c.Reason, c.RequestedAt.Unix(), c.ExpiresAt.Unix(), c.Public, c.Title, c.URL})
	signed := confirmationVersion + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.TrimSuffix(payload.String(), "\n")))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac(s.signing().confirmations, signed))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Decode verifies the value of a button. It looks at nothing in it before the
// signature is verified. The error is ErrMalformed, ErrForged or ErrExpired;
// with ErrExpired it returns the confirmation, too.
func (s Signer) Decode(value string, now time.Time) (decision.Confirmation, error) {
	return decodeBy(s.accepted(promptsOutlive), value, now)
}

func decodeBy(accepted []signingKeys, value string, now time.Time) (decision.Confirmation, error) {
	i := strings.LastIndexByte(value, '.')
	if i < 0 || len(value) > maxValue {
		return decision.Confirmation{}, ErrMalformed
	}
	signed, signature := value[:i], value[i+1:]
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return decision.Confirmation{}, ErrMalformed
	}
	if !slices.ContainsFunc(accepted, func(k signingKeys) bool { return hmac.Equal(given, mac(k.confirmations, signed)) }) {
		return decision.Confirmation{}, ErrForged
	}
	version, payload, _ := strings.Cut(signed, ".")
	if version != confirmationVersion {
		return decision.Confirmation{}, ErrMalformed
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return decision.Confirmation{}, ErrMalformed
	}
	var c decision.Confirmation
	var requested, expires int64
	fields := []any{&c.ID, &c.Task, &c.Team, &c.Channel, &c.Requester, &c.Reason, &requested, &expires, &c.Public, &c.Title, &c.URL}
	if json.Unmarshal(raw, &fields) != nil || len(fields) != 11 {
		return decision.Confirmation{}, ErrMalformed
	}
	c.RequestedAt, c.ExpiresAt = time.Unix(requested, 0), time.Unix(expires, 0)
	if !now.Before(c.ExpiresAt) {
		return c, ErrExpired
	}
	return c, nil
}

// SignClick returns the MAC of an accepted click: who, when, on what, and where
// the answer goes. Write access to the journal isn't enough to make one. No two
// are alike, so a decision can tell its row from that of another click, even in
// the same millisecond.
func (s Signer) SignClick(d decision.Record) string {
	nonce := rand.Text()
	return nonce + "." + clickMAC(s.signing().clicks, nonce, d)
}

func clickMAC(key []byte, nonce string, d decision.Record) string {
	text, err := json.Marshal([]any{nonce, d.ID, d.TaskID, d.Team, d.Channel, d.Requester, d.Confirmer, d.DecidedAt.UnixMilli(), d.ResponseURL, d.Confirmation})
	if err != nil {
		panic(err) // a list of strings and numbers always encodes
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, string(text)))
}

// Why a row of the journal is rejected.
var (
	errNoClick   = errors.New("no genuine click stands behind it")
	errUnlike    = errors.New("it differs from the confirmation that it carries")
	errLateClick = errors.New("the click came after the confirmation had expired")
)

// verify returns nil if d was made from a click by this bot or another replica.
func (s Signer) verify(d decision.Record) error {
	nonce, given, _ := strings.Cut(d.MAC, ".")
	accepted := s.accepted(rowsOutlive)
	if !slices.ContainsFunc(accepted, func(k signingKeys) bool { return hmac.Equal([]byte(clickMAC(k.clicks, nonce, d)), []byte(given)) }) {
		return errNoClick
	}
	c, err := decodeBy(accepted, d.Confirmation, d.DecidedAt)
	switch {
	case errors.Is(err, ErrExpired):
		return errLateClick
	case err != nil:
		return fmt.Errorf("its confirmation: %w", err)
	case c.ID != string(d.ID) || int64(c.Task) != d.TaskID || c.Team != d.Team || c.Channel != d.Channel ||
		c.Requester != d.Requester || c.Reason != d.Reason || c.Title != d.Title || c.URL != d.URL:
		return errUnlike
	}
	return nil
}

// errKeysAway means that a row doesn't verify with the known keys, and that the
// journal can't be asked for others.
var errKeysAway = errors.New("whether a row is genuine cannot be told now")

// genuine is verify, after loading the keys of earlier tokens if d doesn't
// verify with the known ones.
func (s Signer) genuine(ctx context.Context, d decision.Record) error {
	first := s.verify(d)
	if first == nil {
		return first
	}
	if err := s.Load(ctx); err != nil {
		return fmt.Errorf("%w: %w", errKeysAway, err)
	}
	return s.verify(d)
}

// Examine reports whether a row that was taken from the journal is genuine, so
// that it may be acted on. If it isn't, Examine calls setAside with the reason.
// If that can't be known now, it returns an error: the row comes back when its
// lease has expired.
func (s Signer) Examine(ctx context.Context, d decision.Record, setAside func(why error) error) (genuine bool, err error) {
	switch err := s.genuine(ctx, d); {
	case err == nil:
		return true, nil
	case errors.Is(err, errKeysAway):
		return false, err
	default:
		return false, setAside(err)
	}
}
