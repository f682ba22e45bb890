package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/cli/internal/otlp"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// flushLimit bounds the time for the last spans.
const flushLimit = 3 * time.Second

// checkTelemetry finds problems with OpenTelemetry's standard variables.
func checkTelemetry(found *findings) {
	if !otlp.Asked(os.Getenv) {
		return
	}
	_, problems := otlp.FromEnv(os.Getenv)
	for _, p := range problems {
		found.put(p)
	}
}

// telemetrySecrets returns the secrets that are sent with the traces and must
// not be logged.
func telemetrySecrets() []secret.Value {
	settings, _ := otlp.FromEnv(os.Getenv)
	var all []secret.Value
	for _, text := range settings.Secrets() {
		all = append(all, secret.New(text))
	}
	return all
}

// newTraces exports spans if the environment asks for it; otherwise it returns
// nil. The caller must call flush at the end.
func newTraces(ctx context.Context, version string, log *slog.Logger) (_ trace.TracerProvider, flush func(), err error) {
	if !otlp.Asked(os.Getenv) {
		return nil, func() {}, nil
	}
	// The SDK has one error handler for the whole process; its default writes
	// to stderr instead of the log.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces lost", "error", err) }))
	settings, _ := otlp.FromEnv(os.Getenv) // problems have been reported
	exporter, err := otlptrace.New(ctx, otlp.New(settings))
	if err != nil {
		return nil, nil, fmt.Errorf("exporting traces: %w", err)
	}
	what, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", "cancelbot"), attribute.String("service.version", version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, nil, fmt.Errorf("exporting traces (OTEL_RESOURCE_ATTRIBUTES): %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(what))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushLimit)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			log.Warn("last traces lost", "error", err)
		}
	}, nil
}
