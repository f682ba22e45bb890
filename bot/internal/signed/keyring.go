package signed

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// handover is how long the keys of a replaced bot token still sign. In that
	// time the other replicas switch to the new token, and can verify what this
	// one signs before and after they do.
	handover = 2 * time.Minute

	// promptsOutlive and rowsOutlive are how long keys are accepted after they
	// signed last: as long as a prompt can be confirmed and replaced, and as
	// long as a decision can take, including the follow-up of an unknown
	// outcome.
	promptsOutlive = MaxTTL + 5*time.Minute
	rowsOutlive    = 25 * time.Hour

	// LoadEvery is the interval at which Load must be called.
	LoadEvery = 5 * time.Second
)

// signingKeys sign confirmations and accepted clicks. Every replica derives
// them from the bot token.
type signingKeys struct{ confirmations, clicks []byte }

// retired are the keys of an earlier bot token.
type retired struct {
	signingKeys
	signed time.Time // until when they sign
}

// Store is what a Signer needs from the journal.
type Store interface {
	KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error
	SigningKeys(context.Context) ([]string, error)
}

// keyring has the keys of the bot token, and those of earlier tokens while
// anything that they signed may be under way. The earlier keys are in the
// journal, too, sealed with a key derived from the new token, so that a restart
// finds them.
type keyring struct {
	journal Store
	now     func() time.Time

	changing sync.Mutex // one rotate or load at a time

	mu      sync.RWMutex
	token   string
	current signingKeys
	earlier []retired // the latest first
}

func newKeyring(botToken string, j Store, now func() time.Time) (*keyring, error) {
	keys, err := deriveKeys(botToken)
	return &keyring{journal: j, now: now, token: botToken, current: keys}, err
}

func deriveKeys(botToken string) (keys signingKeys, err error) {
	if keys.confirmations, err = derive(botToken, "cancelbot confirmation "+confirmationVersion); err != nil {
		return signingKeys{}, err
	}
	keys.clicks, err = derive(botToken, "cancelbot accepted click 1")
	return keys, err
}

func derive(botToken, purpose string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(botToken), nil, purpose, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving a key from the bot token: %w", err)
	}
	return key, nil
}

// signing returns the keys that sign now.
func (k *keyring) signing() signingKeys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if len(k.earlier) > 0 && k.now().Before(k.earlier[0].signed) {
		return k.earlier[0].signingKeys
	}
	return k.current
}

// accepted returns the keys whose signatures are valid.
func (k *keyring) accepted(outlive time.Duration) []signingKeys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	all := []signingKeys{k.current}
	for _, old := range k.earlier {
		if k.now().Before(old.signed.Add(outlive)) {
			all = append(all, old.signingKeys)
		}
	}
	return all
}

// Rotate replaces the bot token, after it has stored the keys of the current
// one in the journal.
func (k *keyring) Rotate(ctx context.Context, botToken string) error {
	next, err := deriveKeys(botToken)
	if err != nil {
		return err
	}
	k.changing.Lock()
	defer k.changing.Unlock()
	now := k.now()
	k.mu.RLock()
	earlier := append([]retired{{k.current, now.Add(handover)}}, k.earlier...)
	k.mu.RUnlock()
	earlier = slices.DeleteFunc(earlier, func(old retired) bool { return !now.Before(old.signed.Add(rowsOutlive)) })
	for _, old := range earlier {
		id, sealed, err := seal(botToken, old)
		if err != nil {
			return err
		}
		if err := k.journal.KeepSigningKeys(ctx, id, sealed, old.signed.Add(rowsOutlive).Sub(now)); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.token, k.current, k.earlier = botToken, next, earlier
	return nil
}

// Load reads the keys of earlier tokens from the journal.
func (k *keyring) Load(ctx context.Context) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	found, err := k.journal.SigningKeys(ctx)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, sealed := range found {
		old, err := unseal(k.token, sealed)
		if err != nil || k.knows(old.signingKeys) {
			continue // sealed for another token
		}
		k.earlier = append(k.earlier, old)
	}
	slices.SortFunc(k.earlier, func(a, b retired) int { return b.signed.Compare(a.signed) })
	return nil
}

func (k *keyring) knows(keys signingKeys) bool {
	same := func(a signingKeys) bool { return hmac.Equal(a.confirmations, keys.confirmations) }
	return same(k.current) || slices.ContainsFunc(k.earlier, func(old retired) bool { return same(old.signingKeys) })
}

// seal encrypts keys for holders of a bot token. The ID is the same for the
// same keys and token.
func seal(botToken string, old retired) (id, sealed string, err error) {
	box, key, err := boxOf(botToken)
	if err != nil {
		return "", "", err
	}
	plain := slices.Concat(old.confirmations, old.clicks, binary.BigEndian.AppendUint64(nil, uint64(old.signed.Unix())))
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	id = base64.RawURLEncoding.EncodeToString(mac(key, string(old.confirmations)))
	return id, base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil)), nil
}

var errSealed = errors.New("sealed with another bot token")

func unseal(botToken, sealed string) (retired, error) {
	box, _, err := boxOf(botToken)
	if err != nil {
		return retired{}, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(raw) < box.NonceSize() {
		return retired{}, errSealed
	}
	plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
	if err != nil || len(plain) != 2*sha256.Size+8 {
		return retired{}, errSealed
	}
	return retired{
		signingKeys{plain[:sha256.Size], plain[sha256.Size : 2*sha256.Size]},
		time.Unix(int64(binary.BigEndian.Uint64(plain[2*sha256.Size:])), 0),
	}, nil
}

func boxOf(botToken string) (box cipher.AEAD, key []byte, err error) {
	if key, err = derive(botToken, "cancelbot sealed signing keys 1"); err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err == nil {
		box, err = cipher.NewGCM(block)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("preparing to seal keys: %w", err)
	}
	return box, key, nil
}
