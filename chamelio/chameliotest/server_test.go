package chameliotest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caller calls a server in its bubble.
type caller struct {
	*testing.T
	api    *Server
	client *http.Client
}

// inVirtualTime runs a test in a bubble that ends only when nothing of the
// server is left.
func inVirtualTime(t *testing.T, test func(c *caller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := NewMemoryListener()
		transport := &http.Transport{DialContext: listener.DialContext}
		c := &caller{t, New(Options{Listener: listener}), &http.Client{Transport: transport}}
		defer transport.CloseIdleConnections()
		defer c.api.Close()
		test(c)
	})
}

// do sends a request, and gives up after limit. The status is 0 without an
// answer.
func (c *caller) do(method, path string, limit time.Duration) (status int, body string) {
	ctx, cancel := context.WithTimeout(c.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.api.URL()+path, nil)
	if err != nil {
		c.Fatal(err)
	}
	req.Header.Set("X-API-Key", Key)
	resp, err := c.client.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(raw)
}

func (c *caller) cancel() int {
	status, _ := c.do("POST", "/tasks/12345/cancel", 10*time.Second)
	return status
}

// read returns the status that GET shows.
func (c *caller) read() string {
	_, body := c.do("GET", "/tasks/12345", 10*time.Second)
	var answer struct{ Task Task }
	_ = json.Unmarshal([]byte(body), &answer)
	return answer.Task.Status
}

func TestLateCancelIgnoresItsResponse(t *testing.T) {
	for name, tt := range map[string]struct {
		fault  Fault
		status int
	}{
		"nothing":        {Fault{}, 0},
		"hang":           {Fault{Hang: true}, 0},
		"cut":            {Fault{CutBefore: true}, 0},
		"gateway's 504":  {Gateway(504), 504},
		"gateway's 404":  {Gateway(404), 404},
		"the API's 500":  {ServerError(false), 500},
		"slow, then 502": {Fault{Delay: 3 * time.Second, Status: 502}, 502},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(c *caller) {
				tt.fault.LandAfter, tt.fault.Method, tt.fault.Times = time.Minute, "POST", 1
				c.api.Break(tt.fault)
				began := time.Now()
				if got := c.cancel(); got != tt.status {
					c.Errorf("answered %d, want %d", got, tt.status)
				}
				time.Sleep(time.Until(began.Add(time.Minute - time.Millisecond)))
				if c.read() != "in_progress" || c.api.Effects(12345) != 0 || c.api.Landing() != 1 {
					c.Error("it landed early")
				}
				time.Sleep(2 * time.Millisecond)
				effects := c.api.EffectsOf(12345)
				if c.read() != "cancelled" || len(effects) != 1 || c.api.Landing() != 0 {
					c.Fatal("it did not land")
				}
				if e := effects[0]; e.At.Sub(began) != time.Minute || !e.Request.At.Equal(began) {
					c.Errorf("asked at %v, landed at %v", e.Request.At, e.At)
				}
			})
		})
	}
}

func TestLateCancelUsesTheCurrentTask(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.Break(Fault{CutBefore: true, LandAfter: time.Minute, Times: 1})
		c.cancel()
		c.api.SetStatus(12345, "completed")
		time.Sleep(2 * time.Minute)
		if got, _ := c.api.Task(12345); got.Status != "completed" || c.api.Effects(12345) != 0 {
			c.Errorf("the task is %s after %d effects", got.Status, c.api.Effects(12345))
		}
	})
}

func TestHeldCancelLandsWhenReleased(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		release := make(chan struct{})
		c.api.Break(Fault{Method: "POST", Until: release})
		if got := c.cancel(); got != 0 {
			c.Errorf("answered %d", got)
		}
		if c.read() != "in_progress" || c.api.Effects(12345) != 0 {
			c.Error("it landed early")
		}
		close(release)
		synctest.Wait()
		if c.read() != "cancelled" || c.api.Effects(12345) != 1 {
			c.Error("it did not land")
		}
	})
}

func TestCloseDropsHeldCancels(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.Break(Fault{Until: make(chan struct{})})
		c.cancel()
		c.api.Close()
		if c.api.Effects(12345) != 0 {
			c.Error("it landed")
		}
	})
}

func TestCloseDropsPendingCancels(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.Break(Fault{Delay: time.Hour, LandAfter: time.Hour})
		c.cancel()
		began := time.Now()
		c.api.Close()
		if c.api.Landing() != 0 || c.api.Effects(12345) != 0 || time.Since(began) != 0 {
			c.Errorf("%d to land, %d effects, after %v", c.api.Landing(), c.api.Effects(12345), time.Since(began))
		}
	})
}

func TestStaleReads(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.SetReadLag(30 * time.Second)
		if c.read() != "in_progress" {
			c.Error("a task without a past is not shown")
		}
		time.Sleep(time.Minute)
		if c.cancel() != 200 || c.cancel() != 409 {
			c.Error("the cancel does not see what is")
		}
		time.Sleep(29 * time.Second)
		if got := c.read(); got != "in_progress" {
			c.Errorf("after 29 s: %s", got)
		}
		time.Sleep(2 * time.Second)
		if got := c.read(); got != "cancelled" {
			c.Errorf("after 31 s: %s", got)
		}
		c.api.SetStatus(12345, "failed")
		if c.read() != "cancelled" {
			c.Error("the last change is shown at once")
		}
		c.api.ClearFaults()
		if c.read() != "failed" {
			c.Error("reads lag on")
		}
	})
}

func TestHalfOpenConnectionStaysSilent(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		if c.read() != "in_progress" {
			c.Fatal("not served")
		}
		c.api.Silence()
		began := time.Now()
		if status := c.cancel(); status != 0 || time.Since(began) != 10*time.Second {
			c.Errorf("answered %d after %v", status, time.Since(began))
		}
		if c.api.Cancels(12345) != 0 {
			c.Error("a request came through")
		}
		if status := c.cancel(); status != 200 {
			c.Errorf("on a new connection: %d", status)
		}
	})
}

func TestResponseIsLostOnASilencedConnection(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.OnApplied(func(Request) { c.api.Silence() })
		if status := c.cancel(); status != 0 || c.api.Effects(12345) != 1 {
			c.Errorf("answered %d, %d effects", status, c.api.Effects(12345))
		}
	})
}

func TestPeerDoesNotNoticeASilentCut(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.Break(Fault{CutBefore: true})
		c.api.OnReceived(func(Request) { c.api.Silence() })
		began := time.Now()
		if status := c.cancel(); status != 0 || time.Since(began) != 10*time.Second {
			c.Errorf("answered %d after %v", status, time.Since(began))
		}
	})
}

func TestCloseEndsBlackHolesToo(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.BlackHole()
		conn, err := c.client.Transport.(*http.Transport).DialContext(c.Context(), "tcp", "")
		if err != nil {
			c.Fatal(err)
		}
		defer conn.Close()
		synctest.Wait()
		c.api.Close()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			c.Errorf("got %v", err)
		}
	})
}

func TestCloseWaitsForRunningCancels(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		ended := false
		c.api.OnApplied(func(Request) {
			time.Sleep(time.Minute)
			ended = true
		})
		c.api.Break(Fault{CutBefore: true, LandAfter: time.Minute, Times: 1})
		c.cancel()
		time.Sleep(90 * time.Second)
		c.api.Close()
		if !ended {
			c.Error("it is still running")
		}
	})
}

func TestBlackHoleNeverReads(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.BlackHole()
		for range 3 {
			if status := c.cancel(); status != 0 {
				c.Errorf("answered %d", status)
			}
		}
		c.api.ClearFaults()
		if status := c.cancel(); status != 200 || c.api.Cancels(12345) != 1 {
			c.Errorf("afterwards: %d, %d cancels", status, c.api.Cancels(12345))
		}
	})
}

func TestEachFault(t *testing.T) {
	for name, tt := range map[string]struct {
		fault   Fault
		status  int
		body    string
		effects int
		took    time.Duration
	}{
		"none":                 {Fault{}, 200, `"status":"cancelled"`, 1, 0},
		"slow":                 {Fault{Delay: 4 * time.Second}, 200, "", 1, 4 * time.Second},
		"hang":                 {Fault{Hang: true}, 0, "", 0, 10 * time.Second},
		"hang after effect":    {Fault{Hang: true, AfterEffect: true}, 0, "", 1, 10 * time.Second},
		"cut before":           {Fault{CutBefore: true}, 0, "", 0, 0},
		"cut after":            {Fault{CutAfter: true}, 0, "", 1, 0},
		"500":                  {ServerError(false), 500, `{"detail":"Failed to cancel task"}`, 0, 0},
		"500 after effect":     {ServerError(true), 500, `{"detail":"Failed to cancel task"}`, 1, 0},
		"gateway's 404":        {Gateway(404), 404, "<h1>404 Not Found</h1>", 0, 0},
		"gateway's 403":        {Gateway(403), 403, "<h1>403 Forbidden</h1>", 0, 0},
		"gateway's 502":        {ProxyError(), 502, "<h1>502 Bad Gateway</h1>", 0, 0},
		"busy":                 {Busy("5"), 429, `{"detail":"Rate limit exceeded"}`, 0, 0},
		"409 empty":            {Fault{Status: 409}, 409, "", 0, 0},
		"for another task":     {Fault{Task: 1, Status: 500}, 200, "", 1, 0},
		"for another method":   {Fault{Method: "GET", Status: 500}, 200, "", 1, 0},
		"slower than patience": {Fault{Delay: 15 * time.Second}, 0, "", 1, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, func(c *caller) {
				c.api.Break(tt.fault)
				began := time.Now()
				status, body := c.do("POST", "/tasks/12345/cancel", 10*time.Second)
				took := time.Since(began)
				time.Sleep(time.Minute)
				if status != tt.status || !strings.Contains(body, tt.body) || took != tt.took || c.api.Effects(12345) != tt.effects {
					c.Errorf("answered %d %q after %v, %d effects", status, body, took, c.api.Effects(12345))
				}
				if got := c.api.Requests()[0].Status; got != tt.status && took < 10*time.Second {
					c.Errorf("remembered as %d", got)
				}
			})
		})
	}
}

func TestFaultsAreUsedInOrder(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.Break(Fault{Status: 502, Times: 2})
		c.api.Break(Fault{Status: 503, Times: 1})
		var got []int
		for range 4 {
			got = append(got, c.cancel())
		}
		if got[0] != 502 || got[1] != 502 || got[2] != 503 || got[3] != 200 {
			c.Errorf("got %v", got)
		}
	})
}

func TestRateLimitIsPerMinute(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		c.api.SetRateLimit(2, true)
		for _, want := range []string{"in_progress", "in_progress", ""} {
			if got := c.read(); got != want {
				c.Errorf("got %q, want %q", got, want)
			}
		}
		time.Sleep(time.Minute)
		if c.read() != "in_progress" {
			c.Error("a new minute is not served")
		}
	})
}

func TestRequiresTheKey(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		for _, key := range []string{"", "ca_wrong"} {
			req, _ := http.NewRequestWithContext(c.Context(), "GET", c.api.URL()+"/users/org-info", nil)
			req.Header.Set("X-API-Key", key)
			resp, err := c.client.Do(req)
			if err != nil || resp.StatusCode != 401 {
				c.Fatalf("key %q: %v, %v", key, resp, err)
			}
			_ = resp.Body.Close()
		}
		c.api.RefuseKey("API key has expired")
		if c.cancel() != 401 {
			c.Error("a refused key was accepted")
		}
	})
}

func TestUnknownPathsAndIDsAreRefusedAsTheAPIDoes(t *testing.T) {
	inVirtualTime(t, func(c *caller) {
		for path, want := range map[string]int{"/tasks/99": 404, "/tasks/abc": 422, "/elsewhere": 404, "/users/org-info": 200} {
			if status, body := c.do("GET", path, time.Second); status != want {
				c.Errorf("%s: %d %s", path, status, body)
			}
		}
	})
}

func TestNewServerServesOnLoopbackUntilItRefuses(t *testing.T) {
	s := NewServer()
	get := func() error {
		resp, err := http.Get(s.URL() + "/users/org-info")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	s.Refuse()
	if err := get(); err == nil {
		t.Error("somebody could connect")
	}
	s.Close()
	s.Close() // twice does no harm
	http.DefaultClient.CloseIdleConnections()
}
