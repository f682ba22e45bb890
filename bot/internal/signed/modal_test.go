package signed

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestModalIsBoundToItsClick(t *testing.T) {
	s := testSigner(t)
	m := Modal{Kind: "reason", Value: "2.x.y", ResponseURL: "https://hooks.slack.com/actions/x", Ephemeral: true, Opened: time.Now().Unix()}
	carried, err := s.EncodeModal(m, "U0ADA")
	if err != nil {
		t.Fatal(err)
	}
	if back, err := s.DecodeModal("reason", carried, "U0ADA", time.Now()); err != nil || back != m {
		t.Errorf("got %+v, %v", back, err)
	}
	for name, c := range map[string]struct {
		carried, user string
		want          error
	}{
		"another user":         {carried, "U0GRACE", ErrForged},
		"another value":        {strings.Replace(carried, "2.x.y", "2.x.z", 1), "U0ADA", ErrForged},
		"another response_url": {strings.Replace(carried, "hooks", "evil", 1), "U0ADA", ErrForged},
		"another placement":    {strings.Replace(carried, "true", "false", 1), "U0ADA", ErrForged},
		"no JSON":              {carried[1:], "U0ADA", ErrMalformed},
	} {
		if _, err := s.DecodeModal("reason", c.carried, c.user, time.Now()); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
	if _, err := s.DecodeModal("reason", carried, "U0ADA", time.Now().Add(ModalLife)); !errors.Is(err, ErrExpired) {
		t.Errorf("at its end: %v", err)
	}
	if _, err := s.DecodeModal("another", carried, "U0ADA", time.Now()); !errors.Is(err, ErrForged) {
		t.Errorf("in another modal: %v", err)
	}
	m.Value = strings.Repeat("x", maxMetadata)
	if _, err := s.EncodeModal(m, "U0ADA"); err == nil {
		t.Error("a value that doesn't fit was accepted")
	}
}
