package journal_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

func TestSealedKeysAreKeptForAWhile(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := open(t, url, 0), open(t, url, 0)
		must(t, j.KeepSigningKeys(t.Context(), "a", "first", time.Hour))
		must(t, other.KeepSigningKeys(t.Context(), "a", "again", time.Hour)) // someone else may have written the first
		must(t, other.KeepSigningKeys(t.Context(), "b", "second", time.Hour))
		must(t, other.KeepSigningKeys(t.Context(), "c", "over", -time.Second))
		found, err := j.SigningKeys(t.Context(), 100)
		slices.Sort(found)
		if err != nil || !slices.Equal(found, []string{"again", "second"}) {
			t.Errorf("%v %v", found, err)
		}
		must(t, j.KeepSigningKeys(t.Context(), "c", "back", time.Hour)) // the one that was over has made room
		if found, err := j.SigningKeys(t.Context(), 100); err != nil || len(found) != 3 {
			t.Errorf("%v %v", found, err)
		}
	})
}

// A journal's clock that was ahead for a moment deletes no keys.
func TestKeysOutlastAClockThatIsAhead(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "journal.db")
	j := open(t, url, 0)
	must(t, j.KeepSigningKeys(t.Context(), "a", "keys", time.Hour))
	ahead, err := journal.Open(t.Context(), url, journal.Options{Now: func() time.Time { return time.Now().Add(90 * 24 * time.Hour) }})
	must(t, err)
	must(t, ahead.KeepSigningKeys(t.Context(), "b", "others", time.Hour))
	must(t, ahead.ForgetSigningKeys(t.Context()))
	must(t, ahead.Close())
	if found, err := j.SigningKeys(t.Context(), 100); err != nil || len(found) != 2 {
		t.Errorf("%v %v", found, err)
	}
}
