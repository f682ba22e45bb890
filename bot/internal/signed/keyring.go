package signed

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
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

	// heldBack is how long earlier keys stay in the journal for holders of a
	// token that was replaced, so that replicas that get the next one later
	// miss none. Later, these find them through the next token's keys.
	heldBack = time.Hour

	// LoadEvery is the interval at which Load must be called.
	LoadEvery = 5 * time.Second
)

// signingKeys sign confirmations, accepted clicks and what follows from them.
// Every replica derives them from the bot token and Chamelio's address. box
// encrypts other keys.
type signingKeys struct {
	id                         string // identifies them, and reveals nothing about them
	confirmations, clicks, box []byte
}

// otherKeys are the keys of another token: an earlier one, or one that another
// replica uses already. That one may have been replaced, and revoked, without
// this process learning of it, so all of them have an end.
type otherKeys struct {
	signingKeys
	signed time.Time // until when they sign
	until  time.Time // the latest click that they may have signed
}

// lent returns keys as another replica may use them from now on.
func lent(keys signingKeys, now time.Time) otherKeys {
	end := now.Add(rowsOutlive)
	return otherKeys{keys, end, end}
}

// replaced returns keys that are replaced now.
func replaced(keys signingKeys, now time.Time) otherKeys {
	return otherKeys{keys, now.Add(handover), now.Add(handover + rowsOutlive)}
}

// within returns keys with ends that are no later than those of the keys that
// introduce them.
func (o otherKeys) within(by otherKeys) otherKeys {
	o.signed, o.until = earliest(o.signed, by.signed), earliest(o.until, by.until)
	return o
}

// newer reports whether what o says about its keys was recorded later than what than
// says. Both end a fixed time after they were recorded, so until tells which is later.
// If that is equal, the one whose keys stop signing earlier counts.
func (o otherKeys) newer(than otherKeys) bool {
	return o.until.After(than.until) || o.until.Equal(than.until) && o.signed.Before(than.signed)
}

// Store is the part of the journal that a Signer needs.
type Store interface {
	KeepSigningKeys(ctx context.Context, id, sealed string, keep time.Duration) error
	// ShortenSigningKeys keeps the rows whose sealed keys begin with a prefix for that
	// long at most, except the one with the ID spared.
	ShortenSigningKeys(ctx context.Context, prefix, spared string, keep time.Duration) error
	SigningKeys(ctx context.Context, atMost int) ([]string, error)
}

// keyring has the keys of the bot token, those of earlier tokens while their
// signatures may matter, and those of later tokens, which other replicas use
// already. They are also in the journal: earlier keys encrypted with a key
// derived from the next token, so that a restart finds them, and later keys
// encrypted with one derived from the previous token, so that replicas whose
// tokens change hours apart can verify each other's signatures. Only keys of
// tokens that this process was given ever sign.
type keyring struct {
	api     string // Chamelio's address
	journal Store
	now     func() time.Time

	changing sync.Mutex  // one rotate or load at a time
	rows     rows        // of sealed keys
	report   func(error) // of sealed keys that are broken; may be nil

	mu       sync.RWMutex
	current  signingKeys
	previous otherKeys   // this process's own, before the current ones
	others   []otherKeys // those that sign longest first
}

// rows are the journal's rows of sealed keys, as this process knows them.
type rows struct {
	opened map[[sha256.Size]byte]string // their IDs by the hashes of the sealed keys; "" if these are broken
	some   bool                         // there are more than were read
	stored map[string]storedKeys        // by their IDs: those that the last change of the token stored
}

type storedKeys struct {
	sealed string
	until  time.Time // when they end
}

func newKeyring(botToken, api string, j Store, now func() time.Time) (*keyring, error) {
	keys, err := deriveKeys(botToken, api)
	return &keyring{api: api, journal: j, now: now, current: keys}, err
}

// Now returns the time by which keys end.
func (k *keyring) Now() time.Time { return k.now() }

func deriveKeys(botToken, api string) (keys signingKeys, err error) {
	if keys.confirmations, err = derive(botToken, "cancelbot confirmation "+confirmationVersion, api); err != nil {
		return signingKeys{}, err
	}
	if keys.clicks, err = derive(botToken, "cancelbot accepted click 2", api); err != nil {
		return signingKeys{}, err
	}
	keys.box, err = derive(botToken, "cancelbot sealed signing keys 2", api)
	return keys.named(), err
}

// named returns keys with their name.
func (k signingKeys) named() signingKeys {
	k.id = base64.RawURLEncoding.EncodeToString(mac(k.clicks, "name"))[:8]
	return k
}

// derive returns a key for one purpose, and for the tasks at one address.
func derive(botToken, purpose, api string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(botToken), nil, purpose+" for "+api, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving a key from the bot token: %w", err)
	}
	return key, nil
}

// signing returns the keys that sign now.
func (k *keyring) signing() signingKeys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if k.now().Before(k.previous.signed) {
		return k.previous.signingKeys
	}
	return k.current
}

// accepted returns the keys whose signatures are valid.
func (k *keyring) accepted(outlive time.Duration) []signingKeys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	all := []signingKeys{k.current}
	for _, other := range k.others {
		if k.now().Before(other.signed.Add(outlive)) {
			all = append(all, other.signingKeys)
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
	for _, other := range k.others {
		if other.id == id {
			return other.signingKeys, other.until, true
		}
	}
	return signingKeys{}, time.Time{}, false
}

// Keys returns the names of the known keys, each with the dot that follows it in a
// MAC or a seal, and those of the keys that may sign now as decision.UsableKey has them.
func (k *keyring) Keys() []string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	names := []string{k.current.id + ".", decision.UsableKey(k.current.id)}
	for _, other := range k.others {
		names = append(names, other.id+".")
		if k.now().Before(other.until) {
			names = append(names, decision.UsableKey(other.id))
		}
	}
	return names
}

// Rotate replaces the bot token, after it has stored the keys of the current
// one, and all earlier ones, in the journal for holders of the new one, and those
// of the new one for holders of the earlier ones. These find the others through
// them, so what was stored for holders of the current one is kept no longer: else
// all earlier keys would be stored again for each token.
func (k *keyring) Rotate(ctx context.Context, botToken string) error {
	next, err := deriveKeys(botToken, k.api)
	if err != nil {
		return err
	}
	k.changing.Lock()
	defer k.changing.Unlock()
	if err := k.load(ctx); err != nil { // those that no one keeps after this
		return err
	}
	now := k.now()
	k.mu.RLock()
	last, spared := replaced(k.current, now), ""
	stored := map[string]storedKeys{}
	others := []otherKeys{last}
	for _, other := range k.others { // their replicas have the next token, too, or get it
		other.signed = earliest(other.signed, last.signed)
		others = append(others, other)
	}
	k.mu.RUnlock()
	slices.SortStableFunc(others, longestFirst)
	others = slices.DeleteFunc(others, func(old otherKeys) bool {
		return !now.Before(old.signed.Add(keysKept)) || old.id == next.id
	})
	for _, old := range others {
		id, row, err := k.keep(ctx, next, old, old.signed.Add(keysKept).Sub(now))
		if err != nil {
			return err
		}
		stored[id] = row
		if !now.Before(old.until) {
			continue
		}
		if id, row, err = k.keep(ctx, old.signingKeys, lent(next, now), rowsOutlive); err != nil {
			return err
		}
		stored[id] = row
		if old.id == last.id {
			spared = id
		}
	}
	if next.id != last.id {
		if err := k.journal.ShortenSigningKeys(ctx, last.prefix(), spared, heldBack); err != nil {
			return err
		}
	}
	k.rows.stored = stored
	k.mu.Lock()
	defer k.mu.Unlock()
	k.current, k.previous, k.others = next, last, others
	return nil
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func longestFirst(a, b otherKeys) int { return b.signed.Compare(a.signed) }

// keep stores keys in the journal for holders of others, and returns the row with its ID.
func (k *keyring) keep(ctx context.Context, holder signingKeys, keys otherKeys, long time.Duration) (id string, row storedKeys, err error) {
	id, sealed, err := seal(holder, keys)
	if err != nil {
		return "", storedKeys{}, err
	}
	return id, storedKeys{sealed, k.now().Add(long)}, k.journal.KeepSigningKeys(ctx, id, sealed, long)
}
