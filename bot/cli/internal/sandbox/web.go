package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pkg/browser"
)

// web serves the page: it shows the fakes' state, live, and passes on what a person
// does in it.
type web struct {
	command Bot
	ending  context.Context // ends the streams, and what stories do

	changing sync.Mutex // policies and new beginnings, one at a time

	mu       sync.Mutex
	engine   *Engine
	broken   map[string]bool // what is switched on, by the fault's id
	byStory  *fault          // a story's own fault
	policy   string
	busy     string // what the page waits for, in words
	play     *play  // nil while no story is played
	nextTask int64
	deal     int    // the next of deals
	fold     string // the timestamp of the first message that isn't folded
	began    int64  // when the story began, in milliseconds since 1970
}

// refreshEvery is how often the page checks for changes that nothing reports: the
// fake Chamelio doesn't.
const refreshEvery = 150 * time.Millisecond

// servePage serves the page until ctx ends, and closes the engine.
func servePage(ctx context.Context, e *Engine, listener net.Listener, o Options, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	w := &web{command: o.Bot, engine: e, ending: ctx, broken: map[string]bool{}, policy: policies[0].ID, nextTask: firstStoryTask, began: time.Now().UnixMilli()}
	e.seed()
	defer func() {
		stop()
		w.endPlay()
	}()
	guarded := guard{addr: listener.Addr().String(), token: o.Token}
	server := &http.Server{Handler: guarded.protect(w.handler()), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	address := guarded.address()
	fmt.Fprintf(out, "The sandbox is at %s\nPress Ctrl-C to end it.\n", address)
	if !o.NoOpen && o.Token == "" {
		// Where there is no browser, the address is enough.
		browser.Stdout, browser.Stderr = io.Discard, io.Discard
		_ = browser.OpenURL(address)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		err = fmt.Errorf("serving the page: %w", err)
	}
	stop()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close()
	}
	w.endPlay()
	w.changing.Lock()
	defer w.changing.Unlock()
	return errors.Join(err, w.current().Close())
}

// current is the engine that the page shows: Start over makes another.
func (w *web) current() *Engine {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.engine
}

func (w *web) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.index)
	mux.HandleFunc("GET /events", w.events)
	mux.HandleFunc("POST /do", w.do)
	return mux
}

func (w *web) index(rw http.ResponseWriter, r *http.Request) {
	nonce := rand.Text()
	out, err := page(nonce, beginning{w.look(r.FormValue("as"), r.FormValue("in")), allStories(), policies, hostileTitles})
	if err != nil {
		http.Error(rw, "the page is broken: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(rw, out)
}

// events streams the view whenever it has changed (HTML standard, server-sent
// events).
func (w *web) events(rw http.ResponseWriter, r *http.Request) {
	me, place := r.FormValue("as"), r.FormValue("in")
	stream := http.NewResponseController(rw)
	rw.Header().Set("Content-Type", "text/event-stream")
	rw.Header().Set("Cache-Control", "no-store")
	ticker := time.NewTicker(refreshEvery)
	defer ticker.Stop()
	var last []byte
	for {
		changed := w.current().Slack.Changed()
		now, err := json.Marshal(w.look(me, place))
		if err != nil {
			return
		}
		if !bytes.Equal(now, last) {
			last = now
			if _, err := fmt.Fprintf(rw, "data: %s\n\n", now); err != nil {
				return
			}
			if stream.Flush() != nil {
				return
			}
		}
		select {
		case <-changed:
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-w.ending.Done():
			return
		}
	}
}

func (w *web) do(rw http.ResponseWriter, r *http.Request) {
	var a action
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<16)).Decode(&a) != nil {
		http.Error(rw, "not understood", http.StatusBadRequest)
		return
	}
	a.reply = map[string]any{}
	if err := w.act(r.Context(), &a); err != nil {
		a.reply["error"] = plainly(err)
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(a.reply)
}

// plainly is an error as a sentence.
func plainly(err error) string {
	text, _, _ := strings.Cut(err.Error(), "\n")
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
