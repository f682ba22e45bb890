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

// minToken is how long the token of a page beyond loopback is at least.
const minToken = 16

// ErrUsage means that the command's arguments are wrong.
var ErrUsage = errors.New("usage")

// Options say how a sandbox shows itself.
type Options struct {
	Bot      Bot    // makes the bot's process
	Terminal bool   // no page, but this terminal
	Addr     string // the page's address
	Token    string // needed to open the page
	NoOpen   bool   // don't open the page in a browser
}

// Define defines the command's flags.
func (o *Options) Define(flags *flag.FlagSet) {
	flags.BoolVar(&o.Terminal, "terminal", false, "no page: show the conversation in this terminal")
	flags.StringVar(&o.Addr, "addr", defaultAddr, "the page's `address`; the default moves on if its port is taken, and one beyond loopback needs --token")
	flags.StringVar(&o.Token, "token", "", "a `secret` of 16 characters or more, which is needed to open the page")
	flags.BoolVar(&o.NoOpen, "no-open", false, "don't open the page in a browser")
}

// Run runs a sandbox until ctx ends; in the terminal, until the input does.
func Run(ctx context.Context, o Options, in io.Reader, out io.Writer) error {
	if o.Terminal {
		e, err := Start(ctx, o.Bot)
		if err != nil {
			return err
		}
		t := &terminal{engine: e, out: out, me: slacktest.Ada, place: slacktest.General, shown: map[string]string{}}
		t.run(ctx, in)
		return e.Close()
	}
	listener, err := listen(o.Addr, o.Token)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "Starting the bot, and simulating Slack and Chamelio…")
	e, err := Start(ctx, o.Bot)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	return servePage(ctx, e, listener, o, out)
}

// listen takes the address, or the next free port if the default's is taken.
// Nothing listens beyond loopback without a token: anyone who reaches the page
// acts for everyone in it.
func listen(addr, token string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%w: --addr is an address with a port, such as %s", ErrUsage, defaultAddr)
	}
	if token != "" && len(token) < minToken {
		return nil, fmt.Errorf("%w: --token takes %d characters or more, such as what openssl rand -hex 16 prints", ErrUsage, minToken)
	}
	if ip := net.ParseIP(host); token == "" && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("%w: --addr beyond loopback needs --token, since anyone who reaches the page acts for everyone in it", ErrUsage)
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
