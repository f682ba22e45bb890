package secret_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// Errors name what a genuine secret is wrapped in, and don't show the secret.
func TestWrappingsAreNamed(t *testing.T) {
	utf16of := func(text string, big bool) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
			if big {
				b.WriteByte(byte(u >> 8))
			}
			b.WriteByte(byte(u))
			if !big {
				b.WriteByte(byte(u >> 8))
			}
		}
		return b.String()
	}
	prefixes := []string{"xapp-", "xoxb-", "xoxe.xoxb-", "ca_", "sqlite:", "postgres://", "postgresql://"}
	for _, genuine := range []string{"xapp-1-A012CANCEL-1-hush", "xoxb-1-hush", "xoxe.xoxb-1-hush", "ca_hush", "postgres://u:hush=x@db/d?sslmode=require", "sqlite:/var/lib/hush.db", "POSTGRES://u:hush@db/d"} {
		if got := secret.Misform(genuine, prefixes...); got != "" {
			t.Errorf("%s: %s", genuine, got)
		}
		for text, want := range map[string]string{
			"\ufeff" + genuine:                                 "byte-order mark",
			utf16of(genuine, false):                            "UTF-16",
			utf16of(genuine, true):                             "UTF-16",
			`"` + genuine + `"`:                                "quotation marks",
			"'" + genuine + "'":                                "quotation marks",
			"“" + genuine + "”":                                "quotation marks",
			" " + genuine:                                      "blank",
			genuine + " ":                                      "blank",
			genuine + "\r\n":                                   "blank",
			genuine + "\u00a0":                                 "U+00A0",
			genuine + "\u200b":                                 "U+200B",
			"SLACK_BOT_TOKEN=" + genuine:                       "NAME=value",
			"export NAME=" + genuine + "\n":                    "NAME=value",
			"NAME='" + genuine + "'":                           "NAME=value",
			"token: " + genuine:                                "YAML",
			`{"token":"` + genuine + `"}`:                      "JSON",
			"Bearer " + genuine:                                "Bearer",
			base64.StdEncoding.EncodeToString([]byte(genuine)): "base64",
			base64.StdEncoding.EncodeToString([]byte(genuine + "\n")):                                                              "base64",
			base64.RawURLEncoding.EncodeToString([]byte(genuine)):                                                                  "base64",
			base64.StdEncoding.EncodeToString([]byte(genuine))[:8] + "\n" + base64.StdEncoding.EncodeToString([]byte(genuine))[8:]: "base64",
		} {
			got := secret.Misform(text, prefixes...)
			if !strings.Contains(got, want) || strings.Contains(got, "hush") {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	}
	for text, want := range map[string]string{"$SLACK_BOT_TOKEN": "variable", "${TOKEN}": "variable", "/run/secrets/token": "_FILE", "<token>": "placeholder", "": "", "sk-1": "", "xoxp-1": ""} {
		if got := secret.Misform(text, prefixes...); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
