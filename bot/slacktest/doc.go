// Package slacktest provides a fake Slack server for tests of Slack apps: the
// Web API, response_urls and Socket Mode on one loopback server, over real
// HTTP and WebSocket. Any client with a configurable API address can use it.
//
// A test acts as people do: [Server.Slash] types a command, [Server.Click]
// presses a button, [Server.Shortcut] uses a message shortcut,
// [Server.SubmitView] submits a modal. It reads what people would read:
// [Server.View] returns what one person sees in a channel, [Server.History]
// what everyone sees, [Server.Modals] a person's open modals. And it injects
// faults: [Server.Break] makes calls fail, [Server.Disconnect], [Server.Cut]
// and [Server.Freeze] end or silence connections, [SocketRules] and the Limit
// methods set Slack's own limits.
//
// The server records what happens ([Server.Calls], [Server.Failed],
// [Server.AckLatencies]); it has no expectations. It is as strict as Slack
// where Slack's documentation or behaviour is known, and stricter where
// nothing is documented. Comments name the page of docs.slack.dev that a rule
// comes from.
//
// # Initial data
//
// Every server starts with some people ([Ada], [Grace], [Guest], …) and
// conversations ([General], [Legal], …). [Server.AddUser],
// [Server.AddConversation] and [Server.SetGroup] add others.
// [Server.SetInstallation] makes the workspace part of an Enterprise
// organisation, or installs the app for a whole organisation.
// [Server.SlashFrom] and [Server.ClickFrom] deliver envelopes that the real
// Slack wouldn't send, from another app or workspace.
//
// # Virtual time
//
// The server gets the time from time.Now, starts no goroutine before it
// serves, has no package-level state, and writes to no connection while it
// holds a lock. With a listener from the caller ([Options]) it runs inside a
// testing/synctest bubble, over connections in memory. When [Server.Close]
// returns, nothing of the server is running.
package slacktest
