package otlp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestUnsupportedValuesAreProblems(t *testing.T) {
	for _, row := range []struct{ variable, value, found string }{
		{"ENDPOINT", "collector:4318", "is not an http or https address"},
		{"ENDPOINT", "unix:///run/collector", "is not an http or https address"},
		{"TRACES_ENDPOINT", "grpc://collector:4317", "is not an http or https address"},
		{"PROTOCOL", "grpc", "is not http/protobuf"},
		{"TRACES_PROTOCOL", "http/json", "is not http/protobuf"},
		{"INSECURE", "false", "contradicts the endpoint's http"},
		{"HEADERS", "api-key", "is not a list of NAME=VALUE"},
		{"HEADERS", "api key=topsecret", "is not a list of NAME=VALUE"},
		{"HEADERS", "api-key=100%", "is not a list of NAME=VALUE"},
		{"TRACES_HEADERS", "api-key=a%0Ab", "is not a list of NAME=VALUE"},
		{"COMPRESSION", "zstd", "is neither gzip nor none"},
		{"TIMEOUT", "10s", "is not a number of milliseconds"},
		{"TRACES_TIMEOUT", "0", "is not a number of milliseconds"},
		{"CERTIFICATE", "/nowhere", "names a file that cannot be read"},
		{"CERTIFICATE", "otlp_test.go", "has no effect: the endpoint is not https"},
	} {
		variable := "OTEL_EXPORTER_OTLP_" + row.variable
		_, problems := FromEnv(environment(map[string]string{variable: row.value}))
		if len(problems) == 0 || problems[0].Variable != variable || problems[0].Found != variable+" "+problems[0].Found[len(variable)+1:] ||
			!strings.Contains(problems[0].Found, row.found) || strings.Contains(problems[0].Found+problems[0].Remedy, "topsecret") {
			t.Errorf("%s=%s: %v", row.variable, row.value, problems)
		}
	}
	if _, problems := FromEnv(environment(map[string]string{"OTEL_TRACES_EXPORTER": "console"})); len(problems) != 1 {
		t.Error(problems)
	}
}

func TestTracesVariableOverridesGeneralOne(t *testing.T) {
	cfg := configured(t, map[string]string{
		"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
		"OTEL_EXPORTER_OTLP_HEADERS": "a=1", "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "b=2",
		"OTEL_EXPORTER_OTLP_TIMEOUT": "1", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "2000",
		"OTEL_EXPORTER_OTLP_COMPRESSION": "gzip", "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION": "none",
	})
	if len(cfg.headers) != 1 || cfg.headers.Get("b") != "2" || cfg.timeout != 2*time.Second || cfg.gzip {
		t.Errorf("%+v", cfg)
	}
}

func TestEndpointEnablesTraces(t *testing.T) {
	for _, row := range []struct {
		variables map[string]string
		want      bool
	}{
		{nil, true},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, false},
		{map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c"}, true},
		{map[string]string{"OTEL_SDK_DISABLED": "true"}, false},
		{map[string]string{"OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		if got := Asked(environment(row.variables)); got != row.want {
			t.Errorf("%v: %v", row.variables, got)
		}
	}
}

// A collector with a certificate of a private authority, which requires a
// client certificate.
func TestTLSWithCustomCertificates(t *testing.T) {
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	client := pair(t, certificate, key)
	trusted := x509.NewCertPool()
	trusted.AddCert(client)
	var named string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		named = r.TLS.PeerCertificates[0].Subject.CommonName
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted}
	server.StartTLS()
	defer server.Close()
	authority := filepath.Join(dir, "authority.pem")
	write(t, authority, "CERTIFICATE", server.Certificate().Raw)

	variables := map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL, "OTEL_EXPORTER_OTLP_CERTIFICATE": authority,
		"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE": certificate, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": key,
		"OTEL_EXPORTER_OTLP_INSECURE": "false",
	}
	if err := New(configured(t, variables)).UploadTraces(t.Context(), spans); err != nil || named != "bot" {
		t.Errorf("%v, from %q", err, named)
	}
	for _, row := range []struct{ change, to, found string }{
		{"OTEL_EXPORTER_OTLP_CERTIFICATE", key, "without a PEM certificate"},
		{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "", "is one half"},
		{"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", authority, "are no certificate and its key"},
		{"OTEL_EXPORTER_OTLP_INSECURE", "true", "contradicts the endpoint's https"},
	} {
		was := variables[row.change]
		variables[row.change] = row.to
		if _, problems := FromEnv(environment(variables)); len(problems) != 1 || !strings.Contains(problems[0].Found, row.found) {
			t.Errorf("%s: %v", row.change, problems)
		}
		variables[row.change] = was
	}
	variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] = ""
	if err := New(configured(t, variables)).UploadTraces(t.Context(), spans); err == nil {
		t.Error("an authority that nobody named is trusted")
	}
}

func pair(t *testing.T, certificate, key string) *x509.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	template.Subject.CommonName = "bot"
	raw, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write(t, certificate, "CERTIFICATE", raw)
	write(t, key, "PRIVATE KEY", encoded)
	return made
}

func write(t *testing.T, file, kind string, content []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A tenant's name is an everyday word, which the log may have for other reasons. Anything
// that may be a secret counts as one.
func TestSecretsLeaveOutWords(t *testing.T) {
	for header, want := range map[string]string{
		"X-Scope-OrgID=cancelbot": "", "x-team=legal%20operations": "",
		"x-api-key=cancelbot": "cancelbot", "Authorization=Bearer%20secret": "Bearer secret", "x-honeycomb-team=abcdefABCDEFabcdef": "abcdefABCDEFabcdef", "x-team=h4nter": "h4nter",
	} {
		cfg := configured(t, map[string]string{"OTEL_EXPORTER_OTLP_HEADERS": header})
		if got := strings.Join(cfg.Secrets(), " "); got != want {
			t.Errorf("%s: %q", header, got)
		}
	}
}
