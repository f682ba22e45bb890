// ---- The timeline: what people did, the bot did and Chamelio was asked, in one
// order, with the moments in which no process held the decision.
function happened() {
  const all = [];
  const add = (at, lane, words, more = {}) => { if (at && at >= state.began) all.push({ at, lane, words, ...more }); };
  for (const a of state.acts || []) add(a.at, "slack", `*${a.who === state.me ? "You" : firstName(a.who)}* ${a.text}`, { tasks: a.tasks || [] });
  for (const r of (state.requests || []).filter(r => r.task)) {
    const [method, path] = r.line.split(" "), beside = method === "GET" && isBeside(r) ? " (its step, for the announcement)" : "";
    add(r.at, "api", `\`${method} ${path}\` →\u00a0${r.status || "no answer yet"}${beside}`, { tasks: [r.task], bad: !(r.status >= 200 && r.status < 300) });
  }
  for (const l of state.log || []) {
    const [first, ...rest] = l.text.split(". ");
    if (l.kind === "takeover") add(l.at, "bot", `Replica ${l.replica} goes on with the decision`, { kind: "again" });
    else if (/^(command|click) refused/.test(l.text)) add(l.at, "bot", "*Refused.* No one else sees that", {});
    else if (l.kind) add(l.at, "bot", `*${first}*${rest.length ? ". " + rest.join(". ") : ""}`, { kind: l.kind });
  }
  const saved = new Set();
  for (const d of state.journal || []) {
    const once = (stamp, at, lane, words) => { if (!saved.has(d.id + stamp)) add(at, lane, words, { tasks: sameDecision(d) }); saved.add(d.id + stamp); };
    if (!["expired", "withdrawn"].includes(d.state)) once("decided", d.decided, "journal", "Decision saved");
    add(d.finished, "journal", `Result saved: *${word(d.state.split(",")[0])}*`, { tasks: [d.task] });
    once("told", d.told, "slack", "Announced in the channel");
    once("settled", d.settled, "slack", "Announcement corrected");
  }
  return all.sort((a, b) => a.at - b.at || (b.kind === "again") - (a.kind === "again"));
}
// isBeside reports whether a GET is the one that goes with a task's cancel request,
// at the same time, for the step in the announcement: the first after the decision.
function isBeside(get) {
  const d = (state.journal || []).findLast(d => d.task === get.task && d.decided && d.decided <= get.at);
  return d && !state.requests.some(r => r.task === get.task && r.line.startsWith("GET") && r.at >= d.decided && r.at < get.at);
}
const firstName = id => (state.names[id] || id).split(" ")[0];
const sameDecision = d => state.journal.filter(o => o.id === d.id).map(o => o.task);

// underWay lists the tasks for which the journal held a decision without a result.
const underWay = at => (state.journal || []).filter(d => d.decided && d.decided <= at && (!d.finished || d.finished > at)).map(d => d.task);

function drawTimeline() {
  once("timeline", [state.acts, state.requests, state.journal, (state.log || []).filter(l => l.kind || / refused/.test(l.text)), state.began, state.me, state.names], () => {
    const panel = $("panel-timeline"), atEnd = panel.scrollHeight - panel.scrollTop - panel.clientHeight < 60, all = happened().slice(-60), rows = [];
    const seconds = ms => `${(ms / 1000).toFixed(1)} s`, gap = (kind, words) => rows.push(el("li", { class: "gap" + kind }, el("span", { class: "t" }), el("span", { class: "lane" }), el("span", {}, words)));
    let died = 0; // when the decision's process was killed; 0 while one works on it
    for (const [i, e] of all.entries()) if (e.kind === "killed") lost(all.slice(0, i), underWay(e.at));
    for (const [i, e] of all.entries()) {
      if (e.kind === "killed") died = underWay(e.at).length && e.at;
      if (e.kind === "again" && died) {
        gap(" orphan", `${seconds(e.at - died)}: no process held the decision`);
        [died, e.kind, e.words] = [0, "takeover", `*${e.words.replace("goes on with", "takes over")}*`];
      }
      const dark = died ? " orphan" : "", next = all[i + 1];
      rows.push(el("li", { class: `${e.lane} ${e.kind || ""} ${e.bad ? "wrong" : ""}${dark}`, "data-tasks": (e.tasks || []).join(" ") },
        el("span", { class: "t" }, "+" + seconds(e.at - all[0].at)), el("span", { class: "lane" }, lanes[e.lane]), el("span", {}, inline(e.words, true))));
      if (next?.at - e.at > 1500 && !(died && next.kind === "again")) gap(dark, `${seconds(next.at - e.at)} later`);
    }
    panel.querySelector(".empty").hidden = rows.length > 0;
    $("timeline").replaceChildren(...rows);
    if (atEnd) panel.scrollTop = panel.scrollHeight;
    highlight();
  });
}
// lost marks the cancel requests whose answers the killed process never read.
function lost(before, tasks) {
  for (const task of tasks) {
    const request = before.findLast(e => e.lane === "api" && e.tasks.includes(task) && e.words.startsWith("`POST"));
    if (request) request.words = request.words.replace(/ →.*/, " →\u00a0the answer came too late: the bot was dead by then");
  }
}
const lanes = { slack: "Slack", bot: "Bot", api: "API", journal: "Journal" };
