package clock

import (
	"testing"
	"time"
)

func TestSinceBootGrows(t *testing.T) {
	first, err := SinceBoot()
	if err != nil || first <= 0 {
		t.Fatal(first, err)
	}
	time.Sleep(2 * time.Millisecond)
	if second, err := SinceBoot(); err != nil || second-first < 2*time.Millisecond {
		t.Errorf("%s, then %s, %v", first, second, err)
	}
	if id, err := BootID(); err != nil || len(id) < 8 {
		t.Error(id, err)
	}
}
