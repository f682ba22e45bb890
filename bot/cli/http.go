package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
)

// checkHTTPAddr checks the form of HTTP_ADDR. As usual in Go, a port alone
// (:8080) means all interfaces.
func checkHTTPAddr(addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return errors.New("must be an address such as 127.0.0.1:8080, or :8080 for all interfaces")
	}
	return nil
}

// listenHTTP listens at the address; it returns nil if there is none.
func listenHTTP(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	if err := checkHTTPAddr(addr); err != nil {
		return nil, fmt.Errorf("HTTP_ADDR %w", err)
	}
	listener, err := listen(ctx, addr)
	if err != nil {
		return nil, failed(doctor.EnvironmentFailed(cannotListen(err)))
	}
	return listener, nil
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	return (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
}

func cannotListen(err error) environ.Problem {
	found := &findings{}
	found.add("HTTP_ADDR", "cannot be listened at: "+plainListenError(err))
	return found.all[0]
}

// addressInUse reports whether an address is in use. It also knows Windows'
// error number for it, WSAEADDRINUSE.
func addressInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, syscall.Errno(10048))
}

// plainListenError returns the cause of the error.
func plainListenError(err error) string {
	var cause *os.SyscallError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "there is no host " + dns.Name
	case errors.As(err, &cause):
		return cause.Err.Error()
	}
	return err.Error()
}

// Anyone who can reach the port could hold connections open. These limits
// bound their cost, and make sure that they don't keep others out.
const (
	maxHTTPConns      = 64
	readHeaderTimeout = 5 * time.Second
	writeTimeout      = 15 * time.Second
	idleTimeout       = time.Minute
)

// serverName is the header Server of each answer. healthcheck and check recognise a bot by
// it.
const serverName = "cancelbot"

// health serves health and metrics. It outlives the bot, so that /readyz can
// answer "stopping" while the bot drains.
type health struct{ server *http.Server }

// serveHealth starts to serve. running ends when the bot drains; stop stops
// the process.
func serveHealth(running context.Context, stop context.CancelCauseFunc, listener net.Listener, bot http.Handler, registry *prometheus.Registry) *health {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4}))
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if running.Err() != nil {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		bot.ServeHTTP(w, r)
	})
	mux.Handle("/", bot)
	conns := &newestConns{open: map[net.Conn]httpConn{}}
	h := &health{&http.Server{
		Handler: named(mux), ConnState: conns.follow,
		ReadHeaderTimeout: readHeaderTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}}
	go func() { // ends with close
		if err := h.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			stop(fmt.Errorf("serving health and metrics: %w", err))
		}
	}()
	return h
}

// named adds the server's name to each answer.
func named(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", serverName)
		next.ServeHTTP(w, r)
	})
}

// close lets requests in progress finish for a moment.
func (h *health) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if h.server.Shutdown(ctx) != nil {
		_ = h.server.Close()
	}
}

// newestConns limits the number of connections to maxHTTPConns. Beyond that it
// closes the one that has been idle longest, so that idle ones never keep a
// probe out.
type newestConns struct {
	mu   sync.Mutex
	open map[net.Conn]httpConn
}

type httpConn struct {
	busy  bool      // a request is in progress
	since time.Time // when that started or ended
}

func (c *newestConns) follow(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if state == http.StateClosed || state == http.StateHijacked {
		delete(c.open, conn)
		return
	}
	c.open[conn] = httpConn{busy: state == http.StateActive, since: time.Now()}
	if len(c.open) > maxHTTPConns {
		oldest := c.oldest()
		delete(c.open, oldest)
		_ = oldest.Close()
	}
}

// oldest returns the connection to close, preferably an idle one. It must be
// called with mu held.
func (c *newestConns) oldest() (oldest net.Conn) {
	for conn, it := range c.open {
		if best := c.open[oldest]; oldest == nil || best.busy && !it.busy || best.busy == it.busy && it.since.Before(best.since) {
			oldest = conn
		}
	}
	return oldest
}
