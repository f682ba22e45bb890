package journal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// certificate returns a self-signed certificate, for 127.0.0.1 or another
// host.
func certificate(t *testing.T, host string, from, until int) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Acme Databases"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().AddDate(0, 0, from), NotAfter: time.Now().AddDate(0, 0, until),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, DNSNames: []string{host},
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// pemFile writes a certificate to a file.
func pemFile(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withTLS puts TLS in front of a server, as Postgres itself speaks it: after
// the client's SSLRequest and the answer "S" (postgresql.org/docs/current/
// protocol-flow.html). It returns the URL without an sslmode.
func withTLS(t *testing.T, server string, cert tls.Certificate) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	target := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			plain, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer plain.Close()
				if _, err := io.ReadFull(plain, make([]byte, 8)); err != nil {
					return
				}
				_, _ = io.WriteString(plain, "S")
				near := tls.Server(plain, &tls.Config{Certificates: []tls.Certificate{cert}})
				far, err := net.Dial("tcp", target)
				if err != nil {
					return
				}
				defer far.Close()
				go func() {
					_, _ = io.Copy(near, far)
					_ = near.Close()
				}()
				_, _ = io.Copy(far, near)
			}()
		}
	}()
	u.Host, u.RawQuery = l.Addr().String(), ""
	return u.String()
}

func TestPostgresCertificatesAreNamed(t *testing.T) {
	good := certificate(t, "127.0.0.1", -1, 1)
	for name, one := range map[string]struct {
		cert tls.Certificate
		ca   *tls.Certificate // that sslrootcert names; the server's own if nil
		want journal.Kind
	}{
		"accepted":          {good, nil, ""},
		"unknown authority": {good, new(certificate(t, "127.0.0.1", -1, 1)), "unknown_authority"},
		"expired":           {certificate(t, "127.0.0.1", -9, -2), nil, "expired"},
		"not yet valid":     {certificate(t, "127.0.0.1", 2, 9), nil, "not_yet_valid"},
		"another host's":    {certificate(t, "db.example", -1, 1), nil, "wrong_host"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := one.cert
			if one.ca != nil {
				ca = *one.ca
			}
			at := withTLS(t, postgres(t), one.cert) + "?sslmode=verify-full&sslrootcert=" + url.QueryEscape(pemFile(t, ca))
			if got := refusedAs(t, at); got != one.want {
				t.Errorf("got %q, want %q", got, one.want)
			}
		})
	}
	if at := withTLS(t, postgres(t), good) + "?sslmode=require"; refusedAs(t, at) != "" {
		t.Error("TLS without checking is refused")
	}
	if at := strings.Replace(withTLS(t, postgres(t), good), "cancelbot@", "nobody@", 1) + "?sslmode=require"; refusedAs(t, at) != "28000" {
		t.Error("an unknown user is not refused as one")
	}
}
