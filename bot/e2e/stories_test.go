package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// shares are the stories, shared out so that each share takes about as long.
var shares = [][]string{
	{"unknown", "happy", "keep", "guest"},
	{"crash", "expired", "pair"},
	{"replicas", "finished", "message"},
	{"rolling", "batch", "revoked"},
}

// Every story can be played on both widths, with the story's button and with the
// buttons in Slack, and restores what it changed, with no error and a sign of
// life every three seconds.
func TestSandboxStories(t *testing.T) {
	t.Parallel()
	policies := []string{"members", "second-person", "people-on-task", "listed"}
	first := browser(t, sandboxPage(t))
	all := script[[]string](first, `stories.map(s => s.id)`)
	if told := slices.Concat(shares...); len(all) != len(told) {
		t.Fatalf("the page has the stories %v, and the test plays %v", all, told)
	}
	for i, share := range shares {
		for j, r := range []room{rooms[0], rooms[2]} {
			policy := policies[(i+j)%len(policies)]
			t.Run(fmt.Sprintf("%s and on, %d pixels, under %s", share[0], r.width, policy), func(t *testing.T) {
				t.Parallel()
				b := first.another(t, sandboxPage(t))
				b.fits(r)
				b.chooses("policy", policy)
				for _, story := range share {
					player{b, story, policy, j == 1}.play()
				}
			})
		}
	}
}

// player plays a story in a tab.
type player struct {
	*tab
	story, policy string
	byHand        bool // with the buttons in Slack, where there are any
}

// play plays the story from its card to its end.
func (p player) play() {
	p.Helper()
	p.until(fmt.Sprintf(`state.policy === %q && !state.busy && !state.story`, p.policy))
	p.clicks("[data-story=" + p.story + "]")
	for step, last := 1, false; !last; step++ {
		p.until(fmt.Sprintf(`state.story?.id === %q && state.story.step === %d && !state.story.running && state.story.as === state.me`, p.story, step))
		if wrong := script[string](p.tab, stepProblems); wrong != "" {
			p.Fatalf("%s, step %d: %s", p.story, step, wrong)
		}
		last = script[bool](p.tab, `state.story.step === state.story.steps`)
		p.next()
	}
	p.until(fmt.Sprintf(`!state.story && state.policy === %q && state.bot.replicas.filter(r => r.alive).length === 1 && !state.faults.some(f => f.on) && state.me === "U0ADA" && !state.modal`, p.policy))
	if problems := script[[]string](p.tab, `window.problems`); len(problems) > 0 {
		p.Fatalf("%s: the page complains: %v", p.story, problems)
	}
}

// stepProblems says what is wrong with a step that has been played: it failed, its
// button is out of sight, or the page is too wide.
const stepProblems = `state.story.failed || (() => {
  const r = document.getElementById("story-next").getBoundingClientRect();
  if (!r.width || r.right > innerWidth + 1 || r.bottom > innerHeight + 1) return "the button is out of sight";
  return document.documentElement.scrollWidth > innerWidth ? "the page is too wide" : "";
})()`

// next plays the next step.
func (p player) next() {
	p.Helper()
	hand := ""
	if p.byHand {
		hand = script[string](p.tab, `state.story.by === state.me ? state.story.hand : ""`)
	}
	at := `"]`
	if hand != "" {
		at = script[string](p.tab, `state.story.at`) + at
	}
	switch hand {
	case "menu":
		p.clicks(`[data-more="` + at)
		p.clicks("[data-item=cancel]")
		return
	case "submit":
		p.clicks("#modal-submit")
		return
	case "":
		p.clicks("#story-next")
	default:
		p.clicks(`[data-ts="` + at + ` [data-action=` + hand + `]`)
	}
	if script[bool](p.tab, `document.getElementById("confirm").open`) {
		p.clicks("#confirm-yes")
	}
}

// A story can be shared as a link, its end offers others, and the first view plays
// again and again.
func TestSandboxLinksToStories(t *testing.T) {
	t.Parallel()
	address := sandboxPage(t)
	b := browser(t, address+"#story=guest")
	b.until(`state.story?.id === "guest" && state.me === "U0GUEST" && !state.story.running`)
	b.clicks("#story-stop")
	b.until(`!state.story && state.me === "U0ADA" && location.hash === ""`)
	if script[bool](b, `state.open !== 0 || document.getElementById("story-next").innerText !== "Cancel another task"`) {
		t.Error("the button is about a message that is folded")
	}
	const ready = `!state.story?.running && document.getElementById("story-next").ariaDisabled !== "true"`
	for round := range 3 {
		for range 3 { // three clicks
			b.until(ready)
			before := script[int](b, `state.story?.step || 0`)
			b.clicks("#story-next")
			b.until(fmt.Sprintf(`state.story?.step === %d && !state.story.running && !state.story.failed`, before+1))
		}
		if n := script[int](b, `state.tasks.filter(t => t.status === "cancelled").length`); n != round+2 { // one was from the beginning
			t.Errorf("round %d: %d tasks are cancelled", round, n)
		}
		if got, want := script[[]string](b, `[...document.querySelectorAll("[data-offer]")].map(e => e.dataset.offer)`), []string{"crash", "pair", "batch"}; !slices.Equal(got, want) {
			t.Errorf("the end offers %v", got)
		}
		b.until(ready)
		b.clicks("#story-next")
		b.until(`!state.story && state.me === "U0ADA"`)
	}
	b.nothingWentWrong()
}

// A story that can't go on says why, in plain words and within 3 seconds.
func TestSandboxStoriesSayWhyTheyStop(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.clicks("[data-story=finished]")
	b.until(`state.story?.step === 1 && !state.story.running`)
	b.clicks("[data-replica]")
	b.until(`!state.bot.alive`)
	b.clicks("#story-next") // someone completes the task: that works without the bot
	b.until(`state.story?.step === 2 && !state.story.running`)
	pressed := time.Now()
	b.clicks("#story-next")
	b.until(`document.getElementById("story-watch").innerText.includes("isn't running any more")`)
	if took := time.Since(pressed); took > 3*time.Second {
		t.Errorf("it took %s", took)
	}
	b.clicks("#story-next")
	b.until(`!state.story && state.bot.alive`) // restored, the bot included
	// Another story may begin in the middle of one: what was set before both is
	// restored.
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
