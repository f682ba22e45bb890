package bot_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio/chameliotest"
)

// reportLatencies reports the median and the 99th percentile in microseconds.
func reportLatencies(b *testing.B, of string, all []time.Duration) {
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), of+"-p50-µs")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), of+"-p99-µs")
}

// BenchmarkClick measures the time from a click to the arrival of the cancel
// request, including the durable claim, and to the announcement.
func BenchmarkClick(b *testing.B) {
	for name, url := range map[string]func(b *testing.B) string{
		"sqlite":   func(b *testing.B) string { return "sqlite:" + b.TempDir() + "/j.db" },
		"postgres": func(b *testing.B) string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			database := url(b)
			w := newWorld(b, func(o *options) { o.url = database })
			posted, told := make(chan time.Time, 1), make(chan time.Time, 1)
			w.api.OnReceived(func(r chameliotest.Request) {
				if r.Method == "POST" {
					posted <- time.Now()
				}
			})
			w.slack.Before("chat.postMessage", func(slacktest.Call) { told <- time.Now() })
			task := int64(1 << 20)
			var posts, tellings []time.Duration
			for b.Loop() {
				b.StopTimer()
				task++
				w.api.Add(task, 1)
				prompt := w.wantPrompt(w.slash(ada, general, fmt.Sprintf("/cancel-task %d", task)))
				b.StartTimer()
				clicked := time.Now()
				w.slack.Click(ada, prompt, "cancel_task")
				posts = append(posts, (<-posted).Sub(clicked))
				tellings = append(tellings, (<-told).Sub(clicked))
			}
			reportLatencies(b, "post", posts)
			reportLatencies(b, "told", tellings)
		})
	}
}

// BenchmarkFlows measures whole flows, from command to announcement, a hundred
// at a time.
func BenchmarkFlows(b *testing.B) {
	w := newWorld(b)
	task := int64(1 << 30)
	for b.Loop() {
		const flows = 100
		b.StopTimer()
		w.api.Add(task, flows)
		b.StartTimer()
		before := len(w.slack.History(general))
		var wg sync.WaitGroup
		for i := range flows {
			wg.Go(func() { w.acked(w.slack.Slash(ada, general, fmt.Sprintf("/cancel-task %d", task+int64(i)))) })
		}
		wg.Wait()
		clicked := map[string]bool{}
		w.eventually("all prompts", func() bool {
			for _, m := range w.slack.Private(ada, general) {
				if m.Button("cancel_task") != nil && !clicked[m.TS] {
					clicked[m.TS] = true
					w.slack.Click(ada, m, "cancel_task")
				}
			}
			return len(clicked) == flows
		})
		w.eventually("all announcements", func() bool { return len(w.slack.History(general)) == before+flows })
		task += flows
	}
	b.ReportMetric(float64(b.N)*100/b.Elapsed().Seconds(), "flows/s")
}

// BenchmarkRefreshStorm counts the lost commands while Slack replaces
// connections twice a second: with this client, and with two of slack-go's. At
// a much higher rate this client runs into its own limit on opening
// connections.
func BenchmarkRefreshStorm(b *testing.B) {
	storm := func(b *testing.B, s *slacktest.Server) {
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		defer cancel()
		if err := s.WaitFor(ctx, func() bool { return s.Connections() == 2 }); err != nil {
			b.Fatal(err)
		}
		var sent []*slacktest.Pending
		for b.Loop() {
			for i := range 200 {
				if i%25 == 0 {
					s.Disconnect("refresh_requested", 500*time.Millisecond)
				}
				sent = append(sent, s.Slash(ada, general, "/cancel-task help"))
				time.Sleep(20 * time.Millisecond)
			}
		}
		lost := 0
		for _, p := range sent {
			if d, err := p.Wait(b.Context()); err != nil || d.State != slacktest.Acknowledged {
				lost++
			}
		}
		b.ReportMetric(float64(lost)*1000/float64(len(sent)), "lost/1000")
	}
	b.Run("ours", func(b *testing.B) { storm(b, newWorld(b).slack) })
	b.Run("slack-go", func(b *testing.B) {
		s := slacktest.NewServer()
		b.Cleanup(s.Close)
		ctx, cancel := context.WithCancel(b.Context())
		var wg sync.WaitGroup
		for range 2 {
			api := slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(s.URL()))
			client := socketmode.New(api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
			wg.Go(func() { _ = client.RunContext(ctx) })
			wg.Go(func() {
				for {
					select {
					case e := <-client.Events:
						if e.Request != nil && strings.HasPrefix(string(e.Type), "slash") {
							_ = client.Ack(*e.Request)
						}
					case <-ctx.Done():
						return
					}
				}
			})
		}
		storm(b, s)
		cancel()
		wg.Wait()
	})
}
