package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// shares divides the stories so that each share takes about as long: most of
// that are the bot's own timeouts.
var shares = [][]string{
	{"unknown", "happy", "keep"},
	{"crash", "expired", "pair"},
	{"replicas", "finished", "revoked"},
	{"rolling"},
}

// Every story can be played under every policy and restores it, with no error
// and a sign of life every three seconds.
func TestPageStories(t *testing.T) {
	t.Parallel()
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

// A story that cannot go on says why, in plain words and within 3 seconds.
func TestStoriesSayWhyTheyStop(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.clicks("[data-story=happy]")
	b.until(`state.story?.step === 1 && !state.story.running`)
	b.clicks("[data-replica]")
	b.until(`!state.bot.alive`)
	b.clicks("#story-next") // Grace looks: that works without the bot
	b.until(`state.story?.step === 2 && !state.story.running`)
	pressed := time.Now()
	b.clicks("#story-next")
	b.until(`document.getElementById("story-watch").innerText.includes("isn't running any more")`)
	if took := time.Since(pressed); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	b.clicks("#story-next")
	b.until(`!state.story && state.bot.alive`) // everything is restored, including the bot
	// A story may begin in the middle of another. At the end, the settings from
	// before both are restored.
	b.chooses("policy", "listed")
	b.until(`state.policy === "listed" && !state.busy`)
	b.clicks(`[data-fault="api-slow"]`)
	b.until(`state.faults.some(f => f.id === "api-slow" && f.on)`)
	b.clicks("[data-story=pair]")
	b.clicks("[data-story=keep]")
	b.until(`state.story?.id === "keep" && state.story.step === 1 && !state.story.running && !state.story.failed`)
	if script[bool](b, `state.faults.some(f => f.on) || state.policy !== "members"`) {
		t.Error("the story does not begin on its own stage")
	}
	b.clicks("#story-stop")
	b.until(`!state.story && state.policy === "listed" && state.faults.some(f => f.id === "api-slow" && f.on)`)
	b.nothingWentWrong()
}
