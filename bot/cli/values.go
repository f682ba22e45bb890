package cli

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/policy"
)

// workflowNames is a comma-separated list of names. A name that contains a
// comma is in double quotes.
type workflowNames []string

// UnmarshalText parses the list.
func (n *workflowNames) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*n = nil
		return nil
	}
	*n, err = policy.ParseWorkflows(string(text))
	return err
}

// days is a duration in whole days, such as 365d.
type days time.Duration

// maxDays is a century: a larger number is a mistake.
const maxDays = 36_500

var errDays = errors.New("isn't a number of days")

// UnmarshalText parses the number and the unit.
func (d *days) UnmarshalText(text []byte) error {
	number, unit := strings.CutSuffix(string(text), "d")
	n, err := strconv.ParseUint(number, 10, 32)
	if err != nil || !unit && len(text) > 0 || n > maxDays {
		return errDays
	}
	*d = days(time.Duration(n) * 24 * time.Hour)
	return nil
}
