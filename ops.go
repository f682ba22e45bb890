package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cancelbot/cancelbot/bot"
	"github.com/cancelbot/cancelbot/bot/check"
)

// newRegistry begins with what the process and its build say of themselves.
func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "cancelbot_build_info", Help: "Always 1.", ConstLabels: prometheus.Labels{"version": buildVersion()},
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

// httpAddr completes HTTP_ADDR: a port alone is one on loopback.
func httpAddr(addr string) (string, error) {
	if !strings.Contains(addr, ":") {
		addr = ":" + addr
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", usageError("HTTP_ADDR is not an address such as 127.0.0.1:8080")
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", usageError("HTTP_ADDR is not an address such as 127.0.0.1:8080")
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port), nil
}

// listenHTTP takes the address; nil if there is none to take.
func listenHTTP(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	addr, err := httpAddr(addr)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("HTTP_ADDR: %w", err)
	}
	return listener, nil
}

// serveHTTP serves health and metrics until ctx ends.
func serveHTTP(ctx context.Context, listener net.Listener, b *bot.Bot, registry *prometheus.Registry, log *slog.Logger) error {
	mux := b.Health()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 15 * time.Second}
	log.Info("serving health and metrics", "addr", listener.Addr().String())
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving health and metrics: %w", err)
	}
	return nil
}

// healthcheck asks a bot on this machine whether it is ready.
func healthcheck(ctx context.Context, addr string, out io.Writer) error {
	if addr == "" {
		return usageError("healthcheck needs HTTP_ADDR, as the bot has it")
	}
	addr, err := httpAddr(addr)
	if err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking the bot: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the bot does not answer: %w", err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return fmt.Errorf("the bot does not answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %s", strings.ReplaceAll(strings.TrimSpace(string(answer)), "\n", "; "))
	}
	fmt.Fprint(out, string(answer))
	return nil
}

// errNotWell makes "check" exit with 1; what is wrong has been printed.
var errNotWell = errors.New("the bot would not work like this")

// runCheck says what of the configuration works.
func runCheck(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	flags.SetOutput(out)
	asJSON := flags.Bool("json", false, "print JSON")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return usageError("check: " + err.Error())
	}
	cfg, problems := readConfig()
	if cfg.HTTPAddr != "" {
		if _, err := httpAddr(cfg.HTTPAddr); err != nil {
			problems = append(problems, err.Error())
		}
	}
	results := check.Run(ctx, check.Settings{
		Problems: problems, Bot: cfg.bot(), Chamelio: cfg.chamelio(), Database: cfg.DatabaseURL.Reveal(),
	})
	ok, err := check.Write(out, results, *asJSON)
	if err != nil {
		return fmt.Errorf("printing what was found: %w", err)
	}
	if !ok {
		return errNotWell
	}
	return nil
}
