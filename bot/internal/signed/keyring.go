package signed

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	// handover is how long the keys of a replaced bot token still sign. In
	// that time the other replicas load the new token's keys from the journal,
	// and can verify what this one signs before and after.
	handover = 2 * time.Minute

	// promptsOutlive is how long prompts are accepted after their keys last
	// signed: as long as one can be confirmed and replaced. rowsOutlive is how
	// much later a row's click may have come: as long as another replica may
	// go on using the earlier token.
	promptsOutlive = MaxTTL + 5*time.Minute
	rowsOutlive    = 25 * time.Hour

	// keysKept is how long earlier keys are kept, to verify old rows.
	keysKept = 35 * 24 * time.Hour

	// LoadEvery is the interval at which Load must be called.
	LoadEvery = 5 * time.Second
)

// signingKeys sign confirmations, accepted clicks and what follows from them.
// Every replica derives them from the bot token. box encrypts other keys.
type signingKeys struct {
	id                         string // identifies them, and reveals nothing about them
	confirmations, clicks, box []byte
}

// retired are the keys of an earlier bot token.
type retired struct {
	signingKeys
	signed time.Time // until when they sign
}

// lent are the keys of another replica's token. That token may have been replaced,
// and revoked, without this process learning of it, so they have an end.
type lent struct {
	signingKeys
	until time.Time
}

// Store is the part of the journal that a Signer needs.
type Store interface {
	KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error
	SigningKeys(context.Context) ([]string, error)
}

// keyring has the keys of the bot token, those of earlier tokens while their
// signatures may matter, and those of later tokens, which other replicas use
// already. They are also in the journal: earlier keys encrypted with a key
// derived from the next token, so that a restart finds them, and later keys
// encrypted with one derived from the previous token, so that replicas whose
// tokens change hours apart can verify each other's signatures.
type keyring struct {
	journal Store
	now     func() time.Time

	changing sync.Mutex          // one rotate or load at a time
	opened   map[string]struct{} // sealed keys that were opened, or are broken
	report   func(error)         // of sealed keys that are broken; may be nil

	mu      sync.RWMutex
	current signingKeys
	earlier []retired // the latest first
	later   []lent    // of other replicas
}

func newKeyring(botToken string, j Store, now func() time.Time) (*keyring, error) {
	keys, err := deriveKeys(botToken)
	return &keyring{journal: j, now: now, current: keys, opened: map[string]struct{}{}}, err
}

func deriveKeys(botToken string) (keys signingKeys, err error) {
	if keys.confirmations, err = derive(botToken, "cancelbot confirmation "+confirmationVersion); err != nil {
		return signingKeys{}, err
	}
	if keys.clicks, err = derive(botToken, "cancelbot accepted click 2"); err != nil {
		return signingKeys{}, err
	}
	keys.box, err = derive(botToken, "cancelbot sealed signing keys 2")
	return keys.named(), err
}

// named returns keys with their name.
func (k signingKeys) named() signingKeys {
	k.id = base64.RawURLEncoding.EncodeToString(mac(k.clicks, "name"))[:8]
	return k
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
	for _, keys := range k.later {
		if k.now().Before(keys.until) {
			all = append(all, keys.signingKeys)
		}
	}
	for _, old := range k.earlier {
		if k.now().Before(old.signed.Add(outlive)) {
			all = append(all, old.signingKeys)
		}
	}
	return all
}

// find returns keys by their name, and the latest click that they may have
// signed; the zero time if there is none.
func (k *keyring) find(id string) (keys signingKeys, usable time.Time, known bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.current.id == id {
		return k.current, time.Time{}, true
	}
	for _, keys := range k.later {
		if keys.id == id {
			return keys.signingKeys, keys.until, true
		}
	}
	for _, old := range k.earlier {
		if old.id == id {
			return old.signingKeys, old.signed.Add(rowsOutlive), true
		}
	}
	return signingKeys{}, time.Time{}, false
}

// known returns the names of all keys.
func (k *keyring) known() (ids []string) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	ids = append(ids, k.current.id)
	for _, keys := range k.later {
		ids = append(ids, keys.id)
	}
	for _, old := range k.earlier {
		ids = append(ids, old.id)
	}
	return ids
}

// Rotate replaces the bot token, after it has stored the keys of the current
// one in the journal for holders of the new one, and those of the new one for
// holders of the current one.
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
	for _, keys := range k.later { // their replica has the next token, too, or gets it
		earlier = append(earlier, retired{keys.signingKeys, earliest(keys.until, now.Add(handover))})
	}
	slices.SortStableFunc(earlier, latestFirst)
	k.mu.RUnlock()
	earlier = slices.DeleteFunc(earlier, func(old retired) bool {
		return !now.Before(old.signed.Add(keysKept)) || old.id == next.id
	})
	for _, old := range earlier {
		if err := k.keep(ctx, next, old, old.signed.Add(keysKept).Sub(now)); err != nil {
			return err
		}
		if now.Before(old.signed.Add(rowsOutlive)) {
			if err := k.keep(ctx, old.signingKeys, retired{signingKeys: next}, rowsOutlive); err != nil {
				return err
			}
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current, k.earlier, k.later = next, earlier, nil
	return nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latestFirst(a, b retired) int { return b.signed.Compare(a.signed) }

// keep stores keys in the journal for holders of others.
func (k *keyring) keep(ctx context.Context, holder signingKeys, keys retired, long time.Duration) error {
	id, sealed, err := seal(holder, keys)
	if err != nil {
		return err
	}
	return k.journal.KeepSigningKeys(ctx, id, sealed, long)
}

// Load reads the keys of earlier and later tokens from the journal.
func (k *keyring) Load(ctx context.Context) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	found, err := k.journal.SigningKeys(ctx)
	if err != nil {
		return err
	}
	// The keys in one row may decrypt another row.
	for again := true; again; {
		again = false
		for _, sealed := range found {
			again = k.open(sealed) || again
		}
	}
	return nil
}

// open adds the keys in a row of the journal, if they can be decrypted and are
// new. It must be called with changing held.
func (k *keyring) open(sealed string) bool {
	if _, done := k.opened[sealed]; done {
		return false
	}
	for _, holder := range k.accepted(keysKept) {
		if !isFor(sealed, holder) {
			continue
		}
		if len(k.opened) < maxOpened {
			k.opened[sealed] = struct{}{}
		}
		keys, err := unseal(sealed, holder)
		if err != nil {
			if k.report != nil {
				k.report(err)
			}
			return false
		}
		return k.add(keys)
	}
	return false
}

// maxOpened bounds how many rows with keys are remembered.
const maxOpened = 4096

func (k *keyring) add(keys retired) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !keys.signed.IsZero() { // they were replaced since
		k.later = slices.DeleteFunc(k.later, func(l lent) bool { return l.id == keys.id })
	}
	switch {
	case k.knows(keys.signingKeys):
		return false
	case keys.signed.IsZero():
		k.later = append(k.later, lent{keys.signingKeys, k.now().Add(rowsOutlive)})
	default:
		k.earlier = append(k.earlier, keys)
		slices.SortStableFunc(k.earlier, latestFirst)
	}
	return true
}

// knows reports whether keys are known. It must be called with mu held.
func (k *keyring) knows(keys signingKeys) bool {
	same := func(a signingKeys) bool { return hmac.Equal(a.confirmations, keys.confirmations) }
	return same(k.current) || slices.ContainsFunc(k.later, func(l lent) bool { return same(l.signingKeys) }) ||
		slices.ContainsFunc(k.earlier, func(old retired) bool { return same(old.signingKeys) })
}

// OnBrokenKeys sets a function that is called for each row of the journal with
// keys for this process that someone else has written or changed.
func (k *keyring) OnBrokenKeys(report func(error)) { k.report = report }
