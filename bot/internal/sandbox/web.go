package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/pkg/browser"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// web is the page: it shows the stand-ins' state, live, and passes on what a
// person does in it.
type web struct {
	engine *Engine
	ending context.Context // ends the streams

	mu     sync.Mutex
	broken map[string]bool
	policy string

	playing  sync.Mutex // one step at a time
	scene    *scene
	nextTask int64
}

// refreshEvery is how often the page is made anew where nothing told that
// something changed: Chamelio's stand-in does not.
const refreshEvery = 200 * time.Millisecond

// servePage serves the page until ctx ends.
func servePage(ctx context.Context, e *Engine, listener net.Listener, out io.Writer, open bool) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w := &web{engine: e, ending: ctx, broken: map[string]bool{}, policy: policies[0].id, nextTask: 20000}
	server := &http.Server{Handler: w.handler(listener.Addr().String()), ReadHeaderTimeout: 5 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	address := "http://" + listener.Addr().String() + "/"
	fmt.Fprintf(out, "The sandbox is at %s\nPress Ctrl-C to end it.\n", address)
	if open {
		// Where there is no browser, the address is enough.
		browser.Stdout, browser.Stderr = io.Discard, io.Discard
		_ = browser.OpenURL(address)
	}
	select {
	case <-ctx.Done():
	case err := <-failed:
		return fmt.Errorf("serving the page: %w", err)
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		_ = server.Close()
	}
	return nil
}

func (w *web) handler(addr string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.index)
	mux.HandleFunc("GET /events", w.events)
	mux.HandleFunc("POST /do", w.do)
	_, port, _ := net.SplitHostPort(addr)
	return sameHost(addr, port, http.NewCrossOriginProtection().Handler(mux))
}

// sameHost refuses requests that another site's name was made to point here
// for (DNS rebinding).
func sameHost(addr, port string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Host != addr && r.Host != "localhost:"+port && r.Host != "127.0.0.1:"+port {
			http.Error(rw, "this page is served on loopback only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func (w *web) index(rw http.ResponseWriter, r *http.Request) {
	var out bytes.Buffer
	nonce := rand.Text()
	err := page.Execute(&out, map[string]any{
		"Nonce": nonce, "State": w.look(r.FormValue("as"), r.FormValue("in")), "Stories": stories,
	})
	if err != nil {
		http.Error(rw, "the page is broken: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := rw.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; script-src 'nonce-"+nonce+"'; style-src 'nonce-"+nonce+"'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = rw.Write(out.Bytes())
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
		changed := w.engine.Slack.Changed()
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

// action is what a person did on the page.
type action struct {
	Do    string `json:"do"`
	As    string `json:"as"`
	In    string `json:"in"`
	Text  string `json:"text"`
	TS    string `json:"ts"`
	Name  string `json:"name"`
	On    bool   `json:"on"`
	Step  int    `json:"step"`
	reply map[string]any
}

func (w *web) do(rw http.ResponseWriter, r *http.Request) {
	var a action
	if r.Header.Get("Content-Type") != "application/json" || json.NewDecoder(http.MaxBytesReader(rw, r.Body, 1<<16)).Decode(&a) != nil {
		http.Error(rw, "not understood", http.StatusBadRequest)
		return
	}
	a.reply = map[string]any{}
	if err := w.act(r.Context(), &a); err != nil {
		a.reply["error"] = err.Error()
	}
	rw.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(rw).Encode(a.reply)
}

func (w *web) act(ctx context.Context, a *action) error {
	e := w.engine
	switch a.Do {
	case "type":
		return w.typed(ctx, a)
	case "click":
		for _, m := range e.Slack.View(a.As, a.In) {
			if m.TS == a.TS {
				return w.deliver(ctx, a, e.Slack.Click(a.As, m, a.Name))
			}
		}
		return errors.New("that message is gone")
	case "fault":
		if !w.toggle(a.Name, a.On) {
			return errors.New("there is no such switch")
		}
		return nil
	case "mend":
		w.mend()
		return nil
	case "kill":
		e.Kill()
		return nil
	case "start":
		return e.StartBot(ctx)
	case "policy":
		return w.setPolicy(ctx, a.Name)
	case "story":
		watch, last, err := w.play(ctx, a.Name, a.Step)
		a.reply["watch"], a.reply["last"] = watch, last
		return err
	}
	return errors.New("not understood")
}

// typed says something in a conversation, or runs a command.
func (w *web) typed(ctx context.Context, a *action) error {
	text := strings.TrimSpace(a.Text)
	switch command, _, _ := strings.Cut(text, " "); {
	case text == "":
		return nil
	case command == "/cancel-task":
		return w.deliver(ctx, a, w.engine.Slack.Slash(a.As, a.In, text))
	case strings.HasPrefix(text, "/"):
		return fmt.Errorf("%s is not a command here. Try /cancel-task 12345", command)
	}
	w.engine.Slack.Say(a.As, a.In, text)
	return nil
}

// deliver waits for what Slack would show of a delivery that failed.
func (w *web) deliver(ctx context.Context, a *action, p *slacktest.Pending) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	d, err := p.Wait(ctx)
	a.reply["state"] = d.State
	return err
}

func (w *web) setPolicy(ctx context.Context, id string) error {
	for _, p := range policies {
		if p.id == id {
			if err := w.engine.SetPolicy(ctx, p.env...); err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.policy = id
			return nil
		}
	}
	return errors.New("there is no such policy")
}
