package simulation

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

var (
	seed   = flag.Uint64("seed", 0, "the history that TestOneHistory tells")
	seeds  = flag.Int("seeds", 0, "how many histories TestHistories goes through; 0: as many as -for allows")
	from   = flag.Uint64("from", 0, "the first seed of TestHistories; 0: one that nobody has tried")
	growth = flag.Bool("growth", false, "have TestRunTimeBySize measure")
	limit  = flag.Duration("for", 0, "how long TestHistories takes; 0: ten seconds, or a minute where CI is set")
)

// place returns a directory for journals, in memory if possible: the disk
// isn't part of the test.
func place(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := os.Stat("/dev/shm"); err == nil {
		if inMemory, err := os.MkdirTemp("/dev/shm", "cancelbot"); err == nil { //nolint:usetesting // t.TempDir is on a disk
			t.Cleanup(func() { _ = os.RemoveAll(inMemory) })
			dir = inMemory
		}
	}
	j, err := journal.Open(context.Background(), "sqlite:"+filepath.Join(dir, "template.db"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// once executes one run in a bubble of its own.
func once(t *testing.T, p plan, dir string, bug planted, logs bool) (h *history) {
	defer func() {
		if reason := recover(); reason != nil {
			stacks := make([]byte, 4<<20)
			stacks = stacks[:runtime.Stack(stacks, true)]
			h = &history{broken: []string{fmt.Sprintf("the simulation itself: %v", reason)}, lines: []line{{what: string(stacks)}}}
		}
	}()
	synctest.Test(t, func(*testing.T) { h = live(p, dir, bug, logs) })
	return h
}

// TestOneHistory prints the trace of the run with -seed.
func TestOneHistory(t *testing.T) {
	if *seed == 0 {
		t.Skip("takes -seed")
	}
	h := once(t, newPlan(*seed), place(t), nothing, true)
	h.story(os.Stdout)
	for _, b := range h.broken {
		t.Error(b)
	}
}

// TestHistories executes fresh runs and checks each against the laws.
func TestHistories(t *testing.T) {
	first := *from
	if first == 0 {
		var raw [8]byte
		_, _ = crand.Read(raw[:])
		first = binary.LittleEndian.Uint64(raw[:]) >> 24
	}
	until := *limit
	switch {
	case until == 0 && os.Getenv("CI") != "":
		until = time.Minute
	case until == 0 && testing.Short():
		until = 3 * time.Second
	case until == 0:
		until = 10 * time.Second
	}
	sum := newTotal()
	dir := place(t)
	defer watchMemory()()
	begun := time.Now()
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				n := next.Add(1) - 1
				if *seeds > 0 && n >= uint64(*seeds) || *seeds == 0 && time.Since(begun) > until {
					return
				}
				p := newPlan(first + n)
				t.Run(fmt.Sprint(p.seed), func(t *testing.T) {
					h := once(t, p, dir, nothing, true)
					sum.add(h)
					if len(h.broken) > 0 {
						t.Errorf("seed %d breaks a law; -run TestOneHistory -seed %d tells how, and so does %s:\n%s", p.seed, p.seed, keep(h, p.seed), strings.Join(h.broken, "\n"))
					}
				})
			}
		})
	}
	workers.Wait()
	if testing.Verbose() || t.Failed() {
		sum.print(os.Stdout, time.Since(begun))
	}
}

// maxMemory is what no run needs, in bytes. A run that doesn't end, without a
// pause, needs any amount, and takes the machine down with it.
const maxMemory = 4 << 30

// watchMemory ends the program, with all stacks, when it needs too much memory.
// The function that it returns ends the watch.
func watchMemory() (stop func()) {
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
			}
			var m runtime.MemStats
			if runtime.ReadMemStats(&m); m.HeapAlloc > maxMemory {
				stacks := make([]byte, 16<<20)
				_, _ = os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
				panic("a run takes too much memory")
			}
		}
	}()
	return func() { close(ended) }
}

// TestRunTimeBySize prints, with -growth, how long a run takes with more
// processes, and with more tasks and commands.
func TestRunTimeBySize(t *testing.T) {
	if !*growth {
		t.Skip("takes -growth")
	}
	dir := place(t)
	const histories = 40
	for _, size := range []struct{ replicas, commands int }{{3, 2}, {4, 2}, {8, 2}, {3, 8}, {3, 32}, {3, 128}} {
		begun := time.Now()
		for n := range uint64(histories) {
			p := newPlan(n + 1)
			p.replicas, p.tasks = size.replicas, size.commands
			for i := len(p.commands); i < size.commands; i++ {
				p.commands = append(p.commands, p.commands[i%len(p.commands)])
			}
			p.commands = p.commands[:min(len(p.commands), size.commands)]
			for i := range p.commands {
				p.commands[i].task, p.commands[i].more = firstTask+int64(i), nil
			}
			if h := once(t, p, dir, nothing, false); len(h.broken) > 0 {
				t.Errorf("seed %d: %s", p.seed, strings.Join(h.broken, "\n"))
			}
		}
		t.Logf("%d processes, %3d tasks: %s a history", size.replicas, size.commands, (time.Since(begun) / histories).Round(time.Millisecond))
	}
}

// keep writes a trace to a file: the seed doesn't determine the order of
// goroutines, so some runs happen only once in a while.
func keep(h *history, seed uint64) string {
	file, err := os.Create(filepath.Join(os.TempDir(), fmt.Sprintf("cancelbot-history-%d.txt", seed)))
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	h.story(file)
	return file.Name()
}

// total counts what the runs covered.
type total struct {
	mu                                              sync.Mutex
	histories, presses, posts, told, starts, broken int
	virtual                                         time.Duration
	faults, crashes                                 map[string]int
}

func newTotal() *total { return &total{faults: map[string]int{}, crashes: map[string]int{}} }

func (s *total) add(h *history) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.histories++
	s.presses += len(h.presses)
	s.posts += len(h.posts)
	s.told += len(h.tells)
	s.starts += h.restarts
	if len(h.broken) > 0 {
		s.broken++
	}
	if n := len(h.lines); n > 0 {
		s.virtual += h.lines[n-1].at.Sub(h.from)
	}
	for k, n := range h.faults {
		s.faults[k] += n
	}
	for k, n := range h.crashed {
		s.crashes[k] += n
	}
}

func (s *total) print(w io.Writer, took time.Duration) {
	fmt.Fprintf(w, "%d histories in %s (%s of virtual time): %d presses, %d cancel requests, %d tries to tell, %d starts of a process; %d histories broke a law\n",
		s.histories, took.Round(time.Millisecond), s.virtual.Round(time.Second), s.presses, s.posts, s.told, s.starts, s.broken)
	table(w, "faults", s.faults)
	table(w, "deaths", s.crashes)
}

func table(w io.Writer, what string, counts map[string]int) {
	var keys []string
	sum := 0
	for k, n := range counts {
		keys = append(keys, k)
		sum += n
	}
	sort.Strings(keys)
	fmt.Fprintf(w, "%s: %d\n", what, sum)
	for _, k := range keys {
		fmt.Fprintf(w, "  %8d %s\n", counts[k], k)
	}
}
