package observe

import (
	"context"
	"log/slog"

	lru "github.com/hashicorp/golang-lru/v2"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/work"
)

// Tracer makes the spans from an envelope to its announcement. They carry IDs
// only, never reasons or titles.
type Tracer struct {
	tracer trace.Tracer
	// begun has the spans in which this process's decisions were made. The
	// announcement is made elsewhere and continues the trace. A decision of
	// another process gets a trace of its own.
	begun *lru.Cache[decision.ID, *trace.SpanContext]
}

const tracesKept = 4096

// NewTracer returns a tracer that reports to provider; to none if it is nil.
func NewTracer(provider trace.TracerProvider) *Tracer {
	if provider == nil {
		provider = noop.NewTracerProvider()
	}
	return &Tracer{provider.Tracer("github.com/cancelbot/cancelbot/bot"), work.NewCache[decision.ID, *trace.SpanContext](tracesKept)}
}

// Step starts a span. The caller must call end, with the error if there was
// one.
func (t *Tracer) Step(ctx context.Context, name string, ids ...attribute.KeyValue) (_ context.Context, end func(error)) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithAttributes(ids...))
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

// Traced returns a log whose lines name the trace of ctx, if there is one.
func Traced(ctx context.Context, log *slog.Logger) *slog.Logger {
	if sc := trace.SpanContextFromContext(ctx); sc.HasTraceID() {
		return log.With("trace_id", sc.TraceID().String())
	}
	return log
}

// Begin remembers the trace of a decision.
func (t *Tracer) Begin(ctx context.Context, id decision.ID) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		t.begun.Add(id, &sc)
	}
}

// Resume returns ctx within the trace of a decision, if it is remembered.
func (t *Tracer) Resume(ctx context.Context, id decision.ID) context.Context {
	if sc, ok := t.begun.Peek(id); ok {
		return trace.ContextWithSpanContext(ctx, *sc)
	}
	return ctx
}
