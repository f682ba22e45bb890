// ---- Stories: cards, and the line that says what to watch.
$("stories").append(...stories.map(s => el("li", {}, el("button", { type: "button", "data-story": s.id, on: () => playStory(s.id) },
  el("b", {}, s.title), el("span", { class: "takes" }, s.takes), el("span", { class: "shows" }, s.shows)))));

// What is asked of stories is asked in order: of two requests at once the later
// could come first.
let asked = Promise.resolve();
const ask = action => asked = asked.then(() => act(action));

let seat = null; // who one was before the story
async function playStory(id) {
  view("chat");
  if (!state.story) seat = { me: state.me, place: state.place };
  drawStory.focus = true;
  await ask({ do: "story", name: id });
}
$("story-next").addEventListener("click", () => {
  const s = state.story;
  if (!s || s.running) return;
  if (s.failed || s.step === s.steps) return leaveStory();
  ask({ do: "next" });
});
$("story-stop").addEventListener("click", leaveStory);
async function leaveStory() {
  await ask({ do: "stop" });
  if (seat && (seat.me !== state.me || seat.place !== state.place)) go(seat.me, seat.place);
  seat = null;
  $("text").focus();
}

function drawStory() {
  const s = state.story;
  for (const card of $("stories").querySelectorAll("button")) {
    if (s && card.dataset.story === s.id) card.setAttribute("aria-current", "true"); else card.removeAttribute("aria-current");
  }
  const was = drawStory.before;
  drawStory.before = s && `${s.id} ${s.step} ${s.running}`;
  $("story").hidden = !s;
  if (!s) {
    if (was && document.activeElement === document.body) $("text").focus();
    return;
  }
  // The story says who looks on, once a step.
  const scene = `${s.id} ${s.step}`;
  if (drawStory.scene !== scene) {
    drawStory.scene = scene;
    if (s.tab) showTab("proof", s.tab);
    if (s.as !== state.me || state.place !== "C0GENERAL") go(s.as, "C0GENERAL");
  }
  const last = s.step === s.steps, done = !s.running;
  once("story", [s.id, s.step, s.running, s.failed, s.leaving], () => {
    $("story").classList.toggle("failed", Boolean(s.failed));
    $("story-title").textContent = s.leaving ? s.title : `${s.title} – step ${s.step} of ${s.steps}`;
    $("story-watch").textContent = done ? s.failed || s.watch : "";
    $("story-next").textContent = s.failed ? "Leave the story" : last ? "Done" : "Next";
    $("story-next").setAttribute("aria-disabled", String(!done));
    $("story-stop").hidden = s.leaving || Boolean(s.failed) || (done && last);
    if (drawStory.focus) { drawStory.focus = false; $("story-next").focus(); }
  });
  tick();
}

// tick tells how long is waited, second by second: nothing stands still.
function tick() {
  const s = state.story;
  $("story-progress").hidden = !s?.running;
  if (!s?.running) return;
  const spent = Math.max(0, Math.floor((Date.now() - s.since) / 1000)), expected = Math.round(s.expected / 1000);
  const what = s.now || (spent < 3 ? "One moment" : "This takes longer than usual");
  $("story-now").textContent = expected > 1 ? `${what}: ${spent} of about ${expected} s` : spent ? `${what}: ${spent} s` : what;
}
setInterval(tick, 500);
