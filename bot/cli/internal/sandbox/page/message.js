// ---- One message: Block Kit, and what is around it.
const people = ["U0ADA", "U0GRACE", "U0LINUS", "U0GUEST"];
const face = (id, name) => {
  const icon = { system: "i-system", U0CHAMELIO: "i-chamelio", app: "i-app" }[id];
  if (icon) return el("span", { class: "face" }, svg(icon));
  if (people.includes(id)) return el("span", { class: "face person p" + people.indexOf(id) }, svg("i-person"));
  const color = [...id].reduce((sum, c) => sum * 31 + c.charCodeAt(0), 7) % 5;
  return el("span", { class: "face f" + color, "aria-hidden": "true" }, name.split(" ").map(w => w[0]).join("").slice(0, 2));
};
const authorOf = m => m.system ? "Slackbot, simulated" : state.names[m.author] || m.author;
const faceOf = m => face(m.system ? "system" : m.app && m.author !== "U0CHAMELIO" ? "app" : m.author, authorOf(m));
const shortTime = m => formatDate(new Date(m.at * 1000), "{time}", new Date());

// block draws Slack's JSON of a block.
function block(b, m) {
  switch (b.type) {
    case "header": return el("h3", {}, literal(b.text.text));
    case "divider": return el("hr");
    case "context": return el("div", { class: "context" }, ...b.elements.map(e => text(e)));
    case "actions": return buttons(b.elements, m);
    case "input": return field(b);
  }
  const parts = el("div");
  if (b.text) parts.append(text(b.text));
  if (b.fields) parts.append(el("div", { class: "fields" }, ...b.fields.map(f => el("div", {}, text(f)))));
  if (b.accessory?.type === "button") parts.append(buttons([b.accessory], m));
  return parts;
}

function buttons(elements, m) {
  const failed = el("p", { class: "failed", hidden: true });
  const row = el("div", { class: "actions" }, ...elements.filter(e => e.type === "button").map(e => {
    const button = el("button", { type: "button", "data-action": e.action_id, "aria-label": e.accessibility_label }, literal(e.text.text));
    if (e.style) button.classList.add(e.style);
    button.addEventListener("click", () => press(row, failed, m, e));
    return button;
  }));
  return el("div", {}, row, failed);
}

// press asks back where the button says so. It keeps the focus where it is until
// the message changes: a disabled button would lose it.
async function press(row, failed, m, e) {
  if (row.dataset.pressed || !await confirmed(e.confirm)) return;
  row.dataset.pressed = "yes";
  const all = [...row.children];
  all.forEach(b => b.setAttribute("aria-disabled", "true"));
  const answer = await act({ do: "click", ts: m.ts, name: e.action_id });
  const free = () => { delete row.dataset.pressed; all.forEach(b => b.removeAttribute("aria-disabled")); };
  if (unanswered(answer)) {
    failed.replaceChildren(svg("e-warning", "emoji"), ` cancelbot didn’t respond (${answer.state}). Try again in a moment.`);
    failed.hidden = false;
    say("cancelbot didn’t respond. Try again in a moment.");
    free();
  } else {
    failed.hidden = true;
    setTimeout(free, answer.error ? 0 : 1500);
  }
}
const unanswered = answer => ["dispatch_failed", "operation_timeout"].includes(answer.state);

const bodyOf = m => m.blocks?.length ? m.blocks.map(b => block(b, m)) : [mrkdwn(m.text, false)];

function head(m) {
  const when = new Date(m.at * 1000);
  return el("div", { class: "head" }, el("span", { class: "who" }, authorOf(m)), " ", m.app && el("span", { class: "tag" }, "APP"), m.app && " ",
    el("time", { datetime: when.toISOString() }, shortTime(m)));
}

// messageItem draws a message in the conversation, or in the thread's panel.
function messageItem(m, { replies = [], parent = null, grouped = false, inThread = false } = {}) {
  const item = el("li", { class: "message", "data-ts": m.ts, "data-tasks": (m.tasks || []).join(" "), tabindex: "-1" });
  if (grouped) item.classList.add("more");
  if (m.only) item.append(el("div", { class: "only" }, svg("i-eye"), "Only visible to you"));
  const body = el("div", { class: "body" }, ...bodyOf(m));
  if (m.edited && !m.only) body.append(el("span", { class: "edited" }, "(edited)"));
  const right = el("div", {}, head(m));
  if (parent && !inThread) right.append(el("p", { class: "context" }, "replied to a thread: ", threadLink(m.thread, summary(parent))));
  right.append(body);
  if (inThread && m.broadcast) right.append(el("p", { class: "context" }, "Also sent to the channel"));
  if (replies.length && !inThread) right.append(repliesButton(m, replies));
  item.append(faceOf(m), el("span", { class: "at", "aria-hidden": "true" }, shortTime(m).replace(/ .M/, "")), right);
  if (!m.system && !m.only) item.append(tools(m, inThread));
  return item;
}
const summary = m => { const t = plain(angledAway(m.text)).textContent.split("\n")[0].replaceAll("*", ""); return t.length > 60 ? t.slice(0, 60) + "…" : t; };
const threadLink = (ts, label) => el("button", { type: "button", class: "link", on: () => openThread(ts, true) }, label);
