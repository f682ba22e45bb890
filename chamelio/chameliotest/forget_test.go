package chameliotest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// TestForgetDropsOnlyThePast also forgets a request that isn't answered yet.
func TestForgetDropsOnlyThePast(t *testing.T) {
	s := chameliotest.NewServer()
	defer s.Close()
	s.OnApplied(func(chameliotest.Request) { s.Forget(time.Now().Add(time.Second)) })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/tasks/12345/cancel", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", chameliotest.Key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || len(s.Requests()) != 0 || s.Effects(12345) != 0 {
		t.Errorf("%s, %v, %d effects", resp.Status, s.Requests(), s.Effects(12345))
	}
	if _, cancelled := s.Task(12345); cancelled {
		t.Error("it still has the cancelled task")
	}
	if _, pending := s.Task(chameliotest.PendingTask); !pending {
		t.Error("it has forgotten a task that wasn't cancelled")
	}
}
