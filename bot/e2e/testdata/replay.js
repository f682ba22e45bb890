// ---- A recording instead of a server: the states that the page went through.
let frame = recording[0], playing = 0;
function go() {}
const restsAt = f => !f.story || !f.story.running;

// showFrom shows a frame, and those after it until the story rests.
function showFrom(f, id = ++playing) {
  if (!f || id !== playing) return;
  frame = f;
  const moved = state.me !== f.me || state.run !== f.run || state.fold !== f.fold;
  state = f;
  if (moved) { shown.forEach(old => old.node.remove()); shown.clear(); drawMessages.started = false; }
  draw();
  if (!restsAt(f)) setTimeout(() => showFrom(recording[recording.indexOf(f) + 1], id), 900);
}

async function act(a) {
  const s = frame.story, next = recording.slice(recording.indexOf(frame) + 1);
  if (a.do === "story") showFrom(recording.find(f => f.story?.id === a.name));
  else if (a.do === "stop") showFrom(recording[0]);
  else if (a.do === "next" || s?.hand && a.name === s.hand && a.ts === s.at) showFrom(next.find(f => f.story?.id === s.id));
  else if (a.do !== "close") hint("This is a recording: the green button above plays it. Start cancelbot sandbox to try everything.", true);
  return {};
}
