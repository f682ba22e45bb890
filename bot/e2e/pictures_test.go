package e2e

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
)

var pictures = flag.Bool("pictures", false, "take the pictures of README.md and docs/sandbox.md again")

// album takes pictures of the real page.
type album struct{ *tab }

// TestPictures takes the pictures, and records docs/replay.html:
//
//	go test ./bot/e2e -run TestPictures -pictures
func TestPictures(t *testing.T) {
	if !*pictures {
		t.Skip("-pictures writes docs/pictures/*.png and docs/replay.html")
	}
	address := sandboxPage(t)
	album{browser(t, address)}.replay(address)
	b := album{browser(t, sandboxPage(t))}
	b.take("first")
	b.plays("happy", 1)
	b.take("prompt")
	b.card("card-prompt", "#log .message:last-child")
	b.next(2)
	b.take("outcome")
	b.card("card-outcome", "#log .message:last-child")
	b.plays("message", 1)
	b.next(2)
	b.take("modal")
	b.card("card-modal", "#modal")
	b.clicks("#modal-submit")
	b.until(`state.story?.step === 3 && !state.story.running`)
	b.plays("batch", 1)
	b.clicks("#story-next")
	b.until(`document.getElementById("confirm").open`)
	b.card("card-confirm", "#confirm")
	b.clicks("#confirm-yes")
	b.until(`state.story?.step === 2 && !state.story.running`)
	b.take("batch")
	b.card("card-batch", "#log .message:last-child")
	b.plays("unknown", 1)
	b.next(2)
	b.next(3)
	b.take("thread")
	b.plays("replicas", 1)
	b.next(2)
	b.next(3)
	b.take("crash")
	b.card("card-crash", "#timeline")
}

// plays plays a story up to a step.
func (b album) plays(story string, step int) {
	b.Helper()
	b.clicks("[data-story=" + story + "]")
	b.reached(story, step)
}

// next plays a step.
func (b album) next(step int) {
	b.Helper()
	b.clicks("#story-next")
	b.reached(script[string](b.tab, `state.story.id`), step)
}

func (b album) reached(story string, step int) {
	b.Helper()
	b.until(fmt.Sprintf(`state.story?.id === %q && state.story.step === %d && !state.story.running && !state.story.failed && state.story.as === state.me`, story, step))
	// What the story shows is there: a modal is loaded, an announcement has come.
	b.until(`!state.modal || state.modal.submit !== ""`)
	script[bool](b.tab, `(window.rested = false, setTimeout(() => { window.rested = true; }, 700), true)`)
	b.until(`window.rested`)
}

// take takes a picture on a laptop and on a phone.
func (b album) take(state string) {
	b.Helper()
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, r := range []room{rooms[0], rooms[2]} {
			b.fits(r)
			if r == rooms[2] && state == "crash" {
				b.clicks("[data-goto=proof]")
			}
			save(b.T, fmt.Sprintf("%s-%d-%s", state, r.width, scheme), get(b.tab, chromedp.CaptureScreenshot()))
			b.clicks("[data-goto=chat]")
		}
	}
	b.fits(rooms[0])
}

// card takes a picture of one part, at a width at which it is legible on GitHub.
func (b album) card(name, selector string) {
	b.Helper()
	b.fits(room{470, 900})
	if name == "card-crash" {
		b.clicks("[data-goto=proof]")
	}
	script[bool](b.tab, fmt.Sprintf(`(document.activeElement.blur(), document.querySelectorAll(".awaited").forEach(e => e.classList.remove("awaited")), [...document.querySelectorAll(%q)].at(-1).setAttribute("data-card", %q), true)`, selector, name))
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		b.fits(room{470, 900})
		save(b.T, name+"-"+scheme, get(b.tab, chromedp.ScreenshotScale(chromedp.CSS(`[data-card="`+name+`"]`), 2)))
	}
	b.clicks("[data-goto=chat]")
	b.fits(rooms[0])
}

// save writes a picture with at most 256 colours, which is a third of its size
// and looks the same: a page has few.
func save(t *testing.T, name string, raw []byte) {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, fewColours(full)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("docs", "pictures", name+".png")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// fewColours keeps the most frequent colours and moves the others to the
// nearest of them.
func fewColours(from image.Image) *image.Paletted {
	count := map[color.RGBA]int{}
	bounds := from.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(from.At(x, y)).(color.RGBA) }
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[at(x, y)]++
		}
	}
	var all []color.RGBA
	for c := range count {
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b color.RGBA) int {
		return cmp.Or(count[b]-count[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	// The frequent ones, and then those that are like none of them: a green dot
	// stays green.
	palette := color.Palette{}
	frequent := min(len(all), 128)
	for i, c := range all {
		if len(palette) == 256 {
			break
		}
		if i < frequent || distance(c, palette[palette.Index(c)].(color.RGBA)) > 40 {
			palette = append(palette, c)
		}
	}
	to, known := image.NewPaletted(bounds, palette), map[color.RGBA]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c := at(x, y)
			i, found := known[c]
			if !found {
				i = uint8(palette.Index(c))
				known[c] = i
			}
			to.SetColorIndex(x, y, i)
		}
	}
	return to
}

func distance(a, b color.RGBA) int {
	far := func(x, y uint8) int { return max(int(x), int(y)) - min(int(x), int(y)) }
	return far(a.R, b.R) + far(a.G, b.G) + far(a.B, b.B)
}
