package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
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
	label   string
}

const welcome = `This is a simulated Slack. You are %s in %s, and the real bot listens.

  /cancel-task 12345    ask for a task to be cancelled; this is the bot's command
  1                     press button [1]
  help                  what else you can do here, and how to leave
`

const help = `The bot's command is /cancel-task. Everything else is this terminal's, with a
slash or without:

  tasks                 list Chamelio's tasks
  as grace              be someone else: ada, grace, linus, guest
  in random             go elsewhere: general, random, legal, deals, dm
  kill                  kill the bot, as kill -9 does
  start                 start it again
  quit                  leave

A number presses the button that has it. What else you type is said in the
conversation if it begins with a quotation mark.
`

var (
	people = map[string]string{"ada": slacktest.Ada, "grace": slacktest.Grace, "linus": slacktest.Linus, "guest": slacktest.Guest}
	places = map[string]string{
		"general": slacktest.General, "random": slacktest.Random, "legal": slacktest.Legal,
		"deals": slacktest.Deals, "dm": slacktest.Direct,
	}
)

func (t *terminal) run(ctx context.Context, in io.Reader) {
	fmt.Fprintf(t.out, welcome, t.name(t.me), t.placeName())
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
		line = strings.TrimSpace(line)
		if word := strings.TrimPrefix(line, "/"); !ok || word == "quit" || word == "exit" {
			fmt.Fprintln(t.out)
			return
		}
		t.act(ctx, line)
	}
}

// next returns the next line, and meanwhile prints what others make appear.
func (t *terminal) next(ctx context.Context, lines <-chan string) (string, bool) {
	ended := t.engine.Ended()
	for {
		changed := t.engine.Slack.Changed()
		if t.show() {
			t.prompt()
		}
		select {
		case line, ok := <-lines:
			return line, ok
		case <-changed:
		case <-ended:
			ended = nil
			if !t.engine.Alive() && ctx.Err() == nil {
				fmt.Fprintln(t.out, "\nThe bot has stopped. Type start to start it again.")
				t.prompt()
			}
		case <-ctx.Done():
			return "", false
		}
	}
}

// act does what a line asks for: the bot's command, a button, or one of this
// terminal's own.
func (t *terminal) act(ctx context.Context, line string) {
	if said, ok := strings.CutPrefix(line, `"`); ok {
		t.engine.Slack.Say(t.me, t.place, strings.TrimSuffix(said, `"`))
		return
	}
	if number, err := strconv.Atoi(line); err == nil {
		t.press(ctx, number)
		return
	}
	word, rest, _ := strings.Cut(line, " ")
	rest = strings.ToLower(strings.TrimLeft(strings.TrimSpace(rest), "#@"))
	switch strings.TrimPrefix(word, "/") {
	case "":
		if word != "" {
			t.notUnderstood(line)
		}
	case "cancel-task":
		t.deliver(ctx, t.engine.Slack.Slash(t.me, t.place, "/"+strings.TrimPrefix(line, "/")))
	case "tasks":
		t.tasks()
	case "help":
		fmt.Fprint(t.out, help)
	case "as":
		t.change(&t.me, people, rest, "There is no one of that name: it takes ada, grace, linus or guest.")
	case "in":
		t.change(&t.place, places, rest, "There is no such place: it takes general, random, legal, deals or dm.")
	case "kill":
		t.engine.KillAll() // next tells that it has stopped
	case "start":
		if err := t.engine.StartBot(ctx); err != nil {
			fmt.Fprintln(t.out, plainly(err))
			return
		}
		fmt.Fprintln(t.out, "The bot runs.")
	default:
		t.notUnderstood(line)
	}
}

func (t *terminal) notUnderstood(line string) {
	fmt.Fprintf(t.out, "“%s” is no command here. The bot's is /cancel-task 12345; help lists this terminal's own.\n", line)
}

// change goes elsewhere, or becomes someone else, and shows what this person sees
// there.
func (t *terminal) change(what *string, known map[string]string, to, otherwise string) {
	if known[to] == "" {
		fmt.Fprintln(t.out, otherwise)
		return
	}
	*what = known[to]
	if c, _ := t.engine.Slack.Conversation(t.place); c.Kind != slacktest.Public && !slices.Contains(c.Members, t.me) {
		t.place = slacktest.General
	}
	t.shown, t.buttons = map[string]string{}, nil
	fmt.Fprintf(t.out, "\nYou are %s in %s.\n", t.name(t.me), t.placeName())
	t.show()
}

// press presses a button, or says why it is none any more.
func (t *terminal) press(ctx context.Context, number int) {
	if number < 1 || number > len(t.buttons) {
		fmt.Fprintf(t.out, "There is no button [%d] here.\n", number)
		return
	}
	pressed := t.buttons[number-1]
	for _, m := range t.engine.Slack.View(t.me, t.place) {
		if m.TS == pressed.message.TS && m.Button(pressed.action) != nil {
			t.deliver(ctx, t.engine.Slack.Click(t.me, m, pressed.action))
			return
		}
	}
	fmt.Fprintf(t.out, "Button [%d], “%s”, is gone: its message has changed since, see above.\n", number, pressed.label)
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
		fmt.Fprintf(t.out, "\n┌ Slackbot – only visible to you\n│ That failed with the error “%s”\n└\n", d.State)
		return
	}
	// Messages that arrive close together are shown in the order of the conversation.
	const together, rest = 150 * time.Millisecond, 700 * time.Millisecond
	for last := time.Now(); time.Since(last) < rest; {
		changed := t.engine.Slack.Changed()
		select {
		case <-changed:
			last = time.Now()
		case <-time.After(together):
			t.show()
		case <-ctx.Done():
			return
		}
	}
}

// show prints what is new or changed, and reports whether anything was.
func (t *terminal) show() bool {
	news := false
	for _, m := range t.engine.Slack.View(t.me, t.place) {
		text := slacktest.PlainAt(m, t.name, time.Now())
		before, known := t.shown[m.TS]
		if known && before == text {
			continue
		}
		news = true
		t.shown[m.TS] = text
		t.print(m, text, known)
	}
	return news
}

func (t *terminal) print(m slacktest.Message, text string, changed bool) {
	note := ""
	if m.ThreadTS != "" {
		note += " – in a thread"
	}
	if m.Only != "" {
		note += " – only visible to you"
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
			t.buttons = append(t.buttons, button{m, action, m.Button(action).Label})
			fmt.Fprintf(t.out, "  [%d] %s", len(t.buttons), m.Button(action).Label)
		}
		fmt.Fprintln(t.out)
	}
	fmt.Fprintln(t.out, "└")
}

func (t *terminal) tasks() {
	for _, task := range t.engine.Chamelio.Tasks() {
		fmt.Fprintf(t.out, "  %-6d %-12s %s\n", task.ID, task.Status, *task.Title)
	}
}

func (t *terminal) prompt() { fmt.Fprintf(t.out, "\n%s in %s> ", t.name(t.me), t.placeName()) }

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
