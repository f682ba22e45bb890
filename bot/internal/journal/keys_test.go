package journal_test

import (
	"slices"
	"testing"
	"time"
)

func TestSealedKeysAreKeptForAWhile(t *testing.T) {
	bothEngines(t, func(t *testing.T, url string) {
		j, other := open(t, url, 0), open(t, url, 0)
		must(t, j.KeepSigningKeys(t.Context(), "a", "first", time.Hour))
		must(t, other.KeepSigningKeys(t.Context(), "a", "again", time.Hour)) // someone else may have written the first
		must(t, other.KeepSigningKeys(t.Context(), "b", "second", time.Hour))
		must(t, other.KeepSigningKeys(t.Context(), "c", "over", -time.Second))
		found, err := j.SigningKeys(t.Context())
		slices.Sort(found)
		if err != nil || !slices.Equal(found, []string{"again", "second"}) {
			t.Errorf("%v %v", found, err)
		}
		must(t, j.KeepSigningKeys(t.Context(), "c", "back", time.Hour)) // the one that was over has made room
		if found, err := j.SigningKeys(t.Context()); err != nil || len(found) != 3 {
			t.Errorf("%v %v", found, err)
		}
	})
}
