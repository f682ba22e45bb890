package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// modal waits until a modal is open that waits for its submission.
func (b *tab) modal() {
	b.Helper()
	b.until(`document.getElementById("modal").open && Boolean(state.modal?.submit) && !document.getElementById("modal-submit").hidden`)
}

// shortcut uses the message shortcut on the last message of the conversation.
func (b *tab) shortcut() {
	b.Helper()
	b.until(`document.querySelector("#log [data-more]") !== null`)
	script[bool](b, `([...document.querySelectorAll("#log [data-more]")].at(-1).click(), true)`)
	b.clicks("[data-item=cancel]")
}

// seesErrors has the page remember that a modal showed an error: the bot may show
// its modal once more right after, without it.
func (b *tab) seesErrors() {
	b.Helper()
	script[bool](b, `(window.erred = false, new MutationObserver(() => { window.erred ||= document.querySelector("#modal .failed:not([hidden])") !== null; }).observe(document.getElementById("modal-body"), { subtree: true, childList: true, attributes: true }), true)`)
}

// says says something, and waits until the conversation has it.
func (b *tab) says(text string) {
	b.Helper()
	b.types(text)
	b.sees(text)
}

func TestSandboxModalAsksForATask(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.says("no task here")
	b.shortcut()
	b.modal()
	b.clicks("#modal-submit") // nothing was entered: Slack itself refuses that
	b.until(`document.querySelector("#modal [aria-invalid=true]") !== null`)
	enter := func(text string) {
		b.enters("#modal input", text)
		b.clicks("#modal-submit")
	}
	script[bool](b, `(document.querySelector("#modal .failed").hidden = true, true)`)
	b.seesErrors()
	enter("globex")
	b.until(`window.erred`)
	if typed := script[string](b, `document.querySelector("#modal input").value`); typed != "globex" {
		t.Errorf("the error has replaced what was typed by %q", typed)
	}
	enter("12345")
	b.until(`document.querySelector("#modal textarea") !== null`)
	b.modal()
	b.enters("#modal textarea", "typed in the dialog")
	// The bot may show its modal once more while someone types.
	if !script[bool](b, `(() => {
	  const input = document.querySelector("#modal textarea");
	  input.focus();
	  input.setSelectionRange(5, 5);
	  drawn.delete("modal");
	  drawModal();
	  const now = document.activeElement;
	  return now !== input && now.value === "typed in the dialog" && now.selectionStart === 5;
	})()`) {
		t.Error("showing the modal again disturbs the person who types")
	}
	b.clicks("#modal-submit")
	b.decided("12345", "cancelled")
	b.sees("typed in the dialog")
	b.clicks("#modal-close")
	b.until(`!document.getElementById("modal").open`)
	b.nothingWentWrong()
}

func TestSandboxModalOffersCheckboxes(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.says("12344 and 12345 are not needed")
	b.says("https://app.chamelio.ai/workflows/tasks/12344 https://app.chamelio.ai/workflows/tasks/12345")
	b.shortcut()
	b.until(`document.querySelectorAll("#modal [type=checkbox]:checked").length === 2`)
	script[bool](b, `(document.querySelectorAll("#modal [type=checkbox]").forEach(box => { box.checked = false; }), true)`)
	b.seesErrors()
	b.clicks("#modal-submit")
	b.until(`window.erred`)
	if n := script[int](b, `document.querySelectorAll("#modal [type=checkbox]:checked").length`); n != 0 {
		t.Errorf("the error has selected %d tasks again", n)
	}
	script[bool](b, `(document.querySelector("#modal [value='12344']").checked = true, true)`)
	b.clicks("#modal-submit")
	b.decided("12344", "cancelled")
	b.status("12345", "in_progress")
	b.nothingWentWrong()
}

// An outcome that was announced as unknown is corrected in place, with a reply that
// the channel sees, too.
func TestSandboxShowsThreadsAndEdits(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.clicks("[data-story=unknown]")
	for step := 1; step <= 3; step++ {
		b.until(fmt.Sprintf(`state.story?.step === %d && !state.story.running`, step))
		if step < 3 {
			b.clicks("#story-next")
		}
	}
	// As the caption says: first the request fails, then the key is refused.
	if got := script[string](b, `state.requests.filter(r => r.task).map(r => r.status).filter(s => s !== 200).join()`); got != "500,401" {
		t.Errorf("Chamelio answered %s", got)
	}
	b.until(`!document.getElementById("thread").hidden && document.querySelectorAll("#thread .message").length === 2`)
	announcement := `document.querySelector("#log .message:has([data-thread])")`
	b.until(announcement + ` !== null && ` + announcement + `.querySelector(".edited") !== null`)
	b.until(`[...document.querySelectorAll("#log .message")].at(-1).querySelector(".context .link") !== null`) // the reply, in the channel
	b.run(chromedp.SendKeys(chromedp.CSS("#thread-text"), "thanks"+kb.Enter))
	b.until(`document.querySelectorAll("#thread .message").length === 3 && ` + announcement + `.innerText.includes("2 replies")`)
	if script[bool](b, `[...document.querySelectorAll("#log .message")].some(m => m.innerText.includes("thanks"))`) {
		t.Error("a reply shows in the channel")
	}
	b.run(chromedp.SendKeys(chromedp.CSS("#thread-text"), "/cancel-task 12345"+kb.Enter))
	b.until(`document.getElementById("hint").classList.contains("wrong")`) // Slack takes no commands there
	b.run(chromedp.KeyEvent(kb.Escape))
	b.until(`document.getElementById("thread").hidden`)
	// The next story closes the thread, also if it was begun elsewhere.
	b.clicks("#log [data-thread]")
	b.until(`!document.getElementById("thread").hidden`)
	script[bool](b, `(act({ do: "story", name: "keep" }), true)`)
	b.until(`state.story?.id === "keep" && !state.story.running && document.getElementById("thread").hidden`)
	b.nothingWentWrong()
}

// A message, its API calls and its rows in the journal are highlighted together.
func TestSandboxHighlightsProof(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	for _, task := range []string{"12344", "12345"} {
		b.types("/cancel-task " + task)
		b.presses("cancel_task")
		b.decided(task, "cancelled")
		b.until(`document.querySelector("#log [data-action]") === null`)
	}
	hover := func(selector string) {
		b.until(`document.querySelector('` + selector + `') !== null`)
		script[bool](b, `document.querySelector('`+selector+`').dispatchEvent(new MouseEvent("mouseover", { bubbles: true }))`)
	}
	lit := func(table string) string {
		return script[string](b, `[...document.querySelectorAll("#`+table+` .lit")].map(e => e.dataset.tasks).filter((t, i, all) => all.indexOf(t) === i).join()`)
	}
	hover(`#log .message[data-tasks="12345"]:last-child`)
	for _, table := range []string{"requests", "journal", "timeline"} {
		if got := lit(table); got != "12345" {
			t.Errorf("%s: %q is highlighted", table, got)
		}
	}
	hover(`#journal [data-tasks="12344"]`)
	if got := lit("messages"); !strings.Contains(got, "12344") || got == "12345" {
		t.Errorf("the messages about %q are highlighted", got)
	}
	b.nothingWentWrong()
}

// The timeline has the moment of death, the time without an owner, and the
// takeover, in this order.
func TestSandboxTimelineOfACrash(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.clicks("[data-story=replicas]")
	for step := 1; step <= 3; step++ {
		b.until(fmt.Sprintf(`state.story?.step === %d && !state.story.running && !state.story.failed`, step))
		if step < 3 {
			b.clicks("#story-next")
		}
	}
	b.until(`document.querySelector("#timeline .takeover") !== null`)
	order := script[string](b, `(() => {
	  const rows = [...document.querySelectorAll("#timeline li")], at = what => rows.findIndex(r => r.matches(what));
	  const posts = rows.filter(r => r.innerText.includes("POST")).length;
	  return [posts, at(".killed") >= 0, at(".gap.orphan") > at(".killed"), at(".takeover") > at(".gap.orphan"), rows.slice(at(".takeover")).some(r => r.matches(".orphan"))].join();
	})()`)
	if order != "1,true,true,true,false" {
		t.Errorf("one request, a death, a gap, a takeover, and no gap after it: %s", order)
	}
	// Its answer was lost, and the other replica's requests, which may be shown a moment
	// later, follow the takeover.
	b.until(`(() => {
	  const rows = [...document.querySelectorAll("#timeline li")], at = what => rows.findIndex(r => r.matches(what));
	  const lost = rows.findIndex(r => r.innerText.includes("came too late")), later = rows.findIndex((r, i) => i > at(".killed") && r.matches(".api"));
	  return lost >= 0 && lost < at(".killed") && later > at(".takeover");
	})()`)
}

// A person on a phone goes from the list to a conversation, and from there to a
// thread, with a way back from each.
func TestSandboxOnAPhone(t *testing.T) {
	t.Parallel()
	b := browser(t, sandboxPage(t))
	b.fits(rooms[2])
	shows := func(what string) {
		t.Helper()
		visible := func(id string) bool {
			return script[bool](b, `document.getElementById("`+id+`").checkVisibility()`)
		}
		for _, id := range []string{"channels", "log", "thread"} {
			if got := visible(id); got != (id == what) {
				t.Errorf("on the screen %s, %s is visible: %t", what, id, got)
			}
		}
		if !visible("story-next") {
			t.Errorf("on the screen %s the story's button is out of sight", what)
		}
	}
	shows("log")
	b.clicks("#to-list")
	shows("channels")
	b.clicks("[data-channel=C0RANDOM]")
	b.until(`state.place === "C0RANDOM"`)
	shows("log")
	// Grace's message is unread for Ada until she has been there.
	b.becomes("U0GRACE")
	b.says("hello from Grace")
	b.clicks("#to-list")
	b.clicks("[data-channel=C0GENERAL]")
	b.until(`state.place === "C0GENERAL"`)
	b.becomes("U0ADA")
	unread := `document.querySelector("[data-channel=C0RANDOM].unread")`
	b.until(unread + ` !== null`)
	b.clicks("[data-channel=C0RANDOM]")
	b.until(`state.place === "C0RANDOM" && ` + unread + ` === null`)
	b.clicks("[data-channel=C0GENERAL]")
	b.until(`state.place === "C0GENERAL" && document.querySelectorAll("#log [data-more]").length === 4`)
	script[bool](b, `([...document.querySelectorAll("#log [data-more]")].at(-1).click(), true)`)
	b.clicks("[data-item=thread]")
	shows("thread")
	b.clicks("[data-goto=try]")
	if !script[bool](b, `document.getElementById("panel-stories").checkVisibility()`) {
		t.Error("an open thread hides the stories")
	}
	b.clicks("[data-goto=chat]")
	shows("thread")
	b.clicks("#thread-back")
	shows("log")
	b.nothingWentWrong()
}

// The page is small, asks for nothing but itself, and keeps still for people who
// ask for that.
func TestSandboxPageIsSmall(t *testing.T) {
	t.Parallel()
	address := sandboxPage(t)
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || len(page) > 200_000 {
		t.Errorf("the page has %d bytes (%v)", len(page), err)
	}
	b := browser(t, address)
	b.scheme("light") // with reduced motion
	b.clicks("#story-next")
	b.until(`state.story?.step === 1 && !state.story.running`)
	if from := script[[]string](b, `performance.getEntriesByType("resource").map(e => e.name).filter(name => !name.startsWith(location.origin + "/"))`); len(from) > 0 {
		t.Errorf("the page asks for %v", from)
	}
	if n := script[int](b, `document.getAnimations().length`); n > 0 {
		t.Errorf("%d animations run", n)
	}
}
