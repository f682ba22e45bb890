// ---- The messages of a conversation.

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
  const threads = new Map(), tops = all.filter(m => !m.thread || m.broadcast), items = [];
  for (const m of all) if (m.thread && !m.only) threads.set(m.thread, [...threads.get(m.thread) || [], m]);
  const folded = unfolded === state.fold ? 0 : tops.filter(m => m.ts < state.fold).length;
  if (folded) items.push({ key: "fold", value: folded, make: () => fold(folded) });
  else items.push({ key: "welcome", value: [state.place, state.me], make: welcome });
  let day = "", previous = null;
  for (const m of tops.slice(folded)) {
    const today = formatDate(new Date(m.at * 1000), "{date_long_pretty}", new Date());
    if (today !== day) items.push({ key: "day " + today, value: today, make: () => el("li", { class: "day" }, el("span", {}, today)) });
    const grouped = today === day && previous && !m.only && !previous.only && !m.thread && previous.author === m.author && m.at - previous.at < 300;
    const replies = threads.get(m.ts) || [], parent = m.thread && all.find(p => p.ts === m.thread);
    items.push({ key: m.ts, value: [m, replies, grouped, parent?.text], message: m, replies, make: () => messageItem(m, { replies, parent, grouped }) });
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
    // The pressed button is gone: the focus goes to its result.
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
let unfolded = null; // the fold that was opened
const fold = n => el("li", { class: "fold" }, el("button", { type: "button", on: () => { unfolded = state.fold; drawMessages(); $("log").focus(); } }, n === 1 ? "Show 1 earlier message" : `Show ${n} earlier messages`));
let sending = false; // something was sent from here, and its answer is to be seen

// heard has what is new read out.
function heard(m, replies, old) {
  if (m.author === state.me && !m.only) return;
  const latest = replies.at(-1) && old ? replies.at(-1) : m;
  say(`${authorOf(latest)}: ${plain(angledAway(latest.text)).textContent}`);
}
const angledAway = s => s.replace(/<([^<>]+)>/g, (all, inner) => { const shown = angled(inner); return typeof shown === "string" ? shown : shown.textContent; });

// reveal shows a message whole, or its beginning where it is too tall, and goes
// on doing so when the room changes, until a person scrolls.
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

function welcome() {
  const here = state.channels.find(c => c.id === state.place);
  return el("li", { class: "welcome" }, el("h3", {}, placeName()), el("p", {}, `This is the very beginning of this ${here.kind === "public" || here.kind === "private" ? "channel" : "conversation"}.`),
    here.note ? el("p", {}, here.note + ".") : here.kind !== "dm" && el("p", {}, svg("i-app"), " cancelbot is here: type ", el("code", {}, "/cancel-task"), ", or open a message’s menu."));
}
