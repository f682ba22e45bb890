package secret

import "testing"

func TestLearnsEachSecretOnce(t *testing.T) {
	t.Parallel()
	r := NewRedactor(New("xoxb-old-one"))
	for range 3 {
		r.Learn(New("xoxb-new-one"), New("xoxb-new-one"))
	}
	if known := r.known.Load().secrets; len(known) != 2 {
		t.Errorf("it has learned %q", known)
	}
}
