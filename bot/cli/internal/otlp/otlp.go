// Package otlp sends spans to a collector by OTLP over HTTP, as OpenTelemetry
// specifies it (opentelemetry.io/docs/specs/otlp/#otlphttp). OpenTelemetry's own
// exporter does the same, and links all of gRPC for it
// (github.com/open-telemetry/opentelemetry-go/issues/2579).
package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/cenkalti/backoff/v5"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/cancelbot/cancelbot/bot/internal/transport"
)

// When a batch is retried, and until when: the values of OpenTelemetry's own
// exporter.
const (
	firstWait   = 5 * time.Second
	longestWait = 30 * time.Second
	patience    = time.Minute
)

const (
	mediaType  = "application/x-protobuf"
	maxAnswer  = 64 << 10
	maxMessage = 200 // bounds the text quoted from a collector
)

// client implements otlptrace.Client.
type client struct {
	Config
	http    *http.Client
	stopped context.Context
	stop    context.CancelFunc
}

// New returns a client that sends spans as cfg says.
func New(cfg Config) otlptrace.Client {
	t := transport.New()
	t.TLSClientConfig = cfg.tls
	return newClient(cfg, t)
}

func newClient(cfg Config, t http.RoundTripper) *client {
	c := &client{Config: cfg, http: &http.Client{Transport: t, Timeout: cfg.timeout, CheckRedirect: stay}}
	c.stopped, c.stop = context.WithCancel(context.Background())
	return c
}

// stay follows no redirect: the headers are secrets for this collector.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Start does nothing: a connection is opened when there are spans.
func (c *client) Start(context.Context) error { return nil }

// Stop cancels the current upload.
func (c *client) Stop(context.Context) error {
	c.stop()
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends a batch, and retries if the collector asks for it or
// doesn't answer in time.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	// An ExportTraceServiceRequest has the same encoding, but its package
	// imports gRPC.
	batch, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil {
		return fmt.Errorf("encoding spans: %w", err)
	}
	if c.gzip {
		batch = compressed(batch)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.stopped, cancel)()
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval = firstWait, longestWait
	var last error
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		last = c.send(ctx, batch)
		return struct{}{}, last
	}, backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(patience))
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("sending spans: %w, after: %w", err, last)
	}
	if err != nil {
		return fmt.Errorf("sending spans: %w", err)
	}
	return nil
}

func compressed(batch []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(batch) // a buffer never fails
	_ = w.Close()
	return out.Bytes()
}

// send posts a batch once. Its errors contain neither the address, whose path
// and query can contain a key, nor the headers; an error for which no retry
// helps is marked as permanent.
func (c *client) send(ctx context.Context, batch []byte) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(batch))
	if err != nil {
		return backoff.Permanent(err)
	}
	r.Header = c.headers.Clone()
	r.Header.Set("User-Agent", "cancelbot")
	r.Header.Set("Content-Type", mediaType)
	if c.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := c.http.Do(r)
	if err != nil {
		return unanswered(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return backoff.Permanent(fmt.Errorf("reading the collector's answer: %w", err))
	}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode <= 299:
		if resp.Header.Get("Content-Type") == mediaType {
			return refusedSpans(answer)
		}
		return nil
	case triedAgain(resp.StatusCode):
		// A wait shorter than the back-off isn't worth a special case.
		if wait := transport.RetryAfter(resp.Header); wait > firstWait {
			return fmt.Errorf("the collector answers %s: %w", resp.Status, &backoff.RetryAfterError{Duration: wait})
		}
		return fmt.Errorf("the collector answers %s", resp.Status)
	}
	return backoff.Permanent(fmt.Errorf("the collector answers %s", resp.Status))
}

// unanswered returns the cause of an error, without the address around it.
func unanswered(err error) error {
	var at *url.Error
	if !errors.As(err, &at) {
		return backoff.Permanent(err)
	}
	if at.Timeout() {
		return at.Err
	}
	return backoff.Permanent(at.Err)
}

// triedAgain reports whether a status allows a retry
// (opentelemetry.io/docs/specs/otlp/#retryable-response-codes).
func triedAgain(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refusedSpans returns how many spans the collector refused, and why: field 1
// of an ExportTraceServiceResponse, the partial success, with its fields 1 and
// 2. They must not be sent again.
func refusedSpans(answer []byte) error {
	var partial, why []byte
	var refused uint64
	each(answer, func(field protowire.Number, _ uint64, content []byte) {
		if field == 1 {
			partial = content
		}
	})
	each(partial, func(field protowire.Number, number uint64, content []byte) {
		if field == 1 {
			refused = number
		}
		if field == 2 {
			why = content[:min(len(content), maxMessage)]
		}
	})
	if refused == 0 && len(why) == 0 {
		return nil
	}
	return backoff.Permanent(fmt.Errorf("the collector refused %d spans: %q", refused, why))
}

// each visits the fields of a message, up to one that cannot be read.
func each(message []byte, visit func(field protowire.Number, number uint64, content []byte)) {
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return
		}
		rest := message[n:]
		size := protowire.ConsumeFieldValue(field, kind, rest)
		if size < 0 {
			return
		}
		var number uint64
		var content []byte
		if kind == protowire.VarintType {
			number, _ = protowire.ConsumeVarint(rest)
		}
		if kind == protowire.BytesType {
			content, _ = protowire.ConsumeBytes(rest)
		}
		visit(field, number, content)
		message = rest[size:]
	}
}
