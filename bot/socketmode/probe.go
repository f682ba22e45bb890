package socketmode

import (
	"context"
	"sync/atomic"
)

// CheckToken asks Slack for the address of a connection, and doesn't connect.
// Nothing is delivered to the caller, so it may be called at any time, even
// while the app is running. It returns nil if the token is valid and has the
// scope connections:write. That doesn't prove that Socket Mode is switched on;
// [Probe] does.
//
// # The error is one of
//
//   - a [*TokenError], for which errors.Is finds [ErrTokenRefused]: invalid_auth
//     and not_authed (unknown token), token_revoked, token_expired and
//     account_inactive (a former token), not_allowed_token_type (a token of
//     another kind), missing_scope (generate one with connections:write);
//   - an [*APIError], whose Class is [Configuration] if someone has to change a
//     setting, and [Transient] if Slack is busy or in trouble;
//   - an error that is [ErrUnreachable] if there was no answer;
//   - an error about the options.
func CheckToken(ctx context.Context, o Options) error {
	op, err := newOpener(&o)
	if err != nil {
		return err
	}
	_, err = op.address(ctx)
	return err
}

// ProbeResult is the result of [Probe].
type ProbeResult struct {
	Hello Hello

	// TurnedAway is the number of envelopes that Slack sent to the probe
	// before it was closed. They weren't acknowledged: Slack shows the person
	// that the app didn't respond, so they can try again; Slack sends events
	// again.
	TurnedAway int
}

// Probe opens a connection and closes it as soon as Slack has said hello. It
// returns nil if an app can run with these options: the token is valid, Socket
// Mode is on, and there is room for one more connection. In addition to the
// errors of [CheckToken] it returns a [*DisconnectError], which may be
// [ErrSocketModeOff] or [ErrTooManyConnections], and [ErrOtherApp].
//
// For a moment the probe is a connection to which Slack may deliver. Probe
// doesn't acknowledge such an envelope, since nothing would handle it. If the
// app may be running, call [CheckToken] instead.
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
