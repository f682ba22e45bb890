package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/cancelbot/cancelbot/bot/internal/doctor"
)

// errNotWell makes "check" exit with 1; what is wrong has been printed.
var errNotWell = errors.New("the bot would not work like this")

// check says what of the configuration works.
func (p Program) check(ctx context.Context, args []string) error {
	var asJSON bool
	err := p.parse("check", args, func(flags *flag.FlagSet) { flags.BoolVar(&asJSON, "json", false, "print JSON") })
	if err != nil {
		return err
	}
	cfg, problems := readConfig()
	results := doctor.Run(ctx, doctor.Settings{
		Problems: problems, Bot: cfg.bot(), Chamelio: cfg.chamelio(p.version()), Database: cfg.DatabaseURL.Reveal(),
	})
	ok, err := doctor.Write(p.Out, results, asJSON)
	if err != nil {
		return fmt.Errorf("printing what was found: %w", err)
	}
	if !ok {
		return errNotWell
	}
	return nil
}
