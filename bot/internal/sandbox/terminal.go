package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// terminal shows one conversation as one person sees it. A button has a
// number; typing the number presses it.
type terminal struct {
	engine    *Engine
	out       io.Writer
	me, place string
	shown     map[string]string // message ts → what was last printed of it
	buttons   []button
}

type button struct {
	message slacktest.Message
	action  string
}

const welcome = `This is Slack, played by a stand-in. You are %s in %s, and the real bot listens.
Type a command or a button's number:

  /cancel-task %d      ask for a task to be cancelled
  1                       press button [1]
  tasks                   list Chamelio's tasks
  as grace                be somebody else: ada, grace, linus, guest
  in random               go elsewhere: general, random, legal, deals, dm
  quit

`

var (
	people = map[string]string{"ada": slacktest.Ada, "grace": slacktest.Grace, "linus": slacktest.Linus, "guest": slacktest.Guest}
	places = map[string]string{
		"general": slacktest.General, "random": slacktest.Random, "legal": slacktest.Legal,
		"deals": slacktest.Deals, "dm": slacktest.Direct,
	}
)

func (t *terminal) run(ctx context.Context, in io.Reader) {
	fmt.Fprintf(t.out, welcome, t.name(t.me), t.placeName(), 12345)
	// The reader ends with its input; a terminal's only with the process.
	lines := make(chan string)
	go func() {
		defer close(lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	for {
		t.prompt()
		line, ok := t.next(ctx, lines)
		if !ok || line == "quit" || line == "exit" {
			fmt.Fprintln(t.out)
			return
		}
		t.act(ctx, strings.TrimSpace(line))
	}
}

// next returns the next line, and meanwhile prints what others make appear.
func (t *terminal) next(ctx context.Context, lines <-chan string) (string, bool) {
	for {
		changed := t.engine.Slack.Changed()
		if t.show() {
			t.prompt()
		}
		select {
		case line, ok := <-lines:
			return line, ok
		case <-changed:
		case <-t.engine.Ended():
			fmt.Fprintln(t.out, "\nThe bot has stopped.")
			return "", false
		case <-ctx.Done():
			return "", false
		}
	}
}

func (t *terminal) act(ctx context.Context, line string) {
	slack := t.engine.Slack
	word, rest, _ := strings.Cut(line, " ")
	number, err := strconv.Atoi(line)
	switch {
	case line == "":
	case err == nil && number >= 1 && number <= len(t.buttons):
		pressed := t.buttons[number-1]
		t.deliver(ctx, slack.Click(t.me, pressed.message, pressed.action))
	case err == nil:
		fmt.Fprintln(t.out, "There is no such button.")
	case strings.HasPrefix(line, "/"):
		fmt.Fprintf(t.out, "\n%s types: %s\n", t.name(t.me), line)
		t.deliver(ctx, slack.Slash(t.me, t.place, line))
	case line == "tasks":
		t.tasks()
	case word == "as" && people[rest] != "":
		t.me = people[rest]
		t.look()
	case word == "in" && places[rest] != "":
		t.place = places[rest]
		t.look()
	default:
		fmt.Fprintln(t.out, "Not understood. Commands start with a slash: /cancel-task 12345")
	}
}

// look starts anew with what this person sees here.
func (t *terminal) look() {
	t.shown, t.buttons = map[string]string{}, nil
	fmt.Fprintf(t.out, "\nYou are %s in %s.\n", t.name(t.me), t.placeName())
	t.show()
}

// deliver waits for the ack and then until the conversation has come to rest.
func (t *terminal) deliver(ctx context.Context, p *slacktest.Pending) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	d, err := p.Wait(ctx)
	if err != nil {
		return
	}
	if d.State != slacktest.Acknowledged {
		fmt.Fprintf(t.out, "Slack says: %s\n", d.State)
		return
	}
	for {
		changed := t.engine.Slack.Changed()
		t.show()
		select {
		case <-changed:
		case <-time.After(700 * time.Millisecond):
			return
		case <-ctx.Done():
			return
		}
	}
}

// show prints what is new or changed, and reports whether anything was.
func (t *terminal) show() bool {
	any := false
	for _, m := range t.engine.Slack.View(t.me, t.place) {
		text := t.render(m)
		before, known := t.shown[m.TS]
		if known && before == text {
			continue
		}
		any = true
		t.shown[m.TS] = text
		t.print(m, text, known)
	}
	return any
}

func (t *terminal) print(m slacktest.Message, text string, changed bool) {
	note := ""
	if m.Only != "" {
		note = " – only visible to you"
	}
	if changed {
		note += " – changed"
	}
	fmt.Fprintf(t.out, "\n┌ %s%s\n", t.name(m.Author), note)
	for line := range strings.Lines(text) {
		fmt.Fprintf(t.out, "│ %s\n", strings.TrimRight(line, "\n"))
	}
	if actions := m.Buttons(); len(actions) > 0 {
		fmt.Fprint(t.out, "│")
		for _, action := range actions {
			t.buttons = append(t.buttons, button{m, action})
			fmt.Fprintf(t.out, "  [%d] %s", len(t.buttons), m.Button(action).Label)
		}
		fmt.Fprintln(t.out)
	}
	fmt.Fprintln(t.out, "└")
}

func (t *terminal) render(m slacktest.Message) string {
	return slacktest.Plain(m, t.name, time.Local)
}

func (t *terminal) tasks() {
	for _, task := range t.engine.Chamelio.Tasks() {
		fmt.Fprintf(t.out, "  %-6d %-12s %s\n", task.ID, task.Status, *task.Title)
	}
}

func (t *terminal) prompt() { fmt.Fprintf(t.out, "%s in %s> ", t.name(t.me), t.placeName()) }

func (t *terminal) name(id string) string {
	u, ok := t.engine.Slack.User(id)
	if !ok {
		return id
	}
	return u.Name
}

func (t *terminal) placeName() string {
	c, _ := t.engine.Slack.Conversation(t.place)
	if c.Name == "" {
		return "a direct message"
	}
	return "#" + c.Name
}
