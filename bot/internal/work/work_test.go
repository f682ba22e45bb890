package work

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cenkalti/backoff/v5"
)

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestLoopLogsTheFirstFailureAndTheRecovery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var logged strings.Builder
		var calls atomic.Int32
		l := NewLoop("test", time.Minute, slog.New(slog.NewTextHandler(&logged, nil)), func(context.Context) error {
			if n := calls.Add(1); n > 1 && n < 4 {
				return errors.New("down")
			}
			return nil
		})
		if l.Age() != 0 {
			t.Errorf("age %v before it runs", l.Age())
		}
		ended := make(chan struct{})
		go func() { l.Run(ctx); close(ended) }()
		time.Sleep(time.Minute + time.Second) // the second call, which fails
		l.Soon()
		synctest.Wait()
		if calls.Load() != 3 || l.Age() != time.Minute+time.Second {
			t.Errorf("%d calls, age %v", calls.Load(), l.Age())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		stop()
		<-ended
		if calls.Load() != 4 || l.Age() != 0 || strings.Count(logged.String(), "\n") != 2 || strings.Count(logged.String(), "level=ERROR") != 1 {
			t.Errorf("%d calls, age %v, log:\n%s", calls.Load(), l.Age(), logged.String())
		}
	})
}

func TestPoolBoundsItsJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPool(1, 3, discard())
		running, most := 0, 0
		job := func(context.Context) {
			running++ // one worker: no other job runs
			most = max(most, running)
			time.Sleep(time.Second)
			running--
			panic("a bug")
		}
		for range 3 {
			p.Reserve(job)(t.Context())
		}
		if p.Reserve(job) != nil || p.Load() != 3 {
			t.Errorf("a fourth job was accepted; load %d", p.Load())
		}
		p.Close()
		p.Close()
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if p.Wait(short) {
			t.Error("three seconds of work were done in two")
		}
		if !p.Wait(t.Context()) || most != 1 || p.Load() != 0 {
			t.Errorf("%d jobs at a time, load %d", most, p.Load())
		}
	})
}

func TestPoolDropsUnstartedJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		p := NewPool(1, 2, discard())
		started := 0
		for range 2 {
			p.Reserve(func(ctx context.Context) { started++; <-ctx.Done() })(ctx)
		}
		synctest.Wait()
		p.Close()
		stop()
		if !p.Wait(t.Context()) || started != 1 {
			t.Errorf("%d jobs started", started)
		}
	})
}

func TestGroupWaitsAndRecoversPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(discard())
		var done atomic.Int32
		g.Run(func() { panic("a bug") })
		g.Run(func() { time.Sleep(time.Second); done.Add(1) })
		short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if g.Wait(short); done.Load() != 0 {
			t.Error("it waited beyond its context")
		}
		if g.Wait(t.Context()); done.Load() != 1 {
			t.Error("it didn't wait")
		}
	})
}

// The loop of followers runs goroutines in a group while a drain waits for it.
func TestGroupRunsWhileOthersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(discard())
		var returned atomic.Int32
		g.Run(func() { time.Sleep(time.Second) })
		for range 100 {
			go func() {
				g.Wait(t.Context())
				returned.Add(1)
				g.Run(func() { time.Sleep(time.Second) })
			}()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if returned.Load() != 100 {
			t.Errorf("%d of 100 waits returned when the first goroutine had ended", returned.Load())
		}
		g.Wait(t.Context())
	})
}

func TestGroupWaitsWithoutAGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(discard())
		g.Run(func() { time.Sleep(time.Second) })
		over, cancel := context.WithCancel(t.Context())
		cancel()
		before := runtime.NumGoroutine()
		for range 100 {
			g.Wait(over)
		}
		if more := runtime.NumGoroutine() - before; more >= 100 {
			t.Errorf("%d goroutines are left by waits that are over", more)
		}
		g.Wait(t.Context())
	})
}

func TestRetryHonoursRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		err := Retry(t.Context(), time.Hour, func() error {
			switch tries++; tries {
			case 1:
				return &backoff.RetryAfterError{Duration: time.Minute}
			case 2:
				return errors.New("down")
			}
			return nil
		})
		if took := time.Since(began); err != nil || tries != 3 || took < time.Minute || took > time.Minute+MaxPause {
			t.Errorf("%d tries in %v: %v", tries, took, err)
		}
		refused := errors.New("refused")
		tries = 0
		if err := Retry(t.Context(), 0, func() error { tries++; return backoff.Permanent(refused) }); !errors.Is(err, refused) || tries != 1 {
			t.Errorf("%d tries: %v", tries, err)
		}
		began = time.Now()
		if err := Retry(t.Context(), time.Minute, func() error { return refused }); err == nil || time.Since(began) > time.Minute {
			t.Errorf("gave up after %v: %v", time.Since(began), err)
		}
	})
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if !Sleep(ctx, time.Millisecond) || Sleep(ctx, time.Minute) {
			t.Error("wrong")
		}
	})
}

func TestLimitIsPerUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimit(2)
		for i, want := range []bool{true, true, false} {
			if l.Allow("U1") != want {
				t.Errorf("try %d: not %v", i, want)
			}
		}
		if !l.Allow("U2") {
			t.Error("another user pays for it")
		}
		time.Sleep(30 * time.Second)
		if !l.Allow("U1") || l.Allow("U1") {
			t.Error("not one more after half a minute")
		}
	})
}

func TestAsideBoundsItsJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGroup(discard())
		a := NewAside(g, 3, 2)
		long := func(ctx context.Context) { _ = Sleep(ctx, time.Hour) }
		for n := range 3 {
			if ran := a.Try(t.Context(), "a", long); ran != (n < 2) {
				t.Errorf("job %d with one key runs: %t", n, ran)
			}
		}
		if !a.Try(t.Context(), "b", long) || a.Try(t.Context(), "b", long) {
			t.Error("three jobs may run")
		}
		began := time.Now()
		a.Run(t.Context(), "b", long)
		if took := time.Since(began); took != crowdedFor {
			t.Errorf("a job without room took %s", took)
		}
		g.Wait(t.Context())
		if !a.Try(t.Context(), "a", func(context.Context) { panic("a bug") }) {
			t.Error("no room after all have ended")
		}
		g.Wait(t.Context())
		if a.running != 0 || len(a.keys) != 0 {
			t.Errorf("%d jobs left: %v", a.running, a.keys)
		}
	})
}
