package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Explain says what an error of the network, or of Slack's, means, in words
// that do not take a programmer.
func Explain(err error) string {
	if text := explainAnswer(err); text != "" {
		return text
	}
	return explainNetwork(err)
}

// explainAnswer is for errors that somebody answered with.
func explainAnswer(err error) string {
	var code slack.StatusCodeError
	var limited *slack.RateLimitedError
	var socket *socketmode.APIError
	var disconnected *socketmode.DisconnectError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &code):
		return status(code.Code)
	case errors.As(err, &limited):
		return "Slack asks to be asked less often"
	case errors.As(err, &socket) && socket.Needed != "":
		return fmt.Sprintf("%s (%s)", socket.Code, socket.Needed)
	case errors.As(err, &socket) && socket.Code == "" && socket.Status != http.StatusOK:
		return status(socket.Status)
	case errors.As(err, &socket) && socket.Code == "", errors.As(err, &syntax), errors.As(err, &kind):
		return "the answer is not Slack's"
	case errors.As(err, &disconnected):
		return string(disconnected.Reason)
	}
	return safeCode(slackCode(err))
}

// explainNetwork is for errors where nobody answered.
func explainNetwork(err error) string {
	var dns *net.DNSError
	var unknownAuthority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	var slow net.Error
	var request *url.Error
	switch {
	case errors.Is(err, errSlow), errors.As(err, &slow) && slow.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return errSlow.Error()
	case errors.As(err, &dns):
		return "there is no host " + dns.Name
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no way to that host"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the connection was cut"
	case errors.As(err, &unknownAuthority):
		return "its certificate is of an authority that this machine does not trust"
	case errors.As(err, &hostname):
		return "its certificate is another host's"
	case errors.As(err, &invalid):
		return "its certificate is not valid"
	case errors.As(err, &notTLS):
		return "it does not speak TLS"
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // net/http has no type for it
		return "the proxy asks for a user and a password (HTTPS_PROXY)"
	case errors.As(err, &request):
		return strings.ToLower(request.Err.Error()[:1]) + request.Err.Error()[1:]
	}
	return err.Error()
}

func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", code, http.StatusText(code)))
}

// safeCode keeps a stranger's text out: Slack's codes are short and plain.
func safeCode(code string) string {
	if code == codeTrouble {
		return "Slack is in trouble"
	}
	plain := func(r rune) bool {
		return r == '_' || r == ':' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return !plain(r) }) {
		return "an error that is none of Slack's"
	}
	return code
}
