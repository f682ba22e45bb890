package signed

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// maxMetadata is the longest private_metadata of a modal
// (docs.slack.dev: reference/views).
const maxMetadata = 3000

// Modal is the click that opened a modal, or the shortcut. The modal carries it.
type Modal struct {
	Kind        string // its callback_id: what is signed for one modal doesn't count in another
	Value       string // the button's, or the one that the modal stands for
	ResponseURL string
	Ephemeral   bool  // only this person sees the clicked message
	Spent       int   // uses of the response_url
	Opened      int64 // when Slack gave the response_url, in Unix seconds
}

// ModalLife is how long a modal may be submitted. It carries a response_url, which Slack
// gave when it was opened and which works for 30 minutes
// (docs.slack.dev/interactivity/handling-user-interaction): the rest is for the result.
const ModalLife = 25 * time.Minute

// encoded is a Modal with its MAC, as private_metadata carries it.
type encoded struct {
	Value       string `json:"value"`
	ResponseURL string `json:"response_url"`
	Ephemeral   bool   `json:"ephemeral"`
	Spent       int    `json:"spent,omitempty"`
	Opened      int64  `json:"opened"`
	MAC         string `json:"mac"` // over the rest, and who clicked
}

// EncodeModal returns the private_metadata of a modal for user. The error is
// permanent.
func (s Signer) EncodeModal(m Modal, user string) (string, error) {
	raw, err := json.Marshal(encoded{m.Value, m.ResponseURL, m.Ephemeral, m.Spent, m.Opened, modalMAC(s.signing().clicks, m, user)})
	if err != nil || len(raw) > maxMetadata {
		return "", errors.New("the prompt doesn't fit into a modal")
	}
	return string(raw), nil
}

// DecodeModal verifies the private_metadata of a modal of a kind that user
// submits at a time. The error is ErrMalformed, ErrForged or ErrExpired.
func (s Signer) DecodeModal(kind, metadata, user string, at time.Time) (Modal, error) {
	var e encoded
	if json.Unmarshal([]byte(metadata), &e) != nil {
		return Modal{}, ErrMalformed
	}
	m := Modal{kind, e.Value, e.ResponseURL, e.Ephemeral, e.Spent, e.Opened}
	if !slices.ContainsFunc(s.accepted(promptsOutlive), func(k signingKeys) bool {
		return hmac.Equal([]byte(e.MAC), []byte(modalMAC(k.clicks, m, user)))
	}) {
		return Modal{}, ErrForged
	}
	if !at.Before(time.Unix(e.Opened, 0).Add(ModalLife)) {
		return Modal{}, ErrExpired
	}
	return m, nil
}

func modalMAC(key []byte, m Modal, user string) string {
	text, err := json.Marshal([]any{m.Kind, m.Value, m.ResponseURL, m.Ephemeral, m.Spent, m.Opened, user})
	if err != nil {
		panic(err) // a list of strings always encodes
	}
	return base64.RawURLEncoding.EncodeToString(mac(key, string(text)))
}
