package slacktest_test

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// ends returns both ends of a connection through a Pipe.
func ends(t *testing.T) (dialled, accepted net.Conn) {
	t.Helper()
	pipe := slacktest.NewPipe()
	t.Cleanup(func() { _ = pipe.Close() })
	came := make(chan net.Conn, 1)
	go func() {
		c, _ := pipe.Accept()
		came <- c
	}()
	dialled, err := pipe.Dial(t.Context(), "tcp", "slack.test:443")
	if err != nil {
		t.Fatal(err)
	}
	return dialled, <-came
}

func TestPipeImplementsConn(t *testing.T) {
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2 = ends(t)
		return c1, c2, func() { _, _ = c1.Close(), c2.Close() }, nil
	})
}

// As over a network, a writer doesn't wait for the other side to read.
func TestBothEndsOfAPipeMaySpeakAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := ends(t)
		for _, c := range []net.Conn{here, there} {
			_ = c.SetDeadline(time.Now().Add(time.Second))
			if _, err := c.Write([]byte("ping")); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []net.Conn{here, there} {
			got := make([]byte, 4)
			if _, err := c.Read(got); err != nil || string(got) != "ping" {
				t.Errorf("read %q, %v", got, err)
			}
			_ = c.Close()
		}
	})
}
