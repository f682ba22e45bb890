package bot

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/chamelio"
)

const (
	// claimLimit bounds the wait for the journal while somebody looks at a
	// button.
	claimLimit = 10 * time.Second

	// followLimit is how long somebody whose click came second is kept
	// waiting for what comes of the first.
	followLimit = 15 * time.Second

	// resumeWithin is how long after a click a decision that was cut off is
	// still carried out. Later, people count on the task being as they see
	// it: a cancel out of the blue would be one that nobody means any more.
	resumeWithin = 30 * time.Minute

	resumedAtOnce = 64
	resumeEvery   = 2 * time.Second
)

// click handles a press of a button: keeps the task, or decides to cancel it.
func (b *Bot) click(ctx context.Context, log *slog.Logger, k click) {
	log = log.With("user", k.user, "channel", k.channel)
	c, err := b.seal.decode(k.value, b.now())
	if err == nil && !c.meantFor(k) {
		err = errNotTheirs
	}
	if err != nil {
		log.Warn("click refused", "reason", err, "confirmation", c.ID, "task", c.Task)
		b.metrics.refusals.WithLabelValues("click", err.Error()).Inc()
		where := k.aside()
		if errors.Is(err, errExpired) { // no use to anybody any more
			where = instead
		}
		b.tell(ctx, log, k.responseURL, b.words.invalidClick(err, c), where)
		return
	}
	log = log.With("confirmation", c.ID, "task", c.Task)
	b.metrics.clicks.WithLabelValues(k.action).Inc()
	if k.action == actionKeep {
		b.keep(ctx, log, k, c)
		return
	}
	checking, checked := b.trace.step(ctx, "policy")
	no := b.mayConfirm(checking, k, c)
	checked(nil)
	if no != nil {
		log.Warn("click refused", "reason", no.code, "error", no.err)
		b.metrics.refusals.WithLabelValues("click", string(no.code)).Inc()
		where := k.aside()
		if no.passing() { // worth another try with the same prompt
			where = beside
		}
		b.tell(ctx, log, k.responseURL, b.words.refusedClick(*no, c), where)
		b.recordRefusal(ctx, log, journal.Note{ConfirmationID: c.ID, TaskID: int64(c.Task), Team: k.team, Channel: k.channel, Person: k.user, Code: string(no.code)})
		return
	}
	b.decide(ctx, log, k, c)
}

// meantFor tells whether a prompt may be clicked by this person, here. One
// that stands in the channel is meant for everybody there.
func (c confirmation) meantFor(k click) bool {
	return c.Channel == k.channel && c.Team == k.team && (c.Public || c.Requester == k.user)
}

// mayConfirm applies the policy anew: to the person who clicks and, where two
// people have to stand for it, to the one who asked.
func (b *Bot) mayConfirm(ctx context.Context, k click, c confirmation) *refusal {
	second := c.Public || b.cfg.Policy.SecondPerson
	if second && k.user == c.Requester {
		return &refusal{code: refusedSamePerson}
	}
	var task chamelio.Task
	var err error
	if b.policy.needsTask() {
		looking, cancel := context.WithTimeout(ctx, lookUpLimit)
		defer cancel()
		task, err = b.tasks.Task(looking, c.Task)
	}
	may := func(w who) *refusal {
		if no := b.policy.check(ctx, w, k.channel, fresh); no != nil {
			return no
		}
		return b.policy.checkTask(ctx, w, task, err, fresh)
	}
	if no := may(k.who); no != nil || !second {
		return no
	}
	no := may(who{user: c.Requester, team: k.team, enterprise: k.enterprise})
	if no != nil && !no.passing() {
		return &refusal{code: refusedRequester}
	}
	return no
}

// keep answers the other button. A prompt that only its requester sees is
// simply gone. One that everybody sees is withdrawn on record, so that a click
// already on its way finds it closed.
func (b *Bot) keep(ctx context.Context, log *slog.Logger, k click, c confirmation) {
	if !c.Public {
		log.Info("kept")
		b.tell(ctx, log, k.responseURL, b.words.kept(c.Task), instead)
		return
	}
	if k.user != c.Requester {
		log.Info("click refused", "reason", "only the requester withdraws")
		b.tell(ctx, log, k.responseURL, b.words.notYoursToWithdraw(c), beside)
		return
	}
	claiming, cancel := context.WithTimeout(ctx, claimLimit)
	defer cancel()
	withdrawn, err := b.journal.Withdraw(claiming, b.decisionOf(k, c))
	switch {
	case err != nil:
		log.Error("the journal did not take a withdrawal", "error", err)
		b.tell(ctx, log, k.responseURL, b.words.notWithdrawn(c.Task), beside)
	case withdrawn:
		log.Info("withdrawn")
		b.tell(ctx, log, k.responseURL, b.words.withdrawn(c), instead)
	default:
		log.Info("a decision came before the withdrawal")
		b.tell(ctx, log, k.responseURL, b.words.tooLateToWithdraw(c), beside)
	}
}

func (b *Bot) decisionOf(k click, c confirmation) journal.Decision {
	return journal.Decision{
		ConfirmationID: c.ID, TaskID: int64(c.Task), Team: c.Team, Channel: c.Channel,
		Requester: c.Requester, Confirmer: k.user, Reason: c.Reason,
		RequestedAt: c.RequestedAt, DecidedAt: b.now(), ResponseURL: k.responseURL,
	}
}

// errNotTheirs is a genuine confirmation in the wrong hands or place.
var errNotTheirs = errors.New("the confirmation is somebody else's, or of another channel")

// decide claims the decision and, if it wins, carries it out.
func (b *Bot) decide(ctx context.Context, log *slog.Logger, k click, c confirmation) {
	if ctx.Err() != nil {
		return // stopping: nothing was promised yet
	}
	mine := b.decisionOf(k, c)
	claiming, cancel := context.WithTimeout(ctx, claimLimit)
	defer cancel()
	claiming, claimed := b.trace.step(claiming, "claim", attribute.String("cancelbot.confirmation", c.ID), attribute.Int64("chamelio.task", int64(c.Task)))
	winner, won, err := b.journal.Claim(claiming, mine)
	claimed(err)
	switch {
	case err != nil:
		// It may have been written all the same; then it is resumed, and told
		// as any other. The words allow for that.
		log.Error("the journal did not take a decision; nothing is cancelled", "error", err)
		b.tell(ctx, log, k.responseURL, b.words.journalDown(c.Task), beside)
	case won:
		log.Info("decided")
		b.trace.begin(ctx, c.ID)
		b.carryOut(ctx, log, mine, false)
	case winner.Outcome == journal.Withdrawn:
		log.Info("clicked after it was withdrawn")
		b.tell(ctx, log, k.responseURL, b.words.withdrawn(c), instead)
	case winner.ConfirmationID == mine.ConfirmationID && winner.Confirmer != k.user:
		log.Info("clicked, but somebody else's click came first")
		b.follow(ctx, log, k, winner, beside)
	case winner.ConfirmationID == mine.ConfirmationID:
		log.Info("clicked again; the first click counts")
	default:
		log.Info("clicked, but another decision about the task came first", "winner", winner.ConfirmationID)
		b.follow(ctx, log, k, winner, instead)
	}
}

// follow tells somebody whose click came second what came of the first.
func (b *Bot) follow(ctx context.Context, log *slog.Logger, k click, winner journal.Decision, where placement) {
	deadline := b.now().Add(followLimit)
	for winner.Outcome == "" && b.now().Before(deadline) && sleep(ctx, 200*time.Millisecond) {
		if latest, err := b.journal.Get(ctx, winner.ConfirmationID); err == nil {
			winner = latest
		}
	}
	b.tell(ctx, log, k.responseURL, b.words.cameSecond(winner), where)
}

// carryOut brings a claimed decision to its outcome and hands it to the
// announcer. What it cannot finish stays in the journal to be resumed.
func (b *Bot) carryOut(ctx context.Context, log *slog.Logger, d journal.Decision, resumed bool) {
	finished := false
	defer func() {
		if !finished { // cut off, lost, or a panic: let it be taken over
			_ = b.journal.Abandon(context.WithoutCancel(ctx), d.ConfirmationID)
		}
	}()
	prompt := b.openPrompt(ctx, log, d)
	defer prompt.close()
	prompt.show(b.words.cancelling(taskOf(d)))

	r := resolution{bot: b, log: log, decision: d, prompt: prompt}
	res, err := r.run(ctx, resumed)
	if err != nil {
		log.Warn("a decision was cut off; it will be resumed", "error", err)
		return
	}
	if finished = b.finish(ctx, log, d, res); !finished {
		return
	}
	b.announcer.wake(d.Channel)
	prompt.show(b.words.outcomeLine(d, res))
}

// finish records the outcome, for as long as it takes.
func (b *Bot) finish(ctx context.Context, log *slog.Logger, d journal.Decision, res result) bool {
	pause := 100 * time.Millisecond
	for {
		err := b.journal.Finish(ctx, d.ConfirmationID, string(res.Outcome), res.encode())
		switch {
		case err == nil:
			b.metrics.decisions.WithLabelValues(string(res.Outcome)).Inc()
			b.metrics.outcomes.Observe(b.now().Sub(d.DecidedAt).Seconds())
			log.Info("finished", "outcome", res.Outcome, "cause", res.Cause, "requester", d.Requester)
			return true
		case errors.Is(err, journal.ErrLost):
			log.Warn("another process has taken the decision over and tells its outcome")
			return false
		}
		log.Error("the journal does not take an outcome; trying again", "error", err, "outcome", res.Outcome)
		if !sleep(ctx, pause) {
			return false
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// resumeAbandoned takes over decisions that some process left behind, this
// one's last life included, and carries each to its announcement.
func (b *Bot) resumeAbandoned(ctx context.Context) {
	for first := true; first || sleep(ctx, resumeEvery); first = false {
		free := b.resumed.free()
		if free == 0 {
			continue
		}
		left, err := b.journal.Unfinished(ctx, free)
		if err != nil {
			if ctx.Err() == nil {
				b.log.Error("cannot look for decisions to resume; trying again", "error", err)
			}
			continue
		}
		for _, d := range left {
			b.resume(ctx, d)
		}
	}
}

func (b *Bot) resume(ctx context.Context, d journal.Decision) {
	log := b.log.With("confirmation", d.ConfirmationID, "task", d.TaskID, "channel", d.Channel)
	if d.Outcome != "" {
		log.Info("resuming an announcement")
		b.announcer.wake(d.Channel)
		return
	}
	log.Info("resuming a decision")
	if !b.resumed.try(ctx, func(ctx context.Context) { b.carryOut(ctx, log, d, true) }) {
		_ = b.journal.Abandon(context.WithoutCancel(ctx), d.ConfirmationID)
	}
}

// keepLeases tells the other replicas that this one lives.
func (b *Bot) keepLeases(ctx context.Context) {
	for sleep(ctx, b.journal.Lease()/3) {
		if err := b.journal.Renew(ctx); err != nil && ctx.Err() == nil {
			b.log.Error("cannot renew leases; another replica may take over", "error", err)
		}
	}
}

// Outcome is what came of a decision. The journal and the metrics hold these
// words: they do not change.
type Outcome string

// The outcomes.
const (
	Cancelled        Outcome = "cancelled"         // by this decision
	AlreadyCancelled Outcome = "already_cancelled" // by somebody else, before
	NotCancellable   Outcome = "not_cancellable"   // completed, failed, or in no state to cancel
	NotFound         Outcome = "not_found"         // or this key may not see it
	RejectedKey      Outcome = "rejected_key"      // the task is untouched
	Failed           Outcome = "failed"            // the task still runs, or was never touched
	Unknown          Outcome = "unknown"           // sent, and nobody can say
)

// result is an outcome with what the announcement says about it. The journal
// keeps it as JSON, so that any process can tell it.
type result struct {
	Outcome Outcome         `json:"-"`
	Cause   cause           `json:"cause,omitempty"`
	Title   string          `json:"title,omitempty"`
	URL     string          `json:"url,omitempty"`
	Flow    string          `json:"workflow,omitempty"`
	Step    string          `json:"step,omitempty"`
	Status  chamelio.Status `json:"status,omitempty"`
	Over    time.Time       `json:"over,omitzero"` // since when the task is what Status says
	Key     chamelio.Reason `json:"key,omitempty"`
	Detail  string          `json:"detail,omitempty"`  // what Chamelio said when it refused
	RetryIn time.Duration   `json:"retry_in,omitzero"` // with busy
}

// cause tells failures apart that are one outcome but need other words.
type cause string

const (
	causeServer      cause = "server error"
	causeUnreachable cause = "unreachable"
	causeBusy        cause = "rate limited"
	causeRefused     cause = "refused"
	causeTooLate     cause = "resumed too late"
	causeKey         cause = "key refused while checking"
	causeStatus      cause = "unknown status"
)

func (r result) encode() string {
	raw, err := json.Marshal(r)
	if err != nil {
		return "{}" // a struct of strings and times: does not happen
	}
	return string(raw)
}

// resultOf reads back what finish wrote.
func resultOf(d journal.Decision) result {
	var r result
	_ = json.Unmarshal([]byte(d.Detail), &r) // the outcome alone can be told too
	r.Outcome = Outcome(d.Outcome)
	return r
}
