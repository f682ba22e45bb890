package cli

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

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
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		addr = net.JoinHostPort("127.0.0.1", port)
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("asking the bot: %w", err)
	}
	// The bot is on this machine: no proxy is asked, whatever HTTP_PROXY says.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
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
	fmt.Fprint(p.Out, string(answer))
	return nil
}
