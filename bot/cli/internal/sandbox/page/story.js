// ---- Stories: their cards, and the bar that says what to look at and what is next.
const storyOf = id => stories.find(s => s.id === id);
for (const s of stories) $(s.more ? "more-stories" : "stories").append(el("li", {}, el("button", { type: "button", "data-story": s.id, on: () => playStory(s.id) },
  el("b", {}, s.title), el("span", { class: "takes" }, `${s.steps} steps`), el("span", { class: "shows" }, s.shows))));

$("more-stories").previousElementSibling.hidden = !stories.some(s => s.more);

// What is asked of stories is asked in order: of two requests at once the later
// could come first.
let asked = Promise.resolve();
const ask = action => asked = asked.then(() => act(action));

let seat = null; // who one was before the story
async function playStory(id) {
  if (!storyOf(id)) return;
  view("chat");
  seat ||= { me: state.me, place: state.place };
  $("story-next").focus();
  history.replaceState(null, "", `#story=${id}`);
  await ask({ do: "story", name: id });
}
$("story-next").addEventListener("click", async () => {
  const s = state.story;
  if (!s) return playStory("happy");
  if (s.running) return;
  if (s.failed || s.step === s.steps) return leaveStory();
  if (s.by === state.me && !await confirmed(awaitedButton()?.confirm)) return;
  ask({ do: "next" });
});
$("story-stop").addEventListener("click", leaveStory);
async function leaveStory() {
  history.replaceState(null, "", location.pathname + location.search);
  await ask({ do: "stop" });
  if (seat && (seat.me !== state.me || seat.place !== state.place)) go(seat.me, seat.place);
  seat = null;
  $("story-next").focus();
}
const shared = () => { const [, id] = location.hash.match(/^#story=(\w+)$/) || []; if (id && state.story?.id !== id) playStory(id); };
addEventListener("hashchange", shared);

// awaitedButton is the button in a message that plays the next step, too.
function awaitedButton() {
  const m = (state.messages || []).find(m => m.ts === state.story?.at);
  return (m?.blocks || []).flatMap(b => b.elements || []).find(e => e.action_id === state.story.hand);
}
function mark() {
  for (const e of document.querySelectorAll(".awaited")) e.classList.remove("awaited");
  const s = state.story;
  if (!s?.at || s.by !== state.me) return;
  const what = s.hand === "menu" ? `[data-more="${s.at}"]` : `[data-ts="${s.at}"] [data-action="${s.hand}"]`;
  for (const e of document.querySelectorAll(what)) e.classList.add("awaited");
  // The button is in sight, once a step.
  const button = $("log").querySelector(".awaited"), step = `${s.id} ${s.step} ${s.at}`;
  if (button && mark.step !== step) {
    mark.step = step;
    reveal(button);
  }
}

function drawStory() {
  const s = state.story;
  if (s) follow(s);
  for (const card of document.querySelectorAll("[data-story]")) {
    if (s?.id !== card.dataset.story) card.removeAttribute("aria-current");
    else if (!card.hasAttribute("aria-current")) {
      card.setAttribute("aria-current", "true");
      card.scrollIntoView({ block: "nearest" });
    }
  }
  once("story", s ? [s.id, s.step, s.running, s.failed, s.leaving, s.watch] : ["idle", state.open, state.me], () => s ? drawStep(s) : drawIdle());
  mark();
  tick();
}

// follow takes the seat of the person who watches this step, once a step.
function follow(s) {
  if (drawStory.began !== state.began) {
    drawStory.began = state.began;
    closeThread();
    screen("conversation");
  }
  const scene = `${s.id} ${s.step} ${state.began}`;
  if (drawStory.scene !== scene) {
    drawStory.scene = scene;
    if (s.tab) showTab("proof", s.tab);
    if (s.as !== state.me || state.place !== "C0GENERAL") go(s.as, "C0GENERAL");
  }
  const open = s.thread && `${scene} ${s.thread}`;
  if (open && drawStory.thread !== open && s.as === state.me && state.messages?.some(m => m.ts === s.thread)) { drawStory.thread = open; openThread(s.thread); }
}

function drawIdle() {
  $("story").className = "idle";
  $("story-title").textContent = "Try it: three clicks";
  $("story-watch").replaceChildren(inline(state.open ? `Grace wants task ${state.open} stopped. You are Ada, and you can do that right here in Slack.` : "Play it again with another task, or choose one of the stories.", true));
  $("story-next").textContent = state.open ? `Cancel task ${state.open}` : "Cancel another task";
  $("story-next").className = "primary";
  $("story-next").removeAttribute("aria-disabled");
  $("story-stop").hidden = true;
  $("story-offers").replaceChildren();
}

function drawStep(s) {
  const done = !s.running, end = done && (s.failed || s.step === s.steps), story = storyOf(s.id);
  $("story").className = s.failed ? "failed" : end ? "end" : "";
  $("story-title").textContent = s.leaving ? s.title : `${s.title} – step ${s.step} of ${s.steps}`;
  $("story-watch").replaceChildren(done ? inline(s.failed || s.watch, true) : "");
  if (done) $("story-next").textContent = s.failed ? "Leave the story" : end ? "Done" : s.next || "Next";
  $("story-next").className = end && !s.failed ? "" : "primary";
  $("story-next").setAttribute("aria-disabled", String(!done));
  $("story-stop").hidden = s.leaving || Boolean(end);
  const offers = end && !s.failed ? story.then.map(storyOf) : [];
  $("story-offers").replaceChildren(...offers.map(o => el("button", { type: "button", "data-offer": o.id, on: () => playStory(o.id) }, o.offer)),
    end && !s.failed ? el("a", { class: "button primary", href: "https://github.com/cancelbot/cancelbot/blob/main/docs/install.md", target: "_blank", rel: "noreferrer" }, "Install it") : "");
}

// tick says how long a step has been waiting, second by second.
function tick() {
  const s = state.story;
  $("story-progress").hidden = !s?.running;
  if (!s?.running) return;
  const spent = Math.max(0, Math.floor((Date.now() - s.since) / 1000)), expected = Math.round(s.expected / 1000);
  const what = s.now || (spent < 3 ? "One moment" : "This takes longer than usual");
  $("story-now").textContent = expected > 1 ? `${what}: ${spent} of about ${expected} s` : spent ? `${what}: ${spent} s` : what;
}
setInterval(tick, 500);
