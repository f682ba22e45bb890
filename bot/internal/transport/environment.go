package transport

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// Setting is a variable of the environment that net/http or crypto/x509 would
// silently ignore, because it can't be used.
type Setting struct {
	Variable string
	Problem  string // read after the variable's name
	Remedy   string
}

// proxyVariables are those that net/http reads, in its order.
var proxyVariables = []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"}

// CheckEnvironment returns the settings of the network that can't be used. None
// of its texts quotes a value, which may hold a password.
func CheckEnvironment() (wrong []Setting) {
	for _, variable := range proxyVariables {
		if problem := proxyProblem(os.Getenv(variable)); problem != "" {
			wrong = append(wrong, Setting{variable, problem,
				"Set " + variable + " to the proxy's address, such as http://user:password@proxy.example:3128 (or https, socks5, socks5h), or remove it"})
		}
	}
	if variable, problem := rootsProblem(); problem != "" {
		wrong = append(wrong, Setting{variable, problem, "Correct " + variable + ", or remove it to use the machine's own certificates"})
	}
	return wrong
}

// proxyProblem says why an address of a proxy can't be used, "" if it can.
func proxyProblem(address string) string {
	if address == "" {
		return ""
	}
	if strings.IndexAny(address, "\"'`“”‘’") == 0 {
		return "is in quotation marks: leave them out"
	}
	scheme, _, found := strings.Cut(address, "://")
	if !found {
		address = "http://" + address // as net/http reads it
	} else if !slices.Contains(proxySchemes, strings.ToLower(scheme)) {
		return "has a scheme that is none of http, https, socks5 and socks5h"
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "is not the address of a proxy: in a user name or password, write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25"
	case u.Hostname() == "" || strings.ContainsAny(u.Hostname(), " ,;"):
		return "names no host"
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return "has more than a host and a port: in a user name or password, write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "has a port that isn't a number from 1 to 65535"
		}
	}
	return ""
}

var proxySchemes = []string{"http", "https", "socks5", "socks5h"}

func isDirectory(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// rootsProblem says why the certificates that SSL_CERT_FILE or SSL_CERT_DIR
// names can't be used, "" if they can. crypto/x509 ignores such a file.
func rootsProblem() (variable, problem string) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return "", "" // the system's own certificates are used there
	}
	if dirs := os.Getenv("SSL_CERT_DIR"); dirs != "" && !slices.ContainsFunc(strings.Split(dirs, ":"), isDirectory) {
		return "SSL_CERT_DIR", "names no directory that is there"
	}
	file := os.Getenv("SSL_CERT_FILE")
	if file == "" {
		return "", ""
	}
	raw, err := os.ReadFile(file)
	var cause *os.PathError
	switch {
	case errors.As(err, &cause):
		return "SSL_CERT_FILE", "names a file that cannot be read: " + cause.Err.Error()
	case err != nil:
		return "SSL_CERT_FILE", "names a file that cannot be read"
	case len(strings.TrimSpace(string(raw))) == 0:
		return "SSL_CERT_FILE", "names a file that is empty"
	}
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if _, err := x509.ParseCertificate(block.Bytes); block.Type == "CERTIFICATE" && err == nil {
			return "", ""
		}
	}
	return "SSL_CERT_FILE", "names a file without a certificate in PEM form"
}
