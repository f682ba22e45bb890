package otlp

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
)

// Config says where and how to send spans. The zero Config sends nothing;
// FromEnv returns one.
type Config struct {
	endpoint string
	headers  http.Header
	gzip     bool
	timeout  time.Duration
	tls      *tls.Config
}

// Asked reports whether the standard variables ask for traces
// (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables).
func Asked(getenv func(string) string) bool {
	endpoint, _ := variables(getenv).get("ENDPOINT")
	return getenv("OTEL_SDK_DISABLED") != "true" && getenv("OTEL_TRACES_EXPORTER") != "none" && endpoint != ""
}

// FromEnv reads the standard variables OTEL_EXPORTER_OTLP_…. One for traces
// alone, OTEL_EXPORTER_OTLP_TRACES_…, overrides the general one
// (opentelemetry.io/docs/specs/otel/protocol/exporter). A value that isn't
// supported is a problem, and never ignored.
func FromEnv(getenv func(string) string) (Config, []environ.Problem) {
	r := &reader{variables: getenv}
	cfg := Config{endpoint: r.endpoint(), headers: r.headers(), gzip: r.gzip(), timeout: r.timeout()}
	cfg.tls = r.tls(strings.HasPrefix(cfg.endpoint, "https:"))
	if value, name := r.get("PROTOCOL"); value != "" && value != "http/protobuf" {
		r.found(name, "is not http/protobuf, which is how the bot sends traces",
			"Remove "+name+", and let the endpoint be the collector's for OTLP over HTTP (port 4318)")
	}
	if value := getenv("OTEL_TRACES_EXPORTER"); value != "" && value != "otlp" {
		r.found("OTEL_TRACES_EXPORTER", "is neither otlp nor none, and the bot has no other exporter", "Remove OTEL_TRACES_EXPORTER, or set it to none")
	}
	return cfg, r.problems
}

// Secrets returns what must not be logged, even if a collector quotes it: the
// values of the headers, word by word, since some begin with "Bearer". A short
// word of letters alone, such as a tenant's name, is none, unless the header's name
// speaks of credentials: the log would lack that word.
func (c Config) Secrets() []string {
	var all []string
	for name, values := range c.headers {
		for _, word := range strings.Fields(values[0]) {
			if credentialName.MatchString(name) || !plainWord.MatchString(word) {
				all = append(all, word)
			}
		}
	}
	return all
}

var (
	credentialName = regexp.MustCompile(`(?i)auth|key|token|secret|pass|pwd|cred|cookie|session|sign`)
	plainWord      = regexp.MustCompile(`^[A-Za-z][a-z._-]{0,14}$`)
)

type variables func(name string) string

// get returns the value that applies, and the variable that has it.
func (v variables) get(setting string) (value, name string) {
	name = "OTEL_EXPORTER_OTLP_TRACES_" + setting
	if value = strings.TrimSpace(v(name)); value != "" {
		return value, name
	}
	name = "OTEL_EXPORTER_OTLP_" + setting
	return strings.TrimSpace(v(name)), name
}

type reader struct {
	variables
	problems []environ.Problem
}

func (r *reader) found(variable, what, remedy string) {
	r.problems = append(r.problems, environ.Problem{Variable: variable, Found: variable + " " + what, Remedy: remedy})
}

// endpoint returns the address for traces as it is, or the general one with
// the path for traces appended.
func (r *reader) endpoint() string {
	value, name := r.get("ENDPOINT")
	u, err := url.Parse(value)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
		r.found(name, "is not an http or https address",
			"Set "+name+" to the address of a collector, such as http://127.0.0.1:4318, or remove it")
		return ""
	}
	if insecure, name := r.get("INSECURE"); insecure != "" && strings.EqualFold(insecure, "true") == (u.Scheme == "https") {
		r.found(name, "contradicts the endpoint's "+u.Scheme, "Remove "+name+": the endpoint's address says whether TLS is used")
	}
	if !strings.Contains(name, "TRACES") {
		u = u.JoinPath("v1/traces")
	}
	return u.String()
}

// headers parses pairs, separated by commas, with percent-encoded values
// (opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
func (r *reader) headers() http.Header {
	all := http.Header{}
	value, variable := r.get("HEADERS")
	for pair := range strings.SplitSeq(value, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if err != nil || !headerName.MatchString(name) || !headerValue.MatchString(value) {
			r.found(variable, "is not a list of NAME=VALUE, separated by commas, with percent-encoded values",
				"Set "+variable+" to headers such as api-key=secret,x-team=a%20b")
			return all
		}
		all.Set(name, value)
	}
	return all
}

// The forms of headers that RFC 9110 allows.
var (
	headerName  = regexp.MustCompile("^[-!#$%&'*+.^_`|~0-9A-Za-z]+$")
	headerValue = regexp.MustCompile(`^[\t\x20-\x7e]+$`)
)

func (r *reader) gzip() bool {
	value, name := r.get("COMPRESSION")
	if value != "" && value != "gzip" && value != "none" {
		r.found(name, "is neither gzip nor none", "Set "+name+" to gzip, or remove it")
	}
	return value == "gzip"
}

func (r *reader) timeout() time.Duration {
	value, name := r.get("TIMEOUT")
	milliseconds, err := strconv.Atoi(cmp.Or(value, "10000"))
	if err != nil || milliseconds <= 0 {
		r.found(name, "is not a number of milliseconds", "Set "+name+" to a number of milliseconds such as 10000, or remove it")
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// tls reads the certificates; nil means the system's.
func (r *reader) tls(https bool) *tls.Config {
	authorities, authoritiesIn := r.file("CERTIFICATE")
	certificate, certificateIn := r.file("CLIENT_CERTIFICATE")
	key, keyIn := r.file("CLIENT_KEY")
	if authoritiesIn == "" && certificateIn == "" && keyIn == "" {
		return nil
	}
	if !https {
		name := cmp.Or(authoritiesIn, certificateIn, keyIn)
		r.found(name, "has no effect: the endpoint is not https", "Remove "+name+", or let the endpoint begin with https://")
		return nil
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12}
	if authorities != nil {
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(authorities) {
			r.found(authoritiesIn, "names a file without a PEM certificate", "Let "+authoritiesIn+" name a file of the authority's certificates in PEM")
		}
	}
	if (certificateIn == "") != (keyIn == "") {
		name := cmp.Or(certificateIn, keyIn)
		r.found(name, "is one half: the client's certificate and key belong together", "Set both OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY, or remove "+name)
	} else if certificate != nil && key != nil {
		pair, err := tls.X509KeyPair(certificate, key)
		if err != nil {
			r.found(certificateIn, "and "+keyIn+" are no certificate and its key in PEM", "Let them name the two files of one pair")
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c
}

// file reads the file that a setting names; name is empty if none is set.
func (r *reader) file(setting string) (content []byte, name string) {
	path, name := r.get(setting)
	if path == "" {
		return nil, ""
	}
	content, err := os.ReadFile(path)
	if err != nil {
		r.found(name, "names a file that cannot be read", "Correct the path in "+name+", or let the user that runs the bot read that file")
	}
	return content, name
}
