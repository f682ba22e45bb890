package slackapi

import (
	"context"
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/texts"
)

// A channel whose calls hang leaves slots for the others.
func TestChannelUsesOnlyItsShareOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var running atomic.Int32
		for range callsAtOnce + callsInChannel {
			go func() {
				release, err := s.acquire(ctx, "C1", "")
				if err != nil {
					return
				}
				running.Add(1)
				<-ctx.Done()
				release()
			}()
		}
		synctest.Wait()
		release, err := s.acquire(ctx, "C2", "")
		if err != nil || running.Load() != callsInChannel {
			t.Fatalf("%d calls at once in one channel; in another: %v", running.Load(), err)
		}
		release()
		cancel()
		synctest.Wait()
		if len(s.channels.of) != 0 || !s.all.TryAcquire(callsAtOnce) {
			t.Errorf("%d channels are left", len(s.channels.of))
		}
	})
}

// A message isn't chosen before its call can be made: whatever it depends on may change
// while the call waits.
func TestMessageIsChosenAtItsTurn(t *testing.T) {
	errChosen := errors.New("chosen")
	for name, call := range map[string]func(context.Context, *Poster, Choose) error{
		"post":   func(ctx context.Context, p *Poster, c Choose) error { _, err := p.Post(ctx, "C1", "", c); return err },
		"update": func(ctx context.Context, p *Poster, c Choose) error { return p.Update(ctx, "C1", "1.2", c) },
		"respond": func(ctx context.Context, p *Poster, c Choose) error {
			return p.Respond(ctx, Target{Channel: "C1", User: "U1", ResponseURL: "https://hooks.slack.com/1", Prompt: "P"}, c, ReplaceOriginal)
		},
		"modal": func(ctx context.Context, p *Poster, c Choose) error {
			return p.To(ctx, Target{View: "V1"}, c, Ephemeral)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := NewPoster(nil, nil, &url.URL{Scheme: "https", Host: "slack.com"})
				var free []func()
				for range callsInChannel {
					for _, s := range []*slots{p.posts, p.answers} {
						for _, about := range []string{"C1", "V1"} {
							release, err := s.acquire(t.Context(), about, "")
							if err != nil {
								t.Fatal(err)
							}
							free = append(free, release)
						}
					}
				}
				var chosen atomic.Bool
				ended := make(chan error)
				go func() {
					ended <- call(t.Context(), p, func(context.Context) (texts.Message, error) {
						chosen.Store(true)
						return texts.Message{}, errChosen
					})
				}()
				synctest.Wait()
				if chosen.Load() {
					t.Error("it is chosen while the call waits")
				}
				for _, release := range free {
					release()
				}
				if err := <-ended; !errors.Is(err, errChosen) {
					t.Errorf("the call returns %v", err)
				}
			})
		})
	}
}
