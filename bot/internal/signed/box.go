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

// seal encrypts keys for the holder of others. The result begins with the name
// of the holder's keys. The ID is the same for the same
// keys and holder, with or without an end.
func seal(holder signingKeys, keys retired) (id, sealed string, err error) {
	box, err := boxOf(holder)
	if err != nil {
		return "", "", err
	}
	plain := slices.Concat(keys.confirmations, keys.clicks, keys.box, binary.BigEndian.AppendUint64(nil, uint64(unixOrZero(keys.signed))))
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	id = base64.RawURLEncoding.EncodeToString(mac(holder.box, fmt.Sprintf("id %v %s", keys.signed.IsZero(), keys.confirmations)))
	return id, holder.id + "." + base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, plain, nil)), nil
}

func unixOrZero(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// isFor reports whether sealed keys are addressed to a holder.
func isFor(sealed string, holder signingKeys) bool { return strings.HasPrefix(sealed, holder.id+".") }

var errBroken = errors.New("sealed keys can't be opened")

func unseal(sealed string, holder signingKeys) (retired, error) {
	box, err := boxOf(holder)
	if err != nil {
		return retired{}, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, holder.id+"."))
	if err != nil || len(raw) < box.NonceSize() {
		return retired{}, errBroken
	}
	plain, err := box.Open(nil, raw[:box.NonceSize()], raw[box.NonceSize():], nil)
	const size = sha256.Size
	if err != nil || len(plain) != 3*size+8 {
		return retired{}, errBroken
	}
	keys := retired{signingKeys: signingKeys{confirmations: plain[:size], clicks: plain[size : 2*size], box: plain[2*size : 3*size]}.named()}
	if at := binary.BigEndian.Uint64(plain[3*size:]); at != 0 {
		keys.signed = time.Unix(int64(at), 0)
	}
	return keys, nil
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
