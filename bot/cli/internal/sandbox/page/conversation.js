// ---- The conversation, and the way to others.
const signs = { public: "i-hash", private: "i-lock" };

function drawPlaces() {
  once("places", [state.channels, state.place, state.me, state.bot.alive], () => {
    const group = (title, kinds) => {
      const rows = state.channels.filter(c => kinds.includes(c.kind));
      if (!rows.length) return [];
      return [el("h3", {}, title), el("ul", {}, ...rows.map(c => el("li", {}, el("button", {
        type: "button", "data-channel": c.id, "aria-current": c.id === state.place ? "page" : undefined, title: c.note, on: () => go(state.me, c.id),
      }, sign(c), el("span", {}, c.name), c.kind === "app" && presence()))))];
    };
    keepFocus($("channels"), "data-channel", () => $("channels").replaceChildren(
      ...group("Channels", ["public", "private"]), ...group("Direct messages", ["dm"]), ...group("Apps", ["app"]),
      ...(state.channels.some(c => c.kind === "app") ? [] : [el("h3", {}, "Apps"), el("p", { class: "app-row" }, face("app", ""), " cancelbot ", presence())])));
    $("where").replaceChildren(...state.channels.map(c => el("option", { value: c.id, selected: c.id === state.place }, (c.kind === "public" ? "# " : "") + c.name)));
    const here = state.channels.find(c => c.id === state.place);
    $("place").replaceChildren(signs[here.kind] ? svg(signs[here.kind]) : "", here.name, el("small", {}, here.note));
    $("text").placeholder = `Message ${here.kind === "public" ? "#" : ""}${here.name}`;
  });
}
const sign = c => signs[c.kind] ? svg(signs[c.kind]) : face(c.kind === "app" ? "app" : c.name, c.name);
const presence = () => el("span", { class: state.bot.alive ? "dot on" : "dot", role: "img", "aria-label": state.bot.alive ? "running" : "not running", title: state.bot.alive ? "running" : "not running" });

// What Slack itself says, to one person in one place, and only on this page.
const local = [];
function slackSays(text) {
  const now = Date.now();
  local.push({ ts: `${(now / 1000).toFixed(6)}-local`, author: "system", system: true, at: Math.floor(now / 1000), text, only: true, me: state.me, place: state.place, run: state.run });
  drawMessages();
}

const shown = new Map();
function drawMessages() {
  const log = $("log"), list = $("messages");
  const all = [...(state.messages || []), ...local.filter(m => m.me === state.me && m.place === state.place && m.run === state.run)];
  all.sort((a, b) => parseFloat(a.ts) - parseFloat(b.ts));
  const threads = Map.groupBy ? Map.groupBy(all.filter(m => m.thread), m => m.thread) : new Map();
  const tops = all.filter(m => !m.thread), items = [];
  items.push({ key: "welcome", value: [state.place, state.me, tops.length > 0, suggestion()], make: welcome });
  let day = "", previous = null;
  for (const m of tops) {
    const today = formatDate(new Date(m.at * 1000), "{date_long_pretty}", new Date());
    if (today !== day) items.push({ key: "day " + today, value: today, make: () => el("li", { class: "day" }, el("span", {}, today)) });
    const grouped = today === day && previous && !m.only && !previous.only && previous.author === m.author && m.at - previous.at < 300;
    const replies = threads.get(m.ts) || [];
    items.push({ key: m.ts, value: [m, replies, grouped], message: m, replies, make: () => messageItem(m, replies, grouped) });
    [day, previous] = [today, m];
  }
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const wanted = new Set(items.map(i => i.key));
  let refocus = null, newest = null;
  for (const [key, old] of shown) {
    if (wanted.has(key)) continue;
    if (old.node.contains(document.activeElement)) refocus = $("text");
    old.node.remove();
    shown.delete(key);
  }
  let at = list.firstChild;
  for (const i of items) {
    const json = JSON.stringify(i.value), old = shown.get(i.key);
    if (old?.json === json) { at = old.node.nextSibling; continue; }
    const node = i.make(), focused = old?.node.contains(document.activeElement);
    if (old) { old.node.replaceWith(node); at = node.nextSibling; if (pinned === old.node) pinned = node; } else list.insertBefore(node, at);
    shown.set(i.key, { json, node });
    // The button that was pressed is gone: what came of it stands here.
    if (focused) refocus = node.querySelector(`[data-action]`) && document.activeElement?.dataset?.action ? node.querySelector("[data-action]") : node;
    if (i.message) {
      newest = node;
      if (drawMessages.started) heard(i.message, i.replies, old);
    }
  }
  drawMessages.started = true;
  if (refocus) refocus.focus({ preventScroll: true });
  // An announcement comes at the same moment as the end of its prompt, in
  // either order: the lower one is shown.
  const lower = pinned?.isConnected && performance.now() - reveal.at < 2000 && newest?.compareDocumentPosition(pinned) & Node.DOCUMENT_POSITION_FOLLOWING;
  if (newest && !lower && (atEnd || pinned || refocus || sending)) reveal(newest);
  if (newest && sending) sending = false;
}
let sending = false; // something was sent from here, and its answer is to be seen

// heard has what is new read out.
function heard(m, replies, old) {
  if (m.author === state.me && !m.only) return;
  const latest = replies.at(-1) && old ? replies.at(-1) : m;
  say(`${authorOf(latest)}: ${plain(angledAway(latest.text)).textContent}`);
}
const angledAway = s => s.replace(/<([^<>]+)>/g, (all, inner) => { const shown = angled(inner); return typeof shown === "string" ? shown : shown.textContent; });

// reveal shows a message whole, or its beginning where it is too tall, and goes
// on doing so when the room changes, until somebody scrolls.
let pinned = null;
function reveal(node) {
  const log = $("log");
  if (pinned !== node) [pinned, reveal.at] = [node, performance.now()];
  log.scrollTop = log.scrollHeight;
  const over = log.getBoundingClientRect().top - node.getBoundingClientRect().top;
  if (over > 0) log.scrollTop -= over;
}
new ResizeObserver(() => { if (pinned?.isConnected) reveal(pinned); }).observe($("log"));
for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) $("log").addEventListener(kind, () => { pinned = null; }, { passive: true });

// suggestion is a command that can still do something: the green button must not
// name a task that is over.
function suggestion() {
  const open = (state.tasks || []).find(t => t.status === "in_progress" || t.status === "pending");
  return `/cancel-task ${open?.id ?? 12345} ${(open?.id ?? 12345) === 12345 ? "duplicate of 12346" : "no longer needed"}`;
}

function welcome() {
  const here = state.channels.find(c => c.id === state.place), me = state.people.find(p => p.id === state.me);
  const item = el("li", { class: "welcome" });
  if (state.place !== "C0GENERAL") {
    item.append(el("h3", {}, (here.kind === "public" ? "# " : "") + here.name), el("p", {}, `You are ${me.name}, and this is the very beginning of this conversation.`));
    return item;
  }
  item.append(el("h3", {}, "Cancel a Chamelio task from Slack"), el("ol", {},
    el("li", {}, `You are ${me.name} (${me.role}), in #general. Type `, el("code", {}, "/cancel-task 12345"), " and see which task that is."),
    el("li", {}, "Confirm with a button. Everybody in the channel reads what came of it."),
    el("li", {}, "Then break something, or kill the bot halfway: what was confirmed is still told.")),
    el("p", { class: "row" }, el("button", { type: "button", id: "suggest", class: "primary", on: () => fill(suggestion()) }, "Fill the command in"),
      el("button", { type: "button", id: "suggest-story", on: () => playStory("crash") }, "Or watch it survive a kill")));
  return item;
}
