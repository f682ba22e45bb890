// ---- One message: Block Kit, and what stands around it.
const face = (id, name) => {
  if (id === "app") return el("span", { class: "face" }, svg("i-app"));
  if (id === "system") return el("span", { class: "face" }, svg("i-system"));
  const color = [...id].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7) % 5;
  return el("span", { class: "face f" + color, "aria-hidden": "true" }, name.split(" ").map(w => w[0]).join("").slice(0, 2));
};
const authorOf = m => m.system ? "Slackbot, a stand-in" : m.app ? "cancelbot" : state.names[m.author] || m.author;
const faceOf = m => face(m.system ? "system" : m.app ? "app" : m.author, authorOf(m));
const shortTime = m => formatDate(new Date(m.at * 1000), "{time}", new Date());

function block(b, m) {
  switch (b.type) {
    case "header": return el("h3", {}, plain(b.text.text.replaceAll("&", "&amp;")));
    case "divider": return el("hr");
    case "context": return el("div", { class: "context" }, ...b.elements.map(e => text(e.text)));
    case "actions": return buttons(b, m);
  }
  const parts = el("div");
  if (b.text) parts.append(text(b.text));
  if (b.fields) parts.append(el("div", { class: "fields" }, ...b.fields.map(f => el("div", {}, text(f)))));
  return parts;
}

function buttons(b, m) {
  const failed = el("p", { class: "failed-press", hidden: true });
  const row = el("div", { class: "actions" }, ...b.elements.map(e => {
    const button = el("button", { type: "button", "data-action": e.button, "aria-label": e.spoken }, e.label);
    if (e.style) button.classList.add(e.style);
    button.addEventListener("click", () => press(row, failed, m, e.button));
    return button;
  }));
  return el("div", {}, row, failed);
}

// press keeps the focus where it is until the message changes: a button that
// is disabled would lose it.
async function press(row, failed, m, action) {
  if (row.dataset.pressed) return;
  row.dataset.pressed = "yes";
  const all = [...row.children];
  all.forEach(b => b.setAttribute("aria-disabled", "true"));
  const answer = await act({ do: "click", ts: m.ts, name: action });
  const free = () => { delete row.dataset.pressed; all.forEach(b => b.removeAttribute("aria-disabled")); };
  if (["dispatch_failed", "operation_timeout"].includes(answer.state)) {
    failed.replaceChildren(svg("e-warning", "emoji"), ` cancelbot didn’t respond (${answer.state}). Try again in a moment.`);
    failed.hidden = false;
    say("cancelbot didn’t respond. Try again in a moment.");
    free();
  } else {
    failed.hidden = true;
    setTimeout(free, answer.error ? 0 : 1500);
  }
}

const bodyOf = m => m.blocks ? m.blocks.map(b => block(b, m)) : [mrkdwn(m.text, false)];

function head(m) {
  const when = new Date(m.at * 1000);
  return el("div", { class: "head" }, el("span", { class: "who" }, authorOf(m)), " ", m.app && el("span", { class: "tag" }, "APP"), m.app && " ",
    el("time", { datetime: when.toISOString() }, shortTime(m)));
}

function messageItem(m, replies, grouped) {
  const item = el("li", { class: "message", "data-ts": m.ts, tabindex: "-1" });
  if (grouped) item.classList.add("more");
  if (m.only) item.append(el("div", { class: "only" }, svg("i-eye"), "Only visible to you"));
  const body = el("div", { class: "body" }, ...bodyOf(m));
  if (m.edited && !m.only) body.append(el("span", { class: "edited" }, "(edited)"));
  const right = el("div", {}, head(m), body);
  if (replies.length) right.append(thread(m, replies));
  item.append(faceOf(m), el("span", { class: "at", "aria-hidden": "true" }, shortTime(m).replace(/ .M/, "")), right);
  return item;
}

const folded = new Set();
function thread(m, replies) {
  const list = el("ul", {}, ...replies.map(r => el("li", {}, faceOf(r), el("div", {}, head(r), el("div", { class: "body" }, ...bodyOf(r))))));
  const toggle = el("button", { type: "button" }, svg("i-reply"), replies.length === 1 ? " 1 reply" : ` ${replies.length} replies`);
  const show = () => { list.hidden = folded.has(m.ts); toggle.setAttribute("aria-expanded", String(!list.hidden)); };
  toggle.addEventListener("click", () => { folded.has(m.ts) ? folded.delete(m.ts) : folded.add(m.ts); show(); });
  show();
  return el("div", { class: "thread" }, toggle, list);
}
