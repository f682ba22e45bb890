// Command release makes the parts of a release other than its binaries. It is a
// module of its own, so that the bot doesn't get its dependencies.
//
//	go -C .ci/release run . notes v1.2.3     what the changelog says of the release; refuses a tag that does not fit
//	go -C .ci/release run . licenses FILE    the terms of everything that the binaries contain
//	go -C .ci/release run . image DIR 1.2.3 BINARY...
//	                                         an OCI layout with the image, and its digest on standard output
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run carries out a command at the repository's root, two directories above
// this module's.
func run(ctx context.Context, args []string) error {
	if err := os.Chdir("../.."); err != nil {
		return err
	}
	switch {
	case len(args) == 2 && args[0] == "notes":
		text, err := notes(os.DirFS("."), args[1])
		if err != nil {
			return fmt.Errorf("the tag %s cannot be released: %w", args[1], err)
		}
		_, err = fmt.Print(text)
		return err
	case len(args) == 2 && args[0] == "licenses":
		var text bytes.Buffer
		if err := licenses(ctx, &text); err != nil {
			return err
		}
		return os.WriteFile(args[1], text.Bytes(), 0o644)
	case len(args) > 3 && args[0] == "image":
		digest, err := image(ctx, args[1], args[2], args[3:])
		if err != nil {
			return err
		}
		_, err = fmt.Println(digest)
		return err
	}
	return errors.New("usage: notes TAG, licenses FILE, or image DIR VERSION BINARY...")
}
