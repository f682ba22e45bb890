package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/cli/internal/otlp"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
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
func countCalls(transport http.RoundTripper, to prometheus.Registerer, name, label string, endpoint func(path string) string) http.RoundTripper {
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
// is a response_url's, which is a secret, also where it lies below the
// address.
func slackMethod(api string) func(path string) string {
	base, err := url.Parse(api)
	return func(path string) string {
		if err == nil {
			method, ok := strings.CutPrefix(path, strings.TrimSuffix(base.Path, "/")+"/")
			if ok && methodForm.MatchString(method) {
				return method
			}
		}
		return "response_url"
	}
}

// methodForm is how Slack's methods are named: apps.connections.open.
var methodForm = regexp.MustCompile(`^[a-z]+(\.[a-zA-Z]+){1,3}$`)

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// flushLimit bounds what the last spans may cost at the end.
const flushLimit = 3 * time.Second

// checkTelemetry finds what is wrong with OpenTelemetry's standard variables.
func checkTelemetry(found *findings) {
	if !otlp.Asked(os.Getenv) {
		return
	}
	_, problems := otlp.FromEnv(os.Getenv)
	for _, p := range problems {
		found.put(p)
	}
}

// telemetrySecrets are what goes with the traces and must not be logged.
func telemetrySecrets() []secret.Value {
	settings, _ := otlp.FromEnv(os.Getenv)
	var all []secret.Value
	for _, text := range settings.Secrets() {
		all = append(all, secret.New(text))
	}
	return all
}

// newTraces exports spans where that is asked for, else it returns nil. Call
// flush at the end.
func newTraces(ctx context.Context, version string, log *slog.Logger) (_ trace.TracerProvider, flush func(), err error) {
	if !otlp.Asked(os.Getenv) {
		return nil, func() {}, nil
	}
	// The SDK knows one handler for the whole process; its default writes to
	// stderr past the log.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("traces are lost", "error", err) }))
	settings, _ := otlp.FromEnv(os.Getenv) // problems have been told
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
			log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}
