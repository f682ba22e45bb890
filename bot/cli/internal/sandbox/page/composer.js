// ---- The composer: commands, their completion, and the last ones.
const command = { name: "/cancel-task", usage: "12345 [12346 …] [reason]", about: "Cancel a Chamelio task. You see which one, and confirm." };
const typedBefore = [];
let back = 0; // how far ↑ has gone

function menuOpen() { return !$("commands").hidden; }
function openMenu(open) {
  if (open === menuOpen()) return;
  $("commands").hidden = !open;
  $("text").setAttribute("aria-expanded", String(open));
  if (open) {
    $("commands").replaceChildren(el("li", { role: "option", id: "command-0", "aria-selected": "true" }, svg("i-app"),
      el("span", {}, el("b", {}, command.name + " " + command.usage), el("small", {}, command.about)), el("kbd", { "aria-hidden": "true" }, "Tab")));
    $("text").setAttribute("aria-activedescendant", "command-0");
  } else $("text").removeAttribute("aria-activedescendant");
}
function typing() {
  const typed = $("text").value;
  openMenu(typed.startsWith("/") && !typed.includes(" ") && typed !== command.name && command.name.startsWith(typed));
  $("composer").classList.toggle("ready", typed.trim() !== "");
  hint(typed.startsWith(command.name) ? `${command.name} ${command.usage}: IDs or links, and why. Enter to send.` : "");
}
function completeCommand() {
  $("text").value = command.name + " ";
  typing();
}

// fill puts something into the composer, ready to be sent.
function fill(value) {
  view("chat");
  $("text").value = value;
  $("text").focus();
  $("text").setSelectionRange(value.length, value.length);
  typing();
  hint("Press Enter to send it.");
}

$("text").addEventListener("input", typing);
$("text").addEventListener("blur", () => setTimeout(() => openMenu(false), 150));
$("commands").addEventListener("mousedown", e => { e.preventDefault(); completeCommand(); });
$("slash").addEventListener("click", () => { $("text").focus(); $("text").value = "/"; typing(); });
$("text").addEventListener("keydown", e => {
  const atEnd = $("text").selectionStart === $("text").value.length;
  if (menuOpen() && (e.key === "Tab" && !e.shiftKey || e.key === "Enter" || e.key === "ArrowRight" && atEnd)) {
    e.preventDefault();
    completeCommand();
  } else if (menuOpen() && e.key === "Escape") {
    openMenu(false);
  } else if ((e.key === "ArrowUp" || e.key === "ArrowDown") && !menuOpen() && typedBefore.length && ($("text").value === "" || back)) {
    e.preventDefault();
    back = Math.max(0, Math.min(typedBefore.length, back + (e.key === "ArrowUp" ? 1 : -1)));
    $("text").value = back ? typedBefore.at(-back) : "";
    typing();
    openMenu(false);
  }
});
$("composer").addEventListener("submit", async e => {
  e.preventDefault();
  const typed = $("text").value.trim();
  if (!typed) return;
  $("text").value = "";
  typing();
  back = 0;
  sending = true;
  if (typedBefore.at(-1) !== typed) typedBefore.push(typed);
  const answer = await act({ do: "type", text: typed });
  if (unanswered(answer)) {
    slackSays(`${typed.split(" ")[0]} failed with the error “${answer.state}”`);
    if (!state.bot.alive) hint("The bot isn’t running. Start it again on the tab “The bot”.", true);
  }
  if ((answer.error || answer.state === "dispatch_failed") && !$("text").value) $("text").value = typed;
});
