package e2e

import (
	"flag"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

var (
	rtts   = flag.String("rtt", "0,20,80,200,80+40", "TestDistance: the round trips to Slack and Chamelio in ms, with + and jitter")
	sample = flag.Int("flows", 100, "TestDistance: how many flows")
)

// arrival is a request that has arrived at one of the fakes.
type arrival struct {
	what string // Slack's method, or GET and POST for Chamelio's
	at   time.Time
}

// slackMethods are all that a flow may call.
var slackMethods = []string{"users.info", "usergroups.users.list", "users.lookupByEmail", "chat.postMessage", "chat.update", "response_url"}

// arrived notes a request, if those are counted.
func (s *stage) arrived(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.log != nil && what != "HEAD" {
		s.log = append(s.log, arrival{what, time.Now()})
	}
}

// countRequests plays flows one after the other, and counts the requests between
// their moments. Unlike times, these counts have no noise.
func (s *stage) countRequests(f figures) {
	const flows = 10
	for _, method := range slackMethods {
		s.slack.Before(method, func(slacktest.Call) { s.arrived(method) })
	}
	for range flows {
		s.mu.Lock()
		s.log = []arrival{}
		s.mu.Unlock()
		one := s.play()
		s.await(one.changed, "an outcome in the prompt")
		s.mu.Lock()
		for _, a := range s.log {
			switch {
			case a.what == "POST":
			case a.at.Before(one.prompt):
				f[countPrompt] += 1.0 / flows
			case a.at.After(one.clicked) && a.at.Before(one.posted):
				f[countPost] += 1.0 / flows
			case a.at.After(one.posted) && a.at.Before(one.toldAt) && a.what != "response_url":
				f[countTold] += 1.0 / flows
			}
		}
		s.log = nil
		s.mu.Unlock()
	}
}

const (
	countPrompt = "requests between command and prompt"
	countPost   = "requests between click and POST"
	countTold   = "requests between POST and announcement"
)

// TestDistance measures the bot and its peers where Slack and Chamelio are far
// away: over TLS, through a proxy that delays each direction by half a round
// trip. It asserts nothing; .ci/bench runs it.
func TestDistance(t *testing.T) {
	if *rounds == 0 {
		t.Skip("it measures: see .ci/bench")
	}
	quietCollector(t)
	contenders := peers(t)
	for text := range strings.SplitSeq(*rtts, ",") {
		var rtt, jitter int
		_, _ = fmt.Sscanf(text, "%d+%d", &rtt, &jitter)
		d := away{time.Duration(rtt) * time.Millisecond, time.Duration(jitter) * time.Millisecond}
		all, names := map[string][]figures{}, []string{}
		for round := range *rounds {
			for i := range contenders {
				p := contenders[(i+round)%len(contenders)]
				if p.onlyAcks || !regexp.MustCompile(*only).MatchString(p.name) {
					continue
				}
				idles := round == 0 && text == "80"
				t.Run(text+" ms, "+p.name, func(t *testing.T) { all[p.name] = append(all[p.name], measureAt(t, p, d, idles)) })
			}
		}
		for _, p := range contenders {
			if len(all[p.name]) > 0 {
				names = append(names, p.name)
			}
		}
		fmt.Printf("\nA round trip takes %s ms:\n", text)
		fmt.Println(table(distanceMeasures, names, func(measure, name string) string { return medianAndRange(all[name], measure) }))
	}
}

// TestDistanceOfSeveral measures commands about 1, 5 and 10 tasks at a round trip
// of 80 ms. It asserts nothing; .ci/bench runs it.
func TestDistanceOfSeveral(t *testing.T) {
	if *rounds == 0 {
		t.Skip("it measures: see .ci/bench")
	}
	quietCollector(t)
	all, names := map[string][]figures{}, []string{}
	for range *rounds {
		for _, size := range []int64{1, 5, 10} {
			s, _ := newStageBetween(t, peers(t)[0], newFarStandIns(t, away{rtt: 80 * time.Millisecond}))
			s.size = size
			idle(3 * time.Second)
			s.load(8, 4) // warm
			flows, _ := s.load(*sample/2, 2)
			f := figures{}
			latencies(f, "command → prompt", flows, func(f *flow) time.Duration { return f.prompt.Sub(f.typed) })
			latencies(f, "click → POST", flows, func(f *flow) time.Duration { return f.posted.Sub(f.clicked) })
			latencies(f, "click → announcement", flows, func(f *flow) time.Duration { return f.toldAt.Sub(f.clicked) })
			name := fmt.Sprintf("tasks: %d", size)
			if len(all[name]) == 0 {
				names = append(names, name)
			}
			all[name] = append(all[name], f)
		}
	}
	measures := []string{"command → prompt, p50, ms", "click → POST, p50, ms", "click → announcement, p50, ms", "click → announcement, p99, ms"}
	fmt.Println(table(measures, names, func(measure, name string) string { return medianAndRange(all[name], measure) }))
}

var distanceMeasures = []string{
	countPrompt, countPost, countTold, "connections opened by the flows",
	"command → prompt, p50, ms", "click → POST, p50, ms", "click → POST, p99, ms",
	"click → announcement, p50, ms", "click → announcement, p99, ms", "flows a second, 16 in flight",
	"command → prompt after 40 s without one, ms", "command → announcement after 40 s without one, ms", "start → connected, ms",
}

// measureAt measures one peer. With idles it also measures a flow that comes after
// the peer had nothing to do for longer than unused connections are kept.
func measureAt(t *testing.T, p peer, d away, idles bool) figures {
	s, took := newStageBetween(t, p, newFarStandIns(t, d))
	f := figures{"start → connected, ms": milliseconds(took.again), countPrompt: 0, countPost: 0, countTold: 0}
	idle(3 * time.Second) // until all connections for envelopes are open
	s.load(32, 16)        // warm
	before := s.connections()
	s.countRequests(f)
	f["connections opened by the flows"] = float64(s.connections() - before)
	flows, _ := s.load(*sample, 4)
	latencies(f, "command → prompt", flows, func(f *flow) time.Duration { return f.prompt.Sub(f.typed) })
	latencies(f, "click → POST", flows, func(f *flow) time.Duration { return f.posted.Sub(f.clicked) })
	latencies(f, "click → announcement", flows, func(f *flow) time.Duration { return f.toldAt.Sub(f.clicked) })
	_, busy := s.load(4**sample, 16)
	f["flows a second, 16 in flight"] = 4 * float64(*sample) / busy.Seconds()
	if idles {
		idle(40 * time.Second)
		one := s.play()
		f["command → prompt after 40 s without one, ms"] = milliseconds(one.prompt.Sub(one.typed))
		idle(40 * time.Second)
		f["command → announcement after 40 s without one, ms"] = milliseconds(s.play().announcedAfter())
	}
	return f
}

// announcedAfter returns the time from the command to the announcement, without
// the person's.
func (f *flow) announcedAfter() time.Duration { return f.prompt.Sub(f.typed) + f.toldAt.Sub(f.clicked) }
