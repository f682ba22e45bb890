package bot

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

// Why a button's value is not accepted.
var (
	errMalformed = errors.New("not a confirmation")
	errForged    = errors.New("the signature does not fit")
	errExpired   = errors.New("the confirmation has expired")
)

const (
	// confirmationVersion begins every value. It changes with the format, so
	// that a prompt of an old bot is refused as what it is and never misread.
	confirmationVersion = "2"

	// maxValue bounds a button's value (docs.slack.dev: block-kit/button
	// element), in characters.
	maxValue = 2000

	// maxSignedURL bounds a task's address in a value, in bytes. A longer one
	// is left out.
	maxSignedURL = 160
)

// signer signs confirmations, and clicks that were accepted, with keys that
// every replica derives from the bot token. A token that is replaced while a
// replica runs takes nothing back that was signed before; one that is replaced
// while none runs invalidates the open prompts.
type signer struct{ *keyring }

func newSigner(botToken string, j keyrings, now func() time.Time) (signer, error) {
	keys, err := newKeyring(botToken, j, now)
	return signer{keys}, err
}

func newConfirmationID() string { return rand.Text() }

// encode gives a button's value: version, payload and signature. The title is
// shortened, and in the end left out, so that the whole fits.
func (s signer) encode(c decision.Confirmation) string {
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

func (s signer) encodeWhole(c decision.Confirmation) string {
	var payload strings.Builder
	enc := json.NewEncoder(&payload)
	enc.SetEscapeHTML(false) // each < would cost six characters
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

// decode verifies a value. Nothing in it is looked at before the signature
// fits. With errExpired the confirmation is returned too: it says which task.
func (s signer) decode(value string, now time.Time) (decision.Confirmation, error) {
	return decodeBy(s.accepted(promptsOutlive), value, now)
}

func decodeBy(accepted []signingKeys, value string, now time.Time) (decision.Confirmation, error) {
	i := strings.LastIndexByte(value, '.')
	if i < 0 || len(value) > maxValue {
		return decision.Confirmation{}, errMalformed
	}
	signed, signature := value[:i], value[i+1:]
	given, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return decision.Confirmation{}, errMalformed
	}
	if !slices.ContainsFunc(accepted, func(k signingKeys) bool { return hmac.Equal(given, mac(k.confirmations, signed)) }) {
		return decision.Confirmation{}, errForged
	}
	version, payload, _ := strings.Cut(signed, ".")
	if version != confirmationVersion {
		return decision.Confirmation{}, errMalformed
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return decision.Confirmation{}, errMalformed
	}
	var c decision.Confirmation
	var requested, expires int64
	fields := []any{&c.ID, &c.Task, &c.Team, &c.Channel, &c.Requester, &c.Reason, &requested, &expires, &c.Public, &c.Title, &c.URL}
	if json.Unmarshal(raw, &fields) != nil || len(fields) != 11 {
		return decision.Confirmation{}, errMalformed
	}
	c.RequestedAt, c.ExpiresAt = time.Unix(requested, 0), time.Unix(expires, 0)
	if !now.Before(c.ExpiresAt) {
		return c, errExpired
	}
	return c, nil
}

// click makes the MAC over a click that is accepted: who, when, on what, and
// where the answer goes. Whoever can only write the journal cannot make one. No
// two are alike, so that a decision tells its own row from that of another
// press, even one in the same millisecond.
func (s signer) click(d decision.Record) string {
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

// Why a row of the journal is not acted upon.
var (
	errNoClick   = errors.New("no genuine click stands behind it")
	errUnlike    = errors.New("it differs from the confirmation that it carries")
	errLateClick = errors.New("the click came after the confirmation had expired")
)

// verify tells a row that this bot, or another replica, made of a genuine
// click from any other.
func (s signer) verify(d decision.Record) error {
	nonce, given, _ := strings.Cut(d.MAC, ".")
	accepted := s.accepted(rowsOutlive)
	if !slices.ContainsFunc(accepted, func(k signingKeys) bool { return hmac.Equal([]byte(clickMAC(k.clicks, nonce, d)), []byte(given)) }) {
		return errNoClick
	}
	c, err := decodeBy(accepted, d.Confirmation, d.DecidedAt)
	switch {
	case errors.Is(err, errExpired):
		return errLateClick
	case err != nil:
		return fmt.Errorf("its confirmation: %w", err)
	case c.ID != string(d.ID) || int64(c.Task) != d.TaskID || c.Team != d.Team || c.Channel != d.Channel ||
		c.Requester != d.Requester || c.Reason != d.Reason || c.Title != d.Title || c.URL != d.URL:
		return errUnlike
	}
	return nil
}

// errKeysAway means that a row does not verify by the keys that are known, and
// that the journal does not say whether there are others.
var errKeysAway = errors.New("whether a row is genuine cannot be told now")

// genuine is verify, with the keys of earlier tokens that another process may
// have left in the journal.
func (s signer) genuine(ctx context.Context, d decision.Record) error {
	first := s.verify(d)
	if first == nil {
		return first
	}
	if err := s.load(ctx); err != nil {
		return fmt.Errorf("%w: %w", errKeysAway, err)
	}
	return s.verify(d)
}

// examine tells whether a row that was taken may be acted upon. One that no
// genuine click made is set aside. Where that cannot be told now, nothing is
// done: the row comes again when its lease has run out.
func (s signer) examine(ctx context.Context, d decision.Record, setAside func(why error) error) (genuine bool, err error) {
	switch err := s.genuine(ctx, d); {
	case err == nil:
		return true, nil
	case errors.Is(err, errKeysAway):
		return false, err
	default:
		return false, setAside(err)
	}
}
