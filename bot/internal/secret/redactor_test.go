package secret_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

const (
	token    = "xoxb-1-topsecret"
	password = `p"ä&s/w=ord`
)

// spellings are the ways in which a server may echo the secrets.
var spellings = []string{
	token, "x" + token + token, `{"detail":"no ` + token + `"}`, `\u0078oxb-1-topsecret`, `xoxb\u002D1\u002dtopsecret`,
	password, `p\"ä\u0026s\/w\u003dord`, "p%22ä%26s%2Fw%3Dord",
}

func hidden(text string) bool {
	return !strings.Contains(text, "topsecret") && !strings.Contains(text, "ord") && strings.Contains(text, "…")
}

func TestRedactsAllSpellingsOfASecret(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor(secret.New(token), secret.New(password), secret.New("short"), secret.Value{})
	for _, text := range spellings {
		var out bytes.Buffer
		n, err := r.Writer(&out).Write([]byte(text))
		if got := r.Clean(text); !hidden(got) || out.String() != got || n != len(text) || err != nil {
			t.Errorf("%s: %q, written %q", text, got, out.String())
		}
	}
	for _, plain := range []string{"", "short", "xoxb-1-topsecre", `\u00`, "%", `\`, "100%", `xoxb-1-\u`, strings.Repeat("x", 10_000)} {
		if got := r.Clean(plain); got != plain {
			t.Errorf("%q becomes %q", plain, got)
		}
	}
	if got := (&secret.Redactor{}).Clean(token); got != token {
		t.Errorf("one that knows none makes %q of it", got)
	}
}

func TestRedactsNewAndOldSecrets(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor(secret.New("xoxb-old-one"))
	to := r.Writer(io.Discard)
	_, _ = to.Write(nil)
	r.Learn(secret.New(token))
	if got := r.Clean("xoxb-old-one " + token); got != "… …" {
		t.Error(got)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Answers are redacted whatever they quote, in whatever pieces they arrive,
// and wherever they break off.
func TestAnswersAreRedacted(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor(secret.New(token), secret.New(password))
	cut := errors.New("cut")
	for _, spelt := range spellings {
		for _, before := range []int{0, 1, 4090, 4096, 9000} {
			text := strings.Repeat("-", before) + spelt + strings.Repeat("+", before)
			for name, pieces := range map[string]func(io.Reader) io.Reader{
				"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "at the end": iotest.DataErrReader,
				"cut": func(r io.Reader) io.Reader { return io.MultiReader(r, iotest.ErrReader(cut)) },
			} {
				client := http.Client{Transport: r.Transport(roundTripper(func(req *http.Request) (*http.Response, error) {
					return &http.Response{
						StatusCode: 500, Status: "500 " + spelt, Header: http.Header{"X-Echo": {spelt}, "Content-Length": {"1"}},
						Body: io.NopCloser(pieces(strings.NewReader(text))), Request: req, ContentLength: int64(len(text)),
					}, nil
				}))}
				resp, err := client.Get("http://slack.example/")
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if want := r.Clean(text); string(got) != want || (name == "cut") != errors.Is(err, cut) {
					t.Errorf("%s, %s, %d: %v", spelt, name, before, err)
				}
				if !hidden(string(got)) || !hidden(resp.Status) || !hidden(resp.Header.Get("X-Echo")) || resp.ContentLength >= 0 {
					t.Errorf("%s, %s, %d: %s %v", spelt, name, before, resp.Status, resp.Header)
				}
			}
		}
	}
}

func TestRedactedErrorKeepsItsType(t *testing.T) {
	t.Parallel()
	r := secret.NewRedactor(secret.New(token))
	fail := io.ErrUnexpectedEOF
	for _, quoted := range []string{"malformed " + token, "plain"} {
		_, err := r.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
			return nil, fmt.Errorf("%s: %w", quoted, fail)
		})).RoundTrip(&http.Request{})
		text := ""
		for e := err; e != nil; e = errors.Unwrap(e) {
			text += fmt.Sprintf("%v %+v %s", e, e, e.Error())
		}
		if strings.Contains(text, "topsecret") || !errors.Is(err, fail) {
			t.Errorf("%s", text)
		}
	}
}

func BenchmarkCleanAnAnswer(b *testing.B) {
	r := secret.NewRedactor(secret.New(token), secret.New(password), secret.New("ca_0123456789abcdef"))
	text := strings.Repeat(`{"id":12345,"title":"Master agreement","status":"in_progress"}`, 70)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		r.Clean(text)
	}
}
