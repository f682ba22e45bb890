package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// replayed are the stories of docs/replay.html.
var replayed = []string{"happy", "crash"}

var replayFile = filepath.Join("docs", "replay.html")

// records has the page keep the states that it goes through: those in which a story
// rests, and those in which the conversation changes before that.
const records = `(() => {
  window.recorded = [];
  let last = "";
  const original = draw;
  draw = () => {
    original();
    const s = state, played = !s.story || !s.story.leaving;
    const now = JSON.stringify([s.me, s.story?.id, s.story?.step, s.story?.running, s.messages, s.journal?.map(d => d.state), s.bot.alive]);
    if (!played || now === last || s.story && s.story.as !== s.me && !s.story.running) return;
    last = now;
    recorded.push({ ...s, metrics: [], faults: [], log: s.log.filter(l => l.kind), tasks: s.tasks.filter(t => t.id <= 12349) });
  };
  draw();
  return true;
})()`

// replay makes docs/replay.html: the page, and the states of its stories.
func (b album) replay(address string) {
	b.Helper()
	script[bool](b.tab, records)
	for _, story := range replayed {
		b.plays(story, 1)
		for step := 2; step <= 3; step++ {
			b.next(step)
		}
	}
	frames := script[string](b.tab, `JSON.stringify(recorded)`)
	ids, err := json.Marshal(replayed)
	if err != nil {
		b.Fatal(err)
	}
	chosen := script[string](b.tab, `JSON.stringify(stories.filter(s => `+string(ids)+`.includes(s.id)).map(s => ({ ...s, then: [] })))`)
	chosen = strings.Replace(chosen, `"then":[]`, `"then":["crash"]`, 1)
	before, after := shell(b.T, address)
	begin := `let { state, stories, policies, hostile } = { state: null, stories: ` + chosen + `, policies: [], hostile: [] };` + "\n" +
		`const recording = ` + strings.ReplaceAll(frames, "<", `\u003c`) + `;` + "\n" + `state = recording[0];` + "\n"
	if err := os.WriteFile(replayFile, []byte(before+begin+after), 0o644); err != nil {
		b.Fatal(err)
	}
}

// shell returns the page as the replay has it, before and after what it begins
// with.
func shell(t *testing.T, address string) (before, after string) {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	player, err := os.ReadFile(filepath.Join("bot", "e2e", "testdata", "replay.js"))
	if err != nil {
		t.Fatal(err)
	}
	page := regexp.MustCompile(` nonce="\w+"`).ReplaceAllString(string(raw), "")
	page = strings.Replace(page, `<meta charset="utf-8">`, `<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'">`, 1)
	page = strings.Replace(page, "<b>The bot is real.</b> Slack and Chamelio are simulated here.", "<b>A recording</b> of cancelbot, with a simulated Slack and Chamelio.", 1)
	page = strings.Replace(page, "</script>", string(player)+"</script>", 1)
	before, rest, found := strings.Cut(page, "let { state, stories, policies, hostile }")
	_, after, ended := strings.Cut(rest, "\n")
	if !found || !ended {
		t.Fatal("the page doesn't begin as it used to")
	}
	return before, after
}

// The replay has the page of today and the messages of today.
func TestReplayIsCurrent(t *testing.T) {
	t.Parallel()
	const again = "take it again: go test ./bot/e2e -run TestPictures -pictures"
	address := sandboxPage(t)
	file, err := os.ReadFile(replayFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after := shell(t, address)
	recorded, found := strings.CutPrefix(string(file), before)
	recorded, ended := strings.CutSuffix(recorded, after)
	if !found || !ended {
		t.Fatal("docs/replay.html isn't the page; " + again)
	}
	b := album{browser(t, address)}
	b.plays("happy", 1)
	b.next(2)
	_, frames, _ := strings.Cut(recorded, "const recording = ")
	frames, _, _ = strings.Cut(frames, ";\nstate = ")
	var shown []struct {
		Messages []struct{ Text string }
	}
	if err := json.Unmarshal([]byte(frames), &shown); err != nil {
		t.Fatal(err)
	}
	moment := regexp.MustCompile(`<!date\^\d+\^[^>]*>`)
	known := map[string]bool{}
	for _, f := range shown {
		for _, m := range f.Messages {
			known[moment.ReplaceAllString(m.Text, "")] = true
		}
	}
	texts := script[[]string](b.tab, `state.messages.map(m => m.text)`)
	for _, text := range texts {
		if !known[moment.ReplaceAllString(text, "")] {
			t.Errorf("docs/replay.html doesn't have the message %q; %s", text, again)
		}
	}
}

// The replay plays without a server.
func TestReplayPlaysWithoutServer(t *testing.T) {
	t.Parallel()
	at, err := filepath.Abs(replayFile)
	if err != nil {
		t.Fatal(err)
	}
	b := browser(t, "file://"+at)
	for _, r := range []room{rooms[0], rooms[2]} {
		b.fits(r)
		for _, story := range replayed {
			b.clicks("[data-story=" + story + "]")
			for step := 1; step <= 3; step++ {
				b.until(fmt.Sprintf(`state.story?.id === %q && state.story.step === %d && !state.story.running`, story, step))
				b.clicks("#story-next")
			}
			b.until(`!state.story`)
		}
	}
	b.nothingWentWrong()
}
