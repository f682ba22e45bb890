package socketmode_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// work keeps a processor busy for about as long as a command does.
func work() {
	go func() {
		for until := time.Now().Add(50 * time.Microsecond); time.Now().Before(until); {
		}
	}()
}

// clients serve a fake server with two connections until ctx ends.
var clients = []struct {
	name string
	run  func(ctx context.Context, b *testing.B, s *slacktest.Server)
}{
	{"floor", func(ctx context.Context, b *testing.B, s *slacktest.Server) {
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { bare(ctx, b, s) })
		}
		both.Wait()
	}},
	{"no work", serving(func(socketmode.Envelope) (any, func()) { return nil, nil })},
	{"work after the ack", serving(func(socketmode.Envelope) (any, func()) { return nil, work })},
	{"work before the ack", serving(func(socketmode.Envelope) (any, func()) { work(); return nil, nil })},
}

func serving(h socketmode.HandlerFunc) func(context.Context, *testing.B, *slacktest.Server) {
	return func(ctx context.Context, b *testing.B, s *slacktest.Server) {
		c, err := socketmode.New(socketmode.Options{AppToken: slacktest.AppToken, APIURL: s.URL(), Stagger: time.Nanosecond, Handler: h})
		if err != nil {
			b.Error(err)
			return
		}
		if err := c.Run(ctx); err != nil {
			b.Error(err)
		}
	}
}

// bare reads and acknowledges, and does nothing else. It's the fastest possible client.
func bare(ctx context.Context, b *testing.B, s *slacktest.Server) {
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"apps.connections.open", http.NoBody)
	req.Header.Set("Authorization", "Bearer "+slacktest.AppToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		b.Error(err)
		return
	}
	defer func() { _ = resp.Body.Close() }()
	defer http.DefaultClient.CloseIdleConnections()
	var answer struct{ URL string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		b.Error(err)
		return
	}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, answer.URL, nil)
	if err != nil {
		b.Error(err)
		return
	}
	defer context.AfterFunc(ctx, func() { _ = ws.Close() })()
	for {
		_, raw, err := ws.ReadMessage()
		if err != nil {
			return
		}
		var e struct {
			ID string `json:"envelope_id"`
		}
		if json.Unmarshal(raw, &e) == nil && e.ID != "" {
			_ = ws.WriteMessage(websocket.TextMessage, []byte(`{"envelope_id":"`+e.ID+`"}`))
		}
	}
}

// BenchmarkBurst delivers 200 commands at once.
func BenchmarkBurst(b *testing.B) { measure(b, 200) }

// BenchmarkSingle delivers one command at a time.
func BenchmarkSingle(b *testing.B) { measure(b, 1) }

func measure(b *testing.B, burst int) {
	for _, client := range clients {
		b.Run(client.name, func(b *testing.B) {
			s := slacktest.NewServer()
			defer s.Close()
			ctx, cancel := context.WithCancel(b.Context())
			var running sync.WaitGroup
			running.Go(func() { client.run(ctx, b, s) })
			defer running.Wait()
			defer cancel()
			if err := s.WaitFor(ctx, func() bool { return s.Connections() == 2 }); err != nil {
				b.Fatal(err)
			}
			var all []time.Duration
			for b.Loop() {
				var sending sync.WaitGroup
				sent := make([]*slacktest.Pending, burst)
				for i := range sent {
					sending.Go(func() { sent[i] = s.Slash(slacktest.Ada, slacktest.General, "/cancel-task help") })
				}
				sending.Wait()
				for _, p := range sent {
					d, err := p.Wait(ctx)
					if err != nil || d.State != slacktest.Acknowledged {
						b.Fatal(d, err)
					}
					all = append(all, d.Latency)
				}
				time.Sleep(time.Duration(burst) * 100 * time.Microsecond) // what was set off is done
			}
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
