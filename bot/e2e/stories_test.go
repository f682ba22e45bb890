package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// The stories, shared out so that each share takes about as long: most of
// that is the bot's own patience.
var shares = [][]string{
	{"unknown", "happy", "keep"},
	{"crash", "expired", "pair"},
	{"replicas", "finished", "revoked"},
	{"rolling"},
}

// Every story can be played under every policy and puts it back, with no
// error and a sign of life every three seconds.
func TestThePagesStories(t *testing.T) {
	policies := []string{"members", "second-person", "people-on-task", "listed"}
	first := browser(t, sandboxPage(t))
	all := script[[]string](first, `stories.map(s => s.id)`)
	if told := slices.Concat(shares...); len(all) != len(told) {
		t.Fatalf("the page has the stories %v, and %v are tried", all, told)
	}
	var playing sync.WaitGroup
	for _, policy := range policies {
		for _, share := range shares {
			b := first.another(sandboxPage(t))
			b.chooses("policy", policy)
			playing.Go(func() {
				for _, story := range share {
					if err := b.plays(policy, story); err != nil {
						t.Errorf("%s under %s: %v", story, policy, err)
						return
					}
				}
			})
		}
	}
	playing.Wait()
}

// plays plays a story from its card to its end.
func (b *tab) plays(policy, story string) error {
	ctx, cancel := context.WithTimeout(b.ctx, 2*actionLimit)
	defer cancel()
	until := func(condition string) error {
		if _, err := chromedp.Run(ctx, chromedp.Poll[bool](condition)); err != nil {
			now, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`JSON.stringify([state.policy, state.story, state.log?.slice(-8)])`))
			return fmt.Errorf("waiting for %s: %w\n%s", condition, err, now)
		}
		return nil
	}
	do := func(expression string) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`(`+expression+`, true)`))
		return err
	}
	if err := until(fmt.Sprintf(`state.policy === %q && !state.busy && !state.story`, policy)); err != nil {
		return err
	}
	if err := do(fmt.Sprintf(`document.querySelector("[data-story=%s]").click()`, story)); err != nil {
		return err
	}
	for step := 1; ; step++ {
		if err := until(fmt.Sprintf(`state.story?.id === %q && state.story.step === %d && !state.story.running`, story, step)); err != nil {
			return err
		}
		failed, err := chromedp.Run(ctx, chromedp.Evaluate[string](`state.story.failed`))
		if err != nil || failed != "" {
			return fmt.Errorf("step %d says: %s (%w)", step, failed, err)
		}
		last, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`state.story.step === state.story.steps`))
		if err != nil {
			return err
		}
		if err := do(`document.getElementById("story-next").click()`); err != nil {
			return err
		}
		if last {
			break
		}
	}
	if err := until(fmt.Sprintf(`!state.story && state.policy === %q && state.bot.replicas.filter(r => r.alive).length === 1 && !state.faults.some(f => f.on)`, policy)); err != nil {
		return err
	}
	problems, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`window.problems`))
	if err == nil && len(problems) > 0 {
		err = fmt.Errorf("the page complains: %v", problems)
	}
	return err
}
