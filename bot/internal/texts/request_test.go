package texts

import (
	"strings"
	"testing"
)

// Everyone reads a request in the channel, so it speaks of the requester, not to
// them.
func TestRequestSpeaksToEveryone(t *testing.T) {
	n := 0
	for _, one := range typicalSamples() {
		if !strings.HasPrefix(one.Name, "request") || !strings.Contains(string(one.Blocks), "wants to cancel") {
			continue
		}
		n++
		for _, said := range []string{one.Text, string(one.Blocks)} {
			for _, to := range []string{"you're not on it", "you may", "you meant"} {
				if strings.Contains(said, to) {
					t.Errorf("%s says %q: %s", one.Name, to, said)
				}
			}
		}
		if one.Name == "request for some" && strings.Count(one.Text, "the requester") < 3 {
			t.Errorf("%s doesn't speak of the requester: %s", one.Name, one.Text)
		}
	}
	if n < 3 {
		t.Errorf("%d requests", n)
	}
}
