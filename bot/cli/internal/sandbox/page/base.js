// ---- What everything here is made with. Text becomes text nodes, never HTML.
const $ = id => document.getElementById(id);
const el = (tag, attributes = {}, ...children) => {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) {
    if (k === "on") e.addEventListener("click", v);
    else if (v === true) e.setAttribute(k, "");
    else if (v !== false && v !== undefined) e.setAttribute(k, v);
  }
  e.append(...children.filter(c => c !== null && c !== undefined && c !== false));
  return e;
};
const svg = (id, kind = "icon", label = "") => {
  const space = "http://www.w3.org/2000/svg", s = document.createElementNS(space, "svg"), use = document.createElementNS(space, "use");
  use.setAttribute("href", "#" + id);
  s.setAttribute("class", kind);
  if (label) { s.setAttribute("role", "img"); s.setAttribute("aria-label", label); } else s.setAttribute("aria-hidden", "true");
  s.append(use);
  return s;
};

// A narrow window shows one thing at a time, as Slack does on a phone.
const narrow = matchMedia("(max-width: 64rem)");

// What did not change is left alone, so that focus and selection stay.
const drawn = new Map();
function once(key, value, draw) {
  const now = JSON.stringify(value);
  if (drawn.get(key) === now) return;
  drawn.set(key, now);
  draw(value);
}

// keepFocus redraws a list, and finds again what had the focus in it.
function keepFocus(container, attribute, draw) {
  const inside = container.contains(document.activeElement), key = inside && document.activeElement.getAttribute(attribute);
  draw();
  if (!inside) return;
  const again = key && [...container.querySelectorAll(`[${attribute}]`)].find(e => e.getAttribute(attribute) === key);
  (again || container.closest("[tabindex]") || $("text")).focus();
}

const clock = (ms, exact) => new Date(ms).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: exact ? 3 : undefined });

// act does something, and returns what the server says of it.
async function act(action) {
  let answer;
  try {
    const response = await fetch("/do", {
      method: "POST", headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ as: state.me, in: state.place, ...action }),
    });
    answer = response.ok ? await response.json() : { error: "The sandbox didn’t take that." };
  } catch { answer = { error: "The sandbox has ended." }; }
  hint(answer.error || "", Boolean(answer.error));
  return answer;
}
function hint(message, wrong = false) {
  $("hint").textContent = message;
  $("hint").classList.toggle("wrong", wrong);
  if (wrong) say(message);
}

// say has a screen reader read something.
let sayings = [];
function say(text) {
  sayings.push(text);
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { $("said").replaceChildren(...sayings.map(s => el("p", {}, s))); sayings = []; }, 120);
}
