package socketmode

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// stalledLog blocks each line until the channel is closed.
func stalledLog(until <-chan struct{}) *slog.Logger {
	return slog.New(slog.NewTextHandler(writer(func(p []byte) (int, error) { <-until; return len(p), nil }), nil))
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

func TestWorkWaitsForTheAcknowledgementsOfABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const burst = 50
		f := newFake(t)
		var mu sync.Mutex
		var order []string
		note := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		f.serves = func(_ int, p *peer) {
			p.hello()
			go func() {
				for i := range burst {
					p.command(fmt.Sprint(i))
				}
			}()
			time.Sleep(time.Millisecond) // all are read before the first is acknowledged
			p.stay()
		}
		o := f.options(HandlerFunc(func(e Envelope) (any, func()) {
			return nil, func() { note("work " + e.ID) }
		}))
		o.Observer.Acked = func(time.Duration) { note("ack") }
		running(t, o)
		pass(time.Second)
		var worked []string
		for i, what := range order {
			if what == "ack" && len(worked) >= burstSize {
				t.Errorf("an acknowledgement after %d: %v", i, order)
			}
			if what != "ack" {
				worked = append(worked, what)
			}
		}
		for i, what := range worked {
			if len(worked) != burst || what != fmt.Sprint("work ", i) {
				t.Fatalf("worked: %v", worked)
			}
		}
	})
}

func TestSlowConnectionDelaysNoWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(n int, p *peer) {
			p.hello()
			if n == 0 {
				p.command("stuck") // its acknowledgement hangs for 5 s
				<-p.done
				return
			}
			p.command("quick")
			p.stay()
		}
		started := map[string]time.Time{}
		o := f.options(HandlerFunc(func(e Envelope) (any, func()) {
			return nil, func() {
				if started[e.ID].IsZero() {
					started[e.ID] = time.Now()
				}
			}
		}))
		o.Connections, o.Stagger = 2, time.Second
		start := time.Now()
		running(t, o)
		pass(10 * time.Second)
		if at := started["quick"].Sub(start); at != time.Second {
			t.Errorf("work started after %v", at)
		}
	})
}

func TestAcknowledgesEnvelopesBeforeSlacksClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var got []string
		var closed error
		f.serves = func(n int, p *peer) {
			p.hello()
			if n > 0 {
				p.stay()
				return
			}
			p.SetCloseHandler(func(int, string) error { return nil })
			go func() {
				p.command("a")
				p.command("b")
				bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
				_ = p.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
			}()
			for {
				_, raw, err := p.ReadMessage()
				if err != nil {
					closed = err
					return
				}
				got = append(got, idOf(string(raw)))
			}
		}
		slow := HandlerFunc(func(Envelope) (any, func()) { time.Sleep(100 * time.Millisecond); return nil, nil })
		running(t, f.options(slow))
		pass(time.Second)
		if fmt.Sprint(got) != "[a b]" || !websocket.IsCloseError(closed, websocket.CloseNormalClosure) {
			t.Errorf("acknowledged %v, then %v", got, closed)
		}
	})
}

func TestAcknowledgementHasTheHandlersPayload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var got []string
		f.serves = func(_ int, p *peer) {
			p.hello()
			go func() {
				for _, id := range []string{"text", "nothing", "long", "bad"} {
					p.command(id)
				}
			}()
			for ack := range p.acks() {
				got = append(got, ack)
			}
		}
		odd := map[Anomaly]int{}
		o := f.options(HandlerFunc(func(e Envelope) (any, func()) {
			return map[string]any{"text": map[string]string{"text": "hi"}, "long": strings.Repeat("x", maxAck), "bad": func() {}}[e.ID], nil
		}))
		o.Observer.Anomaly = func(a Anomaly) { odd[a]++ }
		running(t, o)
		pass(time.Second)
		want := []string{`{"envelope_id":"text","payload":{"text":"hi"}}`, `{"envelope_id":"nothing"}`, `{"envelope_id":"long"}`, `{"envelope_id":"bad"}`}
		if fmt.Sprint(got) != fmt.Sprint(want) || odd[OversizedAck] != 2 {
			t.Errorf("got %v, %v", got, odd)
		}
	})
}

func TestLargestAcknowledgementIsOneFrame(t *testing.T) {
	if writeBuffer < maxAck+16 {
		t.Error("the write buffer splits acknowledgements, and Slack drops those")
	}
}

func TestGarbageFramesAndUnexpectedFieldsAreIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		f.serves = func(_ int, p *peer) {
			p.hello()
			p.say(`not JSON`)
			p.say(`[]`)
			_ = p.WriteMessage(websocket.BinaryMessage, []byte(`{"envelope_id":"binary"}`))
			p.say(`{"type":"news"}`)
			p.say(`{"type":"hello"}`)
			p.say(`{"accepts_response_payload":"maybe","envelope_id":"odd","type":"interactive","retry_attempt":"two","payload":{"a":1}}`)
			p.stay()
		}
		garbage := 0
		o := f.options(&r)
		o.Observer.Anomaly = func(a Anomaly) {
			if a == GarbageFrame {
				garbage++
			}
		}
		c, _, _ := running(t, o)
		pass(time.Second)
		if len(r.accepted) != 1 || garbage != 3 || c.Open() != 1 {
			t.Fatalf("accepted %v, %d frames of garbage, %d open", r.accepted, garbage, c.Open())
		}
		if e := r.accepted[0]; e.ID != "odd" || e.Type != "interactive" || string(e.Payload) != `{"a":1}` || e.Received.IsZero() {
			t.Errorf("got %+v", e)
		}
	})
}

func TestEndlessFrameIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(n int, p *peer) {
			p.hello()
			if n == 0 {
				go p.say("%s", strings.Repeat("x", maxFrame+1))
			}
			p.stay()
		}
		c, _, _ := running(t, f.options(nothing))
		pass(10 * time.Second)
		if c.Open() != 1 || f.made() != 2 {
			t.Errorf("%d open, %d connections", c.Open(), f.made())
		}
	})
}

func TestEnvelopeBeforeHelloIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		var got string
		f.serves = func(_ int, p *peer) {
			p.command("early")
			_, raw, _ := p.ReadMessage()
			got = idOf(string(raw))
			p.hello()
			p.stay()
		}
		c, _, _ := running(t, f.options(&r))
		pass(time.Second)
		if got != "early" || r.work("early") != 1 || c.Open() != 1 {
			t.Errorf("acknowledged %q, worked %d times, %d open", got, r.work("early"), c.Open())
		}
	})
}

func TestRedeliveryHasAttemptAndReason(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		f.serves = func(_ int, p *peer) {
			p.hello()
			p.say(`{"envelope_id":"1","type":"events_api","retry_attempt":2,"retry_reason":"timeout","accepts_response_payload":false,"payload":{}}`)
			p.stay()
		}
		running(t, f.options(&r))
		pass(time.Second)
		if e := r.accepted[0]; e.RetryAttempt != 2 || e.RetryReason != "timeout" || e.AcceptsResponse {
			t.Errorf("got %+v", e)
		}
	})
}

func TestTokenOfAnotherAppIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(_ int, p *peer) { p.hello(); p.stay() }
		o := f.options(nothing)
		o.AppID = "A2"
		_, ended, _ := running(t, o)
		if err := <-ended; !errors.Is(err, ErrOtherApp) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAcceptsHelloWithoutApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(_ int, p *peer) { p.say(`{"type":"hello"}`); p.stay() }
		o := f.options(nothing)
		o.AppID = "A2"
		c, _, _ := running(t, o)
		pass(time.Second)
		if c.Open() != 1 {
			t.Error("refused")
		}
	})
}

func TestReadsConnectionThatOpensDuringStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		var r record
		f.serves = func(_ int, p *peer) {
			time.Sleep(1500 * time.Millisecond)
			p.hello()
			p.command("at once")
			p.stay()
		}
		_, ended, stop := running(t, f.options(&r))
		pass(time.Second)
		stop() // half a second before hello
		if err := <-ended; err != nil || r.work("at once") != 1 {
			t.Errorf("worked %d times, %v", r.work("at once"), err)
		}
	})
}

func TestTokenIsSentOnlyToSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.opens = func(int) (int, http.Header, string) {
			return 307, http.Header{"Location": {"http://127.0.0.1/elsewhere"}}, ""
		}
		err := CheckToken(context.Background(), f.options(nil))
		if answer, ok := errors.AsType[*APIError](err); !ok || answer.Status != 307 {
			t.Errorf("got %v", err)
		}
	})
}

func TestProbeCountsIgnoredEnvelopes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(_ int, p *peer) {
			p.hello()
			p.command("1")
			for ack := range p.acks() {
				t.Errorf("a probe acknowledged %s", ack)
			}
		}
		seen, err := Probe(context.Background(), f.options(nil))
		if err != nil || seen.TurnedAway != 1 || seen.Hello.AppID != "A1" {
			t.Errorf("got %+v, %v", seen, err)
		}
	})
}

func TestCheckTokenDoesNotConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		if err := CheckToken(context.Background(), f.options(nil)); err != nil || f.calls() != 1 || f.made() != 0 {
			t.Errorf("got %v, %d connections", err, f.made())
		}
	})
}

func TestClientRunsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.serves = func(_ int, p *peer) { p.hello(); p.stay() }
		c, err := New(f.options(nothing))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.HandBack(context.Background()); err != nil {
			t.Error(err)
		}
		if err := c.Run(context.Background()); err != nil {
			t.Errorf("handed back before: %v", err)
		}
		if err := c.Run(context.Background()); err == nil {
			t.Error("ran twice")
		}
	})
}
