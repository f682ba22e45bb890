// Package socketmode keeps overlapping Socket Mode connections to Slack, so
// that no envelope is missed while Slack replaces a connection.
//
// In Socket Mode an app opens WebSockets to Slack, and Slack delivers each
// command, click or event to one of them (docs.slack.dev, "Using Socket
// Mode"). Slack replaces every connection each few hours, and a command that a
// person types while no connection is open is lost. A [Client] therefore keeps
// several connections in as many slots, opened some time apart, and opens the
// next connection of a slot before it closes the last one: a connection that
// Slack is about to replace is read, and acknowledged on, until Slack closes
// it.
//
//	client, err := socketmode.New(socketmode.Options{
//		AppToken: os.Getenv("SLACK_APP_TOKEN"),
//		Handler:  handler,
//	})
//	if err != nil {
//		return err
//	}
//	return client.Run(ctx)
//
// # Acknowledge first, then work
//
// Slack shows the person an error unless an envelope is acknowledged within
// three seconds. So a [Handler] works in two phases. Accept returns at once the
// payload of the acknowledgement, usually none, and a function that starts the
// work. The client calls that function after it has written the
// acknowledgement. In a burst, it waits until no envelope has arrived for 3 ms,
// but at most 20 ms, so that work doesn't compete with acknowledgements. A
// burst begins with the fourth envelope that arrives within a millisecond of
// the one before.
//
// Slack intends to deliver commands and clicks once, but operators report
// duplicates. A handler recognises them by [Envelope.ID]. An envelope is
// handled even if its acknowledgement couldn't be written.
//
// # Errors and retries
//
// [Client.Run] retries temporary problems forever, with exponential back-off
// and jitter: a network that is down, answers of HTTP 5xx, Socket Mode switched
// off for the app. It returns an error only if no retry can help: one for which
// errors.Is(err, [ErrTokenRefused]) or errors.Is(err, [ErrOtherApp]) is true.
// Otherwise it ends with its context, or after [Client.HandBack], which gives
// the connections back to Slack so that another replica gets new envelopes.
//
// A rate limit of Slack's (HTTP 429) pauses all slots for as long as its
// Retry-After says, for a minute at most, and up to a fifth longer. The
// Retry-After of any other answer is ignored. A connection that has lived for 10 seconds
// is replaced at once. If Slack ends connections sooner, a burst of 24 is still
// replaced at once, so that nothing is lost in a storm of refreshes; a burst of
// 4 if they live for less than 0.3 seconds. After that the client opens fewer
// than nine a minute, for all slots together, which is far below Slack's limit
// for apps.connections.open (Tier 3, some 50 a minute over all replicas), and
// has a connection within 8 seconds once Slack has calmed down.
//
// # Time
//
// A silent connection is noticed within 20 seconds, by pings from the client.
// All waits use package time, so that the client works in a testing/synctest
// bubble, with in-memory connections from [Options.DialContext].
//
// # Secrets
//
// Neither the token nor the ticket in a connection's address gets into an
// error or a log line.
package socketmode
