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

var pictures = flag.Bool("pictures", false, "make the pictures of README.md and docs/sandbox.md anew")

// TestPictures makes the pictures from the real page:
//
//	go test ./bot/e2e -run TestPictures -pictures
func TestPictures(t *testing.T) {
	if !*pictures {
		t.Skip("-pictures makes docs/pictures/*.png anew")
	}
	b := browser(t, sandboxPage(t))
	take := func(state string) {
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			for _, r := range rooms {
				b.fits(r)
				save(t, fmt.Sprintf("%s-%d-%s", state, r.width, scheme), get(b, chromedp.CaptureScreenshot()))
			}
		}
		b.fits(rooms[0])
	}
	// A card is one message, at a width at which it is legible on GitHub.
	card := func(name string) {
		b.fits(room{470, 900})
		script[bool](b, `(document.activeElement.blur(), [...document.querySelectorAll("#log .message")].at(-1).id = "card", true)`)
		for _, scheme := range []string{"light", "dark"} {
			b.scheme(scheme)
			b.fits(room{470, 900})
			save(t, name+"-"+scheme, get(b, chromedp.ScreenshotScale(chromedp.CSS("#card"), 2)))
		}
		b.fits(rooms[0])
	}
	take("first")
	b.types("/cancel-task 12345 duplicate of 12346")
	b.prompted()
	take("prompt")
	card("card-prompt")
	b.presses("cancel_task")
	b.decided("12345", "cancelled")
	b.until(`document.querySelectorAll("#log .message").length === 2`)
	take("outcome")
	card("card-outcome")
	b.clicks("[data-story=replicas]")
	for step := 1; step <= 3; step++ {
		b.until(fmt.Sprintf(`state.story?.step === %d && !state.story.running && !state.story.failed`, step))
		if step < 3 {
			b.clicks("#story-next")
		}
	}
	take("story")
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
