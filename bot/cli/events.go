package cli

import (
	"context"
	"log/slog"
)

// event is a kind of log line. Its name never changes; its message may.
type event struct{ name, message string }

// events returns all of them. docs/operate.md has the same table, and a test
// finds messages that are missing here. Several messages may belong to one
// event.
func events() []event {
	return []event{
		// The process.
		{"starting", "starting"},
		{"started", "started"},
		{"precondition_failed", "a precondition doesn't hold"},
		{"precondition_failed", "a precondition doesn't hold; going on"},
		{"http_serving", "serving health and metrics"},
		{"stopping", "stopping"},
		{"stopped", "stopped"},
		{"stopped_early", "stopped before everything was done; the next start, or another replica, goes on with it"},
		{"leases_kept", "leases stay until they run out"},
		{"others_unknown", "can't ask whether another replica serves"},
		{"connection_not_kept_open", "no connection is kept open"},
		{"connections_kept", "not all connections were given back to Slack in time"},
		{"loop_failed", "a background loop fails; it goes on trying"},
		{"loop_recovered", "a background loop works again"},
		{"panic", "a job panicked; this is a bug"},
		{"traces_lost", "traces are lost"},
		{"traces_lost", "the last traces are lost"},
		// Credentials.
		{"credential_refused", "a credential is refused; it is tried again"},
		{"credential_accepted", "a credential is accepted again"},
		{"credential_replaced", "the file of a secret has changed: what it holds now is in use"},
		{"credential_not_replaced", "the file of a secret has changed, but what it holds cannot be used: the old one stays in use"},
		{"credential_not_noted", "whether a credential is refused could not be noted for the audit channel; trying again"},
		{"credential_not_noted", "the audit channel will hear of the refused app token at the next start"},
		// The connection to Slack.
		{"slack_connected", "connected to Slack"},
		{"slack_connected", "connected to Slack again"},
		{"slack_connection_lost", "a connection to Slack was lost"},
		{"slack_connect_failed", "cannot connect to Slack"},
		{"slack_connect_failed", "still cannot connect to Slack"},
		{"slack_connect_refused", "Socket Mode was switched off for this app: Slack delivers nothing until it is on again (app settings → Socket Mode → Enable). Trying again until then"},
		{"slack_connect_refused", "Slack lets no more connections in: an app may have 10 at once, over all its replicas. Trying again until there is room"},
		{"slack_connect_refused", "Slack refuses to connect this app until somebody changes a setting. Trying again until then"},
		{"envelope_ignored", "ignored a command"},
		{"envelope_ignored", "ignored a click"},
		// Commands.
		{"prompted", "prompted"},
		{"command_explained", "command answered without a prompt"},
		{"command_not_understood", "command not understood"},
		{"command_refused", "command refused"},
		{"command_paused", "command answered: cancelling is paused"},
		{"command_turned_away", "a command was turned away"},
		{"pause_unread", "couldn't read at a command whether cancelling is paused"},
		{"details_unavailable", "a task's details are unavailable"},
		{"task_refused", "refused a task"},
		{"shortcut_refused", "shortcut refused"},
		{"shortcut_turned_away", "a shortcut was turned away"},
		{"modal_not_opened", "cannot open a modal (views.open)"},
		{"modal_not_updated", "a modal can't be updated"},
		{"modal_too_long", "a modal can't carry its confirmation"},
		{"confirmation_not_accepted", "a confirmation was not accepted"},
		{"people_unavailable", "can't look up who is on a task; they aren't mentioned"},
		{"workflow_unmatched", "no task seen is of a workflow that needs a second person; is that its name in Chamelio?"},
		{"reply_failed", "could not answer a command or a click"},
		// Clicks.
		{"click_refused", "click refused"},
		{"click_refused", "click refused: the journal doesn't say whether cancelling is paused"},
		{"click_paused", "click refused: cancelling is paused"},
		{"click_turned_away", "a click was turned away"},
		{"click_turned_away", "a click was turned away: too many decisions are under way"},
		{"click_rate_limited", "someone clicks too fast"},
		{"click_repeated", "the same click was delivered twice"},
		{"click_second", "clicked, but an earlier click counts"},
		{"click_second", "clicked, but another decision about the task came first"},
		{"click_second", "another process carries this click out"},
		{"click_late", "clicked after it was withdrawn"},
		{"click_late", "clicked after the request had expired"},
		{"click_checking_failed", "couldn't show that a click is being checked"},
		{"reason_asked", "asked for a reason"},
		{"reason_not_asked", "cannot ask for a reason (views.open)"},
		{"reason_not_accepted", "a reason was not accepted"},
		{"reason_turned_away", "a submitted modal was turned away"},
		{"kept", "kept"},
		{"kept", "kept while it isn't known whether the decision was saved"},
		{"keep_late", "a decision came before the withdrawal"},
		{"withdrawn", "withdrawn"},
		{"withdraw_failed", "the journal doesn't save a withdrawal"},
		// Decisions.
		{"decided", "decided"},
		{"claim_unclear", "the journal doesn't say whether it saved a decision; finding out"},
		{"step_not_saved", "the journal didn't save a step; trying again"},
		{"step_not_saved", "the journal didn't take note of a cancel; it isn't sent yet"},
		{"cancel_unclear", "a cancel got no clear answer"},
		{"cancel_not_sent", "can't reach Chamelio; trying again"},
		{"cancel_waiting", "Chamelio's rate limit; waiting"},
		{"cancel_overlap", "another decision about the task may still take effect"},
		{"status_check_failed", "a status check failed"},
		{"finished", "finished"},
		{"announced", "announced"},
		{"announce_failed", "Slack doesn't take an announcement; trying again"},
		{"post_failed", "a post failed"},
		{"announcement_not_edited", "an announcement can't be edited"},
		{"settled", "settled"},
		{"taken_over", "taken over"},
		{"handed_over", "another process carries this decision now"},
		{"cut_off", "a decision was cut off; it will be resumed"},
		{"row_restored", "a decision had vanished from the journal and was restored. Was the database restored from a backup, or failed over?"},
		{"row_waits", "a row of the journal can't be verified yet: nothing is done about it and nothing says what it says. Another replica may use another bot token"},
		{"rows_returned", "rows that were set aside are verified again"},
		{"note_without_decision", "a note for the audit channel is about a decision that isn't in the journal; trying again"},
		{"row_set_aside", "a row of the journal isn't genuine: it is set aside, nothing is cancelled and nothing is posted. Someone else has written to the database, or the bot token has changed"},
		{"rows_deleted", "deleted old rows"},
		{"rows_not_deleted", "old rows aren't deleted; trying again"},
		// Requests for a second person.
		{"request_in_reply", "cannot post a request in the channel; answering the command instead"},
		{"request_unclear", "a request may have been posted, or not"},
		{"request_unlisted", "a request is not on the list of open ones: nothing will say when it runs out"},
		{"request_reminded", "reminded of a request"},
		{"request_not_reminded", "cannot remind of a request"},
		{"request_ended", "a request has ended"},
		{"request_not_ended", "a request can't be ended now; trying again"},
		{"request_not_updated", "a request cannot be turned"},
		{"request_forgotten", "forgot a request from before the bot token was changed"},
		// The audit channel.
		{"audit_failed", "the audit channel does not take a copy; trying again"},
		{"audit_without_link", "a copy goes to the audit channel without a link to the original"},
		{"refusal_not_recorded", "a refusal is not on record"},
	}
}

// otherEvent is the event of a line from elsewhere, such as net/http.
const otherEvent = "other"

// eventHandler adds the event's name to each line.
type eventHandler struct {
	slog.Handler
	names map[string]string // by message
}

func newEventHandler(next slog.Handler) slog.Handler {
	h := eventHandler{next, map[string]string{}}
	for _, e := range events() {
		h.names[e.message] = e.name
	}
	return h
}

// Handle implements slog.Handler.
func (h eventHandler) Handle(ctx context.Context, r slog.Record) error {
	name, known := h.names[r.Message]
	if !known {
		name = otherEvent
	}
	r = r.Clone()
	r.AddAttrs(slog.String("event", name))
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h eventHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return eventHandler{h.Handler.WithAttrs(attrs), h.names}
}

// WithGroup implements slog.Handler.
func (h eventHandler) WithGroup(name string) slog.Handler {
	return eventHandler{h.Handler.WithGroup(name), h.names}
}
