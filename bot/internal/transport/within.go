package transport

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Within returns a transport that gives each request limit, until its answer
// has been read, and that fails to read an answer beyond size bytes: a client
// that reads answers whole would have to hold all of it. http.Client.Timeout
// does the former, too, but over a transport other than net/http's it starts
// two goroutines for each request.
func Within(limit time.Duration, size int, next http.RoundTripper) http.RoundTripper {
	return &within{limit, size, next}
}

type within struct {
	limit time.Duration
	size  int
	next  http.RoundTripper
}

func (w *within) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), w.limit)
	resp, err := w.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, w.size, w.size, cancel}
	return resp, nil
}

// boundedBody is an answer of at most size bytes. It ends the request's time
// when it is closed.
type boundedBody struct {
	io.ReadCloser
	size, left int
	done       context.CancelFunc
}

func (b *boundedBody) Read(p []byte) (int, error) {
	p = p[:min(len(p), max(b.left, 0)+1)] // one more than may come
	n, err := b.ReadCloser.Read(p)
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("the answer is larger than %d bytes", b.size)
	}
	return n, err
}

func (b *boundedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
