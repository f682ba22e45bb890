package bot

import (
	"context"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// tracer makes the spans from an envelope to its announcement. They carry ids
// only, never reasons or titles.
type tracer struct {
	trace.Tracer
	// Where the decisions under way began, by confirmation: the announcement
	// is made elsewhere, from the journal. One that another process made is a
	// trace of its own.
	begun *lru.Cache[string, trace.SpanContext]
}

const tracesKept = 4096

func newTracer(provider trace.TracerProvider) *tracer {
	if provider == nil {
		provider = noop.NewTracerProvider()
	}
	return &tracer{provider.Tracer("github.com/cancelbot/cancelbot/bot"), work.NewCache[string, trace.SpanContext](tracesKept)}
}

// step opens a span; end closes it, with the error if there was one.
func (t *tracer) step(ctx context.Context, name string, ids ...attribute.KeyValue) (_ context.Context, end func(error)) {
	ctx, span := t.Start(ctx, name, trace.WithAttributes(ids...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// begin remembers to which trace a decision belongs.
func (t *tracer) begin(ctx context.Context, confirmation string) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		t.begun.Add(confirmation, sc)
	}
}

// resume goes on with a decision's trace.
func (t *tracer) resume(ctx context.Context, confirmation string) context.Context {
	if sc, ok := t.begun.Peek(confirmation); ok {
		return trace.ContextWithSpanContext(ctx, sc)
	}
	return ctx
}
