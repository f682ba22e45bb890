package signed

import (
	"context"
	"crypto/sha256"
	"slices"
)

// maxRows bounds how many rows of sealed keys are read. Genuine ones are fewer with up to
// 48 changes of the bot token a day: all keys of 35 days, for each token that was replaced
// within the last hour and the current one, and each later one of a day for each token of
// a day.
const maxRows = 10_000

// Load reads the keys of earlier and later tokens from the journal. It stores those again
// that the last change of this process's token stored, and that the journal has lost.
func (k *keyring) Load(ctx context.Context) error {
	k.changing.Lock()
	defer k.changing.Unlock()
	if err := k.load(ctx); err != nil {
		return err
	}
	return k.storeAgain(ctx)
}

// storeAgain stores the rows again that this process stored, and that weren't there when
// the journal was read: a failover has lost them. It must be called with changing held.
func (k *keyring) storeAgain(ctx context.Context) error {
	if k.rows.some {
		return nil
	}
	there := make(map[string]struct{}, len(k.rows.opened))
	for _, id := range k.rows.opened {
		there[id] = struct{}{}
	}
	for id, row := range k.rows.stored {
		keep := row.until.Sub(k.now())
		if _, is := there[id]; is || keep <= 0 {
			continue
		}
		if err := k.journal.KeepSigningKeys(ctx, id, row.sealed, keep); err != nil {
			return err
		}
	}
	return nil
}

// load is Load. It must be called with changing held.
func (k *keyring) load(ctx context.Context) error {
	found, err := k.journal.SigningKeys(ctx, maxRows)
	if err != nil {
		return err
	}
	opened := make(map[[sha256.Size]byte]string) // without those that are gone
	for _, sealed := range found {
		hash := sha256.Sum256([]byte(sealed))
		if id, done := k.rows.opened[hash]; done {
			opened[hash] = id
		}
	}
	k.rows.opened, k.rows.some = opened, len(found) >= maxRows
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
	hash := sha256.Sum256([]byte(sealed))
	if _, done := k.rows.opened[hash]; done {
		return false
	}
	for _, holder := range k.introducers() {
		if !isFor(sealed, holder.signingKeys) {
			continue
		}
		k.rows.opened[hash] = ""
		keys, err := unseal(sealed, holder.signingKeys)
		if err != nil {
			if k.report != nil {
				k.report(err)
			}
			return false
		}
		k.rows.opened[hash] = rowID(holder.signingKeys, keys)
		return k.add(keys.within(holder))
	}
	return false
}

// introducers returns the keys whose holders may introduce others, each with
// the latest ends of what they introduce. For the current ones, those are the
// latest that any keys can have now. Keys of a token that was replaced for too
// long introduce nothing: someone else may have found it.
func (k *keyring) introducers() []otherKeys {
	k.mu.RLock()
	defer k.mu.RUnlock()
	now := k.now()
	longest := now.Add(handover + rowsOutlive)
	all := []otherKeys{{k.current, longest, longest}}
	for _, other := range k.others {
		if now.Before(other.until) {
			all = append(all, other)
		}
	}
	return all
}

// add adds keys, or replaces their ends if the keys were lent or replaced later than the
// known ends say. The ends are sealed with the keys, so an older row that someone
// restores changes nothing. add reports whether it changed anything.
func (k *keyring) add(keys otherKeys) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if keys.id == k.current.id || !k.now().Before(keys.signed.Add(keysKept)) {
		return false
	}
	i := slices.IndexFunc(k.others, func(o otherKeys) bool { return o.id == keys.id })
	switch {
	case i < 0:
		k.others = append(k.others, keys)
	case keys.newer(k.others[i]):
		k.others[i] = keys
	default:
		return false
	}
	slices.SortStableFunc(k.others, longestFirst)
	return true
}

// OnBrokenKeys sets a function that is called for each row of the journal with
// keys for this process that someone else has written or changed.
func (k *keyring) OnBrokenKeys(report func(error)) { k.report = report }
