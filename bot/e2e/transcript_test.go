package e2e

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// terminalSandbox is "cancelbot sandbox --terminal" with input.
type terminalSandbox struct {
	*testing.T
	in     io.Writer
	output *output
}

func startTerminal(t *testing.T) *terminalSandbox {
	t.Helper()
	cmd := exec.Command(program, "sandbox", "--terminal")
	cmd.Env = []string{"TMPDIR=" + t.TempDir(), "HOME=" + t.TempDir(), "TZ=UTC"}
	s := &terminalSandbox{T: t, output: &output{}}
	cmd.Stdout, cmd.Stderr = s.output, s.output
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.in = in
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the terminal ended with %v:\n%s", err, s.output)
		}
	})
	s.sees("> ")
	return s
}

// types types a line, which the terminal shows where the cursor is.
func (s *terminalSandbox) types(line string) (from int) {
	s.Helper()
	from = len(s.output.String())
	_, _ = s.output.Write([]byte(line + "\n"))
	if _, err := io.WriteString(s.in, line+"\n"); err != nil {
		s.Fatal(err)
	}
	return from
}

// sees waits until the output ends like this.
func (s *terminalSandbox) sees(end string) {
	s.Helper()
	for range 400 {
		if strings.HasSuffix(s.output.String(), end) {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.Fatalf("it does not end with %q:\n%s", end, s.output)
}

// says types a line, and waits for a text in the output and for the next prompt.
func (s *terminalSandbox) says(line, want string) {
	s.Helper()
	from := s.types(line)
	for range 400 {
		if said := s.output.String()[from:]; strings.Contains(said, want) && strings.HasSuffix(said, "> ") {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.Fatalf("%q does not say %q:\n%s", line, want, s.output)
}

func TestTerminalSeparatesItsOwnCommands(t *testing.T) {
	t.Parallel()
	s := startTerminal(t)
	s.says("help", "as grace")
	s.says("/help", "as grace")
	s.says("/refund 12345", "no command here")
	s.says("cancel-task 12345", "[1] Cancel task")
	s.says("2", "changed")
	s.says("1", "is gone")
	s.says("7", "no button [7]")
	s.says("/as @Grace", "You are grace")
	s.says("as nobody", "no one of that name")
	s.says("in #Legal", "#legal")
	s.says("as linus", "You are linus in #general") // he is not in #legal
	s.says("tasks", "12344")
	s.says("kill", "The bot has stopped")
	s.says("/cancel-task 12345", "dispatch_failed")
	s.says("start", "The bot runs")
	s.says("/cancel-task 12345", "Cancel task")
	s.types("/quit")
}

var (
	moment = regexp.MustCompile(`(Today|Yesterday|[A-Z][a-z]{2} \d{1,2}, \d{4})( at \d{1,2}:\d\d [AP]M)?`)
	hour   = regexp.MustCompile(`\d{1,2}:\d\d [AP]M`)
)

// The transcript in the docs is the output of the terminal, apart from the
// times.
func TestTranscriptMatchesTheTerminal(t *testing.T) {
	t.Parallel()
	s := startTerminal(t)
	s.says("/cancel-task 12345 dup of 12346", "[2] Keep task")
	s.says("1", "\n┌ cancelbot\n") // the announcement
	printed := s.output.String()
	s.types("quit")
	begin, end := strings.Index(printed, "ada in #general> "), strings.LastIndex(printed, "└")
	got := printed[begin:end] + "└\n"
	const file = "docs/sandbox.md"
	page := read(t, file)
	place := regexp.MustCompile("(?s)```\n(ada in #general> .*?)```\n")
	found := place.FindStringSubmatch(page)
	if *update {
		page = place.ReplaceAllLiteralString(page, "```\n"+got+"```\n")
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	timeless := func(s string) string { return hour.ReplaceAllString(moment.ReplaceAllString(s, "…"), "…") }
	if found == nil || timeless(found[1]) != timeless(got) {
		t.Errorf("%s's transcript is not what the terminal prints:\n%s\ngo test ./bot/e2e -run TestTranscript -update rewrites it", file, got)
	}
}
