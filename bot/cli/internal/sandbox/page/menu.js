// ---- Menus, and what a message offers when the pointer is on it.
let popupAnchor = null;
function popup(anchor, label, items) {
  const menu = $("popup"), again = popupAnchor === anchor;
  closePopup();
  if (again) return;
  popupAnchor = anchor;
  anchor.setAttribute("aria-expanded", "true");
  menu.setAttribute("aria-label", label);
  menu.replaceChildren(...items.map(i => el("button", {
    type: "button", role: "checked" in i ? "menuitemradio" : "menuitem", "aria-checked": "checked" in i ? String(i.checked) : undefined, tabindex: "-1", "data-item": i.id,
    on: () => { closePopup(true); i.do(); },
  }, i.icon, el("span", {}, el("b", {}, i.label), i.note && el("small", {}, i.note)))));
  anchor.closest("header, main, #behind").append(menu);
  menu.hidden = false;
  const a = anchor.getBoundingClientRect(), m = menu.getBoundingClientRect();
  menu.style.setProperty("--x", Math.max(8, Math.min(a.left, innerWidth - m.width - 8)) + "px");
  menu.style.setProperty("--y", (a.bottom + m.height + 8 > innerHeight ? Math.max(8, a.top - m.height - 4) : a.bottom + 4) + "px");
  (menu.querySelector("[aria-checked=true]") || menu.firstChild).focus();
}
function closePopup(refocus = false) {
  if (!popupAnchor) return;
  popupAnchor.setAttribute("aria-expanded", "false");
  if (refocus) popupAnchor.focus();
  popupAnchor = null;
  $("popup").hidden = true;
}
$("popup").addEventListener("keydown", e => {
  const all = [...$("popup").children], at = all.indexOf(document.activeElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[e.key];
  if (to !== undefined) { e.preventDefault(); all.at(to % all.length).focus(); }
  if (e.key === "Escape" || e.key === "Tab") { e.preventDefault(); closePopup(true); }
});
document.addEventListener("pointerdown", e => { if (popupAnchor && !$("popup").contains(e.target) && !popupAnchor.contains(e.target)) closePopup(); });

// tools are at a message's upper right: on hover, with the focus in the message,
// and always on a phone.
function tools(m, inThread) {
  const more = el("button", { type: "button", "aria-label": "More actions", "aria-haspopup": "menu", "aria-expanded": "false", "data-more": m.ts }, svg("i-more"));
  more.addEventListener("click", () => popup(more, "More actions", [
    ...(inThread ? [] : [{ id: "thread", label: "Reply in thread", icon: svg("i-thread"), do: () => openThread(m.thread || m.ts, true) }]),
    { id: "cancel", label: "Cancel Chamelio task", note: "cancelbot", icon: svg("i-app"), do: () => useShortcut(m) },
  ]));
  return el("div", { class: "over" }, !inThread && el("button", { type: "button", class: "reply", "aria-label": "Reply in thread", title: "Reply in thread", tabindex: "-1", on: () => openThread(m.thread || m.ts, true) }, svg("i-thread")), more);
}

async function useShortcut(m) {
  sending = true;
  const answer = await act({ do: "menu", ts: m.ts, name: "menu" });
  if (unanswered(answer)) slackSays(`Cancel Chamelio task failed with the error “${answer.state}”`);
}

// The person that one is.
function drawMe() {
  const me = state.people.find(p => p.id === state.me);
  $("me").replaceChildren(face(me.id, me.name), el("span", {}, `You are ${me.name}`), el("small", {}, ` – ${me.role}`), " ▾");
}
$("me").addEventListener("click", () => popup($("me"), "You are", state.people.map(p => (
  { id: p.id, label: p.name, note: p.role, icon: face(p.id, p.name), checked: p.id === state.me, do: () => go(p.id, state.place) }))));
