package bot

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
)

// confirmation is what a prompt's buttons carry: everything that a click
// needs, so that a prompt survives restarts and any replica can serve it.
type confirmation struct {
	ID          string
	Task        chamelio.TaskID
	Team        string
	Channel     string
	Requester   string
	Reason      string
	Public      bool      // the prompt stands in the channel, for a second person
	RequestedAt time.Time // to the second
	ExpiresAt   time.Time // to the second
}

// Why a button's value is not accepted.
var (
	errMalformed = errors.New("not a confirmation")
	errForged    = errors.New("the signature does not fit")
	errExpired   = errors.New("the confirmation has expired")
)

// sealVersion begins every value. It changes with the format, so that a
// prompt of an old bot is refused as what it is and never misread.
const sealVersion = "1"

// sealer signs confirmations with a key that every replica derives from the
// bot token. Whoever rotates the token invalidates the open prompts.
type sealer struct{ key []byte }

func newSealer(botToken string) (sealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(botToken), nil, "cancelbot confirmation "+sealVersion, sha256.Size)
	if err != nil {
		return sealer{}, fmt.Errorf("deriving the key for confirmations: %w", err)
	}
	return sealer{key}, nil
}

func newConfirmationID() string { return rand.Text() }

// encode gives a button's value: version, payload and signature. Slack takes
// up to 2000 characters; the longest reason allowed stays below.
func (s sealer) encode(c confirmation) string {
	var payload strings.Builder
	enc := json.NewEncoder(&payload)
	enc.SetEscapeHTML(false) // each < would cost six characters
	// A list of strings and numbers always encodes.
	_ = enc.Encode([]any{c.ID, c.Task, c.Team, c.Channel, c.Requester, c.Reason, c.RequestedAt.Unix(), c.ExpiresAt.Unix(), c.Public})
	signed := sealVersion + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.TrimSuffix(payload.String(), "\n")))
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.sign(signed))
}

func (s sealer) sign(signed string) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(signed))
	return mac.Sum(nil)
}

// decode verifies a value. Nothing in it is looked at before the signature
// fits. With errExpired the confirmation is returned too: it says which task.
func (s sealer) decode(value string, now time.Time) (confirmation, error) {
	i := strings.LastIndexByte(value, '.')
	if i < 0 || len(value) > 2000 {
		return confirmation{}, errMalformed
	}
	signed, signature := value[:i], value[i+1:]
	mac, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return confirmation{}, errMalformed
	}
	if !hmac.Equal(mac, s.sign(signed)) {
		return confirmation{}, errForged
	}
	version, payload, _ := strings.Cut(signed, ".")
	if version != sealVersion {
		return confirmation{}, errMalformed
	}
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return confirmation{}, errMalformed
	}
	var c confirmation
	var requested, expires int64
	fields := []any{&c.ID, &c.Task, &c.Team, &c.Channel, &c.Requester, &c.Reason, &requested, &expires, &c.Public}
	if json.Unmarshal(raw, &fields) != nil || len(fields) != 9 {
		return confirmation{}, errMalformed
	}
	c.RequestedAt, c.ExpiresAt = time.Unix(requested, 0), time.Unix(expires, 0)
	if !now.Before(c.ExpiresAt) {
		return c, errExpired
	}
	return c, nil
}
