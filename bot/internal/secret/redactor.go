package secret

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

const (
	// minLength is the length from which a text counts as a secret: shorter
	// ones would match everyday words.
	minLength = 6

	// maxEscape is how much longer an escape, such as \u0041, is than its
	// character.
	maxEscape = 6

	// minRead is how much of an answer is read at a time: most are shorter.
	minRead = 1 << 10
)

// Redactor removes secrets from what servers echo: from texts, from written
// output, and from answers to HTTP requests. It also recognizes a secret that
// JSON or a URL has escaped. It is safe for concurrent use; the zero Redactor
// knows no secrets.
type Redactor struct {
	mu    sync.Mutex // for Learn
	known atomic.Pointer[known]
}

// known is the set of secrets that a Redactor looks for.
type known struct {
	secrets []string
	starts  [256]bool // first bytes of the secrets
	longest int       // length of the longest, escaped
}

// NewRedactor returns a Redactor that knows some secrets.
func NewRedactor(secrets ...Value) *Redactor {
	r := &Redactor{}
	r.Learn(secrets...)
	return r
}

// Learn adds secrets. None is forgotten, because an old key may be echoed too. One that
// is known already changes nothing: the value of a file may be learned again every few
// seconds.
func (r *Redactor) Learn(secrets ...Value) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := known{}
	if old := r.known.Load(); old != nil {
		k.secrets = append(k.secrets, old.secrets...)
	}
	for _, s := range secrets {
		if text := s.Reveal(); len(text) >= minLength && !slices.Contains(k.secrets, text) {
			k.secrets = append(k.secrets, text)
		}
	}
	if len(k.secrets) == 0 {
		return
	}
	for _, s := range k.secrets {
		k.starts[s[0]] = true
		k.longest = max(k.longest, maxEscape*len(s))
	}
	k.starts['\\'], k.starts['%'] = true, true
	r.known.Store(&k)
}

// Clean returns a text without secrets.
func (r *Redactor) Clean(text string) string {
	k := r.known.Load()
	if k == nil {
		return text
	}
	src := []byte(text)
	if _, length := k.next(src, 0, len(src)); length == 0 {
		return text
	}
	clean, _ := k.clean(nil, src, true)
	return string(clean)
}

// Writer returns a writer that removes secrets. Each Write must have whole
// lines.
func (r *Redactor) Writer(to io.Writer) io.Writer { return &writer{r, to} }

type writer struct {
	*Redactor
	to io.Writer
}

func (w *writer) Write(p []byte) (int, error) {
	clean := p
	if k := w.known.Load(); k != nil {
		clean, _ = k.clean(nil, p, true)
	}
	if _, err := w.to.Write(clean); err != nil {
		return 0, err
	}
	return len(p), nil
}

// clean appends src to dst without secrets. If more text follows src, it
// returns the rest, in which a secret may have begun.
func (k *known) clean(dst, src []byte, all bool) (clean, rest []byte) {
	end := len(src)
	if !all {
		end = max(end-k.longest+1, 0)
	}
	for i := 0; i < end; {
		at, length := k.next(src, i, end)
		dst = append(dst, src[i:at]...)
		if i = at + length; length > 0 {
			dst = append(dst, dots...)
		}
		end = max(end, i) // a secret may reach into the rest
	}
	return dst, src[end:]
}

// next finds the first secret that begins in src[from:end]. If there is none,
// it returns end and 0.
func (k *known) next(src []byte, from, end int) (at, length int) {
	for i := from; i < end; i++ {
		if k.starts[src[i]] {
			if n := k.match(src[i:]); n > 0 {
				return i, n
			}
		}
	}
	return end, 0
}

// match returns the length of the secret at the beginning of text; 0 if there
// is none.
func (k *known) match(text []byte) (longest int) {
	for _, s := range k.secrets {
		longest = max(longest, matchOne(text, s))
	}
	return longest
}

func matchOne(text []byte, secret string) int {
	n := 0
	for i := range len(secret) {
		width := escaped(text[n:], secret[i])
		if width == 0 {
			return 0
		}
		n += width
	}
	return n
}

// escaped returns how many bytes at the beginning of text encode c; 0 if none
// do.
func escaped(text []byte, c byte) int {
	hex := func(from, to int) bool {
		if len(text) < to {
			return false
		}
		n, err := strconv.ParseUint(string(text[from:to]), 16, 16)
		return err == nil && n == uint64(c)
	}
	switch {
	case len(text) == 0:
		return 0
	case text[0] == c:
		return 1
	case text[0] == '%' && hex(1, 3):
		return 3
	case text[0] == '\\' && len(text) > 1 && text[1] == 'u' && hex(2, 6):
		return 6
	case text[0] == '\\' && len(text) > 1 && text[1] == c:
		return 2
	}
	return 0
}

// Transport returns a transport whose answers and errors contain no secret.
func (r *Redactor) Transport(t http.RoundTripper) http.RoundTripper { return transport{r, t} }

type transport struct {
	*Redactor
	next http.RoundTripper
}

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, t.error(err)
	}
	resp.Status = t.Clean(resp.Status)
	for _, values := range resp.Header {
		for i, v := range values {
			values[i] = t.Clean(v)
		}
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		resp.Body, resp.ContentLength = &body{Redactor: t.Redactor, from: resp.Body}, -1
		resp.Header.Del("Content-Length")
	}
	return resp, nil
}

// error replaces an error that quotes a secret.
func (t transport) error(err error) error {
	if clean := t.Clean(err.Error()); clean != err.Error() {
		return &hiddenError{clean, err}
	}
	return err
}

// hiddenError replaces an error: errors.Is works, but the original isn't
// accessible.
type hiddenError struct {
	text   string
	hidden error
}

func (e *hiddenError) Error() string        { return e.text }
func (e *hiddenError) Is(target error) bool { return errors.Is(e.hidden, target) }

// body is the body of an answer, without secrets. It holds back only as much
// as a secret may be long.
type body struct {
	*Redactor
	from  io.ReadCloser
	raw   []byte // read, and not checked yet
	clean []byte // checked, and not passed on yet
	err   error  // the error that ended it
}

func (b *body) Read(p []byte) (int, error) {
	for len(b.clean) == 0 && b.err == nil {
		b.raw = slices.Grow(b.raw, minRead)
		n, err := b.from.Read(b.raw[len(b.raw):cap(b.raw)])
		b.raw, b.err = b.raw[:len(b.raw)+n], err
		k := b.known.Load()
		if k == nil {
			b.clean, b.raw = b.raw, nil
			continue
		}
		var rest []byte
		b.clean, rest = k.clean(nil, b.raw, err != nil)
		b.raw = b.raw[:copy(b.raw, rest)]
	}
	if len(b.clean) == 0 {
		return 0, b.err
	}
	n := copy(p, b.clean)
	b.clean = b.clean[n:]
	return n, nil
}

func (b *body) Close() error { return b.from.Close() }
