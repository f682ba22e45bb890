package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// BenchmarkStart builds the binary as a release does, and measures from its
// start to its first connection, and what it keeps resident when idle.
func BenchmarkStart(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "cancelbot")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", bin, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
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
