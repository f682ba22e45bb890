package chameliotest

import (
	"maps"
	"slices"
	"time"
)

// Forget drops the requests and effects from before a point in time, and the
// tasks that were cancelled before it. Without it, the server's memory grows
// with each request.
func (s *Server) Forget(before time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = slices.DeleteFunc(s.requests, func(r *Request) bool { return r.At.Before(before) })
	maps.DeleteFunc(s.effects, func(_ int64, all []Effect) bool { return all[len(all)-1].At.Before(before) })
	maps.DeleteFunc(s.tasks, func(_ int64, all []version) bool {
		last := all[len(all)-1]
		return last.task.Status == "cancelled" && last.from.Before(before)
	})
}
