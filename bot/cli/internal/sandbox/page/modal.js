// ---- Modals, and the dialog in which Slack asks back.
let modalID = "";
function drawModal() {
  const m = state.modal, dialog = $("modal");
  if (!m) {
    if (dialog.open) dialog.close();
    modalID = "";
    drawn.delete("modal");
    return;
  }
  once("modal", [m, state.me], () => {
    const before = modalID === m.id ? entered() : {}, at = document.activeElement, typed = modalID === m.id && at.closest("#modal-body [data-action-id]")?.dataset.actionId;
    const caret = typed && [at.selectionStart, at.selectionEnd];
    modalID = m.id;
    $("modal-title").textContent = m.title;
    $("modal-close").textContent = m.close || "Cancel";
    $("modal-submit").textContent = m.submit;
    $("modal-submit").hidden = !m.submit;
    $("modal-submit").disabled = false;
    $("modal-failed").hidden = true;
    $("modal-body").replaceChildren(...(m.blocks || []).map(b => block(b, m)));
    enter(before);
    for (const [id, wrong] of Object.entries(m.errors || {})) fault(id, wrong);
    if (!dialog.open) { closePopup(); dialog.showModal(); }
    // Who types goes on typing: the bot may show its modal once more meanwhile.
    const same = typed && [...$("modal-body").querySelectorAll("[data-action-id]")].find(f => f.dataset.actionId === typed)?.querySelector("textarea, input:not([type=checkbox])");
    const first = same || $("modal-body").querySelector("[aria-invalid=true], textarea, input") || $("modal-body");
    first.focus();
    if (same) same.setSelectionRange(...caret);
    const now = $("modal-body").innerText;
    if (drawModal.said !== now) say(now);
    drawModal.said = now;
  });
}

// field draws an input block.
function field(b) {
  const e = b.element, id = "in-" + b.block_id.replace(/\W/g, "-"), label = b.label.text + (b.optional ? " (optional)" : "");
  const hint = b.hint && el("p", { class: "context", id: id + "-hint" }, literal(b.hint.text)), wrong = el("p", { class: "failed", id: id + "-wrong", hidden: true });
  const about = { "aria-describedby": [b.hint && id + "-hint", id + "-wrong"].filter(Boolean).join(" ") };
  if (e.type === "checkboxes") {
    const chosen = (e.initial_options || []).map(o => o.value);
    return el("fieldset", { class: "input", "data-block": b.block_id, "data-action-id": e.action_id }, el("legend", {}, label), ...e.options.map(o => {
      const box = el("input", { type: "checkbox", value: o.value });
      box.checked = chosen.includes(o.value);
      return el("label", {}, box, el("span", {}, literal(o.text.text), o.description && el("small", {}, literal(o.description.text))));
    }), hint, wrong);
  }
  const input = el(e.multiline ? "textarea" : "input", { id, maxlength: e.max_length, placeholder: e.placeholder?.text, autocomplete: "off", ...about });
  input.value = e.initial_value || "";
  return el("div", { class: "input", "data-block": b.block_id, "data-action-id": e.action_id, "data-needed": !b.optional }, el("label", { for: id }, label), input, hint, wrong);
}

// entered is what the modal's inputs hold, by action_id; several checkboxes are
// joined by commas.
function entered() {
  const values = {};
  for (const f of $("modal-body").querySelectorAll("[data-action-id]")) {
    const boxes = [...f.querySelectorAll("[type=checkbox]")], action = f.dataset.actionId;
    const value = boxes.length ? boxes.filter(b => b.checked).map(b => b.value).join(",") : f.querySelector("input, textarea").value;
    values[action] = values[action] && boxes.length ? [values[action], value].filter(Boolean).join(",") : value;
  }
  return values;
}
function enter(values) {
  for (const f of $("modal-body").querySelectorAll("[data-action-id]")) {
    if (!(f.dataset.actionId in values)) continue;
    const value = values[f.dataset.actionId];
    for (const i of f.querySelectorAll("input, textarea")) if (i.type === "checkbox") i.checked = value.split(",").includes(i.value); else i.value = value;
  }
}
function fault(id, message) {
  const f = [...$("modal-body").children].find(e => e.dataset.block === id), shown = f?.querySelector(".failed");
  if (!shown) return;
  shown.replaceChildren(svg("e-warning", "emoji"), " " + message);
  shown.hidden = false;
  f.querySelectorAll("input, textarea").forEach(i => i.setAttribute("aria-invalid", "true"));
  say(message);
}

$("modal-form").addEventListener("submit", async e => {
  e.preventDefault();
  const empty = [...$("modal-body").querySelectorAll("[data-needed]")].filter(f => !f.querySelector("input, textarea").value.trim());
  empty.forEach(f => fault(f.dataset.block, "Please complete this required field."));
  if (empty.length) return empty[0].querySelector("input, textarea").focus();
  $("modal-submit").disabled = true;
  const answer = await act({ do: "submit", ts: modalID, name: "submit", values: entered() });
  $("modal-submit").disabled = false;
  if (unanswered(answer) || answer.error) {
    $("modal-failed").textContent = answer.error || "cancelbot didn’t respond. Try again in a moment.";
    $("modal-failed").hidden = false;
  }
});
const closeModal = () => act({ do: "close", ts: modalID });
$("modal-close").addEventListener("click", closeModal);
$("modal-x").addEventListener("click", closeModal);
$("modal").addEventListener("cancel", e => { e.preventDefault(); closeModal(); });

// confirmed shows a button's confirmation dialog, if it has one, and reports
// whether the person confirmed.
function confirmed(c) {
  if (!c) return true;
  const dialog = $("confirm");
  $("confirm-title").textContent = c.title.text;
  $("confirm-text").replaceChildren(text(c.text));
  $("confirm-no").textContent = c.deny.text;
  $("confirm-yes").textContent = c.confirm.text;
  $("confirm-yes").className = c.style === "danger" ? "danger" : "primary";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise(resolve => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
$("confirm-no").addEventListener("click", () => $("confirm").close());
$("confirm-yes").addEventListener("click", () => $("confirm").close("yes"));
