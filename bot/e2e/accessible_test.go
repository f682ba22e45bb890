package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/chromedp/chromedp"
)

// accessibility finds what a screen reader or weak eyes would stumble over:
// controls without a name, landmarks that are missing, text of low contrast
// (WCAG 2.2, 4.1.2 and 1.4.3), targets that are too small to hit (2.5.8), and
// what is cut off sideways (1.4.10).
const accessibility = `(() => {
  const found = [], visible = e => e.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const name = e => e.getAttribute("aria-label") || (e.labels && e.labels[0]?.textContent.trim()) || e.textContent.trim() || e.title;
  for (const e of document.querySelectorAll("button, input, select, a, [tabindex]")) if (visible(e) && !name(e) && !e.getAttribute("aria-labelledby")) found.push("no name: " + e.outerHTML.slice(0, 80));
  for (const landmark of ["main", "#side[role][aria-label=Conversations]", "#behind[role][aria-label]", "header", "[role=log][aria-labelledby]", "[aria-live=polite]", "h1", "section[aria-label=Story]"]) if (document.querySelectorAll(landmark).length !== 1) found.push("not one " + landmark);
  if (!document.documentElement.lang) found.push("no language");
  for (const e of document.querySelectorAll("button, select")) { const r = e.getBoundingClientRect(); if (visible(e) && r.width && (r.height < 24 || r.width < 24) && !e.closest(".hidden")) found.push("too small: " + name(e) + " " + r.width + "×" + r.height); }
  if (document.documentElement.scrollWidth > innerWidth) found.push(document.documentElement.scrollWidth - innerWidth + " pixels too wide");
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || !visible(e) || e.closest("script, style, .hidden, option, dialog:not([open])") || e.disabled || e.ariaDisabled === "true") continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back(e))].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push("contrast " + ratio.toFixed(1) + ": " + n.data.trim().slice(0, 40));
  }
  return found;
})()`

// checker is axe-core, if AXE names its file (npm pack axe-core; axe.min.js):
// it knows more rules than the checks above.
func checker(t *testing.T) string {
	t.Helper()
	path := os.Getenv("AXE")
	if path == "" {
		t.Log("AXE names no file: this is checked without axe-core")
		return ""
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(source)
}

func TestSandboxIsAccessible(t *testing.T) {
	t.Parallel()
	axe := checker(t)
	b := browser(t, sandboxPage(t))
	if axe != "" {
		script[bool](b, axe+"\n;true")
	}
	rules := 0
	inspect := func(what string) {
		t.Helper()
		found := script[[]string](b, accessibility)
		if axe != "" {
			script[bool](b, `(window.axed = null, axe.run().then(r => { window.axed = { passes: r.passes.length, bad: r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 120) + " " + n.failureSummary)) }; }), true)`)
			b.until(`window.axed !== null`)
			found = append(found, script[[]string](b, `window.axed.bad`)...)
			rules = max(rules, script[int](b, `window.axed.passes`))
		}
		for _, f := range found {
			t.Errorf("%s: %s", what, f)
		}
	}
	check := func(what string) {
		t.Helper()
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for _, r := range rooms {
				b.fits(r)
				inspect(fmt.Sprintf("%s, %s, %d pixels", what, scheme, r.width))
			}
		}
	}
	check("the first view")
	b.fits(rooms[2])
	for _, group := range []string{"try", "proof"} {
		b.clicks(`[data-goto=` + group + `]`)
		for _, key := range script[[]string](b, `Object.keys(tabs.`+group+`)`) {
			b.clicks("#tab-" + key)
			inspect("the tab " + key)
		}
	}
	b.clicks("#tab-journal")
	b.clicks(`[data-goto=chat]`)
	b.fits(rooms[0])
	b.types("/cancel-task 12345 see `code`")
	b.prompted()
	check("a prompt")
	b.fits(rooms[0])
	b.presses("cancel_task")
	b.decided("12345", "cancelled")
	check("an outcome")
	b.fits(rooms[0])
	b.clicks("[data-story=message]")
	b.until(`state.story?.step === 1 && !state.story.running && document.querySelector("#thread .awaited") !== null`)
	check("a thread")
	b.clicks("#thread [data-more].awaited")
	check("the menu of a message")
	b.clicks("[data-item=cancel]")
	b.until(`document.getElementById("modal").open && state.modal.submit !== ""`)
	check("a modal")
	b.clicks("#modal-submit")
	b.until(`state.story?.step === 3 && !state.story.running`)
	check("the end of a story")
	b.fits(rooms[2])
	b.clicks("#thread-back")
	b.clicks("#to-list")
	check("the list of conversations")
	b.clicks(`[data-channel=C0GENERAL]`)
	b.fits(rooms[0])
	b.clicks("#me")
	check("the menu of people")
	b.clicks("#me")
	b.clicks("[data-story=batch]")
	b.until(`state.story?.id === "batch" && state.story.step === 1 && !state.story.running`)
	b.clicks("#story-next")
	b.until(`document.getElementById("confirm").open`)
	check("a confirmation")
	b.clicks("#confirm-no")
	b.clicks("[data-story=crash]")
	b.until(`state.story?.id === "crash" && state.story.step === 1 && !state.story.running`)
	b.clicks("#story-next")
	b.until(`state.story.step === 2 && !state.story.running && document.querySelector("#timeline .killed") !== null`)
	check("a crash")
	b.clicks("#new-task")
	check("a dialog")
	b.clicks("#make-not")
	b.fits(rooms[0])
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), "/"))
	check("the menu of commands")
	if axe != "" {
		t.Logf("axe-core: up to %d rules hold at once", rules)
	}
}

// What was just answered is to be seen, on a narrow screen and at 200 % zoom
// too: the whole message, or its beginning where it is taller than the room.
func TestSandboxShowsTheLatestAnswer(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	inSight := `((log, m) => m !== undefined && m.top >= log.top - 1 && (m.bottom <= log.bottom + 1 || m.top - log.top < 30))(document.getElementById("log").getBoundingClientRect(), [...document.querySelectorAll("#log .message")].at(-1)?.getBoundingClientRect())`
	for i, r := range rooms {
		b.fits(r)
		task := fmt.Sprint([]int{12344, 12345, 99999}[i])
		before := script[int](b, `document.querySelectorAll("#log .message").length`)
		b.types("/cancel-task " + task)
		b.until(fmt.Sprintf(`document.querySelectorAll("#log .message").length > %d`, before))
		b.until(inSight)
		if i == 2 {
			continue // there is no such task
		}
		b.presses("cancel_task")
		b.decided(task, "cancelled")
		b.until(inSight)
		b.until(`document.activeElement !== document.body`)
	}
}
