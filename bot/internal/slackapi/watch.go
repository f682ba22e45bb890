package slackapi

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// maxWatched bounds how much of a response is read for its error.
const maxWatched = 64 << 10

// Watch returns a transport that calls refused for each response that next
// gets and in which Slack says "ok": false. The caller of the transport notices
// nothing: the response is examined when it has read it.
func Watch(next http.RoundTripper, refused func(path, code string)) http.RoundTripper {
	return &watcher{next, refused}
}

type watcher struct {
	next    http.RoundTripper
	refused func(path, code string)
}

func (w *watcher) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(r)
	if err == nil && resp.StatusCode != http.StatusSwitchingProtocols && strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		resp.Body = &watchedBody{ReadCloser: resp.Body, path: r.URL.Path, refused: w.refused}
	}
	return resp, err
}

// watchedBody keeps the part of a response that was read.
type watchedBody struct {
	io.ReadCloser
	path    string
	refused func(path, code string)
	read    []byte
	once    sync.Once
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read = append(b.read, p[:min(n, maxWatched-len(b.read))]...)
	if err != nil {
		b.once.Do(b.examine)
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.once.Do(b.examine)
	return b.ReadCloser.Close()
}

func (b *watchedBody) examine() {
	var said struct {
		OK    *bool  `json:"ok"`
		Error string `json:"error"`
	}
	if json.Unmarshal(b.read, &said) == nil && said.OK != nil && !*said.OK {
		b.refused(b.path, said.Error)
	}
	b.read = nil
}

// ResponseURL is what MethodOf calls a request to a response_url.
const ResponseURL = "response_url"

// MethodOf returns a function that maps a path to a method of the Web API at
// an address. Any other path is a response_url's, and secret, even if it is
// below the address.
func MethodOf(api string) func(path string) string {
	base, err := url.Parse(api)
	return func(path string) string {
		if err == nil {
			method, ok := strings.CutPrefix(path, strings.TrimSuffix(base.Path, "/")+"/")
			if ok && methodForm.MatchString(method) {
				return method
			}
		}
		return ResponseURL
	}
}

// methodForm is the form of Slack's methods: apps.connections.open.
var methodForm = regexp.MustCompile(`^[a-z]+(\.[a-zA-Z]+){1,3}$`)

// Codes bounds how many different error codes label a metric.
type Codes struct {
	mu   sync.Mutex
	seen map[string]bool
}

// maxCodes is how many different codes Codes.Label returns, next to "other".
const maxCodes = 50

// codeForm is the form of Slack's error codes.
var codeForm = regexp.MustCompile(`^[a-z_]{1,40}$`)

// Label returns the code, or "other" if it has another form or there are too
// many already.
func (c *Codes) Label(code string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.seen[code]:
		return code
	case !codeForm.MatchString(code), len(c.seen) >= maxCodes:
		return "other"
	case c.seen == nil:
		c.seen = map[string]bool{}
	}
	c.seen[code] = true
	return code
}
