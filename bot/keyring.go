package bot

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
	// handover is how long the keys of a replaced bot token go on signing, while
	// all accept the new ones: so that what one replica signs every other can
	// verify, also one that comes to use the new token a little later.
	handover = 2 * time.Minute

	// promptsOutlive and rowsOutlive are how long keys that sign no more are
	// still accepted: for as long as a prompt can be confirmed and turned, and
	// for as long as a decision can be under way, an unknown outcome included.
	promptsOutlive = MaxConfirmTTL + 5*time.Minute
	rowsOutlive    = 25 * time.Hour

	// loadKeysEvery is how often the journal is asked for earlier keys.
	loadKeysEvery = 5 * time.Second
)

// signingKeys sign confirmations, and clicks that were accepted. Every replica
// derives them from the bot token.
type signingKeys struct{ confirmations, clicks []byte }

// retired are keys of an earlier bot token.
type retired struct {
	signingKeys
	signed time.Time // until then they sign
}

// keyrings is what the keys need of the journal.
type keyrings interface {
	KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error
	SigningKeys(context.Context) ([]string, error)
}

// keyring is the keys of the bot token, and those of earlier ones for as long
// as something may be under way that they have signed. Those stand in the
// journal, sealed with a key that the new token gives, so that a restart knows
// them.
type keyring struct {
	journal keyrings
	now     func() time.Time

	changing sync.Mutex // one rotate or load at a time

	mu      sync.RWMutex
	token   string
	current signingKeys
	earlier []retired // the latest first
}

func newKeyring(botToken string, j keyrings, now func() time.Time) (*keyring, error) {
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

// accepted returns the keys whose signatures count.
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

// rotate makes another bot token's keys the current ones. It does so only once
// the keys until now are safe in the journal.
func (k *keyring) rotate(ctx context.Context, botToken string) error {
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

// load is a loop's: it learns the earlier keys that stand in the journal.
func (k *keyring) load(ctx context.Context) error {
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
			continue // of another token: nobody who has only this one may use it
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

// seal encrypts keys for whoever has a bot token. The id is the same for the
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
