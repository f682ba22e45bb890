// ---- Behind the scenes: what can be tried, and what went on.
const tabs = {
  try: { stories: "Stories", tasks: "Tasks", break: "Break things", bot: "The bot" },
  proof: { requests: "Chamelio’s requests", journal: "Journal", log: "Log", metrics: "Metrics" },
};
// What grows at its end is shown from there when it comes into sight.
const showLatest = () => { for (const key of ["requests", "log"]) $("panel-" + key).scrollTop = 1e9; };
function showTab(group, name, focus = false) {
  for (const key of Object.keys(tabs[group])) {
    const tab = $("tab-" + key), on = key === name;
    tab.setAttribute("aria-selected", String(on));
    tab.tabIndex = on ? 0 : -1;
    $("panel-" + key).hidden = !on;
    if (on && focus) tab.focus();
    if (on) showLatest();
  }
}
for (const list of document.querySelectorAll("[data-tabs]")) {
  const group = list.dataset.tabs, keys = Object.keys(tabs[group]);
  list.append(...keys.map(key => el("button", { type: "button", role: "tab", id: "tab-" + key, "aria-controls": "panel-" + key, on: () => showTab(group, key) }, tabs[group][key])));
  keys.forEach(key => $("panel-" + key).setAttribute("aria-labelledby", "tab-" + key));
  list.addEventListener("keydown", e => {
    const at = keys.findIndex(key => $("tab-" + key) === document.activeElement), next = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: keys.length - 1 }[e.key];
    if (next !== undefined && at >= 0) { e.preventDefault(); showTab(group, keys[(next + keys.length) % keys.length], true); }
  });
  showTab(group, keys[0]);
}

const word = status => status.replaceAll("_", " ");
function drawTry() {
  once("tasks", state.tasks, tasks => keepFocus($("tasks"), "data-task", () => $("tasks").replaceChildren(...tasks.map(t => el("li", {},
    el("button", { type: "button", "data-task": t.id, on: () => fill(`/cancel-task ${t.id} `) },
      el("span", { class: "id" }, String(t.id)), el("span", { class: "title" }, t.title), el("span", { class: "status " + t.status }, word(t.status))))))));
  once("policies", policies, () => $("policy").replaceChildren(...policies.map(p => el("option", { value: p.id }, p.label))));
  $("policy").value = state.policy;
  once("faults", state.faults, drawFaults);
  once("bot", state.bot, drawBot);
}
function drawFaults(faults) {
  const one = f => {
    if (f.once) return el("button", { type: "button", "data-fault": f.id, on: () => act({ do: "fault", name: f.id }) }, f.label);
    const box = el("input", { type: "checkbox", "data-fault": f.id, "aria-disabled": f.story ? "true" : undefined });
    box.checked = f.on;
    box.addEventListener("click", e => { if (f.story) e.preventDefault(); });
    box.addEventListener("change", () => { if (!f.story) act({ do: "fault", name: f.id, on: box.checked }); });
    return el("label", { class: f.on ? "on" : "" }, box, " " + f.label + (f.story ? " (the story does that)" : ""));
  };
  keepFocus($("faults"), "data-fault", () => $("faults").replaceChildren(...["Chamelio", "Slack"].map(side =>
    el("fieldset", {}, el("legend", {}, side), ...faults.filter(f => f.side === side).map(one)))));
  const on = faults.filter(f => f.on).length;
  $("tab-break").textContent = on ? `Break things (${on} on)` : "Break things";
}
function drawBot(bot) {
  const n = bot.replicas.filter(r => r.alive).length, connections = `${bot.connections} connection${bot.connections === 1 ? "" : "s"} to Slack`;
  $("bot").textContent = n === 0 ? "The bot isn’t running." : n === 1 ? `The bot runs, with ${connections}.` : `${n} replicas run on one journal, with ${connections}.`;
  keepFocus($("replicas"), "data-replica", () => $("replicas").replaceChildren(...bot.replicas.map(r => el("li", {}, el("span", { class: r.alive ? "dot on" : "dot" }),
    `Replica ${r.number} ${r.alive ? "runs" : "has ended"}`, r.alive && el("button", { type: "button", "data-replica": r.number, on: () => act({ do: "kill", replica: r.number }) }, `Kill replica ${r.number}`)))));
  $("second").textContent = n === 0 ? "Start it again" : "Start another replica";
  $("tab-bot").textContent = n === 0 ? "The bot (ended)" : "The bot";
  if (drawBot.before > 0 && n === 0) say("The bot has ended.");
  drawBot.before = n;
}

const names = id => state.names[id] || id || "";
function drawProof() {
  const events = (state.log || []).filter(l => l.event);
  once("requests", [state.requests, events], () => {
    const rows = (state.requests || []).map(r => ({ at: r.at, cells: [clock(r.at, true), r.line, r.status ? String(r.status) : "none yet"], kind: r.status >= 200 && r.status < 300 ? "ok" : "bad" }));
    if (rows.length) rows.push(...events.map(e => ({ at: e.at, event: e.text })));
    fillTable("requests", rows.sort((a, b) => a.at - b.at));
  });
  once("journal", [state.journal, state.names], () => {
    const rows = (state.journal || []).map(d => ({
      key: d.id, was: JSON.stringify(d),
      cells: [String(d.task), word(d.state), d.requester === d.confirmer ? names(d.requester) : `${names(d.requester)}, ${names(d.confirmer)}`,
        clock(d.decided), d.settled ? `${clock(d.told)}, settled ${clock(d.settled)}` : d.told ? clock(d.told) : d.finished ? "–" : "not yet"],
    }));
    fillTable("journal", rows);
  });
  once("log", state.log, lines => {
    const list = $("panel-log"), atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
    $("lines").replaceChildren(...(lines || []).map(l => l.event ? el("li", { class: "event" }, clock(l.at), " ", l.text)
      : el("li", {}, el("span", { class: "t" }, clock(l.at, true) + ` [${l.replica}] `), el("span", { class: l.level }, l.text), l.more && el("span", { class: "more" }, l.more))));
    if (atEnd) list.scrollTop = list.scrollHeight;
  });
  once("metrics", state.metrics, metrics => fillTable("metrics", (metrics || []).filter(m => m.value !== "0" && !m.name.endsWith("_timestamp_seconds")).map(m => (
    { cells: [m.name + (m.labels ? ` {${m.labels}}` : ""), String(Number(Number(m.value).toPrecision(4))) + ((state.bot.replicas.filter(r => r.alive).length > 1) ? ` (replica ${m.from})` : "")] }))));
}
const before = new Map();
function fillTable(id, rows) {
  const panel = $("panel-" + id), body = $(id).tBodies[0], atEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60;
  panel.querySelector(".empty").hidden = rows.length > 0;
  $(id).hidden = rows.length === 0;
  const last = $(id).tHead.rows[0].cells.length;
  body.replaceChildren(...rows.map(r => {
    if (r.event) return el("tr", { class: "event" }, el("td", { colspan: last }, `${clock(r.at)} ${r.event}`));
    const row = el("tr", { class: r.key && before.get(r.key) !== r.was ? "new" : "" }, ...r.cells.map((c, i) => el("td", { class: `${id === "journal" ? "" : "m"} ${i === last - 1 && r.kind ? r.kind : ""}` }, c)));
    if (r.key) before.set(r.key, r.was);
    return row;
  }));
  if (atEnd && id === "requests") panel.scrollTop = panel.scrollHeight;
}

$("policy").addEventListener("change", () => act({ do: "policy", name: $("policy").value }));
$("mend").addEventListener("click", () => act({ do: "mend" }));
$("second").addEventListener("click", () => act({ do: "start" }));
$("start-over").addEventListener("click", () => act({ do: "start-over" }));
$("new-task").addEventListener("click", () => {
  $("make-owner").replaceChildren(...state.people.map(p => el("option", { value: p.email }, `${p.name} (${p.email})`)), el("option", { value: "somebody@elsewhere.example" }, "somebody who isn’t in Slack"));
  $("make").showModal();
});
$("make-hostile").append(...hostile.map(h => el("option", { value: h.title }, h.label)));
$("make-hostile").addEventListener("change", () => { if ($("make-hostile").value) $("make-title-text").value = $("make-hostile").value; });
$("make-not").addEventListener("click", () => { $("make").close(); $("new-task").focus(); });
$("make-form").addEventListener("submit", async e => {
  e.preventDefault();
  const answer = await act({ do: "new-task", task: { title: $("make-title-text").value, workflow: $("make-workflow").value, owner: $("make-owner").value, status: $("make-status").value } });
  $("make").close();
  if (answer.task) fill(`/cancel-task ${answer.task} `);
});
