// ---- Threads: a panel next to the conversation, and a separate screen on a phone.
let thread = ""; // the timestamp of the message whose thread is open
let threadFrom = null; // what had the focus before

function repliesButton(m, replies) {
  const last = formatDate(new Date(replies.at(-1).at * 1000), "{time}", new Date()), authors = [...new Map(replies.map(r => [r.author, r])).values()];
  return el("button", { type: "button", class: "replies", "data-thread": m.ts, on: () => openThread(m.ts, true) }, ...authors.slice(0, 3).map(faceOf),
    el("b", {}, replies.length === 1 ? "1 reply" : `${replies.length} replies`), el("small", {}, `Last reply at ${last}`));
}

// openThread opens a thread. by says that a person did it, whose focus moves.
function openThread(ts, by = false) {
  if (by) threadFrom = document.activeElement;
  thread = ts;
  screen("thread");
  drawThread();
  if (by) $("thread-text").focus({ preventScroll: true });
}
function closeThread() {
  if (!thread) return;
  const inside = $("thread").contains(document.activeElement);
  thread = "";
  if (document.body.dataset.screen === "thread") screen("conversation");
  drawThread();
  if (inside) (threadFrom?.isConnected ? threadFrom : $("text")).focus();
}
function drawThread() {
  const parent = (state.messages || []).find(m => m.ts === thread);
  if (thread && !parent) { thread = ""; if (document.body.dataset.screen === "thread") screen("conversation"); }
  $("thread").hidden = !parent;
  document.body.classList.toggle("threaded", Boolean(parent));
  landmarks();
  if (!parent) { drawn.delete("thread"); return; }
  const replies = state.messages.filter(m => m.thread === thread);
  once("thread", [parent, replies, state.me], () => {
    const log = $("thread-log");
    $("thread-place").textContent = placeName();
    keepFocus($("thread-messages"), "data-more", () => $("thread-messages").replaceChildren(messageItem(parent, { inThread: true }),
      replies.length ? el("li", { class: "count" }, el("span", {}, replies.length === 1 ? "1 reply" : `${replies.length} replies`)) : "",
      ...replies.map(m => messageItem(m, { inThread: true }))));
    log.scrollTop = log.scrollHeight;
  });
}
// The latest reply stays in sight when the room changes.
new ResizeObserver(() => { $("thread-log").scrollTop = 1e9; }).observe($("thread-log"));
$("thread-close").addEventListener("click", closeThread);
$("thread-back").addEventListener("click", closeThread);
$("thread").addEventListener("keydown", e => { if (e.key === "Escape") closeThread(); });
$("thread-form").addEventListener("submit", async e => {
  e.preventDefault();
  const typed = $("thread-text").value.trim();
  if (!typed) return;
  $("thread-text").value = "";
  const answer = await act({ do: "reply", ts: thread, text: typed });
  if (answer.error) $("thread-text").value = typed;
});
