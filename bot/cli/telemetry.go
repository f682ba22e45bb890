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

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/cancelbot/cancelbot/bot/internal/doctor"
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

// tracing tells whether OpenTelemetry's standard variables ask for traces
// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables).
func tracing() bool {
	return os.Getenv("OTEL_SDK_DISABLED") != "true" && os.Getenv("OTEL_TRACES_EXPORTER") != "none" &&
		(os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != "")
}

// checkTelemetry finds what the SDK would ignore, or log and go on without.
func checkTelemetry(found *findings) {
	if !tracing() {
		return
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if value := os.Getenv(name); value != "" && !isWebAddress(value) {
			found.put(doctor.Problem{Variable: name, Found: name + " is not an http or https address",
				Remedy: "Set " + name + " to the address of a collector, such as http://127.0.0.1:4318, or remove it"})
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if value := os.Getenv(name); value != "" && value != "http/protobuf" {
			found.put(doctor.Problem{Variable: name, Found: name + " is not http/protobuf, which is how the bot sends traces",
				Remedy: "Remove " + name + ", and let the endpoint be the collector's for OTLP over HTTP (port 4318)"})
		}
	}
}

func isWebAddress(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != ""
}

// newTraces exports spans where that is asked for, else it returns nil. Call
// flush at the end.
func newTraces(ctx context.Context, version string, log *slog.Logger) (_ trace.TracerProvider, flush func(), err error) {
	if !tracing() {
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
