package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// away is how far Slack and Chamelio are from the bot: a round trip takes rtt
// and, evenly distributed, up to jitter more.
type away struct{ rtt, jitter time.Duration }

// far is a TCP proxy to a server at a distance. It delays bytes in both
// directions, so that a TLS handshake takes its round trips, too. Opening a TCP
// connection takes none.
type far struct {
	away
	listener net.Listener
	target   string
	conns    atomic.Int64 // opened so far
	open     sync.WaitGroup
}

func newFar(tb testing.TB, d away) *far {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	f := &far{away: d, listener: l}
	tb.Cleanup(f.open.Wait)
	tb.Cleanup(func() { _ = l.Close() })
	return f
}

// leadTo starts to serve.
func (f *far) leadTo(target string) {
	f.target = target
	f.open.Go(func() {
		for {
			near, err := f.listener.Accept()
			if err != nil {
				return
			}
			f.conns.Add(1)
			f.open.Go(func() { f.carry(near) })
		}
	})
}

func (f *far) carry(near net.Conn) {
	there, err := net.Dial("tcp", f.target)
	if err != nil {
		_ = near.Close()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { f.pass(there, near) })
	both.Go(func() { f.pass(near, there) })
	both.Wait()
}

// piece is data with its time of arrival.
type piece struct {
	at   time.Time
	text []byte
}

// pass carries bytes in one direction: each piece arrives half a round trip after
// it was sent, in order.
func (f *far) pass(to, from net.Conn) {
	pieces := make(chan piece, 1024)
	go func() {
		defer close(pieces)
		for {
			buffer := make([]byte, 32<<10)
			n, err := from.Read(buffer)
			if n > 0 {
				pieces <- piece{time.Now().Add(f.oneWay()), buffer[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.at))
		if _, err := to.Write(p.text); err != nil {
			break
		}
	}
	_ = to.Close()
	_ = from.Close()
	for range pieces { // until its reader has ended
	}
}

func (f *far) oneWay() time.Duration {
	d := f.rtt / 2
	if f.jitter > 0 {
		d += mathrand.N(f.jitter) / 2
	}
	return d
}

// newFarFakes returns fakes at a distance, over TLS and HTTP/2. Programs in
// Go and Node trust their certificate by their environment.
func newFarFakes(tb testing.TB, d away) *fakes {
	tb.Helper()
	config, ca := selfSigned(tb)
	toSlack, toChamelio := newFar(tb, d), newFar(tb, d)
	there, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s := &fakes{
		TB:    tb,
		slack: slacktest.New(slacktest.Options{Listener: tls.NewListener(there, config), URL: "https://" + toSlack.listener.Addr().String()}),
		api:   chameliotest.New(chameliotest.Options{TLS: config}),
		far:   []*far{toSlack, toChamelio},
		trust: []string{"SSL_CERT_FILE=" + ca, "NODE_EXTRA_CA_CERTS=" + ca},
	}
	tb.Cleanup(s.slack.Close)
	tb.Cleanup(s.api.Close)
	toSlack.leadTo(there.Addr().String())
	toChamelio.leadTo(s.api.URL()[len("https://"):])
	return s
}

// selfSigned makes a certificate for loopback, and a file with it.
func selfSigned(tb testing.TB) (config *tls.Config, file string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fakes"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		tb.Fatal(err)
	}
	file = filepath.Join(tb.TempDir(), "ca.pem")
	f, err := os.Create(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	if err := pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: raw}); err != nil {
		tb.Fatal(err)
	}
	certificate := tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}, file
}

// connections counts those that were opened so far, to both.
func (s *fakes) connections() (n int64) {
	for _, f := range s.far {
		n += f.conns.Load()
	}
	return n
}
