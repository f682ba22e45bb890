package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// sandboxPage starts "cancelbot sandbox" and returns the page's address.
func sandboxPage(t *testing.T, args ...string) string {
	t.Helper()
	address, _ := sandboxProcess(t, args...)
	return address
}

func sandboxProcess(t *testing.T, args ...string) (string, *process) {
	t.Helper()
	p := start(t, []string{"TMPDIR=" + t.TempDir()}, append([]string{"sandbox", "--no-open", "--addr", "127.0.0.1:0"}, args...)...)
	t.Cleanup(func() { // by SIGTERM, so that its bot doesn't call a port that another test has by then
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.exit(t)
	})
	at := regexp.MustCompile(`http://\S+`)
	for range actionLimit / (50 * time.Millisecond) {
		if found := at.FindString(p.output.String()); found != "" {
			return found, p
		}
		select {
		case <-p.ended:
			t.Fatalf("the sandbox ended:\n%s", p.output)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("no address:\n%s", p.output)
	return "", nil
}

// browser opens the page in a real browser, or skips where there is none.
func browser(t *testing.T, address string) *tab {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("no browser: install Chromium (apt-get install chromium) to run this test")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WindowSize(1280, 860), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-GB"), chromedp.Flag("force-prefers-reduced-motion", true))
	allocated, stopBrowser := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stopBrowser)
	ctx, closeTab := chromedp.NewContext(allocated)
	t.Cleanup(closeTab)
	b := &tab{t, ctx}
	// The first action starts the browser, which lives as long as its context.
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	b.run(chromedp.WaitVisible(chromedp.CSS("#text")))
	script[bool](b, watches)
	return b
}

// another opens one more tab of the same browser, for a part of the test.
func (b *tab) another(t *testing.T, address string) *tab {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	again := &tab{t, ctx}
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		t.Fatal(err)
	}
	again.run(chromedp.WaitVisible(chromedp.CSS("#text")))
	script[bool](again, watches)
	return again
}

// tab is a page, used as a person uses it.
type tab struct {
	*testing.T
	ctx context.Context
}

func (b *tab) run(actions ...chromedp.Action[chromedp.Void]) {
	b.Helper()
	for _, a := range actions {
		get(b, a)
	}
}

const actionLimit = 60 * time.Second

// get runs an action that gives something. about is for the message if it fails.
func get[T any](b *tab, a chromedp.Action[T], about ...string) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, actionLimit)
	defer cancel()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.Fatalf("%v: %v\n%s", about, err, text)
	}
	return value
}

// script evaluates an expression on the page.
func script[T any](b *tab, expression string) T {
	b.Helper()
	return get(b, chromedp.Evaluate[T](expression))
}

// until waits until a condition on the page holds.
func (b *tab) until(condition string) {
	b.Helper()
	get(b, chromedp.Poll[bool](condition), condition)
}

// sees waits until the conversation shows a text.
func (b *tab) sees(text string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.getElementById("log").innerText.includes(%q)`, text))
}

// prompted waits until there is a prompt that can be confirmed.
func (b *tab) prompted() {
	b.Helper()
	b.until(`document.querySelector("#log [data-action=cancel_task]") !== null`)
}

// decided waits until the journal, as the page shows it, has a word about a
// task.
func (b *tab) decided(task, outcome string) {
	b.Helper()
	b.until(fmt.Sprintf(`state.journal?.some(d => String(d.task) === %q && d.state === %q && (d.told || d.state === "withdrawn"))`, task, outcome))
}

func (b *tab) types(text string) {
	b.Helper()
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), text+kb.Enter))
}

func (b *tab) chooses(menu, value string) {
	b.Helper()
	script[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; return e.dispatchEvent(new Event("change")); })()`, menu, value))
}

// becomes takes another person's seat, by the menu.
func (b *tab) becomes(user string) {
	b.Helper()
	b.clicks("#me")
	b.clicks(`[data-item="` + user + `"]`)
	b.until(fmt.Sprintf(`state.me === %q`, user))
}

func (b *tab) clicks(selector string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	script[bool](b, fmt.Sprintf(`(document.querySelector(%q).click(), true)`, selector))
}

// presses presses a button of a message, and confirms where Slack asks back.
func (b *tab) presses(action string) {
	b.Helper()
	b.prompted()
	b.run(chromedp.Click(chromedp.CSS(`#log [data-action="` + action + `"]`)))
	if script[bool](b, `document.getElementById("confirm").open`) {
		b.clicks("#confirm-yes")
	}
}

// enters enters a text in an input.
func (b *tab) enters(selector, text string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.querySelector(%q) !== null`, selector))
	script[bool](b, fmt.Sprintf(`(document.querySelector(%q).value = %q, true)`, selector, text))
}

func (b *tab) status(task, status string) {
	b.Helper()
	b.until(fmt.Sprintf(`state.tasks.some(t => String(t.id) === %q && t.status === %q)`, task, status))
}

func (b *tab) focused() string {
	b.Helper()
	return script[string](b, `(e => e.id || e.dataset.action || e.dataset.item || e.className || e.tagName)(document.activeElement)`)
}

func (b *tab) scheme(scheme string) {
	b.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// room is the size of a window, in CSS pixels.
type room struct{ width, height int64 }

// rooms are a desktop, the same at 200 % zoom, and a phone.
var rooms = []room{{1280, 860}, {640, 430}, {380, 800}}

func (b *tab) fits(r room) {
	b.Helper()
	b.run(chromedp.EmulateViewport(r.width, r.height))
	// The page has laid itself out when two frames have passed.
	script[bool](b, `(window.framed = false, requestAnimationFrame(() => requestAnimationFrame(() => { window.framed = true; })), true)`)
	b.until(`window.framed`)
}

// watches collects what goes wrong on the page, and how long a story shows no
// change while it does something.
const watches = `(() => {
  window.problems = [];
  addEventListener("error", e => problems.push(e.message));
  addEventListener("unhandledrejection", e => problems.push(String(e.reason)));
  document.addEventListener("securitypolicyviolation", e => problems.push("policy: " + e.violatedDirective));
  let last = "", since = performance.now();
  setInterval(() => {
    const now = document.getElementById("story").innerText;
    if (now !== last || !state.story?.running) { last = now; since = performance.now(); }
    if (performance.now() - since > 3000) { problems.push("no sign of life for 3 s: " + now); since = performance.now(); }
  }, 100);
  return true;
})()`

func (b *tab) nothingWentWrong() {
	b.Helper()
	if p := script[[]string](b, `window.problems`); len(p) > 0 {
		b.Errorf("the page complains: %s", strings.Join(p, "; "))
	}
}
