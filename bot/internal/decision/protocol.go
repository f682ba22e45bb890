package decision

import "time"

// Protocol is every duration and bound of a decision's life, in one table.
// Step uses it, so a test can search the same rules with a coarser clock.
type Protocol struct {
	// SaveFor is how long after a click the bot keeps trying to save it if the
	// journal doesn't answer clearly. After that it makes sure that the click
	// is never carried out.
	SaveFor time.Duration

	// ClickAge is how long after a click its cancel request may be sent.
	// Later, people rely on the task as they see it.
	ClickAge time.Duration

	// MaxTries bounds the cancel requests for a task once one of them had no clear answer.
	// It counts those without a clear answer and those that Chamelio refused, but not those
	// that it asked to repeat later.
	MaxTries uint8

	// Flight is how long a request without an answer may still take effect.
	// Nothing is sent again before.
	Flight time.Duration

	// ReadLag is how long after a request a GET may still show the state from
	// before it.
	ReadLag time.Duration

	// Patience is how long an unclear request is checked before its outcome is
	// announced as unknown. It counts from the first answer to a check.
	Patience time.Duration

	// BusyFor bounds the total wait for Chamelio's rate limit, MinBusy is the
	// least single one if Chamelio doesn't say how long.
	BusyFor, MinBusy time.Duration

	// PostFor is how long chat.postMessage is tried before the announcement
	// goes through the click's response_url.
	PostFor time.Duration

	// PersonAfter is how long every way to the channel is tried before the
	// announcement goes to the requester alone.
	PersonAfter time.Duration

	// DoubtPause is the time between a post in the channel without a clear
	// answer and its only repetition. PrivatePause is the same for direct
	// messages. Together its pauses are longer than an outage of Slack.
	DoubtPause   time.Duration
	PrivatePause Backoff

	// ProbeFor is how long after a post without a clear answer the next one waits
	// until Slack answers.
	ProbeFor time.Duration

	// TellFor is how long after the click the bot keeps trying to post an outcome that
	// every way refuses. Then the decision ends without an announcement.
	TellFor time.Duration

	// TryFor is how long every way must have refused an announcement before the bot gives
	// it up, and how long a process must have been up before it gives up what is older
	// than TellFor or FollowFor: a final result, a request's update or an audit copy. If
	// no process was up for a day, the first failure means little.
	TryFor time.Duration

	// EditFor is how long the bot keeps trying to edit an announcement before it posts
	// the final result without the edit.
	EditFor time.Duration

	// ResponseURLLife is how long Slack accepts answers to a click
	// (docs.slack.dev: interactivity/handling-user-interaction).
	ResponseURLLife time.Duration

	// Gap is the time between two posts in one channel: Slack takes about one a
	// second (docs.slack.dev: apis/web-api/rate-limits).
	Gap time.Duration

	// FollowFor is how long after the click an unknown outcome is followed up.
	FollowFor time.Duration

	// FirstCheck and MaxCheckPause bound the pauses of a follow-up. They double.
	FirstCheck, MaxCheckPause time.Duration

	// Pauses between tries: of a write to the journal, of a GET or a cancel
	// request, of a post, and of a round of posts.
	SavePause, CheckPause, PostPause, RoundPause Backoff

	// MaxRoundPause bounds the pause between rounds of posts that have failed
	// for hours.
	MaxRoundPause time.Duration
}

// Backoff is a pause that doubles with each try.
type Backoff struct{ First, Max time.Duration }

// after returns the pause after a number of failures.
func (b Backoff) after(tries uint8) time.Duration {
	pause := b.First
	for range tries {
		pause = min(2*pause, b.Max)
	}
	return pause
}

// next counts a failure, up to the number from which the pause is constant.
func (b Backoff) next(tries uint8) uint8 {
	if b.after(tries) < b.Max {
		tries++
	}
	return tries
}

// minFlight is the least time that a request without an answer counts as in
// flight, flightTimeouts how many of the client's own timeouts.
const (
	minFlight      = 30 * time.Second
	flightTimeouts = 3
)

// NewProtocol returns the table for a client whose calls to Chamelio time out
// after the given time.
func NewProtocol(cancelTimeout time.Duration) Protocol {
	return Protocol{
		SaveFor:         2 * time.Minute,
		ClickAge:        30 * time.Minute,
		MaxTries:        3,
		Flight:          max(minFlight, flightTimeouts*cancelTimeout),
		ReadLag:         10 * time.Second,
		Patience:        2 * time.Minute,
		BusyFor:         time.Minute,
		MinBusy:         time.Second,
		PostFor:         15 * time.Second,
		PersonAfter:     5 * time.Minute,
		DoubtPause:      15 * time.Second,
		PrivatePause:    Backoff{5 * time.Minute, 4 * time.Hour},
		ProbeFor:        4 * time.Hour,
		TellFor:         24 * time.Hour,
		TryFor:          30 * time.Minute,
		EditFor:         5 * time.Minute,
		ResponseURLLife: 30 * time.Minute,
		Gap:             time.Second,
		FollowFor:       24 * time.Hour,
		FirstCheck:      15 * time.Second,
		MaxCheckPause:   10 * time.Minute,
		SavePause:       Backoff{100 * time.Millisecond, 5 * time.Second},
		CheckPause:      Backoff{500 * time.Millisecond, 10 * time.Second},
		PostPause:       Backoff{200 * time.Millisecond, 5 * time.Second},
		RoundPause:      Backoff{500 * time.Millisecond, 30 * time.Second},
		MaxRoundPause:   time.Hour,
	}
}
