package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The real names, which the proxy maps to the fakes.
const (
	slackHost, socketHost, chamelioHost = "slack.com", "wss-primary.slack.com", "platform.chamelio.ai"
)

// corporateNetwork is a network in which everything goes through a proxy with a
// password, and TLS is inspected: the certificates are from a private authority.
type corporateNetwork struct {
	front *httptest.Server
	proxy *httptest.Server
	ca    string // the authority's certificate, a PEM file

	mu       sync.Mutex
	reached  map[string]int // CONNECT requests by host
	rejected int            // requests without the password
}

const proxyPassword = "proxy-password"

func newCorporateNetwork(t *testing.T, s *fakes) *corporateNetwork {
	t.Helper()
	n := &corporateNetwork{reached: map[string]int{}, ca: filepath.Join(t.TempDir(), "ca.pem")}
	certificate := n.issue(t)
	slack, err := url.Parse(s.slack.URL())
	if err != nil {
		t.Fatal(err)
	}
	chamelio, err := url.Parse(s.api.URL())
	if err != nil {
		t.Fatal(err)
	}
	n.front = httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to := slack
			if r.In.Host == chamelioHost {
				to = chamelio
			}
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = to.Scheme, to.Host, to.Host
		},
		ModifyResponse: func(resp *http.Response) error { return renameSocket(resp, slack.Host) },
	})
	n.front.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	n.front.StartTLS()
	t.Cleanup(n.front.Close)
	n.proxy = httptest.NewServer(http.HandlerFunc(n.connect))
	t.Cleanup(n.proxy.Close)
	return n
}

// renameSocket replaces the fake's own address of the WebSocket.
func renameSocket(resp *http.Response, host string) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	for _, plain := range []string{"ws://" + host, `ws:\/\/` + host} {
		body = bytes.ReplaceAll(body, []byte(plain), []byte("wss://"+socketHost))
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	resp.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}

// issue creates the authority, and a certificate for all names.
func (n *corporateNetwork) issue(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Corporate CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{slackHost, socketHost, chamelioHost},
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(n.ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// connect answers CONNECT with a connection to the front, whatever the host.
func (n *corporateNetwork) connect(w http.ResponseWriter, r *http.Request) {
	given := strings.TrimPrefix(r.Header.Get("Proxy-Authorization"), "Basic ")
	known := given == base64.StdEncoding.EncodeToString([]byte("cancelbot:"+proxyPassword))
	n.mu.Lock()
	if known {
		n.reached[r.URL.Hostname()]++
	} else {
		n.rejected++
	}
	n.mu.Unlock()
	switch {
	case !known:
		w.Header().Set("Proxy-Authenticate", "Basic")
		http.Error(w, "who are you?", http.StatusProxyAuthRequired)
		return
	case r.Method != http.MethodConnect:
		http.Error(w, "only CONNECT", http.StatusMethodNotAllowed)
		return
	}
	to, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", n.front.Listener.Addr().String())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	from, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		_ = to.Close()
		return
	}
	_, _ = io.WriteString(from, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
	go func() { _, _ = io.Copy(from, to); _ = from.Close() }()
}

// env is the environment of a bot in this network.
func (n *corporateNetwork) env(t *testing.T, s *fakes, password string, more ...string) []string {
	proxy, err := url.Parse(n.proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy.User = url.UserPassword("cancelbot", password)
	return s.env(sqlite(t), append([]string{
		"SLACK_API_URL=https://" + slackHost + "/api/", "CHAMELIO_API_URL=https://" + chamelioHost, "HTTPS_PROXY=" + proxy.String(),
	}, more...)...)
}

// TestProxyWithPasswordAndPrivateCA checks, and runs, a bot behind a proxy that
// asks for a password and inspects TLS: the Web API, the WebSocket and Chamelio
// all go through it.
func TestProxyWithPasswordAndPrivateCA(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	s.slack.SetScopes("commands", "chat:write", "chat:write.public", "users:read")
	n := newCorporateNetwork(t, s)
	env := n.env(t, s, proxyPassword, "SSL_CERT_FILE="+n.ca)
	check := start(t, env, "check", "--connect")
	if code := check.exit(t); code != 0 || !strings.Contains(check.output.String(), "Slack said hello") {
		t.Fatalf("check: %d\n%s", code, check.output)
	}
	p := start(t, env)
	s.connected(2)
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, host := range []string{slackHost, socketHost, chamelioHost} {
		if n.reached[host] == 0 {
			t.Errorf("%s wasn't reached through the proxy: %v", host, n.reached)
		}
	}
	if n.rejected > 0 {
		t.Errorf("the password was missing %d times", n.rejected)
	}
	if strings.Contains(check.output.String()+p.output.String(), proxyPassword) {
		t.Errorf("the proxy's password is shown:\n%s\n%s", check.output, p.output)
	}
}

// TestCheckExplainsAProxy checks what an operator reads if the proxy or its
// authority stops the bot.
func TestCheckExplainsAProxy(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	n := newCorporateNetwork(t, s)
	for name, tt := range map[string]struct {
		env  []string
		want string
	}{
		"an unknown authority": {n.env(t, s, proxyPassword), "its certificate is of an authority that this machine does not trust"},
		"a wrong password":     {n.env(t, s, "wrong", "SSL_CERT_FILE="+n.ca), "the proxy asks for a user and a password"},
	} {
		t.Run(name, func(t *testing.T) {
			check := start(t, tt.env, "check")
			if code := check.exit(t); code != 1 || !strings.Contains(check.output.String(), tt.want) || strings.Contains(check.output.String(), proxyPassword) {
				t.Errorf("check: %d, want %q\n%s", code, tt.want, check.output)
			}
		})
	}
}
