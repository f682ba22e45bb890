package sandbox

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// defaultAddr is where the page is, if the port is free.
const defaultAddr = "127.0.0.1:8347"

// ErrUsage means that the command's arguments are wrong.
var ErrUsage = errors.New("usage")

// Command runs "cancelbot sandbox" until ctx ends; in the terminal, until the
// input does.
func Command(ctx context.Context, args []string, in io.Reader, out io.Writer, bot Bot) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(out)
	inTerminal := flags.Bool("terminal", false, "no page: show the conversation in this terminal")
	addr := flags.String("addr", defaultAddr, "the page's address, on loopback; the default moves on if its port is taken")
	quiet := flags.Bool("no-open", false, "do not open the page in a browser")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return fmt.Errorf("%w: sandbox: %w", ErrUsage, err)
	case flags.NArg() > 0:
		return fmt.Errorf("%w: sandbox takes flags only, not %q", ErrUsage, flags.Arg(0))
	}
	if *inTerminal {
		e, err := Start(ctx, bot)
		if err != nil {
			return err
		}
		t := &terminal{engine: e, out: out, me: slacktest.Ada, place: slacktest.General, shown: map[string]string{}}
		t.run(ctx, in)
		return e.Close()
	}
	listener, err := listen(*addr)
	if err != nil {
		return err
	}
	e, err := Start(ctx, bot)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return errors.Join(servePage(ctx, e, listener, out, !*quiet), e.Close())
}

// listen takes the address, or the next free port if the default's is taken.
// Nothing listens beyond loopback: whoever reaches the page acts for everybody
// in it.
func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: --addr is an address with a port, such as %s", ErrUsage, defaultAddr)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: --addr must be on loopback, such as %s", ErrUsage, defaultAddr)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil && addr == defaultAddr {
		for port := 8348; port < 8368 && err != nil; port++ {
			listener, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("making the page available: %w", err)
	}
	return listener, nil
}
