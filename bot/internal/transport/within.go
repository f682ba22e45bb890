package transport

import (
	"context"
	"io"
	"net/http"
	"time"
)

// Within returns a transport that gives each request limit, until its answer
// has been read. http.Client.Timeout does the same, but over a transport other
// than net/http's it starts two goroutines for each request.
func Within(limit time.Duration, next http.RoundTripper) http.RoundTripper {
	return &within{limit, next}
}

type within struct {
	limit time.Duration
	next  http.RoundTripper
}

func (w *within) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(req.Context(), w.limit)
	resp, err := w.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = &boundedBody{resp.Body, cancel}
	return resp, nil
}

// boundedBody ends a request's time when its answer is closed.
type boundedBody struct {
	io.ReadCloser
	done context.CancelFunc
}

func (b *boundedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}
