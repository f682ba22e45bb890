package transport

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProxySettings(t *testing.T) {
	for address, want := range map[string]string{
		"": "", "proxy:3128": "", "http://proxy": "", "HTTP://proxy:3128/": "", "https://u:p%40x@proxy:3128": "", "socks5://[::1]:1080": "", "socks5h://proxy": "",
		"10.0.0.1:8080":       "",
		`"http://proxy:3128"`: "quotation marks", "socks4://proxy:1080": "scheme", "ftp://proxy": "scheme", "http://proxy:port": "%40", "http://proxy:99999": "port",
		"http://": "no host", "http://:3128": "no host", "http://u:hush/x@proxy:3128": "%40", "http://u:hush#x@proxy:3128": "%40", "http://u:hush%zz@proxy": "%40",
		"http://proxy:3128/path": "%40", "http://proxy:3128?x": "%40", "http://a,b:3128": "%40", "proxy server:3128": "%40",
	} {
		got := proxyProblem(address)
		if (got == "") != (want == "") || !strings.Contains(got, want) && !strings.Contains(got, "host") || strings.Contains(got, "hush") {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
		t.Setenv("HTTPS_PROXY", address)
		if (len(CheckEnvironment()) == 0) != (want == "") {
			t.Errorf("%q: %+v", address, CheckEnvironment())
		}
	}
}

func TestUnusableRootsAreNamed(t *testing.T) {
	dir := t.TempDir()
	empty, text := filepath.Join(dir, "empty"), filepath.Join(dir, "text")
	for path, content := range map[string]string{empty: "\n", text: "no certificate"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]string{filepath.Join(dir, "nowhere"): "cannot be read: no such file", dir: "cannot be read", empty: "empty", text: "without a certificate"} {
		t.Setenv("SSL_CERT_FILE", path)
		wrong := CheckEnvironment()
		if len(wrong) != 1 || wrong[0].Variable != "SSL_CERT_FILE" || !strings.Contains(wrong[0].Problem, want) {
			t.Errorf("%s: %+v", path, wrong)
		}
		if e := explainRoots(nil); e.Failure != RootsUnusable || !strings.Contains(e.Found, want) {
			t.Errorf("%s: %+v", path, e)
		}
	}
	t.Setenv("SSL_CERT_FILE", "")
	if e := explainRoots(nil); e.Failure != NoRoots {
		t.Errorf("%+v", e)
	}
}
