package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// release builds the binary as a release does.
func release(b *testing.B) (bin string) {
	b.Helper()
	bin = filepath.Join(b.TempDir(), "cancelbot")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// BenchmarkAck measures from an envelope written to its acknowledgement read,
// a hundred commands a second, each answered: by the binary, and by the bare
// client that only acknowledges. Both are processes of their own.
func BenchmarkAck(b *testing.B) {
	bin := release(b)
	for name, command := range map[string]func(s *standIns) *exec.Cmd{
		"bot": func(s *standIns) *exec.Cmd {
			cmd := exec.Command(bin)
			cmd.Env, cmd.Dir = append(s.env(sqlite(b)), "SLACK_CONNECTIONS=1", "LOG_LEVEL=info"), b.TempDir()
			return cmd
		},
		"floor": func(s *standIns) *exec.Cmd {
			cmd := exec.Command(os.Args[0])
			cmd.Env = []string{"ONLY_ACKNOWLEDGE=" + s.slack.URL()}
			return cmd
		},
	} {
		b.Run(name, func(b *testing.B) {
			// The stand-ins' garbage collection would be measured as the bot's.
			defer debug.SetGCPercent(debug.SetGCPercent(-1))
			s := newStandIns(b)
			cmd := command(s)
			if err := cmd.Start(); err != nil {
				b.Fatal(err)
			}
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			s.connected(1)
			var all []time.Duration
			pace := time.NewTicker(10 * time.Millisecond)
			defer pace.Stop()
			for b.Loop() {
				d, err := s.slack.Slash(slacktest.Ada, slacktest.General, "/cancel-task help").Wait(b.Context())
				if err != nil || d.State != slacktest.Acknowledged {
					b.Fatal(d.State, err)
				}
				all = append(all, d.Latency)
				<-pace.C
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkStart measures from the binary's start to its first connection,
// and what it keeps resident when idle.
func BenchmarkStart(b *testing.B) {
	bin := release(b)
	var connected time.Duration
	var resident float64
	for b.Loop() {
		s := newStandIns(b)
		cmd := exec.Command(bin)
		cmd.Env, cmd.Dir = s.env(sqlite(b)), b.TempDir()
		started := time.Now()
		if err := cmd.Start(); err != nil {
			b.Fatal(err)
		}
		s.connected(1)
		connected += time.Since(started)
		s.connected(2)
		time.Sleep(3 * time.Second) // idle
		resident = max(resident, residentMB(b, cmd.Process.Pid))
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	b.ReportMetric(float64(connected.Milliseconds())/float64(b.N), "ms-to-connected")
	b.ReportMetric(resident, "MB-resident")
}

func residentMB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		b.Skip("resident memory is read from /proc: ", err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		b.Fatal("no VmRSS")
	}
	kb, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb / 1024
}
