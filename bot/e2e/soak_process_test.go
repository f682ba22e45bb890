package e2e

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// endConnections ends connections in every way there is, about one a second.
func (s *soak) endConnections(ctx context.Context) {
	failing := func(f slacktest.Fault) func() time.Duration {
		return func() time.Duration {
			f.Method = "apps.connections.open"
			s.slack.Break(f)
			s.slack.Cut()
			idle(2 * time.Second)
			s.slack.ClearFaults()
			return time.Second
		}
	}
	disconnect := func(reason string) func() time.Duration {
		return func() time.Duration { s.slack.Disconnect(reason, 500*time.Millisecond); return time.Second }
	}
	refresh, warning := disconnect("refresh_requested"), disconnect("warning")
	ways := []func() time.Duration{
		refresh, warning, refresh, failing(slacktest.Fault{Status: 500}), refresh, warning, refresh,
		func() time.Duration { s.slack.Cut(); return time.Second }, warning, refresh, warning,
		failing(slacktest.Fault{Cut: true}), refresh, warning, refresh, failing(slacktest.Fault{Status: 429, RetryAfter: "1"}),
	}
	for i := 1; ctx.Err() == nil; i++ {
		pause := ways[i%len(ways)]()
		if i%80 == 0 {
			s.slack.Freeze()
			pause = 25 * time.Second // the bot takes 20 to see that nothing answers
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// soakSample is the state of the bot's process.
type soakSample struct{ resident, heap, goroutines, descriptors, threads float64 }

func (m soakSample) String() string {
	return fmt.Sprintf("resident %.1f MB, heap %.1f MB, %.0f goroutines, %.0f descriptors, %.0f threads", m.resident, m.heap/(1<<20), m.goroutines, m.descriptors, m.threads)
}

// sample reads the metrics. collected is the time of the last garbage collection.
func (s *soak) sample() (m soakSample, collected time.Time) {
	_, text := s.fetch(s.base + "/metrics")
	figure := func(name string) float64 {
		found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
		if found == nil {
			s.Fatalf("no %s in the metrics", name)
		}
		v, err := strconv.ParseFloat(found[1], 64)
		if err != nil {
			s.Fatal(err)
		}
		return v
	}
	return soakSample{
		memory(s, s.pid, "VmRSS"), figure("go_memstats_heap_alloc_bytes"), figure("go_goroutines"), figure("process_open_fds"), figure("go_threads"),
	}, time.UnixMilli(int64(1000 * figure("go_memstats_last_gc_time_seconds")))
}

func (s *soak) logSamples(ctx context.Context) {
	minute := time.NewTicker(time.Minute)
	defer minute.Stop()
	for n := 0; ; n++ {
		m, _ := s.sample()
		s.Logf("minute %d: %v", n, m)
		select {
		case <-ctx.Done():
			return
		case <-minute.C:
		}
	}
}

// rest waits until unused connections are closed, and until a garbage collection
// after that, which the runtime forces after two minutes. It returns the least of
// each figure since, because periodic checks open connections for half a minute.
func (s *soak) rest() (least soakSample) {
	idle(65 * time.Second)
	least, since := s.sample()
	for {
		idle(3 * time.Second)
		m, collected := s.sample()
		least.goroutines, least.descriptors = min(least.goroutines, m.goroutines), min(least.descriptors, m.descriptors)
		if collected.After(since) {
			m.goroutines, m.descriptors = least.goroutines, least.descriptors
			return m
		}
	}
}
