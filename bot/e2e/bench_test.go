package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"runtime/debug"
	"slices"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// BenchmarkAck measures from an envelope written to its acknowledgement read,
// by the binary and by the bare client of floor_test.go. Each is a process of
// its own, and they take turns, so that whatever else the machine does happens
// to both. "alone" is a command that was delivered before, which is only
// acknowledged; "answered" is a fresh one, whose answer is under way already
// when the acknowledgement arrives.
func BenchmarkAck(b *testing.B) {
	bin := build(b, ".")
	again := map[string]any{"team_id": slacktest.TeamID, "channel_id": slacktest.General, "user_id": slacktest.Ada,
		"command": "/cancel-task", "text": "help", "api_app_id": slacktest.AppID}
	for name, deliver := range map[string]func(*slacktest.Server) *slacktest.Pending{
		"alone": func(s *slacktest.Server) *slacktest.Pending { return s.DeliverAs("again", "slash_commands", again) },
		"answered": func(s *slacktest.Server) *slacktest.Pending {
			return s.Slash(slacktest.Ada, slacktest.General, "/cancel-task help")
		},
	} {
		b.Run(name, func(b *testing.B) {
			// The fakes' garbage collection would be measured as the bot's.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			bot, floor := newFakes(b), newFakes(b)
			runs(b, bot, bin, append(bot.env(sqlite(b)), "SLACK_CONNECTIONS=1", "LOG_LEVEL=info")...)
			runs(b, floor, os.Args[0], "ONLY_ACKNOWLEDGE="+floor.slack.URL())
			pace := time.NewTicker(5 * time.Millisecond)
			defer pace.Stop()
			latencies := map[*fakes][]time.Duration{}
			for b.Loop() {
				for _, s := range []*fakes{bot, floor} {
					<-pace.C
					d, err := deliver(s.slack).Wait(b.Context())
					if err != nil || d.State != slacktest.Acknowledged {
						b.Fatal(d.State, err)
					}
					latencies[s] = append(latencies[s], d.Latency)
				}
			}
			for name, s := range map[string]*fakes{"bot": bot, "baseline": floor} {
				all := latencies[s]
				slices.Sort(all)
				b.ReportMetric(float64(all[len(all)/2].Microseconds()), name+"-p50-µs")
				b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), name+"-p99-µs")
			}
		})
	}
}

// runs starts a program as a process of its own, and waits until it is
// connected.
func runs(b *testing.B, s *fakes, program string, env ...string) *os.Process {
	b.Helper()
	cmd := exec.Command(program)
	cmd.Env, cmd.Dir = env, b.TempDir()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.connected(1)
	return cmd.Process
}

// BenchmarkStart measures the time from the binary's start to its first
// connection, and the resident memory when idle.
func BenchmarkStart(b *testing.B) {
	bin := build(b, ".")
	var connected time.Duration
	var resident float64
	for b.Loop() {
		s := newFakes(b)
		env := s.env(sqlite(b))
		started := time.Now()
		process := runs(b, s, bin, env...)
		connected += time.Since(started)
		s.connected(2)
		time.Sleep(3 * time.Second) // idle
		resident = max(resident, memory(b, process.Pid, "VmRSS"))
		_ = process.Kill()
	}
	b.ReportMetric(float64(connected.Milliseconds())/float64(b.N), "ms-to-connected")
	b.ReportMetric(resident, "MB-resident")
}

// BenchmarkOpenPrompt measures how much resident memory an open prompt
// takes, after the first thousand.
func BenchmarkOpenPrompt(b *testing.B) {
	s := newFakes(b)
	s.api.SetRateLimit(1<<30, false)
	process := runs(b, s, build(b, "."), append(s.env(sqlite(b)), "LOG_LEVEL=info")...)
	prompts := 0
	open := func() {
		s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task 12345")
		prompts++
		if prompts%50 == 0 { // less than the queue takes
			s.eventually("the prompts", 20*time.Second, func() bool { return len(s.slack.Private(slacktest.Ada, slacktest.General)) == prompts })
		}
	}
	for range 1000 {
		open()
	}
	before := memory(b, process.Pid, "VmRSS")
	for b.Loop() {
		open()
	}
	b.ReportMetric((memory(b, process.Pid, "VmRSS")-before)*(1<<20)/float64(b.N), "B/prompt")
}

// BenchmarkClick measures the time from a click to the arrival of the cancel
// request and of the announcement, for the binary and, in turns with it, for
// another one that COMPARE names, such as an earlier version.
func BenchmarkClick(b *testing.B) {
	binaries := map[string]string{"new": build(b, ".")}
	if other := os.Getenv("COMPARE"); other != "" {
		binaries["old"] = other
	}
	for name, database := range map[string]func() string{
		"sqlite": func() string { return sqlite(b) }, "postgres": func() string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			type contender struct {
				s            *fakes
				posted, told chan time.Time
				post, tell   []time.Duration
			}
			all := map[string]*contender{}
			for name, bin := range binaries {
				c := &contender{s: newFakes(b), posted: make(chan time.Time, 1), told: make(chan time.Time, 1)}
				c.s.api.SetRateLimit(1<<30, false)
				runs(b, c.s, bin, append(c.s.env(database()), "LOG_LEVEL=info")...)
				c.s.api.OnReceived(func(r chameliotest.Request) {
					if r.Method == "POST" {
						c.posted <- time.Now()
					}
				})
				c.s.slack.Before("chat.postMessage", func(slacktest.Call) { c.told <- time.Now() })
				all[name] = c
			}
			task := int64(1 << 20)
			for b.Loop() {
				task++
				for _, c := range all {
					channel := fmt.Sprintf("C0BENCH%d", task) // so that no channel's pace rules
					c.s.slack.AddConversation(slacktest.Conversation{ID: channel, Name: "bench", Kind: slacktest.Public, BotIsMember: true})
					c.s.api.Add(task, 1)
					prompt := c.s.prompt(slacktest.Ada, channel, task)
					clicked := time.Now()
					c.s.slack.Click(slacktest.Ada, prompt, "cancel_task")
					c.post = append(c.post, (<-c.posted).Sub(clicked))
					c.tell = append(c.tell, (<-c.told).Sub(clicked))
				}
			}
			for name, c := range all {
				for of, took := range map[string][]time.Duration{"post": c.post, "told": c.tell} {
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds()), name+"-"+of+"-p50-µs")
					b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), name+"-"+of+"-p99-µs")
				}
			}
		})
	}
}
