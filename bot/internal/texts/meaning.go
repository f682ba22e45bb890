package texts

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/decision"
)

// Meaning is what a message says about a decision, apart from its words: the
// word of an outcome, or one of the constants. It is in the block_id of the
// message's first block, where a program can read it; people don't see it.
type Meaning string

// The meanings other than outcomes.
const (
	MeansUnderWay   Meaning = "under_way"  // nothing final is known
	MeansKept       Meaning = "kept"       // nothing was or will be sent: a person took it back
	MeansNotSaved   Meaning = "not_saved"  // nothing was or will be sent: the click couldn't be saved
	MeansSuperseded Meaning = "superseded" // nothing was or will be sent: another prompt's click came first
	MeansChecking   Meaning = "checking"   // the click is being judged
)

// final is the prefix of the meanings of messages that report the final
// result of an unknown outcome.
const final = "final_"

// Final returns the final result that a message reports for an unknown outcome;
// false if it reports none.
func (m Meaning) Final() (decision.Outcome, bool) {
	o, is := strings.CutPrefix(string(m), final)
	return decision.Outcome(o), is
}

// meansFinal tags a message that reports the final result of an unknown outcome.
func (m Message) meansFinal(o decision.Outcome) Message { return m.meaning(Meaning(final + string(o))) }

// meaning tags a message.
func (m Message) meaning(what Meaning) Message {
	if section, ok := m.Blocks[0].(*slack.SectionBlock); ok {
		section.BlockID = string(what)
	}
	return m
}

// meansOutcome tags a message that reports an outcome, or that there is none yet.
func (m Message) meansOutcome(o decision.Outcome) Message {
	if o == "" {
		return m.meaning(MeansUnderWay)
	}
	return m.meaning(Meaning(o))
}
