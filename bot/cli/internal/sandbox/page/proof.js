// ---- Behind the scenes: API calls, journal, log and metrics.
const names = id => state.names[id] || id || "";
function drawProof() {
  const events = (state.log || []).filter(l => l.event);
  once("requests", [state.requests, events], () => {
    const rows = (state.requests || []).map(r => ({ at: r.at, tasks: [r.task], cells: [clock(r.at, true), r.line, r.status ? String(r.status) : "none yet"], kind: r.status >= 200 && r.status < 300 ? "ok" : "bad" }));
    if (rows.length) rows.push(...events.map(e => ({ at: e.at, event: e.text })));
    fillTable("requests", rows.sort((a, b) => a.at - b.at));
  });
  once("journal", [state.journal, state.names], () => {
    const rows = (state.journal || []).map(d => ({
      key: `${d.id} ${d.task}`, was: JSON.stringify(d), tasks: [d.task],
      cells: [String(d.task), word(d.state), d.requester === d.confirmer || !d.confirmer ? names(d.requester) : `${names(d.requester)}, approved by ${names(d.confirmer)}`,
        clock(d.decided), d.settled ? `${clock(d.told)}, corrected ${clock(d.settled)}` : d.told ? clock(d.told) : d.state === "withdrawn" ? "–" : "not yet"],
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
    { cells: ["cancelbot_" + m.name + (m.labels ? ` {${m.labels}}` : ""), String(Number(Number(m.value).toPrecision(4))) + ((state.bot.replicas.filter(r => r.alive).length > 1) ? ` (replica ${m.from})` : "")] }))));
}
const before = new Map();
function fillTable(id, rows) {
  const panel = $("panel-" + id), body = $(id).tBodies[0], atEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60;
  panel.querySelector(".empty").hidden = rows.length > 0;
  $(id).hidden = rows.length === 0;
  const last = $(id).tHead.rows[0].cells.length;
  body.replaceChildren(...rows.map(r => {
    if (r.event) return el("tr", { class: "event" }, el("td", { colspan: last }, `${clock(r.at)} ${r.event}`));
    const row = el("tr", { "data-tasks": r.tasks?.join(" "), class: r.key && before.get(r.key) !== r.was ? "new" : "" }, ...r.cells.map((c, i) => el("td", { class: `${id === "journal" ? "" : "m"} ${i === last - 1 && r.kind ? r.kind : ""}` }, c)));
    if (r.key) before.set(r.key, r.was);
    return row;
  }));
  if (atEnd && id === "requests") panel.scrollTop = panel.scrollHeight;
  highlight();
}

// What is about the same tasks is highlighted together: a message, its API
// calls, its rows in the journal.
let lit = null;
const tasksOf = e => (e?.dataset.tasks || "").split(" ").filter(Boolean);
function highlight() {
  const tasks = lit?.isConnected ? tasksOf(lit) : [], message = lit?.classList.contains("message");
  for (const e of document.querySelectorAll("[data-tasks]")) {
    const on = e !== lit && e.classList.contains("message") !== message && tasksOf(e).some(t => tasks.includes(t));
    e.classList.toggle("lit", on);
  }
  const panel = [...document.querySelectorAll(".proof [role=tabpanel]")].find(p => !p.hidden), last = message && [...panel.querySelectorAll(".lit")].at(-1);
  if (!last) return;
  const p = panel.getBoundingClientRect(), r = last.getBoundingClientRect();
  if (r.bottom > p.bottom || r.top < p.top) panel.scrollTop += r.bottom - p.bottom + 8;
}
for (const kind of ["mouseover", "focusin"]) document.addEventListener(kind, e => {
  const now = e.target.closest?.("[data-tasks]") || null;
  if (now === lit) return;
  lit = now;
  highlight();
});
