package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

func TestSecretsPrintAsDots(t *testing.T) {
	const hidden = "xoxb-hidden"
	v := secret.New(hidden)
	type config struct {
		Exported   secret.Value
		unexported secret.Value
	}
	c := config{v, v}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T", "%p"} {
		fmt.Fprintf(&out, verb+verb+verb+verb+"\n", v, &v, c, &c)
	}
	fmt.Fprintln(&out, v, c, fmt.Errorf("with %v", c))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", v, "config", c, "pointer", &c)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", v, "config", c)
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	hex := fmt.Sprintf("%x", hidden)
	if got := out.String(); strings.Contains(got, hidden) || strings.Contains(got, hex) {
		t.Errorf("it shows:\n%s", got)
	}
	if v.Reveal() != hidden || (secret.Value{}).Reveal() != "" {
		t.Error("it cannot be used")
	}
}
