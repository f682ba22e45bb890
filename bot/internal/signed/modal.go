package signed

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
)

// maxMetadata is the longest private_metadata of a modal
// (docs.slack.dev: reference/views).
const maxMetadata = 3000

// Modal is the click that opened a modal. The modal carries it.
type Modal struct {
	Value       string // the button's
	ResponseURL string
	Ephemeral   bool // the clicked message is
}

// encoded is a modalData with its MAC, as a modal carries it.
type encoded struct {
	Value       string `json:"value"`
	ResponseURL string `json:"response_url"`
	Ephemeral   bool   `json:"ephemeral"`
	MAC         string `json:"mac"` // over the rest, and who clicked
}

// EncodeModal returns the private_metadata of a modal for user. The error is
// permanent.
func (s Signer) EncodeModal(m Modal, user string) (string, error) {
	raw, err := json.Marshal(encoded{m.Value, m.ResponseURL, m.Ephemeral, modalMAC(s.signing().clicks, m, user)})
	if err != nil || len(raw) > maxMetadata {
		return "", errors.New("the prompt doesn't fit into a modal")
	}
	return string(raw), nil
}

// DecodeModal verifies the private_metadata of a modal that user submits. The
// error is errMalformed or errForged.
func (s Signer) DecodeModal(metadata, user string) (Modal, error) {
	var e encoded
	if json.Unmarshal([]byte(metadata), &e) != nil {
		return Modal{}, ErrMalformed
	}
	m := Modal{e.Value, e.ResponseURL, e.Ephemeral}
	if !slices.ContainsFunc(s.accepted(promptsOutlive), func(k signingKeys) bool {
		return hmac.Equal([]byte(e.MAC), []byte(modalMAC(k.clicks, m, user)))
	}) {
		return Modal{}, ErrForged
	}
	return m, nil
}

func modalMAC(key []byte, m Modal, user string) string {
	text, err := json.Marshal([]any{"reason", m.Value, m.ResponseURL, m.Ephemeral, user})
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, string(text)))
}
