package socketmode

import (
	"context"
	"sync/atomic"
)

// CheckToken asks Slack for the address of a connection, and does not connect:
// nothing is delivered to the caller, so that it may be called at any time
// beside a running app. nil means that the token is genuine and has the scope
// connections:write. Whether Socket Mode is switched on is not certain from
// this; [Probe] tells.
//
// The error is one of
//   - a [*TokenError], for which errors.Is finds [ErrTokenRefused]: invalid_auth
//     and not_authed (no such token), token_revoked, token_expired and
//     account_inactive (it was one), not_allowed_token_type (a token of
//     another kind), missing_scope (generate one with connections:write);
//   - an [*APIError], whose Class is [Configuration] where somebody has to
//     change a setting, and [Transient] where Slack is busy or in trouble;
//   - one that is [ErrUnreachable] where no answer came;
//   - what is wrong with the options.
func CheckToken(ctx context.Context, o Options) error {
	op, err := newOpener(&o)
	if err != nil {
		return err
	}
	_, err = op.address(ctx)
	return err
}

// ProbeResult is what [Probe] has seen.
type ProbeResult struct {
	Hello Hello

	// TurnedAway counts envelopes that Slack sent to the probe before it was
	// closed. They were not acknowledged: the person reads in Slack that the
	// app did not respond, and can try again; events are sent again by Slack.
	TurnedAway int
}

// Probe opens a connection and closes it as soon as Slack has said hello. nil
// means that an app can be run with these options: the token is good, Socket
// Mode is on, and there is room for one more connection. Besides the errors of
// [CheckToken] it returns a [*DisconnectError], which may be [ErrSocketModeOff]
// or [ErrTooManyConnections], and [ErrOtherApp].
//
// For the blink of an eye the probe is a connection that Slack may deliver to.
// An envelope that comes in it must be swallowed or left without an answer;
// the latter is the honest one, and is what is done. Where the app may be
// running, call [CheckToken].
func Probe(ctx context.Context, o Options) (ProbeResult, error) {
	op, err := newOpener(&o)
	if err != nil {
		return ProbeResult{}, err
	}
	var turnedAway atomic.Int64
	counting := HandlerFunc(func(Envelope) (any, func()) { turnedAway.Add(1); return nil, nil })
	c := newConnection(counting, Observer{}, newRelease())
	if err := op.connect(ctx, c); err != nil {
		return ProbeResult{}, err
	}
	c.sayClose()
	at := make(chan struct{})
	close(at)
	c.serve(at, at)
	return ProbeResult{Hello: c.hello, TurnedAway: int(turnedAway.Load())}, nil
}
