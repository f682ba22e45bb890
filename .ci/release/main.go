// Command release makes what a release of cancelbot takes beside its archives.
// It is a module of its own, so that nothing of it gets into the bot's.
//
//	go -C .ci/release run . notes v1.2.3
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// run carries out a command at the repository's root, two directories above
// this module's.
func run(args []string) error {
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
	}
	return errors.New("usage: notes TAG")
}
