package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

const storyButton = chromedp.CSS("#story button")

var pictures = flag.Bool("pictures", false, "make the README's pictures anew")

// sandboxPage starts "cancelbot sandbox" and returns the page's address.
func sandboxPage(t *testing.T) string {
	t.Helper()
	p := start(t, []string{"TMPDIR=" + t.TempDir()}, "sandbox", "--no-open", "--addr", "127.0.0.1:0")
	t.Cleanup(func() { // in good order, so that its bot does not call at a port that is another test's by then
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.exit(t)
	})
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+/`)
	for range 200 {
		if found := at.FindString(p.output.String()); found != "" {
			return found
		}
		select {
		case <-p.ended:
			t.Fatalf("the sandbox ended:\n%s", p.output)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("no address:\n%s", p.output)
	return ""
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
		chromedp.WindowSize(1280, 860), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true), chromedp.Flag("lang", "en-GB"))
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
	return b
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

// get runs an action that gives something.
func get[T any](b *tab, a chromedp.Action[T]) T {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 60*time.Second)
	defer cancel()
	value, err := chromedp.Run(ctx, a)
	if err != nil {
		text, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.Fatalf("%v\n%s", err, text)
	}
	return value
}

// until waits until a condition on the page holds.
func (b *tab) until(script string) {
	b.Helper()
	get(b, chromedp.Poll[bool](script))
}

// sees waits until the conversation shows a text, or does not any more.
func (b *tab) sees(text string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.getElementById("log").innerText.includes(%q)`, text))
}

func (b *tab) seesNot(text string) {
	b.Helper()
	b.until(fmt.Sprintf(`!document.getElementById("log").innerText.includes(%q)`, text))
}

func (b *tab) types(text string) {
	b.Helper()
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), text+kb.Enter))
}

func (b *tab) chooses(menu, value string) {
	b.Helper()
	get(b, chromedp.Evaluate[bool](fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.value = %q; return e.dispatchEvent(new Event("change")); })()`, menu, value)))
}

func (b *tab) presses(action string) {
	b.Helper()
	b.run(chromedp.Click(chromedp.CSS(`#log [data-action="` + action + `"]`)))
}

func (b *tab) status(task, status string) {
	b.Helper()
	b.until(fmt.Sprintf(`document.querySelector('[data-task="%s"] .status').innerText === %q`, task, status))
}

func TestThePagePlaysTheFlowForTwoPeople(t *testing.T) {
	b := browser(t, sandboxPage(t))
	b.types("/cancel-task 12345 duplicate of 12346")
	b.sees("Cancel task 12345?")
	b.sees("Only visible to you")
	b.chooses("me", "U0GRACE")
	b.seesNot("Cancel task 12345?")
	b.chooses("me", "U0ADA")
	b.sees("Cancel task 12345?")
	b.presses("cancel_task")
	b.sees("@Ada Lovelace cancelled task 12345.")
	b.seesNot("Keep it")
	b.status("12345", "cancelled")
	b.chooses("me", "U0GRACE")
	b.sees("@Ada Lovelace cancelled task 12345.")
	b.until(`document.getElementById("requests").innerText.includes("POST /tasks/12345/cancel → 200")`)
	// A second person, where the policy wants one.
	b.chooses("policy", "second-person")
	b.until(`state.policy === "second-person" && state.bot.connections > 0`)
	b.types("/cancel-task 12344")
	b.sees("Somebody else has to confirm it.")
	b.presses("cancel_task")
	b.sees("You asked to cancel task 12344 yourself")
	b.chooses("me", "U0ADA")
	b.sees("Somebody else has to confirm it.")
	b.presses("cancel_task")
	b.sees("@Ada Lovelace cancelled task 12344.")
	b.chooses("me", "U0GUEST")
	b.types("/cancel-task 12344")
	b.sees("you are here as a guest")
}

func TestThePagesStories(t *testing.T) {
	b := browser(t, sandboxPage(t))
	for story, end := range map[string]string{
		"happy": "cancelled task", "finished": "it had completed already", "revoked": "it has been revoked", "crash": "cancelled task",
	} {
		b.chooses("scene", story)
		for range 6 {
			b.until(`!document.querySelector("#story button").disabled`)
			if get(b, chromedp.Text(storyButton)) == "Done" {
				break
			}
			b.run(chromedp.Click(storyButton))
		}
		b.sees(end)
		told := get(b, chromedp.Text(chromedp.CSS("#story p")))
		b.run(chromedp.Click(storyButton))
		if strings.Contains(told, "waiting until") {
			t.Errorf("%s: %s", story, told)
		}
	}
}

func TestThePageByKeyboardAlone(t *testing.T) {
	b := browser(t, sandboxPage(t))
	b.run(chromedp.KeyEvent("/c"), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent("12345"), chromedp.KeyEvent(kb.Enter))
	b.sees("Cancel task 12345?")
	b.until(`document.querySelector("[data-action=cancel_task]") !== null`)
	for range 60 {
		b.run(chromedp.KeyEvent(kb.Tab))
		if get(b, chromedp.Evaluate[string](`document.activeElement.dataset.action || ""`)) == "cancel_task" {
			b.run(chromedp.KeyEvent(kb.Enter))
			b.sees("@Ada Lovelace cancelled task 12345.")
			return
		}
	}
	t.Error("the button cannot be reached by Tab")
}

// accessibility finds what a screen reader or weak eyes would stumble over:
// controls without a name, images of text without one, text of low contrast
// (WCAG 2.2, 4.1.2 and 1.4.3), pictures of order (headings, landmarks).
const accessibility = `(() => {
  const found = [];
  const name = e => e.getAttribute("aria-label") || (e.labels && e.labels[0]?.textContent.trim()) || e.textContent.trim() || e.title;
  for (const e of document.querySelectorAll("button, input, select, a, [tabindex]")) if (!name(e) && !e.getAttribute("aria-labelledby")) found.push("no name: " + e.outerHTML.slice(0, 80));
  for (const landmark of ["main", "nav[aria-label]", "aside[aria-label]", "header", "[role=log][aria-live]", "h1"]) if (document.querySelectorAll(landmark).length !== 1) found.push("not one " + landmark);
  if (!document.documentElement.lang) found.push("no language");
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = c => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = c; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; };
  const back = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 250) return c; } return [255, 255, 255]; };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walker.nextNode();) {
    const e = n.parentElement;
    if (!n.data.trim() || !e.checkVisibility() || e.closest("script, style, .hidden, option") || e.disabled) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(back(e))].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (ratio < 4.5) found.push("contrast " + ratio.toFixed(1) + ": " + n.data.trim().slice(0, 40));
  }
  return found;
})()`

func TestThePageIsAccessible(t *testing.T) {
	b := browser(t, sandboxPage(t))
	b.types("/cancel-task 12345 see `code`")
	b.sees("Cancel task 12345?")
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, f := range get(b, chromedp.Evaluate[[]string](accessibility)) {
			t.Errorf("%s: %s", scheme, f)
		}
	}
	// On a narrow screen nothing is cut off sideways.
	b.run(chromedp.EmulateViewport(380, 800))
	if overflow := get(b, chromedp.Evaluate[int](`document.documentElement.scrollWidth - innerWidth`)); overflow > 0 {
		t.Errorf("%d pixels too wide", overflow)
	}
}

func (b *tab) scheme(scheme string) {
	b.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
	if err != nil {
		b.Fatal(err)
	}
}

// TestPictures makes the README's pictures from the real page:
//
//	go test -run TestPictures -pictures .
func TestPictures(t *testing.T) {
	if !*pictures {
		t.Skip("-pictures makes docs/*.png anew")
	}
	address := sandboxPage(t)
	b := browser(t, address)
	take := func(name string) {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			get(b, chromedp.Evaluate[float64](`$("log").scrollTop = 1e9`))
			b.run(chromedp.Sleep(300 * time.Millisecond)) // the animation of new messages
			png := get(b, chromedp.CaptureScreenshot())
			if err := os.WriteFile(filepath.Join("docs", name+"-"+scheme+".png"), png, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	b.types("/cancel-task 12345 duplicate of 12346")
	b.sees("Cancel task 12345?")
	take("prompt")
	b.presses("cancel_task")
	b.sees("cancelled task 12345.")
	b.status("12345", "cancelled")
	take("success")
	for story, name := range map[string]string{"finished": "already-completed", "revoked": "key-revoked"} {
		b = browser(t, sandboxPage(t))
		b.chooses("scene", story)
		for range 2 {
			b.until(`!document.querySelector("#story button").disabled`)
			b.run(chromedp.Click(storyButton))
		}
		b.sees("was not cancelled")
		b.until(`!document.querySelector("#story button").disabled`)
		take(name)
	}
}

func TestThePageIsForThisMachineAlone(t *testing.T) {
	address := sandboxPage(t)
	ask := func(method, path, host string, header map[string]string) int {
		req, err := http.NewRequest(method, strings.TrimSuffix(address, "/")+path, strings.NewReader(`{"do":"kill"}`))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		for k, v := range header {
			req.Header.Set(k, v)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
	json := map[string]string{"Content-Type": "application/json"}
	for name, tt := range map[string]struct {
		got, want int
	}{
		"the page":                  {ask("GET", "/", "", nil), 200},
		"another name for it":       {ask("GET", "/", "evil.example", nil), http.StatusMisdirectedRequest},
		"another site's script":     {ask("POST", "/do", "", map[string]string{"Content-Type": "application/json", "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}), 403},
		"another site's form":       {ask("POST", "/do", "", map[string]string{"Content-Type": "text/plain", "Origin": "https://evil.example"}), 403},
		"a form of its own":         {ask("POST", "/do", "", map[string]string{"Content-Type": "text/plain"}), 400},
		"an own script, at last":    {ask("POST", "/do", "", json), 200},
		"something that is no page": {ask("GET", "/etc/passwd", "", nil), 404},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", name, tt.got, tt.want)
		}
	}
	for _, addr := range []string{"0.0.0.0:0", ":0", "nowhere"} {
		p := start(t, nil, "sandbox", "--no-open", "--addr", addr)
		if code := p.exit(t); code != 2 {
			t.Errorf("%s: exit code %d\n%s", addr, code, p.output)
		}
	}
}

// The bot of a sandbox that is killed does not live on.
func TestTheSandboxesBotEndsWithIt(t *testing.T) {
	bot := exec.Command(program, "sandbox-bot")
	s := newStandIns(t)
	bot.Env = s.env(sqlite(t))
	input, err := bot.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bot.Start(); err != nil {
		t.Fatal(err)
	}
	s.connected(1)
	_ = input.Close()
	done := make(chan error, 1)
	go func() { done <- bot.Wait() }()
	select {
	case err := <-done:
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		_ = bot.Process.Kill()
		t.Error("it lives on")
	}
}
