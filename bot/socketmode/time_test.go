package socketmode

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// How the client answers Slack over time, in virtual time.

func TestRetryAfterPausesAllSlots(t *testing.T) {
	for said, want := range map[string]time.Duration{
		"30": 30 * time.Second, "86400": time.Minute, "": defaultRetryAfter, "soon": defaultRetryAfter,
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.opens = func(n int) (int, http.Header, string) {
				if n == 0 {
					return 429, http.Header{"Retry-After": {said}}, `{"ok":false,"error":"ratelimited"}`
				}
				return 0, nil, ""
			}
			f.serves = func(_ int, p *peer) { p.hello(); p.stay() }
			o := f.options(nothing)
			o.Connections, o.Stagger = 3, time.Second
			start := time.Now()
			c, _, _ := running(t, o)
			pass(2*want + time.Second)
			asked := f.times(start)
			if len(asked) != 4 || c.Open() != 3 {
				t.Fatalf("Retry-After %q: asked at %v, %d open", said, asked, c.Open())
			}
			for _, at := range asked[1:] {
				if at < want || at > want*6/5 {
					t.Errorf("Retry-After %q: asked again after %v", said, at)
				}
			}
		})
	}
}

// Only Slack's rate limit asks to wait. A gateway that is down mustn't keep the bot away
// for as long as it says.
func TestRetryAfterOfAnOutageIsIgnored(t *testing.T) {
	for _, status := range []int{403, 500, 503} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.opens = func(n int) (int, http.Header, string) {
				if n < 20 {
					return status, http.Header{"Retry-After": {"86400"}}, "<html>down</html>"
				}
				return 0, nil, ""
			}
			f.serves = func(_ int, p *peer) { p.hello(); p.stay() }
			o := f.options(nothing)
			start := time.Now()
			c, _, _ := running(t, o)
			pass(10 * time.Minute)
			asked := f.times(start)
			for i, at := range asked[1:] {
				if wait := at - asked[i]; wait > 15*time.Second {
					t.Errorf("status %d: asked again after %v", status, wait)
				}
			}
			if c.Open() != o.Connections {
				t.Errorf("status %d: %d open", status, c.Open())
			}
		})
	}
}

func TestConnectionReplacedRepeatedly(t *testing.T) {
	for _, slots := range []int{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			var calm atomic.Bool
			f := newFake(t)
			f.serves = func(_ int, p *peer) {
				p.hello()
				if !calm.Load() {
					time.Sleep(250 * time.Millisecond)
					p.say(`{"type":"disconnect","reason":"warning"}`)
					return // and closed, which is the worst case
				}
				p.stay()
			}
			o := f.options(nothing)
			o.Connections = slots
			c, _, _ := running(t, o)
			pass(time.Minute)
			first := f.calls()
			pass(10 * time.Minute)
			steady := float64(f.calls()-first) / 10
			calm.Store(true)
			stopped := time.Now()
			for c.Open() == 0 && time.Since(stopped) < time.Minute {
				pass(10 * time.Millisecond)
			}
			one := time.Since(stopped)
			for c.Open() < slots && time.Since(stopped) < time.Minute {
				pass(10 * time.Millisecond)
			}
			t.Logf("%d slots: %d in the first minute, then %.1f a minute; the first is back after %v, all after %v", slots, first, steady, one, time.Since(stopped))
			if first > 13+slots || steady >= 9 || one > refreshInterval*11/10 || c.Open() < slots {
				t.Error("that is not what is documented")
			}
		})
	}
}

func TestNormalRefreshIsImmediate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var called []time.Time
		f.serves = func(n int, p *peer) {
			p.hello()
			acks := p.acks()
			if p.stayFor(acks, time.Duration(1+n%3)*10*time.Second) {
				called = append(called, time.Now())
				p.say(`{"type":"disconnect","reason":"refresh_requested"}`)
				p.stayFor(acks, time.Hour)
			}
		}
		running(t, f.options(nothing))
		pass(20 * time.Minute)
		if len(called) < 30 {
			t.Fatalf("only %d refreshes", len(called))
		}
		synctest.Wait()
		for i, at := range called[:30] {
			if wait := f.times(at)[i+1]; wait != 0 {
				t.Errorf("refresh %d: the next was asked for after %v", i, wait)
			}
		}
	})
}

func TestFailuresAreRetriedWithBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.opens = func(int) (int, http.Header, string) { return 503, nil, "<html>" }
		var log logged
		o := f.options(nothing)
		o.Log = log.logger()
		start := time.Now()
		running(t, o)
		pass(10 * time.Minute)
		asked := f.times(start)
		if asked[1]-asked[0] > time.Second || len(asked) < 20 || len(asked) > 100 {
			t.Errorf("asked %d times: %v", len(asked), asked[:5])
		}
		for i := range asked[1:] {
			if asked[i+1]-asked[i] > maxFailureWait*3/2+time.Second {
				t.Errorf("waited %v", asked[i+1]-asked[i])
			}
		}
		if n := strings.Count(log.String(), "can't connect to Slack"); n != 1 {
			t.Errorf("%d lines for one trouble: %s", n, log.String())
		}
	})
}

func TestStableConnectionResetsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var down atomic.Bool
		down.Store(true)
		cut := make(chan struct{})
		f := newFake(t)
		f.opens = func(int) (int, http.Header, string) {
			if down.Load() {
				return 503, nil, ""
			}
			return 0, nil, ""
		}
		f.serves = func(_ int, p *peer) {
			p.hello()
			acks := p.acks()
			select {
			case <-cut:
				down.Store(true)
				_ = p.Close()
			case <-acks:
			}
		}
		running(t, f.options(nothing))
		pass(5 * time.Minute) // the waits have grown to their limit
		down.Store(false)
		pass(time.Minute)
		close(cut)
		before := f.calls()
		pass(2 * time.Second)
		if n := f.calls() - before; n < 2 {
			t.Errorf("asked %d times within 2 s", n)
		}
	})
}

func TestSocketModeOffIsLoggedOnceAndRetried(t *testing.T) {
	for reason, line := range map[string]string{"link_disabled": "Socket Mode is switched off", "too_many_websockets": "too many connections"} {
		synctest.Test(t, func(t *testing.T) {
			var on atomic.Bool
			again := make(chan struct{})
			f := newFake(t)
			f.serves = func(_ int, p *peer) {
				if !on.Load() {
					p.say(`{"type":"disconnect","reason":%q}`, reason)
					return
				}
				p.hello()
				acks := p.acks()
				select {
				case <-again: // cut
					_ = p.Close()
				case <-acks:
				}
			}
			var log logged
			o := f.options(nothing)
			o.Connections, o.Log = 2, log.logger()
			c, _, _ := running(t, o)
			pass(10 * time.Minute)
			if n := f.calls(); n < 20 || n > 60 {
				t.Errorf("%s: asked %d times in ten minutes", reason, n)
			}
			if n := strings.Count(log.String(), line); n != 1 {
				t.Errorf("%s: %d lines: %s", reason, n, log.String())
			}
			on.Store(true)
			pass(maxSlowWait*3/2 + time.Second)
			if c.Open() != 2 || !strings.Contains(log.String(), "connected to Slack again") {
				t.Errorf("%s: %d open: %s", reason, c.Open(), log.String())
			}
			on.Store(false)
			close(again)
			pass(time.Minute)
			if n := strings.Count(log.String(), line); n != 2 {
				t.Errorf("%s: %d lines the second time: %s", reason, n, log.String())
			}
		})
	}
}

func TestHalfOpenConnectionIsNoticedWithin20Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(n int, p *peer) {
			p.hello()
			if n == 0 {
				<-p.done // neither reads nor writes
				return
			}
			p.stay()
		}
		start := time.Now()
		c, _, _ := running(t, f.options(nothing))
		pass(21 * time.Second)
		if asked := f.times(start); len(asked) != 2 || c.Open() != 1 {
			t.Errorf("asked at %v, %d open", asked, c.Open())
		}
		// A quiet one that answers pings stays.
		pass(time.Hour)
		if f.calls() != 2 {
			t.Error("a healthy connection was given up")
		}
	})
}

func TestReplacedConnectionIsReadForAtMost30Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var lasted time.Duration
		var r record
		f.serves = func(n int, p *peer) {
			p.hello()
			if n > 0 {
				p.stay()
				return
			}
			p.say(`{"type":"disconnect","reason":"warning"}`)
			told := time.Now()
			acks := p.acks()
			time.Sleep(29 * time.Second)
			p.command("late")
			for ack := range acks {
				if idOf(ack) != "late" {
					t.Errorf("got %s", ack)
				}
			}
			lasted = time.Since(told)
		}
		running(t, f.options(&r))
		pass(time.Minute)
		if lasted != drainTimeout || r.work("late") != 1 {
			t.Errorf("closed after %v, worked %d", lasted, r.work("late"))
		}
	})
}

func TestDropsPeerThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		var odd atomic.Int32
		f.serves = func(n int, p *peer) {
			p.hello()
			if n > 0 {
				p.stay()
				return
			}
			p.command("unheard") // its acknowledgement is never read
			<-p.done
		}
		o := f.options(&r)
		o.Observer.Anomaly = func(a Anomaly) {
			if a == Unacknowledged {
				odd.Add(1)
			}
		}
		c, _, _ := running(t, o)
		pass(writeTimeout + time.Second)
		if r.work("unheard") != 1 || odd.Load() != 1 || c.Open() != 1 || f.made() != 2 {
			t.Errorf("worked %d times, %d unacknowledged, %d open", r.work("unheard"), odd.Load(), c.Open())
		}
	})
}

func TestRunEndsWithoutSlacksConfirmation(t *testing.T) {
	for name, end := range map[string]func(*Client, context.CancelFunc){
		"context": func(_ *Client, stop context.CancelFunc) { stop() },
		"hand back": func(c *Client, _ context.CancelFunc) {
			if err := c.HandBack(context.Background()); err != nil {
				t.Error(err)
			}
		},
		"impatient": func(c *Client, stop context.CancelFunc) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if err := c.HandBack(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
			stop()
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			var r record
			f.serves = func(_ int, p *peer) {
				p.hello()
				p.SetCloseHandler(func(int, string) error { p.command("crossing"); return nil })
				_, _, _ = p.ReadMessage() // the Close
				<-p.done
			}
			c, ended, stop := running(t, f.options(&r))
			pass(time.Second)
			start := time.Now()
			end(c, stop)
			if err := <-ended; err != nil {
				t.Errorf("%s: %v", name, err)
			}
			within := map[string]time.Duration{"context": closeTimeout, "hand back": handBackTimeout, "impatient": 2 * closeTimeout}[name]
			if took := time.Since(start); took != within {
				t.Errorf("%s: took %v", name, took)
			}
			if r.work("crossing") != 1 || c.Open() != 0 {
				t.Errorf("%s: what was on its way was dropped; %d open", name, c.Open())
			}
			if f.calls() != 1 {
				t.Errorf("%s: a new connection was opened", name)
			}
		})
	}
}

func TestEveryStepOfConnectingHasADeadline(t *testing.T) {
	for name, prepare := range map[string]func(*fake){
		"open": func(f *fake) {
			f.opens = func(n int) (int, http.Header, string) {
				if n == 0 {
					time.Sleep(time.Hour)
				}
				return 0, nil, ""
			}
		},
		"hello": func(f *fake) {
			f.serves = func(n int, p *peer) {
				if n > 0 {
					p.hello()
				}
				p.stay()
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFake(t)
			f.serves = func(_ int, p *peer) { p.hello(); p.stay() }
			prepare(f)
			c, _, _ := running(t, f.options(nothing))
			pass(12 * time.Second)
			if c.Open() != 1 {
				t.Errorf("%s: hangs", name)
			}
			pass(time.Hour)
		})
	}
}

func TestStalledSinkBlocksNoEnvelope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		acked := 0
		f.serves = func(_ int, p *peer) {
			p.hello()
			acks := p.acks()
			for _, id := range []string{"a", "b", "c"} {
				p.say(`garbage`)
				p.command(id)
				<-acks
				acked++
			}
			for range acks {
			}
		}
		stalled := make(chan struct{})
		o := f.options(&r)
		o.Log = stalledLog(stalled)
		running(t, o)
		pass(time.Second)
		if acked != 3 || r.count() != 3 {
			t.Errorf("%d acknowledged, %d worked", acked, r.count())
		}
		close(stalled)
	})
}
