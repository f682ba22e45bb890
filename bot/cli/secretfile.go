package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
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

	// maxReads is how many reads of one variable's files may be under way: each may hang.
	maxReads = 3
)

var (
	// errSlowFile means that a file wasn't read in time.
	errSlowFile = errors.New("reading it takes too long")

	// errNotRegular means that a file can't be read again and again.
	errNotRegular = errors.New("it isn't a regular file")
)

// secretFile is the file that NAME_FILE names, as Docker and Kubernetes mount them.
type secretFile struct {
	variable string
	pipe     bool                // it may be one, whose writer is waited for
	reading  *semaphore.Weighted // held by each read until it has ended
	files    *openFiles          // of these reads
}

// newSecretFile returns a file that is read at the start, and so may be a pipe.
func newSecretFile(variable string) secretFile {
	return secretFile{variable, true, semaphore.NewWeighted(maxReads), &openFiles{}}
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
		switch {
		case slow:
			remedy = "See whether its file system hangs, or whether it is a pipe that no one writes to"
		case errors.Is(err, errNotRegular):
			remedy = "Put a regular file there: a pipe serves for the start only"
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
// end a read that hangs, so that goes on. Until it has ended, no other read of the same
// file begins, but a file that has replaced it is read, unless maxReads reads hang.
func (f secretFile) content(ctx context.Context, path string) ([]byte, error) {
	if f.reading.Acquire(ctx, 1) != nil {
		return nil, notRead(ctx)
	}
	var raw []byte
	var err error
	read := make(chan struct{})
	go func() { // ends with the process at the latest
		defer f.reading.Release(1)
		raw, err = f.readOnce(path)
		close(read)
	}()
	select {
	case <-read:
		return raw, err
	case <-ctx.Done():
		return nil, notRead(ctx)
	}
}

// readOnce reads the file, unless a read of the same file is under way.
func (f secretFile) readOnce(path string) ([]byte, error) {
	file, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !f.pipe && !file.Mode().IsRegular():
		return nil, errNotRegular
	case !f.files.add(file):
		return nil, errSlowFile
	}
	defer f.files.remove(file)
	return os.ReadFile(path)
}

// openFiles are the files that are being read.
type openFiles struct {
	mu  sync.Mutex
	all []os.FileInfo
}

// add adds a file. It returns false if the file is there already.
func (o *openFiles) add(file os.FileInfo) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if slices.ContainsFunc(o.all, func(one os.FileInfo) bool { return os.SameFile(one, file) }) {
		return false
	}
	o.all = append(o.all, file)
	return true
}

func (o *openFiles) remove(file os.FileInfo) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = slices.DeleteFunc(o.all, func(one os.FileInfo) bool { return os.SameFile(one, file) })
}

// notRead returns why a file wasn't read before ctx ended.
func notRead(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errSlowFile
	}
	return context.Cause(ctx)
}
