package signed

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// seal encrypts keys and their ends for the holder of others. The result begins
// with the name of the holder's keys. The ID is rowID's.
func seal(holder signingKeys, keys otherKeys) (id, sealed string, err error) {
	box, err := boxOf(holder)
	if err != nil {
		return "", "", err
	}
	plain := slices.Concat(keys.confirmations, keys.clicks, keys.box)
	for _, end := range []time.Time{keys.signed, keys.until} {
		plain = binary.BigEndian.AppendUint64(plain, uint64(end.Unix()))
	}
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	return rowID(holder, keys), holder.prefix() + base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil)), nil
}

// rowID returns the ID of the row of keys that are sealed for a holder of others. It is
// the same for the same keys and holder, but keys that were lent have another one than
// those that were replaced.
func rowID(holder signingKeys, keys otherKeys) string {
	return base64.RawURLEncoding.EncodeToString(mac(holder.box, fmt.Sprintf("id %v %s", keys.signed.Equal(keys.until), keys.confirmations)))
}

// prefix returns the start of what is sealed for a holder of keys.
func (k signingKeys) prefix() string { return k.id + "." }

// isFor reports whether sealed keys are addressed to a holder.
func isFor(sealed string, holder signingKeys) bool { return strings.HasPrefix(sealed, holder.prefix()) }

var errBroken = errors.New("sealed keys can't be opened")

func unseal(sealed string, holder signingKeys) (otherKeys, error) {
	box, err := boxOf(holder)
	if err != nil {
		return otherKeys{}, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, holder.prefix()))
	if err != nil || len(raw) < box.NonceSize() {
		return otherKeys{}, errBroken
	}
	plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
	const size = sha256.Size
	if err != nil || len(plain) != 3*size+2*8 {
		return otherKeys{}, errBroken
	}
	end := func(at int) time.Time { return time.Unix(int64(binary.BigEndian.Uint64(plain[at:])), 0) }
	return otherKeys{
		signingKeys: signingKeys{confirmations: plain[:size], clicks: plain[size : 2*size], box: plain[2*size : 3*size]}.named(),
		signed:      end(3 * size), until: end(3*size + 8),
	}, nil
}

func boxOf(holder signingKeys) (cipher.AEAD, error) {
	block, err := aes.NewCipher(holder.box)
	if err == nil {
		var box cipher.AEAD
		if box, err = cipher.NewGCM(block); err == nil {
			return box, nil
		}
	}
	return nil, fmt.Errorf("preparing to seal keys: %w", err)
}
