package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"
)

// Failure is why a connection failed, in one word. Each has its own remedy.
type Failure string

// The failures. Other is everything else.
const (
	Slow             Failure = "slow"
	NoHost           Failure = "no_host"
	Refused          Failure = "refused"
	NoRoute          Failure = "no_route"
	Cut              Failure = "cut"
	NotTLS           Failure = "not_tls"
	UnknownAuthority Failure = "unknown_authority"
	RootsUnusable    Failure = "roots_unusable" // SSL_CERT_FILE or SSL_CERT_DIR
	NoRoots          Failure = "no_roots"
	WrongHost        Failure = "wrong_host"
	Expired          Failure = "expired"
	NotYetValid      Failure = "not_yet_valid"
	BadCertificate   Failure = "bad_certificate"
	ProxyPassword    Failure = "proxy_password"
	ProxyRefused     Failure = "proxy_refused"
	Other            Failure = "other"
)

// Explanation says what a connection error means, and what to do about it, as
// clauses without a full stop.
type Explanation struct {
	Failure Failure
	Found   string
	Remedy  string
}

// Explain explains a connection error, over HTTP or not. Found is the error's
// own text if its reason is Other. Remedy is empty unless the cause is a
// certificate or a proxy: otherwise the caller knows which setting has the
// address.
func Explain(err error) Explanation {
	for _, explain := range []func(error) (Explanation, bool){explainProxy, explainCertificate, explainConnection} {
		if e, ok := explain(err); ok {
			return e
		}
	}
	return Explanation{Other, err.Error(), ""}
}

func explainConnection(err error) (Explanation, bool) {
	var slow net.Error
	var dns *net.DNSError
	var notTLS tls.RecordHeaderError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return Explanation{NoHost, "there is no host " + dns.Name, ""}, true
	case errors.As(err, &slow) && slow.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return Explanation{Slow, "there was no answer in time", ""}, true
	case errors.As(err, &dns):
		return Explanation{NoHost, "the name server doesn't answer for " + dns.Name, ""}, true
	case errors.Is(err, syscall.ECONNREFUSED):
		return Explanation{Refused, "connection refused", ""}, true
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return Explanation{NoRoute, "there is no route to that host", ""}, true
	case errors.As(err, &notTLS):
		return Explanation{NotTLS, "it does not speak TLS", ""}, true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Explanation{Cut, "the connection was cut", ""}, true
	}
	return Explanation{}, false
}

// explainCertificate explains a server certificate that wasn't accepted.
func explainCertificate(err error) (Explanation, bool) {
	var unknown x509.UnknownAuthorityError
	var roots x509.SystemRootsError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown), errors.As(err, &roots):
		return explainRoots(unknown.Cert), true
	case errors.As(err, &hostname):
		return Explanation{WrongHost, "its certificate is another host's", "Check the address. If it is right, something in between answers for it"}, true
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		return explainDates(invalid.Cert, time.Now()), true
	case errors.As(err, &invalid):
		return Explanation{BadCertificate, "its certificate is not valid", "Have the certificate issued again by those who run the server, or the proxy that inspects TLS"}, true
	}
	return Explanation{}, false
}

// explainRoots distinguishes a certificate of an unknown authority from a
// machine without any authorities.
func explainRoots(cert *x509.Certificate) Explanation {
	if variable, problem := rootsProblem(); problem != "" {
		return Explanation{RootsUnusable, "its certificate cannot be checked: " + variable + " " + problem,
			"Correct " + variable + ", or remove it to use the machine's own certificates"}
	}
	if cert == nil {
		return Explanation{NoRoots, "its certificate cannot be checked: this machine has no certificates of authorities",
			"Install the package ca-certificates, or set SSL_CERT_FILE to a file of certificates in PEM form"}
	}
	found := "its certificate is of an authority that this machine does not trust"
	if issuer := cert.Issuer.CommonName; issuer != "" && isPrintable(issuer) {
		found += " (" + issuer + ")"
	}
	return Explanation{UnknownAuthority, found,
		"If that is your company's authority, add its certificate to those that the machine trusts, or to the file that SSL_CERT_FILE names. Otherwise something in between answers for the server"}
}

// isPrintable reports whether a text from a server is short and printable.
func isPrintable(text string) bool {
	return len(text) <= 64 && strings.IndexFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// explainDates compares a certificate's dates with this machine's clock. A
// wrong clock is the likelier reason for one that isn't valid yet.
func explainDates(cert *x509.Certificate, now time.Time) Explanation {
	const day = "2 January 2006"
	clock := "this machine's clock says " + now.UTC().Format(day)
	if now.Before(cert.NotBefore) {
		return Explanation{NotYetValid, "its certificate is not valid before " + cert.NotBefore.UTC().Format(day) + "; " + clock,
			"Set this machine's clock: it is probably slow (timedatectl; a time server)"}
	}
	return Explanation{Expired, "its certificate expired on " + cert.NotAfter.UTC().Format(day) + "; " + clock,
		"If that date is wrong, set this machine's clock (timedatectl; a time server). Otherwise the server, or the proxy that inspects TLS, needs a new certificate"}
}

// explainProxy explains an error from a proxy that answered instead of the
// server.
func explainProxy(err error) (Explanation, bool) {
	const remedy = "Put the proxy's user and password into HTTPS_PROXY: http://user:password@host:port"
	var proxy interface{ ProxyStatus() int }
	switch {
	case errors.As(err, &proxy) && proxy.ProxyStatus() == http.StatusProxyAuthRequired:
		return Explanation{ProxyPassword, "the proxy asks for another user and password", remedy}, true
	case errors.As(err, &proxy):
		return Explanation{ProxyRefused, fmt.Sprintf("the proxy answers with HTTP status %d", proxy.ProxyStatus()),
			"Ask those who run the proxy in HTTPS_PROXY to let connections to that host through, or name the host in NO_PROXY"}, true
	case strings.Contains(err.Error(), "username/password authentication failed"), strings.Contains(err.Error(), "no acceptable authentication methods"):
		return Explanation{ProxyPassword, "the proxy asks for another user and password", remedy}, true
	}
	return explainWayToProxy(err)
}

// explainWayToProxy explains a proxy that can't be reached.
func explainWayToProxy(err error) (Explanation, bool) {
	var op *net.OpError
	if !errors.As(err, &op) || op.Op != "proxyconnect" && op.Op != "socks connect" {
		return Explanation{}, false
	}
	for _, explain := range []func(error) (Explanation, bool){explainCertificate, explainConnection} {
		if e, ok := explain(op.Err); ok {
			e.Found = "the proxy cannot be reached: " + e.Found
			if e.Failure != UnknownAuthority && e.Failure != RootsUnusable && e.Failure != NoRoots && e.Failure != Expired && e.Failure != NotYetValid {
				e.Remedy = "Check the proxy's address in HTTPS_PROXY, and whether the proxy is up"
			}
			return e, true
		}
	}
	return Explanation{}, false
}

// ProxyError means that a proxy couldn't connect to the server.
type ProxyError struct {
	Status int // HTTP status
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy answers %d %s", e.Status, http.StatusText(e.Status))
}

// ProxyStatus returns the HTTP status of the proxy's answer.
func (e *ProxyError) ProxyStatus() int { return e.Status }
