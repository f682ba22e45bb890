package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

const (
	// startReadTimeout bounds the reading of each file at the start. It is long, because
	// the writer of a named pipe may have to ask for a passphrase.
	startReadTimeout = 30 * time.Second

	// fileTimeout bounds each later reading of a file. A command, a click or the end of
	// the process may wait for it.
	fileTimeout = 2 * time.Second
)

// errSlowFile means that a file wasn't read in time.
var errSlowFile = errors.New("reading it takes too long")

// secretFile is the file that NAME_FILE names, as Docker and Kubernetes mount them.
type secretFile struct {
	variable string
	reading  *semaphore.Weighted // held until the read under way has ended
}

func newSecretFile(variable string) secretFile {
	return secretFile{variable, semaphore.NewWeighted(1)}
}

// read returns the secret in the file, without the final line break. It returns false if
// the variable isn't set. The path isn't quoted in errors: it may be the secret itself, in
// the wrong variable.
func (f secretFile) read(ctx context.Context) (value secret.Value, found bool, wrong *environ.Problem) {
	name := f.variable
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return secret.Value{}, false, nil
	}
	problem := func(what, remedy string) (secret.Value, bool, *environ.Problem) {
		return secret.Value{}, true, &environ.Problem{Variable: name, Found: what, Remedy: remedy}
	}
	if os.Getenv(name) != "" {
		return problem(name+" and "+name+"_FILE are both set: which one is meant?", "Remove "+name+", or "+name+"_FILE")
	}
	raw, err := f.content(ctx, path)
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	if err != nil {
		remedy, slow := "Correct the path in "+name+"_FILE, or let the user that runs the bot read that file", errors.Is(err, errSlowFile)
		if slow {
			remedy = "See whether its file system hangs, or whether it is a pipe that no one writes to"
		}
		return secret.Value{}, true, &environ.Problem{
			Variable: name, Found: fmt.Sprintf("%s_FILE names a file that cannot be read: %v", name, err), Remedy: remedy, Passes: slow,
		}
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if text == "" {
		return problem(name+"_FILE names a file that is empty", "Write the value of "+name+" into that file")
	}
	return secret.New(text), true, nil
}

// content reads the file, and doesn't wait for it when ctx ends. The system has no way to
// end a read that hangs, so that goes on; until it has ended, no other one begins.
func (f secretFile) content(ctx context.Context, path string) ([]byte, error) {
	if f.reading.Acquire(ctx, 1) != nil {
		return nil, notRead(ctx)
	}
	var raw []byte
	var err error
	read := make(chan struct{})
	go func() { // ends with the process at the latest
		defer f.reading.Release(1)
		raw, err = os.ReadFile(path)
		close(read)
	}()
	select {
	case <-read:
		return raw, err
	case <-ctx.Done():
		return nil, notRead(ctx)
	}
}

// notRead returns why a file wasn't read before ctx ended.
func notRead(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errSlowFile
	}
	return context.Cause(ctx)
}
