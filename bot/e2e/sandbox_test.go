package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestSandboxPlaysTheFlowForTwoPeople(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.types("/cancel-task 12345 duplicate of 12346")
	b.prompted()
	b.sees("Only visible to you")
	b.becomes("U0GRACE")
	b.until(`document.querySelector("#log [data-action]") === null`)
	b.becomes("U0ADA")
	b.presses("cancel_task")
	b.decided("12345", "cancelled")
	b.until(`document.querySelector("#log [data-action]") === null`)
	b.status("12345", "cancelled")
	b.becomes("U0GRACE")
	b.sees("@Ada Lovelace")
	b.until(`document.getElementById("requests").textContent.includes("POST /tasks/12345/cancel200")`)
	// A second person, where the policy requires one.
	b.chooses("policy", "second-person")
	b.until(`state.policy === "second-person" && state.bot.connections > 0`)
	b.types("/cancel-task 12344")
	b.presses("cancel_task")
	b.sees("Only visible to you") // that it doesn't count
	b.becomes("U0ADA")
	b.presses("cancel_task")
	b.decided("12344", "cancelled")
	b.nothingWentWrong()
}

func TestSandboxShowsWhatStopped(t *testing.T) {
	t.Parallel()
	address, p := sandboxProcess(t)
	b := browser(t, address)
	b.clicks("[data-replica]")
	b.until(`document.getElementById("bot").innerText.includes("isn’t running")`)
	b.until(`document.querySelector("#channels .dot:not(.on)") !== null`)
	b.types("/cancel-task 12345")
	b.sees("/cancel-task failed with the error “dispatch_failed”")
	b.clicks("#tab-bot")
	b.clicks("#second")
	b.until(`state.bot.alive && state.bot.connections > 0`)
	b.until(`document.getElementById("text").value === "/cancel-task 12345"`) // it is still there
	b.run(chromedp.SendKeys(chromedp.CSS("#text"), kb.Enter))
	b.prompted()
	// A fault is shown, also if a story has set it.
	b.clicks(`[data-fault="api-down"]`)
	b.until(`document.getElementById("tab-break").innerText.includes("(1)")`)
	b.clicks("#reset")
	b.until(`document.querySelector("#faults :checked") === null`)
	// Ctrl-C in the terminal ends the page too.
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	b.until(`!document.getElementById("over").hidden`)
	b.until(`document.getElementById("bot").innerText.includes("isn’t running")`)
}

func TestSandboxCreatesTasksAndStartsOver(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.clicks("#tab-tasks")
	b.clicks(`[data-task="12344"]`)
	b.until(`document.activeElement.id === "text" && document.getElementById("text").value === "/cancel-task 12344 "`)
	// A task whose title means harm does none.
	for _, option := range script[[]string](b, `[...document.getElementById("make-hostile").options].map(o => o.value).filter(v => v)`) {
		b.clicks("#new-task")
		b.until(`document.getElementById("make").open`)
		b.chooses("make-hostile", option)
		b.clicks("#make-form button.primary")
		b.until(`!document.getElementById("make").open && document.getElementById("text").value.startsWith("/cancel-task 123")`)
		before := script[int](b, `document.querySelectorAll("#log [data-action=cancel_task]").length`)
		b.run(chromedp.KeyEvent(kb.Enter))
		b.until(`document.querySelectorAll("#log [data-action=cancel_task]").length > ` + string(rune('0'+before)))
	}
	if n := script[int](b, `[...document.querySelectorAll("#log .mention, #log a[href*='evil'], #log script, #log img, #log em, #log s, #log blockquote")].length`); n > 0 {
		t.Errorf("%d pieces of the titles have come alive", n)
	}
	run := script[string](b, `state.run`)
	b.clicks("#tab-bot")
	b.clicks("#start-over")
	b.until(`state.run !== "` + run + `" && !state.busy && document.querySelectorAll("#log .message").length === 4`)
	b.types("/cancel-task 12345")
	b.prompted()
	b.nothingWentWrong()
}

func TestSandboxByKeyboardAlone(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	if at := b.focused(); at != "story-next" {
		t.Errorf("at first the focus is on %s", at)
	}
	tabTo := func(what string) {
		t.Helper()
		for range 60 {
			if b.focused() == what {
				return
			}
			b.run(chromedp.KeyEvent(kb.Tab))
		}
		t.Fatalf("%s cannot be reached by Tab", what)
	}
	tabTo("text")
	b.run(chromedp.KeyEvent("/c"))
	b.until(`!document.getElementById("commands").hidden`)
	b.run(chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent("12345"), chromedp.KeyEvent(kb.Enter))
	b.prompted()
	tabTo("cancel_task")
	b.run(chromedp.KeyEvent(kb.Enter))
	b.decided("12345", "cancelled")
	b.until(`document.querySelector("#log [data-action]") === null`)
	// The result replaces the button.
	b.until(`document.activeElement.classList.contains("message") && document.activeElement.dataset.tasks.includes("12345")`)
	b.until(`document.getElementById("said").innerText.includes("cancelbot")`)
	// ↑ brings the last command back.
	tabTo("text")
	b.run(chromedp.KeyEvent(kb.ArrowUp))
	b.until(`document.getElementById("text").value === "/cancel-task 12345"`)
	// The menu of a message, and the dialog that it opens.
	script[bool](b, `(document.querySelector("#log [data-more]").focus(), true)`)
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until(`document.activeElement.dataset.item === "thread"`)
	b.run(chromedp.KeyEvent(kb.ArrowDown), chromedp.KeyEvent(kb.Enter))
	b.until(`document.getElementById("modal").open && state.modal.submit !== ""`)
	b.run(chromedp.KeyEvent(kb.Escape))
	b.until(`!document.getElementById("modal").open && !state.modal`)
	// A story, from its card to its end.
	script[bool](b, `(document.querySelector("[data-story=keep]").focus(), true)`)
	b.run(chromedp.KeyEvent(kb.Enter))
	b.until(`state.story && !state.story.running`)
	if at := b.focused(); at != "story-next" {
		t.Errorf("when a story begins, the focus is on %s", at)
	}
	for step := 1; step <= 2; step++ {
		b.until(fmt.Sprintf(`state.story?.step === %d && !state.story.running`, step))
		b.run(chromedp.KeyEvent(kb.Enter))
	}
	b.until(`!state.story && document.activeElement.id === "story-next"`)
	b.nothingWentWrong()
}

// The page shows moments as Slack does.
func TestSandboxDates(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	if _, err := chromedp.Call(b.ctx, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "America/New_York"}); err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Skip("no time zones on this machine")
	}
	now := time.Date(2026, 11, 1, 0, 30, 0, 0, zone) // a night of 25 hours
	for _, at := range []time.Time{now, now.Add(-time.Hour), now.Add(24 * time.Hour), now.Add(25 * time.Hour), now.AddDate(0, 0, 11), now.AddDate(0, 2, 1), now.Add(12 * time.Hour)} {
		for _, format := range []string{"{date_short_pretty} at {time}", "on {date_short_pretty}", "{time}", "{date_long_pretty}", "{date}", "{date_num} {time_secs}", "{ago}", "{nothing}"} {
			want := slacktest.FormatDate(at, format, now)
			got := script[string](b, `formatDate(new Date(`+at.UTC().Format(`"2006-01-02T15:04:05Z"`)+`), "`+format+`", new Date(`+now.UTC().Format(`"2006-01-02T15:04:05Z"`)+`))`)
			if got != want {
				t.Errorf("%s of %s: %q, and in Slack %q", format, at, got, want)
			}
		}
	}
}

func TestSandboxIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	address := sandboxPage(t)
	ask := asker(t, address)
	json := map[string]string{"Content-Type": "application/json"}
	for name, tt := range map[string]struct{ got, want int }{
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
	for _, args := range [][]string{{"--addr", "0.0.0.0:0"}, {"--addr", ":0"}, {"--addr", "nowhere"}, {"--token", "short"}, {"--addr", "0.0.0.0:0", "--token", "short"}} {
		p := start(t, nil, append([]string{"sandbox", "--no-open"}, args...)...)
		if code := p.exit(t); code != 2 {
			t.Errorf("%s: exit code %d\n%s", args, code, p.output)
		}
	}
}

// Beyond loopback, as in a container, only who has the token gets in.
func TestSandboxBeyondLoopbackNeedsItsToken(t *testing.T) {
	t.Parallel()
	const token = "a+token/of=length&16"
	address := sandboxPage(t, "--addr", "0.0.0.0:0", "--token", token)
	plain, query, _ := strings.Cut(address, "?")
	if !strings.HasPrefix(plain, "http://localhost:") || query != "token=a%2Btoken%2Fof%3Dlength%2616" {
		t.Fatalf("the address is %s", address)
	}
	ask := asker(t, plain)
	cookie := map[string]string{"Content-Type": "application/json", "Cookie": "cancelbot_sandbox=a%2Btoken%2Fof%3Dlength%2616"}
	for name, tt := range map[string]struct{ got, want int }{
		"without":                {ask("GET", "/", "", nil), 403},
		"with a wrong one":       {ask("GET", "/?token=wrong", "", nil), 403},
		"with it in the address": {ask("GET", "/?"+query, "", nil), 303},
		"by its cookie":          {ask("GET", "/", "sandbox.example", cookie), 200},
		"an action without":      {ask("POST", "/do?"+query, "", map[string]string{"Content-Type": "application/json"}), 403},
		"an action":              {ask("POST", "/do", "", cookie), 200},
		"another site's":         {ask("POST", "/do", "", map[string]string{"Content-Type": "application/json", "Cookie": cookie["Cookie"], "Sec-Fetch-Site": "cross-site"}), 403},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %d, want %d", name, tt.got, tt.want)
		}
	}
}

// asker returns what the page answers to a request: its status.
func asker(t *testing.T, address string) func(method, path, host string, header map[string]string) int {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return func(method, path, host string, header map[string]string) int {
		t.Helper()
		req, err := http.NewRequest(method, strings.TrimSuffix(address, "/")+path, strings.NewReader(`{"do":"reset"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		for k, v := range header {
			req.Header.Set(k, v)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode
	}
}

// The bot of a sandbox that is killed does not live on.
func TestSandboxBotEndsWithIt(t *testing.T) {
	bot := exec.Command(program, "sandbox-bot")
	s := newFakes(t)
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
