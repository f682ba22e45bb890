package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"
)

// newRegistry begins with what the process and its build say of themselves.
func newRegistry(version string) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cancelbot_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// countCalls returns a transport that counts what an API answers, by endpoint
// and HTTP status.
func countCalls(to prometheus.Registerer, name, label string, endpoint func(path string) string) http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32 // workers come in bursts
	calls := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: name, Help: "API calls, by " + label + " and HTTP status; 0 where no answer came.",
	}, []string{label, "status"})
	to.MustRegister(calls)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		status := 0
		resp, err := transport.RoundTrip(r)
		if err == nil {
			status = resp.StatusCode
		}
		calls.WithLabelValues(endpoint(r.URL.Path), strconv.Itoa(status)).Inc()
		return resp, err
	})
}

// chamelioEndpoint names an endpoint of Chamelio's, without the task's id.
func chamelioEndpoint(path string) string {
	switch {
	case strings.HasSuffix(path, "/cancel"):
		return "cancel"
	case strings.Contains(path, "/tasks/"):
		return "task"
	}
	return "org-info"
}

// slackMethod names the methods of the Web API at an address. Any other path
// is a response_url's, which is a secret.
func slackMethod(api string) func(path string) string {
	base, err := url.Parse(api)
	return func(path string) string {
		if method, ok := strings.CutPrefix(path, base.Path); err == nil && ok {
			return method
		}
		return "response_url"
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// flushLimit bounds what the last spans may cost at the end.
const flushLimit = 3 * time.Second

// newTraces exports spans where OpenTelemetry's standard variables say so
// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables),
// else it returns nil. Call flush at the end.
func newTraces(ctx context.Context, version string, log *slog.Logger) (_ trace.TracerProvider, flush func(), err error) {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" ||
		os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return nil, func() {}, nil
	}
	// The SDK knows one handler for the whole process; its default writes to
	// stderr past the log.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "error", err) }))
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("exporting traces (OTEL_EXPORTER_OTLP_…): %w", err)
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
			log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}
