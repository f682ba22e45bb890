// Package slacktest is a stand-in Slack for tests of Slack apps: the Web API,
// response_urls and Socket Mode on one loopback server, over real HTTP and
// WebSocket. Any client that lets its API address be set can talk to it.
//
// A test acts as people do: [Server.Slash] types a command, [Server.Click]
// presses a button, [Server.Shortcut] uses a message shortcut,
// [Server.SubmitView] submits a modal. It reads what people would read:
// [Server.View] is what one person sees in a channel, [Server.History] what
// everybody does, [Server.Modals] what is open before somebody. And it breaks
// what breaks in the real one: [Server.Break] makes calls fail,
// [Server.Disconnect], [Server.Cut] and [Server.Freeze] end or silence
// connections, [SocketRules] and the Limit methods set Slack's own limits.
//
// The server has a memory and answers questions about it ([Server.Calls],
// [Server.Failed], [Server.AckLatencies]); it has no expectations. It is as
// strict as Slack where Slack's documentation or behaviour is known, and takes
// the less kind reading where nothing is documented. Comments name the page of
// docs.slack.dev that a rule comes from.
//
// # A world to start with
//
// Every server knows some people ([Ada], [Grace], [Guest], …) and places
// ([General], [Legal], …). [Server.AddUser], [Server.AddConversation] and
// [Server.SetGroup] add others. [Server.SetInstallation] turns the workspace
// into one of an Enterprise organisation, or the installation into one for a
// whole organisation. [Server.SlashFrom] and [Server.ClickFrom] deliver what
// no honest Slack would: envelopes of another app or workspace.
//
// # Virtual time
//
// The server takes the time from time.Now, starts no goroutine before it
// serves, keeps no package-level state, and writes to no connection while it
// holds a lock. With a listener of the caller's ([Options]) it runs inside a
// testing/synctest bubble, over connections in memory. [Server.Close] returns
// when nothing of the server runs any more.
package slacktest
