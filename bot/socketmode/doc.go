// Package socketmode keeps Socket Mode connections to Slack that overlap, so
// that none of what Slack sends is ever missed.
//
// In Socket Mode an app opens WebSockets to Slack, and Slack delivers each
// command, click or event to one of them (docs.slack.dev, "Using Socket
// Mode"). Slack replaces every connection each few hours, and what a person
// types while no connection is open is lost. A [Client] therefore keeps
// several connections in as many slots, opened some time apart, and makes the
// next connection of a slot before it lets the last one go: a connection that
// Slack has called back is read, and acknowledged on, until Slack closes it.
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
// three seconds. So a [Handler] works in two phases. Accept says at once what
// the acknowledgement is to carry, mostly nothing, and returns a function
// that starts the work. That function is called after the acknowledgement was
// written. In a burst, which is from the fourth envelope on that comes within
// a millisecond of the one before, it waits until none has come for 3 ms, but
// 20 ms at most, so that work does not compete with acknowledgements.
//
// Slack means to deliver commands and clicks once, and operators report some
// that came twice. A handler recognises these by [Envelope.ID]. An envelope whose acknowledgement could not be written is
// handed over all the same.
//
// # What ends, and what is retried
//
// [Client.Run] retries whatever may pass, with exponential back-off and
// jitter, for ever: a network that is down, answers of HTTP 5xx, Socket Mode
// switched off for the app. It returns only where no retry can help: an error
// for which errors.Is(err, [ErrTokenRefused]) or errors.Is(err, [ErrOtherApp])
// holds. Otherwise it ends with its context, or after [Client.HandBack],
// which gives the connections back to Slack so that another replica is sent
// what comes next.
//
// A Retry-After of Slack's pauses all slots, for up to a fifth longer than it
// says; of more than 5 minutes only 5 are believed. A connection that has lived
// for 10 seconds is replaced at once. Where Slack calls connections back
// sooner, a burst of 24 is still replaced at once, so that nothing is lost in a
// storm of refreshes; a burst of 4 where they live for less than 0.3 seconds.
// After that the client opens fewer than nine a minute, for all slots together,
// which is far below Slack's limit for apps.connections.open (Tier 3, some 50 a
// minute over all replicas), and has one within 8 seconds when Slack has calmed
// down.
//
// # Time
//
// A connection that stays silent is noticed within 20 seconds, by pings of
// its own. All waiting is done with package time, so that the whole works in
// a bubble of testing/synctest with connections that [Options.DialContext]
// makes in memory.
//
// # Secrets
//
// Neither the token nor the ticket in a connection's address gets into an
// error or a log line.
package socketmode
