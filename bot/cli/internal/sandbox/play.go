package sandbox

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// play is a story under way. Under web.mu, but for what one goroutine at a
// time does: the one that ends by closing idle.
type play struct {
	story  *story
	scene  *scene
	cancel context.CancelFunc
	ctx    context.Context
	idle   chan struct{} // closed when nothing of it runs

	step     int
	running  bool
	leaving  bool
	now      string // what is waited for
	since    time.Time
	expected time.Duration // how long that takes, about; 0 if it is quick
	failed   string

	before struct { // what is restored
		policy string
		broken map[string]bool
	}
}

var errNoSuchStory = errors.New("there is no such story")

// beginStory sets the stage for a story and plays its first step. Another one
// is ended; what it had changed is restored when the new one ends.
func (w *web) beginStory(id string) error {
	all := allStories()
	i := slices.IndexFunc(all, func(s story) bool { return s.ID == id })
	if i < 0 {
		return errNoSuchStory
	}
	p := &play{story: &all[i], idle: make(chan struct{}), running: true, now: "Getting ready", since: time.Now()}
	p.ctx, p.cancel = context.WithCancel(w.ending)
	w.mu.Lock()
	former, over := w.play, closedChan
	p.before.policy, p.before.broken = w.policy, maps.Clone(w.broken)
	if former != nil {
		former.cancel()
		p.before, over = former.before, former.idle
	}
	w.play = p
	w.mu.Unlock()
	go func() {
		defer close(p.idle)
		<-over
		if err := w.stage(p); err != nil {
			w.mu.Lock()
			defer w.mu.Unlock()
			p.running, p.failed = false, plainly(err)
			return
		}
		w.runStep(p)
	}()
	return nil
}

// stage gives a story what it needs: working fakes, its policy, one process of
// the bot, its tasks, and what people say first.
func (w *web) stage(p *play) error {
	w.setBroken(map[string]bool{}, nil)
	chosen, _ := policyOf(p.story.policy)
	w.changing.Lock()
	defer w.changing.Unlock()
	e := w.current()
	if err := e.Set(p.ctx, append(append([]string(nil), chosen.env...), p.story.settings...)...); err != nil {
		return err
	}
	w.mu.Lock()
	w.policy, w.began = chosen.ID, time.Now().UnixMilli()
	w.mu.Unlock()
	set := &scene{Engine: e, web: w, play: p}
	p.story.lead(set)
	w.mu.Lock()
	defer w.mu.Unlock()
	p.scene = set
	return nil
}

// said fills in the text of a step. Must be called with mu held.
func (p *play) said(text string) string {
	if p.scene == nil || len(p.scene.tasks) == 0 {
		return ""
	}
	return strings.NewReplacer("{task}", fmt.Sprint(p.scene.tasks[0]), "{command}", p.scene.command).Replace(text)
}

// awaited returns what a person can do in Slack to play the next step, and where:
// the timestamp of a message, or the ID of a modal. Must be called with mu held.
func (p *play) awaited() (hand, string) {
	if p.running || p.failed != "" || p.step+1 >= len(p.story.steps) {
		return hand{}, ""
	}
	next := p.story.steps[p.step+1].hand
	switch next.action {
	case "":
		return hand{}, ""
	case useMenu:
		return next, p.scene.asked.TS
	case submitModal:
		return next, p.scene.modal.ID
	}
	return next, p.scene.prompt.TS
}

// byHand plays the next step if a person did in Slack what it waits for, and
// reports whether that is so.
func (w *web) byHand(a *action) bool {
	w.mu.Lock()
	p := w.play
	if p == nil {
		w.mu.Unlock()
		return false
	}
	next, at := p.awaited()
	if at == "" || at != a.TS || next != (hand{a.As, a.Name}) {
		w.mu.Unlock()
		return false
	}
	p.scene.values = a.Values
	w.mu.Unlock()
	return w.nextStep() == nil
}

// runStep plays the step that is next.
func (w *web) runStep(p *play) {
	step := p.story.steps[p.step]
	w.mu.Lock()
	p.running, p.failed, p.now, p.since, p.expected = true, "", "", time.Now(), 0
	w.mu.Unlock()
	var err error
	if step.do != nil {
		err = step.do(p.ctx, p.scene)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p.running = false
	if err != nil && p.ctx.Err() == nil {
		p.failed = plainly(err)
	}
}

// nextStep plays the next step, or ends a story that is over.
func (w *web) nextStep() error {
	w.mu.Lock()
	p := w.play
	switch {
	case p == nil:
		w.mu.Unlock()
		return errNoSuchStory
	case p.running:
		w.mu.Unlock()
		return nil
	case p.failed != "" || p.step == len(p.story.steps)-1:
		w.mu.Unlock()
		w.leaveStory()
		return nil
	}
	p.step++
	p.running, p.idle = true, make(chan struct{})
	idle := p.idle
	w.mu.Unlock()
	go func() {
		defer close(idle)
		w.runStep(p)
	}()
	return nil
}

// leaveStory ends a story and restores what it changed.
func (w *web) leaveStory() {
	w.mu.Lock()
	p := w.play
	if p == nil || p.leaving {
		w.mu.Unlock()
		return
	}
	p.cancel()
	p.leaving, p.running, p.failed = true, true, ""
	p.now, p.since, p.expected = "Restoring the policy and what was switched on", time.Now(), 0
	former, idle := p.idle, make(chan struct{})
	p.idle = idle
	w.mu.Unlock()
	go func() {
		defer close(idle)
		<-former
		w.setBroken(p.before.broken, nil)
		chosen, _ := policyOf(p.before.policy)
		w.changing.Lock()
		defer w.changing.Unlock()
		err := w.current().Set(w.ending, chosen.env...)
		w.mu.Lock()
		defer w.mu.Unlock()
		if err == nil {
			w.policy = chosen.ID
		}
		if w.play == p {
			w.play = nil
		}
	}()
}

// endPlay ends a story at once and leaves everything as it is.
func (w *web) endPlay() {
	w.mu.Lock()
	p, over := w.play, closedChan
	w.play = nil
	if p != nil {
		p.cancel()
		over = p.idle
	}
	w.mu.Unlock()
	<-over
}

// closedChan is for what there is nothing to wait for.
var closedChan = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// waits says what a step waits for, and for how long, about.
func (s *scene) waits(what string, expected time.Duration) {
	s.web.mu.Lock()
	defer s.web.mu.Unlock()
	s.play.now, s.play.since, s.play.expected = what, time.Now(), expected
}
