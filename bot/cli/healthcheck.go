package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// dialOwn connects to an address at which this machine listens. For all
// interfaces, it uses a loopback address, over IPv6 if there is no IPv4.
func dialOwn(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err != nil || host != "" && (ip == nil || !ip.IsUnspecified()) {
		return dialer.DialContext(ctx, network, addr)
	}
	conn, err := dialer.DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		var err6 error
		if conn, err6 = dialer.DialContext(ctx, network, net.JoinHostPort("::1", port)); err6 == nil {
			return conn, nil
		}
	}
	return conn, err
}

// healthcheck asks a bot on this machine whether it is ready.
func (p Program) healthcheck(ctx context.Context, args []string) error {
	if err := p.parse("healthcheck", args, noFlags); err != nil {
		return err
	}
	addr := os.Getenv("HTTP_ADDR")
	if addr == "" {
		return usageError("healthcheck needs HTTP_ADDR, as the bot has it")
	}
	if err := checkHTTPAddr(addr); err != nil {
		return usageError("HTTP_ADDR " + err.Error())
	}
	status, answer, err := askBot(ctx, addr, "/readyz")
	switch {
	case err != nil:
		return err
	case status != http.StatusOK:
		return fmt.Errorf("not ready: %s", strings.ReplaceAll(strings.TrimSpace(answer), "\n", "; "))
	}
	fmt.Fprint(p.Out, answer)
	return nil
}

// errOtherProgram means that an address is in use by a program other than a bot.
var errOtherProgram = errors.New("another program answers at HTTP_ADDR")

// askBot asks a bot that listens at an address of this machine.
func askBot(ctx context.Context, addr, path string) (status int, answer string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://cancelbot"+path, nil)
	if err != nil {
		return 0, "", fmt.Errorf("asking the bot: %w", err)
	}
	// The bot is on this machine, so no proxy is used, whatever HTTP_PROXY
	// says.
	client := http.Client{
		Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialOwn(ctx, network, addr)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("the bot does not answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.Header.Get("Server") != serverName {
		return 0, "", errOtherProgram
	}
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	if err != nil {
		return 0, "", fmt.Errorf("the bot does not answer: %w", err)
	}
	return resp.StatusCode, string(raw), nil
}
