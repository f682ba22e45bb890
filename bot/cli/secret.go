package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// askedSecret is a secret that "cancelbot secret" asks for.
type askedSecret struct {
	variable, file string
	example        string
	prefix         string // what it starts with
}

// askedSecrets has the secrets in the order in which they are asked for. The
// files have the names that the systemd unit, Compose and Kubernetes expect.
var askedSecrets = []askedSecret{
	{"SLACK_APP_TOKEN", "slack-app-token", "xapp-…", "xapp-"},
	{"SLACK_BOT_TOKEN", "slack-bot-token", "xoxb-…", "xoxb-"},
	{"CHAMELIO_API_KEY", "chamelio-api-key", "ca_…", "ca_"},
	{"DATABASE_URL", "database-url", "postgres://user:password@host:5432/database", "postgres"},
}

// maxAsks is how often one secret is asked for on a terminal.
const maxAsks = 3

// writeSecrets asks for secrets and writes each into a file.
func (p Program) writeSecrets(ctx context.Context, args []string) error {
	mode, database := "", false
	rest, err := p.parseArgs("secret", args, func(flags *flag.FlagSet) {
		flags.StringVar(&mode, "mode", mode, "the files' `mode`: 0444 where a container's user reads them; without it, that of the file to replace, or 0600")
		flags.BoolVar(&database, "database-url", false, "also ask for DATABASE_URL")
	})
	switch {
	case err != nil:
		return err
	case len(rest) != 1:
		return usageError("secret takes one directory, or one file named slack-app-token, slack-bot-token, chamelio-api-key or database-url")
	}
	perm, err := strconv.ParseUint(cmp.Or(mode, "0"), 8, 9)
	if err != nil || mode != "" && perm == 0 {
		return usageError("secret: --mode must be a mode such as 0600 or 0444")
	}
	dir, wanted := secretsAt(rest[0], database)
	input := &prompter{in: p.In, lines: bufio.NewReader(p.In), out: p.Stderr}
	values := make([]string, len(wanted))
	for i, s := range wanted {
		if values[i], err = input.ask(ctx, s, filepath.Join(dir, s.file)); err != nil {
			return err
		}
	}
	return p.storeSecrets(dir, wanted, values, fs.FileMode(perm))
}

// secretsAt returns the directory for a path, and the secrets to write: one if
// the path names its file.
func secretsAt(path string, database bool) (dir string, wanted []askedSecret) {
	for _, s := range askedSecrets {
		if filepath.Base(path) == s.file {
			return filepath.Dir(path), []askedSecret{s}
		}
	}
	if database {
		return path, askedSecrets
	}
	return path, askedSecrets[:len(askedSecrets)-1]
}

// storeSecrets writes the files, and creates their directory. They have the mode perm; 0
// means that of the file that is replaced.
func (p Program) storeSecrets(dir string, wanted []askedSecret, values []string, perm fs.FileMode) error {
	if err := makeDirectory(dir, perm); err != nil {
		return fmt.Errorf("creating the directory: %w", err)
	}
	if perm&0o077 != 0 && othersEnter(dir) && othersEnter(filepath.Join(dir, "..")) {
		fmt.Fprintf(p.Stderr, "Others can read these files: their mode is %#o, and others can enter %s and the directory above it. Keep them in a directory inside one that only you can enter.\n", perm, dir)
	}
	variables := ""
	for i, s := range wanted {
		path := filepath.Join(dir, s.file)
		if err := p.replaceFile(path, values[i]+"\n", perm); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		fmt.Fprintln(p.Out, "wrote", path)
		if absolute, err := filepath.Abs(path); err == nil {
			variables += " " + s.variable + "_FILE=" + quoted(absolute)
		}
	}
	if len(wanted) > 1 {
		fmt.Fprintf(p.Out, "For a bot started from this shell:\n  export%s\n", variables)
	}
	return nil
}

// plainPath matches a path that a shell reads as it is.
var plainPath = regexp.MustCompile(`^[\w/.,:@%+=-]+$`)

// quoted returns a path as a word of a shell's command.
func quoted(path string) string {
	if plainPath.MatchString(path) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// makeDirectory creates a directory for files with the mode perm, and those above it, for
// this user alone. If others may read the files, and can't pass through the directory
// above, they can enter this one: a container that mounts it has another user.
func makeDirectory(dir string, perm fs.FileMode) error {
	above := filepath.Join(dir, "..")
	if err := os.MkdirAll(above, 0o700); err != nil {
		return err
	}
	switch err := os.Mkdir(dir, 0o700); {
	case errors.Is(err, fs.ErrExist):
		return os.MkdirAll(dir, 0o700) // fails if it isn't a directory
	case err != nil || othersEnter(above):
		return err
	}
	return os.Chmod(dir, 0o700|perm&0o044>>2)
}

// othersEnter reports whether other users can enter a directory.
func othersEnter(dir string) bool {
	info, err := os.Stat(dir)
	return err == nil && info.Mode().Perm()&0o077 != 0
}

// replaceFile replaces a file atomically: a reader finds either the old
// content or the new one.
func (p Program) replaceFile(path, content string, perm fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".cancelbot-secret-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.WriteString(content)
	mode, lost := replacing(path, f, perm)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err == nil && lost {
		fmt.Fprintf(p.Stderr, "%s belonged to another user or group, who may not be able to read it now. Give it back to them with chown.\n", path)
	}
	return err
}

// replacing gives a file the owner and the group of the one that it replaces, as far as
// this user may, and returns its mode: perm or, if that is 0, the old one's. It also
// reports whether those who could read the old file may not be able to read the new one.
func replacing(path string, f *os.File, perm fs.FileMode) (mode fs.FileMode, lost bool) {
	old, err := os.Stat(path)
	if err != nil {
		return cmp.Or(perm, 0o600), false
	}
	owned := keepOwner(f, old) == nil
	if perm == 0 {
		perm = old.Mode().Perm()
		if !owned {
			perm &^= 0o070 // this user's group is another one
		}
	}
	return perm, !owned && perm&0o004 == 0
}

// prompter reads secrets from a terminal without echo, or else one per line.
type prompter struct {
	in    io.Reader
	lines *bufio.Reader
	out   io.Writer
}

// ask returns a secret in the right form. On a terminal it asks again if the
// form is wrong. No error quotes the input.
func (p *prompter) ask(ctx context.Context, s askedSecret, path string) (string, error) {
	terminal, ok := p.in.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		line, err := p.lines.ReadString('\n')
		if line = strings.TrimSpace(line); line == "" {
			if err == nil || errors.Is(err, io.EOF) {
				return "", usageError("secret: there is no value for " + path)
			}
			return "", fmt.Errorf("reading the value for %s: %w", path, err)
		}
		if wrong := s.wrong(line); wrong != "" {
			return "", usageError("secret: " + wrong)
		}
		return line, nil
	}
	for try := 1; ; try++ {
		fmt.Fprintf(p.out, "%s (%s): ", s.variable, s.example)
		value, err := readPassword(ctx, int(terminal.Fd()))
		fmt.Fprintln(p.out)
		if err != nil {
			return "", fmt.Errorf("reading the value for %s: %w", path, err)
		}
		wrong := s.wrong(value)
		if wrong == "" {
			return value, nil
		}
		if try == maxAsks {
			return "", usageError("secret: " + wrong)
		}
		fmt.Fprintln(p.out, wrong+". Try again.")
	}
}

// wrong returns what is wrong with a value's form, or "".
func (s askedSecret) wrong(value string) string {
	if s.variable == "DATABASE_URL" {
		if err := journal.CheckURL(value); err != nil {
			return s.variable + " " + err.Error()
		}
		return ""
	}
	switch {
	case !strings.HasPrefix(value, s.prefix):
		return s.variable + ` must start with "` + s.prefix + `"`
	case strings.ContainsAny(value, " \t\"'"):
		return s.variable + " must not contain blanks or quotes"
	}
	return ""
}

// readPassword reads a line without echo. When ctx ends, it restores the
// terminal and returns; the read ends with the process.
func readPassword(ctx context.Context, fd int) (string, error) {
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	type answer struct {
		value []byte
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		value, err := term.ReadPassword(fd)
		answers <- answer{value, err}
	}()
	select {
	case a := <-answers:
		return strings.TrimSpace(string(a.value)), a.err
	case <-ctx.Done():
		_ = term.Restore(fd, before)
		return "", context.Cause(ctx)
	}
}
