// ---- The list of conversations: a sidebar, and a separate screen on a phone.
const signs = { public: "i-hash", private: "i-lock" };
const sign = c => signs[c.kind] ? svg(signs[c.kind]) : face(c.kind === "app" ? "app" : otherIn(c), c.name);
const otherIn = c => Object.keys(state.names).find(id => id !== state.me && state.names[id] === c.name) || c.name;
const presence = () => { const word = state.bot.alive ? "running" : "not running"; return el("span", { class: state.bot.alive ? "dot on" : "dot", role: "img", "aria-label": word, title: word }); };
const placeName = () => { const here = state.channels.find(c => c.id === state.place); return (signs[here.kind] ? "#" : "") + here.name; };

// Who has read what, up to which message.
const readUpTo = new Map();
function unread(c) {
  const key = state.me + c.id;
  if (c.id === state.place || !readUpTo.has(key)) readUpTo.set(key, c.last);
  return c.last > readUpTo.get(key);
}

function drawPlaces() {
  const fresh = state.channels.filter(unread).map(c => c.id);
  once("places", [state.channels.map(c => [c.id, c.name]), fresh, state.place, state.me, state.bot.alive], () => {
    const row = c => el("li", {}, el("button", {
      type: "button", "data-channel": c.id, "aria-current": c.id === state.place ? "page" : undefined, title: c.note, class: fresh.includes(c.id) ? "unread" : "", on: () => { screen("conversation"); go(state.me, c.id); },
    }, sign(c), el("span", {}, c.name), c.kind === "app" && presence(), fresh.includes(c.id) && el("span", { class: "badge" }, el("span", { class: "hidden" }, "unread"))));
    const group = (title, kinds) => {
      const rows = state.channels.filter(c => kinds.includes(c.kind));
      return rows.length ? [el("h3", {}, title), el("ul", {}, ...rows.map(row))] : [];
    };
    keepFocus($("channels"), "data-channel", () => $("channels").replaceChildren(
      ...group("Channels", ["public", "private"]), ...group("Direct messages", ["dm"]), ...group("Apps", ["app"]),
      ...(state.channels.some(c => c.kind === "app") ? [] : [el("h3", {}, "Apps"), el("p", { class: "app-row" }, face("app", ""), " cancelbot ", presence())])));
    const here = state.channels.find(c => c.id === state.place);
    $("place").replaceChildren(signs[here.kind] ? svg(signs[here.kind]) : "", here.name, here.note && el("small", {}, here.note));
    $("text").placeholder = `Message ${placeName()}`;
  });
}

// screen chooses what a phone shows of Slack: the list, the conversation or the
// thread.
function screen(name) {
  document.body.dataset.screen = name;
  if (narrow.matches) view("chat");
  landmarks();
}
$("to-list").addEventListener("click", () => { screen("list"); $("channels").querySelector("[aria-current]")?.focus(); });
