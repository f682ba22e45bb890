// ---- The whole, and the stream that keeps it current.
function draw() {
  once("run", state.run, () => { shown.forEach(old => old.node.remove()); shown.clear(); drawMessages.started = false; });
  once("people", [state.people, state.me], drawMe);
  once("busy", state.busy, busy => { $("busy").textContent = busy; });
  drawPlaces();
  drawMessages();
  drawTry();
  drawThread();
  drawProof();
  drawTimeline();
  drawStory();
  drawModal();
}

// view chooses what a narrow screen shows.
function view(name) {
  document.body.dataset.view = name;
  for (const b of document.querySelectorAll("[data-goto]")) b.dataset.goto === name ? b.setAttribute("aria-current", "page") : b.removeAttribute("aria-current");
  landmarks();
  showLatest();
}
// Where one view is all that is shown, it is the main one.
function landmarks() {
  const { view, screen } = document.body.dataset, elsewhere = narrow.matches && (view !== "chat" || screen === "thread");
  $("behind").setAttribute("role", elsewhere ? "main" : "complementary");
  $("side").setAttribute("role", narrow.matches && view === "chat" && screen === "list" ? "main" : "navigation");
}
narrow.addEventListener("change", () => { landmarks(); showLatest(); });
for (const b of document.querySelectorAll("[data-goto]")) b.addEventListener("click", () => view(b.dataset.goto));

let stream, silent;
function go(me, place) {
  const moved = me !== state.me || place !== state.place;
  stream?.close();
  stream = new EventSource(`/events?as=${me}&in=${place}`);
  stream.onopen = () => ended(false);
  stream.onerror = () => { clearTimeout(silent); silent = setTimeout(() => ended(true), 400); };
  let first = moved;
  stream.onmessage = e => {
    ended(false);
    if (first) { shown.forEach(old => old.node.remove()); shown.clear(); drawMessages.started = false; first = false; closeThread(); }
    state = JSON.parse(e.data);
    draw();
  };
  history.replaceState(null, "", `/?as=${me}&in=${place}${location.hash}`);
}

// ended says that there is nothing behind this page any more.
function ended(yes) {
  clearTimeout(silent);
  if ($("over").hidden === !yes) return;
  $("over").hidden = !yes;
  $("over").textContent = yes ? "The sandbox has ended, and the bot with it. Start it again in the terminal, and open the address that it prints." : "";
  document.body.classList.toggle("ended", yes);
  if (yes) {
    state.bot = { alive: false, connections: 0, replicas: state.bot.replicas.map(r => ({ ...r, alive: false })) };
    state.story = null;
    draw();
  }
}

draw();
go(state.me, state.place);
$("story-next").focus();
shared();
