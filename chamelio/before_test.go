package chamelio_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/chamelio"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// inVirtualTime runs a test in a bubble, with a client and a fake that are
// connected through memory.
func inVirtualTime(t *testing.T, test func(t *testing.T, c *chamelio.Client, api *chameliotest.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		listener := chameliotest.NewMemoryListener()
		api := chameliotest.New(chameliotest.Options{Listener: listener})
		transport := &http.Transport{DialContext: listener.DialContext}
		defer transport.CloseIdleConnections()
		defer api.Close()
		c, err := chamelio.New(chamelio.Options{BaseURL: api.URL(), APIKey: chameliotest.Key, Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		test(t, c, api)
	})
}

// notSent checks that the error is certain, and that nothing arrived.
func notSent(t *testing.T, err error, api *chameliotest.Server) {
	t.Helper()
	var e *chamelio.Error
	if !errors.As(err, &e) || !e.NotSent || !errors.Is(err, chamelio.ErrNotSent) || e.Ambiguous || e.InFlight {
		t.Errorf("got %+v", e)
	}
	if n := api.Cancels(12345); n != 0 {
		t.Errorf("%d cancels were sent", n)
	}
}

type lostRightError struct{ epoch int }

func (e *lostRightError) Error() string { return "the lease is lost" }

func TestUnauthorizedCancelIsNotSent(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		lost := &lostRightError{epoch: 3}
		err := c.Cancel(t.Context(), 12345, func(context.Context) error { return lost })
		notSent(t, err, api)
		var found *lostRightError
		if !errors.Is(err, lost) || !errors.As(err, &found) || found.epoch != 3 {
			t.Errorf("the cause is not to be found in %v", err)
		}
		if task, _ := api.Task(12345); task.Status != "in_progress" {
			t.Errorf("the task is %s", task.Status)
		}
	})
}

func TestAuthorizesAfterTheWaitAndBeforeTheRequest(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		c.SetRateLimit(1)
		if _, err := c.OrgInfo(t.Context()); err != nil { // takes the only place
			t.Fatal(err)
		}
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "the caller's")
		began, asked := time.Now(), 0
		err := c.Cancel(ctx, 12345, func(ctx context.Context) error {
			asked++
			if waited := time.Since(began); waited < time.Minute {
				t.Errorf("asked after %v, before the rate limit let it through", waited)
			}
			if api.Cancels(12345) != 0 || ctx.Value(key{}) != "the caller's" {
				t.Error("asked after the request, or with another context")
			}
			return nil
		})
		if err != nil || asked != 1 || api.Effects(12345) != 1 {
			t.Errorf("%v, asked %d times, %d effects", err, asked, api.Effects(12345))
		}
	})
}

func TestAuthorizationHasATimeoutOfItsOwn(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		api.Break(chameliotest.Fault{Delay: 9 * time.Second})
		err := c.Cancel(t.Context(), 12345, func(context.Context) error { time.Sleep(9 * time.Second); return nil })
		if err != nil {
			t.Error(err)
		}
	})
}

func TestContextEndDuringCheckSendsNothing(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		cause := errors.New("the bot is stopping")
		ctx, cancel := context.WithCancelCause(t.Context())
		err := c.Cancel(ctx, 12345, func(context.Context) error { cancel(cause); return nil })
		notSent(t, err, api)
		if !errors.Is(err, cause) {
			t.Errorf("got %v", err)
		}
	})
}

func TestEndedWaitForRateLimitSendsNothing(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		c.SetRateLimit(1)
		if _, err := c.Task(t.Context(), 12345); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		err := c.Cancel(ctx, 12345, func(context.Context) error { t.Error("asked for the right to nothing"); return nil })
		notSent(t, err, api)
		if !errors.Is(err, chamelio.ErrRateLimited) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if _, err := c.Preview(ctx, 12345); !errors.Is(err, chamelio.ErrNotSent) {
			t.Errorf("a preview: %v", err)
		}
	})
}

func TestTimeoutIsDeadlineExceeded(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		api.Break(chameliotest.Fault{Hang: true})
		began := time.Now()
		_, err := c.Task(t.Context(), 12345)
		var timeout interface{ Timeout() bool }
		if took := time.Since(began); took != chamelio.DefaultTimeout || !errors.Is(err, context.DeadlineExceeded) ||
			!errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestEveryMethodCountsAgainstTheLimit(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		c.SetRateLimit(12)
		c.SetShare(3) // four a minute, of which one at once
		began := time.Now()
		for _, call := range []func() error{
			func() error { _, err := c.OrgInfo(t.Context()); return err },
			func() error { _, err := c.Task(t.Context(), 12345); return err },
			func() error { _, err := c.Preview(t.Context(), 12345); return err },
			func() error { return c.Cancel(t.Context(), 12345, nil) },
			func() error { _, err := c.OrgInfo(t.Context()); return err },
		} {
			if err := call(); err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took < time.Minute {
			t.Errorf("five calls in %v, at four a minute", took)
		}
	})
}

func TestPreviewsLeaveTheLimitToCancels(t *testing.T) {
	inVirtualTime(t, func(t *testing.T, c *chamelio.Client, api *chameliotest.Server) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		served := 0
		for range 30 {
			if _, err := c.Preview(ctx, 12345); err == nil {
				served++
			}
		}
		began := time.Now()
		if err := c.Cancel(t.Context(), 12345, nil); err != nil || time.Since(began) != 0 || served != 15 {
			t.Errorf("%v after %v and %d previews", err, time.Since(began), served)
		}
	})
}
