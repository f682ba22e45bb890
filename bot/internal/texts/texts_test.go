package texts

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
	"github.com/cancelbot/cancelbot/bot/internal/input"
	"github.com/cancelbot/cancelbot/bot/internal/policy"
	"github.com/cancelbot/cancelbot/bot/slacktest"
	"github.com/cancelbot/cancelbot/chamelio"
)

// constants returns the values of all string constants of a type in the sources,
// so that a new one can't be forgotten in a list.
func constants(t *testing.T, dir, typeName string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, file := range sources(t, dir) {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, _ := spec.Type.(*ast.Ident); name == nil || name.Name != typeName {
				return true
			}
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok {
					value, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					found[value] = true
				}
			}
			return true
		})
	}
	if len(found) < 5 {
		t.Fatalf("only %d constants of type %s in %s", len(found), typeName, dir)
	}
	return found
}

func sources(t *testing.T, dir string) []*ast.File {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") && !strings.HasPrefix(filepath.Base(name), "samples") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, raw, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// notAnnounced are the outcomes that have no texts: nothing was decided.
var notAnnounced = map[string]bool{"various": true, string(decision.Withdrawn): true, string(decision.Expired): true, string(decision.NotSaved): true, string(decision.Superseded): true}

func TestEveryOutcomeAndCauseHasItsWords(t *testing.T) {
	outcomes, causes := map[string]bool{}, map[string]bool{}
	type key struct {
		outcome decision.Outcome
		cause   decision.Cause
		status  chamelio.Status
	}
	rows := map[key]bool{}
	for _, row := range outcomeTexts {
		k := key{row.outcome, row.cause, row.status}
		if rows[k] {
			t.Errorf("%v has two rows", k)
		}
		rows[k] = true
		causes[string(row.cause)] = true
		if row.cause == "" && row.status == "" {
			outcomes[string(row.outcome)] = true
		}
		if row.emoji == "" || row.what == "" || row.next == "" && row.outcome == decision.Failed || row.line == "" && row.outcome == decision.Unknown {
			t.Errorf("%v: something is missing", k)
		}
	}
	for o := range constants(t, "../decision", "Outcome") {
		if outcomes[o] == notAnnounced[o] {
			t.Errorf("outcome %q: has a row: %v", o, outcomes[o])
		}
	}
	for c := range constants(t, "../decision", "Cause") {
		if !causes[c] {
			t.Errorf("cause %q has no row", c)
		}
	}
	for _, status := range []chamelio.Status{chamelio.Completed, chamelio.Failed} {
		if row := outcomeOf(decision.Result{Outcome: decision.NotCancellable, Status: status}); row.status != status {
			t.Errorf("%s is told as %q", status, row.what)
		}
	}
	for _, reason := range []chamelio.Reason{chamelio.KeyMissing, chamelio.KeyInvalid, chamelio.KeyInactive, chamelio.KeyRevoked, chamelio.KeyExpired, chamelio.KeyForeign, chamelio.KeyUnclear} {
		if keyRefused[reason] == "" {
			t.Errorf("reason %q has no words", reason)
		}
	}
	if row := outcomeOf(decision.Result{Outcome: "brand_new"}); row.outcome != decision.Unknown {
		t.Errorf("an outcome from nowhere is told as %s", row.outcome)
	}
}

func TestEveryRefusalHasItsWords(t *testing.T) {
	rows := map[policy.Code]bool{}
	for _, row := range refusalTexts {
		if rows[row.code] || row.person == "" || row.audit == "" {
			t.Errorf("%s: two rows, or something is missing", row.code)
		}
		rows[row.code] = true
		if final := !strings.Contains(row.person, "{retry}"); row.code.Transient() == final {
			t.Errorf("%s: says whether another try helps: %v", row.code, !final)
		}
		if row.code.ForOperator() && !strings.Contains(row.person, "{operator}") {
			t.Errorf("%s does not say who can help", row.code)
		}
	}
	for _, code := range policy.Codes() {
		if !rows[code] {
			t.Errorf("%s has no row", code)
		}
		delete(rows, code)
	}
	if len(rows) > 0 {
		t.Errorf("rows for codes that are none: %v", rows)
	}
}

// A text that is in no sample is in no golden file and not in docs/messages.md,
// and isn't checked against Slack's limits.
func TestEveryTextIsASample(t *testing.T) {
	texts, used := map[string]bool{}, map[string]bool{}
	for _, file := range sources(t, ".") {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if of := receiver(f); of == "Texts" && returnsAText(f) {
				texts[f.Name.Name] = true
			}
			// Samples, and texts made of other texts, use them.
			if of := receiver(f); of == "sampler" || of == "Texts" {
				ast.Inspect(f.Body, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name != f.Name.Name {
						used[s.Sel.Name] = true
					}
					return true
				})
			}
		}
	}
	if len(texts) < 40 {
		t.Errorf("only %d texts found", len(texts))
	}
	for name := range texts {
		if !used[name] {
			t.Errorf("%s is in no sample", name)
		}
	}
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if star, ok := of.(*ast.StarExpr); ok {
		of = star.X
	}
	name, _ := of.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

func returnsAText(f *ast.FuncDecl) bool {
	if f.Type.Results == nil {
		return false
	}
	for _, r := range f.Type.Results.List {
		if name, ok := r.Type.(*ast.Ident); ok && name.Name == "Message" {
			return true
		}
	}
	return strings.HasPrefix(strings.ToLower(f.Name.Name), "modal")
}

func TestWhoCanBeReached(t *testing.T) {
	for contact, want := range map[string]string{
		"": "the bot's operator", " ": "the bot's operator", "U0ADA": "<@U0ADA>", "W0ADA": "<@W0ADA>", "C0OPS": "<#C0OPS>", "S0123456": "<!subteam^S0123456>",
		"the legal ops team": "the legal ops team", "<!channel> & *co*": "&lt;!channel\u2060&gt; &amp; \u2060*\u2060co\u2060*\u2060", "UNKNOWN people": "UNKNOWN people",
		"#ops": "#ops", "legal-ops": "legal-ops",
	} {
		if got := (Texts{Operator: contact}).contact(); got != want {
			t.Errorf("%q: got %q", contact, got)
		}
	}
	many := Texts{Approvers: []string{"U1", "S22", "no id", "W3"}}
	if got, want := many.whoApproves(decision.Confirmation{Requester: "U9"}, ""), "Someone else must approve: <@U1>, <!subteam^S22> or <@W3>."; got != want {
		t.Errorf("got %q", got)
	}
}

// No text from outside makes an emoji: the colon that ends a name may begin the next.
func TestOutsideTextMakesNoEmoji(t *testing.T) {
	emoji := regexp.MustCompile(`:[\p{L}\p{N}_+'-]+:`)
	for _, text := range []string{":tada:", ":x:tada:", "::tada::", "a:b:c:d:", ":x::tada:", ":+1:skin-tone-2:", ":寿司:", ":\u2060tada:"} {
		if shown := excerpt(text, 50); emoji.MatchString(shown) || strings.ReplaceAll(shown, joiner, "") != strings.ReplaceAll(text, joiner, "") {
			t.Errorf("%q is shown as %+q", text, shown)
		}
	}
}

// Every text in a recorded result is from outside, even if its seal is genuine.
func TestRecordedTextsStayText(t *testing.T) {
	w, now := Texts{}, time.Now()
	for _, row := range outcomeTexts {
		var res decision.Result
		fillTexts(reflect.ValueOf(&res).Elem(), "<!here>")
		res.Outcome, res.Cause = row.outcome, row.cause
		d := decision.Record{Tasks: []decision.Item{{ID: 1, Outcome: decision.Unknown}, {ID: 2, Outcome: decision.Unknown}}}.WithSettled(res, res)
		for _, d := range []decision.Current{d.AsOfNow(), d.One(0).AsOfNow()} {
			for i, m := range []Message{w.Announcement(d, now), w.Settled(d), w.OutcomeLine(d), w.AuditCopy(d, "", now), w.SettledInPerson("U1", d)} {
				if raw := plainJSON(t, m); strings.Contains(raw, "<!here>") {
					t.Errorf("%s, %s, text %d: %s", row.outcome, row.cause, i, raw)
				}
			}
		}
	}
}

// fillTexts gives each text in a value, and a list's only element, the same text.
func fillTexts(v reflect.Value, text string) {
	if v.Kind() == reflect.String {
		v.SetString(text)
	}
	if v.Kind() == reflect.Slice {
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fillTexts(v.Index(0), text)
	}
	if v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fillTexts(v.Field(i), text)
			}
		}
	}
}

// plainJSON returns a message as Slack gets it, with < as it is.
func plainJSON(t *testing.T, m Message) string {
	t.Helper()
	var raw strings.Builder
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		t.Fatal(err)
	}
	return raw.String()
}

// However long the text of a block is, and whatever it is escaped to, Slack takes the block,
// and no link in it is cut.
func TestLongTextsAreCutBetweenLinks(t *testing.T) {
	w := Texts{}
	address := "https://app.chamelio.ai/workflows/tasks/12345?" + strings.Repeat("&", 440)
	amp := strings.Repeat("&", 300)
	task := chamelio.Task{ID: 12345, URL: address, Title: amp, Workflow: amp, Step: amp, Owner: amp + "@x.example", Assignee: "<" + amp + "@x.example"}
	m := w.Prompt(decision.Confirmation{Tasks: []decision.Named{{ID: 12345}}, Reason: amp}, Preview{Tasks: []chamelio.Task{task}}, "v")
	blocks, err := json.Marshal(append(m.Blocks, section(strings.Repeat(link(decision.Named{ID: 1, URL: "https://app.chamelio.ai/tasks/1"}, "x", nil), 300))))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range slacktest.ValidateBlocks(blocks, slacktest.InMessage) {
		t.Error(problem)
	}
	for _, text := range textsOf(t, sample{Blocks: blocks}) {
		text = strings.TrimPrefix(text, ">") // of the quoted reason
		if strings.Count(text, "<") != strings.Count(text, ">") {
			t.Errorf("a link is cut: %s", text[max(0, len(text)-60):])
		}
	}
	if shown := link(decision.Named{ID: 12345, URL: address}, "task 12345", nil); shown != "task 12345" {
		t.Errorf("a link of %d bytes is shown", len(shown))
	}
}

func TestDirectMessagesAreListedWithoutAName(t *testing.T) {
	w := Texts{Channels: []policy.ChannelID{"D0ADA", "C0GENERAL", " D0GRACE "}}
	if got, want := w.places(), "<#C0GENERAL> or an allowed direct message"; got != want {
		t.Errorf("got %q", got)
	}
}

func FuzzExcerpt(f *testing.F) {
	f.Add("a\u200bb ☂\ufe0f\u200d👩 <!channel>\n")
	f.Fuzz(func(t *testing.T, text string) {
		if shown := excerpt(text, 50); strings.ContainsAny(shown, "<>\n") {
			t.Fatalf("%q is shown as %q", text, shown)
		}
	})
}

func TestDurationsAndListsReadWell(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Millisecond: "a second", 30 * time.Second: "30 seconds", time.Minute: "a minute", 61 * time.Second: "2 minutes", 119 * time.Minute: "119 minutes", 24 * time.Hour: "24 hours",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q", d, got)
		}
	}
	if got := list([]string{"1", "2", "3", "4", "5", "6", "7"}, "and"); got != "1, 2, 3, 4, 5 and 2 more" {
		t.Errorf("got %q", got)
	}
	if got := []string{count(1, "command"), count(2, "command")}; !reflect.DeepEqual(got, []string{"1 command", "2 commands"}) {
		t.Errorf("got %q", got)
	}
}

func FuzzNotUnderstood(f *testing.F) {
	for _, s := range []string{"12345 reason", "#1", "<https://app.chamelio.ai/workflows/tasks/12345|x y> z", "help", "<!channel>", "\x00\xff", "9223372036854775808"} {
		f.Add(s)
	}
	w := Texts{Command: "/cancel-task", MaxTasks: 3}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := input.ParseCommand(text, input.Rules{MaxTasks: 3})
		if err == nil {
			return
		}
		m := w.NotUnderstood(err)
		if n := utf8.RuneCountInString(m.Text); n == 0 || n > textLimit {
			t.Fatalf("%q is answered with %d characters", text, n)
		}
		for _, bad := range []string{"<!", "<@", "<http"} {
			if strings.Contains(m.Text, bad) {
				t.Fatalf("%q gets %s through: %s", text, bad, m.Text)
			}
		}
	})
}

func TestOnlyTheNounOfANameIsCapitalised(t *testing.T) {
	w := Texts{}
	for title, want := range map[string]string{"": "Task 7 ", "task force": "“task force” (task 7) ", "Master agreement": "“Master agreement” (task 7) "} {
		m, _ := w.NoPrompt(7, chamelio.Task{ID: 7, Title: title, Status: chamelio.Completed}, nil)
		if !strings.HasPrefix(m.Text, want) {
			t.Errorf("title %q: %q", title, m.Text)
		}
	}
}

// Any field of a task may be null. Nothing is quoted that isn't there.
func TestMissingStatusIsNotQuoted(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	d := decision.Record{Channel: "C1", Requester: "U1", Confirmer: "U1", Tasks: []decision.Item{{ID: 1}}}
	for status, want := range map[chamelio.Status]string{"": "Chamelio shows no status. I'm", "on_hold": "Chamelio shows a status I don't know: “on"} {
		said := w.Announcement(d.With(decision.Result{Outcome: decision.Unknown, Cause: decision.CauseStatus, Status: status}).AsOfNow(), time.Now()).Text
		if !strings.Contains(said, want) {
			t.Errorf("%q: %s", status, said)
		}
	}
}

// If one of a prompt's tasks needs a second person now, one request can ask for all.
func TestOneRequestAsksForAllTasks(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	c := decision.Confirmation{Channel: "C1", Requester: "U1", Tasks: []decision.Named{{ID: 1}, {ID: 2}}}
	said := w.RefusedClick(policy.Verdict{Code: policy.CodeNeedsSecondPerson, Task: 2}, c).Text
	if !strings.Contains(said, "`/cancel-task 1 2`") || strings.Contains(said, "together") {
		t.Error(said)
	}
}

// The operator's contact may end like a sentence.
func TestSentencesEndOnce(t *testing.T) {
	said := Texts{Command: "/cancel-task", Operator: "the IT desk."}.Paused("", 1).Text
	if !strings.HasSuffix(said, "Ask the IT desk.") {
		t.Error(said)
	}
}

// A direct message isn't a channel, so no one is asked to find a colleague in it.
func TestRefusalsNameTheConversation(t *testing.T) {
	w := Texts{Command: "/cancel-task"}
	for channel, want := range map[string]string{"C1": "in this channel", "D1": "in this conversation"} {
		c := decision.Confirmation{Channel: channel, Requester: "U1", Public: true, Tasks: []decision.Named{{ID: 1}}}
		if said := w.RefusedClick(policy.Verdict{Code: policy.CodeNeedsSecondPerson}, c).Text; !strings.Contains(said, "Ask a colleague "+want) {
			t.Errorf("%s: %s", channel, said)
		}
	}
	for _, row := range refusalTexts {
		if strings.Contains(row.person, "this channel") || strings.Contains(row.person, "the channel") {
			t.Errorf("%s: it may be read in a direct message: %s", row.code, row.person)
		}
	}
}

// With one task in a decision, no text offers several.
func TestOneTaskAtOnce(t *testing.T) {
	s := &sampler{Texts: sampleTexts(), example: typical()}
	s.MaxTasks = 1
	if help := s.help().Text; strings.Contains(help, "several") || !strings.Contains(help, "12345 duplicate of 12346") {
		t.Errorf("help: %s", help)
	}
	if said := s.tooMany().Text; !strings.HasSuffix(said, "Start with this one:\n`/cancel-task 12345`") {
		t.Error(said)
	}
	view, err := json.Marshal(s.FindModal())
	if err != nil || strings.Contains(string(view), "several") {
		t.Errorf("the modal: %s, %v", view, err)
	}
	if said := s.ModalNoTask(input.ErrTooManyTasks); said != "The limit is 1 task at once. Name fewer." {
		t.Error(said)
	}
}

// An approver didn't ask for the cancellation, so an answer to a press that might not
// have counted asks them to press again, and not to type the command.
func TestApproversAreAskedToPressAgain(t *testing.T) {
	s := &sampler{Texts: sampleTexts(), example: typical()}
	public := s.confirmation(true)
	for _, m := range []Message{
		s.PausedClick(public, "until noon"), s.PauseUnknown(public), s.Interrupted(public), s.RefusedClick(policy.Verdict{Code: policy.CodeCannotCheck}, public),
	} {
		if !strings.Contains(m.Text, "press the button again if it's still there. If it's gone, <@U0ADA> can ask again.") || strings.Contains(m.Text, "/cancel-task") {
			t.Error(m.Text)
		}
	}
}
