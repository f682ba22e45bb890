package work

import lru "github.com/hashicorp/golang-lru/v2"

// NewCache returns an empty cache of the size most recently used entries. It
// panics if size isn't positive. Each pair of types costs 25 KB of the binary, but all
// pointers count as one.
func NewCache[K comparable, V any](size int) *lru.Cache[K, V] {
	c, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // only for a size below one
	}
	return c
}
