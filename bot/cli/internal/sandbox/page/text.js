// ---- mrkdwn, as Slack draws it (docs.slack.dev/messaging/formatting-message-text).
const emojis = ["white_check_mark", "warning", "information_source", "question", "hourglass_flowing_sand", "no_entry", "octagonal_sign", "double_vertical_bar"];
const characters = { "🛑": "octagonal_sign", "⚠": "warning", "⏳": "hourglass_flowing_sand", "✅": "white_check_mark", "⛔": "no_entry", "❓": "question", "ℹ": "information_source", "⏸": "double_vertical_bar" };

// plain is text without formatting: entities and emoji.
function plain(text) {
  const out = document.createDocumentFragment();
  for (const part of text.split(/(:[a-z_]+:|[🛑⚠⏳✅⛔❓ℹ⏸]\ufe0f?)/u)) {
    const name = characters[part.replace("\ufe0f", "")] || (part.startsWith(":") && part.slice(1, -1));
    if (emojis.includes(name)) out.append(svg("e-" + name, "emoji", name.replaceAll("_", " ")));
    else out.append(part.replaceAll("\u2060", "").replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"));
  }
  return out;
}

const around = inner => `(?<![\\p{L}\\p{N}\\u2060])${inner}(?![\\p{L}\\p{N}\\u2060])`;
const marks = ["<([^<>]+)>", around("\\*([^*\\n]+)\\*"), around("_([^_\\n]+)_"), around("~([^~\\n]+)~"), around("`([^`\\n]+)`")].join("|");
const grammar = new RegExp(marks, "gu"), withAddresses = new RegExp(marks + "|(https?://[^\\s<>|]+)", "gu");

// inline is mrkdwn within a line. Without verbatim Slack makes links of bare
// addresses too.
function inline(text, verbatim) {
  const out = document.createDocumentFragment();
  let at = 0;
  for (const m of text.matchAll(verbatim ? grammar : withAddresses)) {
    out.append(plain(text.slice(at, m.index)));
    at = m.index + m[0].length;
    if (m[1] !== undefined) out.append(angled(m[1]));
    else if (m[2] !== undefined) out.append(el("strong", {}, inline(m[2], verbatim)));
    else if (m[3] !== undefined) out.append(el("em", {}, inline(m[3], verbatim)));
    else if (m[4] !== undefined) out.append(el("s", {}, inline(m[4], verbatim)));
    else if (m[5] !== undefined) out.append(el("code", {}, plain(m[5])));
    else out.append(outside(m[6], plain(m[6])));
  }
  out.append(plain(text.slice(at)));
  return out;
}

const outside = (address, label) => el("a", { href: address.replaceAll("&amp;", "&"), target: "_blank", rel: "noreferrer" }, label);

function angled(s) {
  const [target, label] = s.split(/\|(.*)/s);
  const name = target.slice(1);
  if (target.startsWith("@")) return el("span", { class: name === state.me ? "mention self" : "mention" }, "@" + (state.names[name] || name));
  if (target.startsWith("#")) return el("span", { class: "mention" }, "#" + (state.names[name] || "a conversation"));
  if (target.startsWith("!date^")) {
    const [, unix, format] = target.split("^");
    return formatDate(new Date(unix * 1000), format, new Date());
  }
  if (target.startsWith("!")) return el("span", { class: "mention" }, "@" + name);
  if (!/^https?:/.test(target)) return plain(label || target);
  return outside(target, label ? inline(label, true) : plain(target));
}

// mrkdwn is paragraphs, and quotes where lines begin with >.
function mrkdwn(text, verbatim) {
  const parts = [];
  for (const line of text.split("\n")) {
    const quote = line.match(/^(?:>|&gt;) ?(.*)$/), kind = quote ? "blockquote" : "p", last = parts.at(-1);
    if (last?.kind === kind) last.lines.push(quote ? quote[1] : line);
    else parts.push({ kind, lines: [quote ? quote[1] : line] });
  }
  const out = document.createDocumentFragment();
  for (const p of parts) out.append(el(p.kind, {}, inline(p.lines.join("\n"), verbatim)));
  return out;
}

// text draws Slack's text objects. Plain text has no entities.
const literal = s => plain(s.replaceAll("&", "&amp;"));
const text = t => t.type === "plain_text" ? el("p", {}, literal(t.text)) : mrkdwn(t.text, t.verbatim);

// formatDate shows a moment as Slack does: "Today at 9:31 PM". The tests hold
// it against slacktest.FormatDate.
function formatDate(at, format, now) {
  const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
  const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  const two = n => String(n).padStart(2, "0"), n = at.getDate(), month = months[at.getMonth()], year = at.getFullYear();
  const suffix = n % 100 >= 11 && n % 100 <= 13 ? "th" : ["th", "st", "nd", "rd"][n % 10] || "th";
  const date = `${month} ${n}${suffix}, ${year}`, short = `${month.slice(0, 3)} ${n}, ${year}`, long = `${days[at.getDay()]}, ${date}`;
  const midnight = d => Date.UTC(d.getFullYear(), d.getMonth(), d.getDate());
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[(midnight(at) - midnight(now)) / 864e5];
  const time = seconds => `${at.getHours() % 12 || 12}:${two(at.getMinutes())}${seconds ? ":" + two(at.getSeconds()) : ""} ${at.getHours() < 12 ? "AM" : "PM"}`;
  let ago = Math.floor(Math.abs(now - at) / 1000), unit = "second";
  for (const [size, larger] of [[60, "minute"], [60, "hour"], [24, "day"]]) {
    if (ago < size) break;
    [ago, unit] = [Math.floor(ago / size), larger];
  }
  const distance = `${ago} ${unit}${ago === 1 ? "" : "s"}`;
  const tokens = {
    ago: now < at ? `in ${distance}` : `${distance} ago`,
    date_num: `${year}-${two(at.getMonth() + 1)}-${two(n)}`, date, date_short: short, date_long: long,
    date_pretty: near || date, date_short_pretty: near || short, date_long_pretty: near || long, time: time(false), time_secs: time(true),
  };
  const shown = format.replace(/\{([a-z_]+)\}/g, (all, token) => tokens[token] ?? all);
  return shown.charAt(0).toUpperCase() + shown.slice(1);
}
