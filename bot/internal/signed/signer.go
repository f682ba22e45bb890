// Package signed makes and verifies everything that leaves the process and
// comes back: the confirmation in a button, the click in a modal, and the rows
// of the journal. Only a holder of the bot token can make them.
package signed

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Reasons to reject a value from outside.
var (
	ErrMalformed = errors.New("not a confirmation")
	ErrForged    = errors.New("the signature doesn't match")
	ErrExpired   = errors.New("the confirmation has expired")
)

const (
	// MaxTTL is how long a confirmation may be valid.
	MaxTTL = 30 * time.Minute

	// confirmationVersion is the prefix of every value. It changes with the
	// format, so that a value in another format is rejected, not misread.
	confirmationVersion = "3"

	// maxValue is the longest value of a button (docs.slack.dev:
	// block-kit/button element), in characters.
	maxValue = 2000

	// maxPayload is the longest payload, in bytes: base64 makes four of three,
	// and the version, the SHA-256 MAC and two dots are in the value, too.
	maxPayload = (maxValue - len(confirmationVersion) - 43 - 2) * 3 / 4

	// maxSignedURL is the longest task address in a value, in bytes. A longer
	// one is left out.
	maxSignedURL = 160
)

// Signer signs confirmations, modals and accepted clicks, with keys that every
// replica derives from the bot token and Chamelio's address. If the token is
// replaced while a replica runs, earlier signatures stay valid. If it is
// replaced while none runs, open prompts become invalid. A signature for
// the tasks at one address is never valid for those at another.
type Signer struct{ *keyring }

// NewSigner returns a signer for a bot token and for the tasks at one address
// (chamelio.AddressOf). The journal stores the keys of earlier tokens.
func NewSigner(botToken, api string, j Store, now func() time.Time) (Signer, error) {
	keys, err := newKeyring(botToken, api, j, now)
	return Signer{keys}, err
}

// NewID returns a new, unguessable ID, which says when it was made. So no one can date
// the use of a prompt back to before there was the prompt.
func NewID(at time.Time) string {
	return rand.Text()[:idRandom] + "-" + strconv.FormatInt(at.Unix(), 36)
}

// idRandom is how many random characters an ID has: 95 bits.
const idRandom = 19

// madeAt returns when an ID was made; the zero time if it doesn't say.
func madeAt(id decision.ID) time.Time {
	_, at, found := strings.Cut(string(id), "-")
	seconds, err := strconv.ParseInt(at, 36, 64)
	if !found || err != nil {
		return time.Time{}
	}
	return time.Unix(seconds, 0)
}

// Fit returns a confirmation that fits into a button. It omits or shortens, in
// this order: the tasks' steps, their addresses, the titles, the reason.
func Fit(c decision.Confirmation) decision.Confirmation {
	c = c.Storable()
	tasks, reason := c.Tasks, c.Reason
	c.Tasks = make([]decision.Named, len(tasks))
	for i, t := range tasks {
		c.Tasks[i].ID = t.ID
	}
	if room(c) < 0 {
		c.Reason = ""
		c.Reason = fit(reason, room(c))
	}
	left := room(c)
	for i, t := range tasks { // an equal share of what is left for each
		share := left / (len(tasks) - i)
		fitting := &c.Tasks[i]
		fitting.Title = fit(t.Title, share)
		share -= textSize(fitting.Title)
		if len(t.URL) <= maxSignedURL && textSize(t.URL) <= share {
			fitting.URL = t.URL
		}
		share -= textSize(fitting.URL)
		if textSize(t.Step) <= share {
			fitting.Step = t.Step
		}
		left -= textSize(fitting.Title) + textSize(fitting.URL) + textSize(fitting.Step)
	}
	return c
}

// FitsReason reports whether a confirmation's whole reason fits into a button, next to
// the numbers of its tasks.
func FitsReason(c decision.Confirmation) bool { return Fit(c).Reason == c.Storable().Reason }

// Encode returns the value of a button: version, payload and signature of the
// fitted confirmation.
func (s Signer) Encode(c decision.Confirmation) string {
	signed := confirmationVersion + "." + base64.RawURLEncoding.EncodeToString(payload(Fit(c)))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac(s.signing().confirmations, signed))
}

// payload returns the fields of a confirmation as JSON.
func payload(c decision.Confirmation) []byte {
	tasks := make([]any, 0, 4*len(c.Tasks))
	for _, t := range c.Tasks {
		tasks = append(tasks, t.ID, t.Title, t.URL, t.Step)
	}
	return plainJSON([]any{c.ID, tasks, c.Team, c.Channel, c.Thread, c.Requester, c.Reason, c.RequestedAt.Unix(), c.ExpiresAt.Unix(), c.Public, c.Untitled})
}

// tasksOf reads the tasks in a payload.
func tasksOf(raw []json.RawMessage) ([]decision.Named, error) {
	if len(raw) == 0 || len(raw)%4 != 0 {
		return nil, ErrMalformed
	}
	tasks := make([]decision.Named, len(raw)/4)
	for i := range tasks {
		t := &tasks[i]
		for field, to := range []any{&t.ID, &t.Title, &t.URL, &t.Step} {
			if json.Unmarshal(raw[4*i+field], to) != nil {
				return nil, ErrMalformed
			}
		}
	}
	return tasks, nil
}

// plainJSON encodes strings and numbers, which always succeeds.
func plainJSON(v any) []byte {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // < would become six characters
	_ = enc.Encode(v)
	return bytes.TrimSuffix(text.Bytes(), []byte("\n"))
}

// room returns how many bytes of payload are left.
func room(c decision.Confirmation) int { return maxPayload - len(payload(c)) }

// textSize returns how many bytes of payload a text takes.
func textSize(text string) int { return len(plainJSON(text)) - len(`""`) }

// fit returns text if it takes at most room bytes in JSON, or else as much of
// its beginning as does with "…" at the end. It reads each character once.
func fit(text string, room int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if textSize(text) <= room {
		return text
	}
	room -= len("…")
	for i, r := range text {
		if room -= textSize(string(r)); room >= 0 {
			continue
		}
		if begin := strings.TrimRight(text[:i], " \u200d"); begin != "" {
			return begin + "…"
		}
		break
	}
	return ""
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Decode verifies the value of a button. It uses nothing in it before the
// signature is verified. The error is ErrMalformed, ErrForged or ErrExpired;
// with ErrExpired it also returns the confirmation.
func (s Signer) Decode(value string, now time.Time) (decision.Confirmation, error) {
	return decodeBy(s.accepted(promptsOutlive), value, now)
}

// DecodeKept is Decode for a prompt that the journal has: it accepts the keys of all
// tokens that are still known.
func (s Signer) DecodeKept(value string, now time.Time) (decision.Confirmation, error) {
	return decodeBy(s.accepted(keysKept), value, now)
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
	var tasks []json.RawMessage
	fields := []any{&c.ID, &tasks, &c.Team, &c.Channel, &c.Thread, &c.Requester, &c.Reason, &requested, &expires, &c.Public, &c.Untitled}
	if json.Unmarshal(raw, &fields) != nil || len(fields) != 11 {
		return decision.Confirmation{}, ErrMalformed
	}
	if c.Tasks, err = tasksOf(tasks); err != nil {
		return decision.Confirmation{}, err
	}
	c.RequestedAt, c.ExpiresAt = time.Unix(requested, 0), time.Unix(expires, 0)
	if !now.Before(c.ExpiresAt) {
		return c, ErrExpired
	}
	return c, nil
}
