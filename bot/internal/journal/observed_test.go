package journal_test

import (
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

func TestObserveReportsOperations(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		var mu sync.Mutex
		var got []journal.Operation
		var failed []error
		j, err := journal.Open(t.Context(), url, journal.Options{Observe: func(op journal.Operation, took time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			got, failed = append(got, op), append(failed, err)
			if took <= 0 {
				t.Errorf("a %s took %v", op, took)
			}
		}})
		must(t, err)
		defer j.Close()
		got, failed = nil, nil
		_, err = j.Recent(t.Context(), journal.Query{Limit: 1})
		must(t, err)
		must(t, j.Leave(t.Context()))
		must(t, j.Writable(t.Context()))
		if want := journal.Operations(); !slices.Equal(got, want) || errors.Join(failed...) != nil {
			t.Errorf("got %v, %v; want %v", got, failed, want)
		}
	})
}

func TestObserveReportsFailuresButNotAnswers(t *testing.T) {
	var failed []error
	path := filepath.Join(t.TempDir(), "journal.db")
	j, err := journal.Open(t.Context(), "sqlite:"+path, journal.Options{Observe: func(_ journal.Operation, _ time.Duration, err error) {
		failed = append(failed, err)
	}})
	must(t, err)
	if err := j.MarkAnnounced(t.Context(), decision.Record{ID: "none"}, ""); !errors.Is(err, journal.ErrGone) {
		t.Error(err)
	}
	if errors.Join(failed...) != nil {
		t.Errorf("an answer is reported as %v", failed)
	}
	must(t, j.Close())
	if _, err := j.Recent(t.Context(), journal.Query{Limit: 1}); err == nil || failed[len(failed)-1] == nil {
		t.Errorf("%v is reported as %v", err, failed)
	}
}
