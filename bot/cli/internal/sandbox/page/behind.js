// ---- What can be tried: tasks, faults, policies and the bot's processes.
const tabs = {
  try: { stories: "Stories", tasks: "Tasks", break: "Policy & faults", bot: "The bot" },
  proof: { timeline: "Timeline", requests: "API calls", journal: "Journal", log: "Log", metrics: "Metrics" },
};
// What grows at its end is shown from there when it comes into sight.
const showLatest = () => { for (const key of ["timeline", "requests", "log"]) $("panel-" + key).scrollTop = 1e9; };
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
    return el("label", { class: f.on ? "on" : "" }, box, " " + f.label + (f.story ? " (part of the story)" : ""));
  };
  keepFocus($("faults"), "data-fault", () => $("faults").replaceChildren(...["Chamelio", "Slack"].map(side =>
    el("fieldset", {}, el("legend", {}, side), ...faults.filter(f => f.side === side).map(one)))));
  const on = faults.filter(f => f.on).length;
  $("tab-break").textContent = on ? `Policy & faults (${on})` : "Policy & faults";
}
function drawBot(bot) {
  const n = bot.replicas.filter(r => r.alive).length, connections = `${bot.connections} connection${bot.connections === 1 ? "" : "s"} to Slack`;
  $("bot").textContent = n === 0 ? "The bot isn’t running." : n === 1 ? `Running, with ${connections}.` : `${n} replicas share one journal, with ${connections}.`;
  keepFocus($("replicas"), "data-replica", () => $("replicas").replaceChildren(...bot.replicas.map(r => el("li", {}, el("span", { class: r.alive ? "dot on" : "dot" }),
    `Replica ${r.number} ${r.alive ? "is running" : "has stopped"}`, r.alive && el("button", { type: "button", "data-replica": r.number, on: () => act({ do: "kill", replica: r.number }) }, `Kill replica ${r.number}`)))));
  $("second").textContent = n === 0 ? "Start it again" : "Start another replica";
  $("tab-bot").textContent = n === 0 ? "The bot (stopped)" : "The bot";
  if (drawBot.before > 0 && n === 0) say("The bot has stopped.");
  drawBot.before = n;
}

$("policy").addEventListener("change", () => act({ do: "policy", name: $("policy").value }));
$("reset").addEventListener("click", () => act({ do: "reset" }));
$("second").addEventListener("click", () => act({ do: "start" }));
$("start-over").addEventListener("click", () => act({ do: "start-over" }));
$("new-task").addEventListener("click", () => {
  $("make-owner").replaceChildren(...state.people.map(p => el("option", { value: p.email }, `${p.name} (${p.email})`)), el("option", { value: "someone@elsewhere.example" }, "someone who isn’t in Slack"));
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
