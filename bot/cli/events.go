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
		{"precondition_failed", "precondition failed"},
		{"precondition_failed", "precondition failed; continuing"},
		{"http_serving", "serving health and metrics"},
		{"stopping", "stopping"},
		{"stopped", "stopped"},
		{"stopped_early", "stopped with work left; the next start, or another replica, resumes it"},
		{"leases_kept", "leases not released; they will expire"},
		{"others_unknown", "can't check whether another replica is connected"},
		{"connection_not_kept_open", "can't keep a connection open"},
		{"connections_kept", "connections not given back to Slack in time"},
		{"loop_failed", "background loop failed; retrying"},
		{"loop_recovered", "background loop recovered"},
		{"panic", "job panicked; this is a bug"},
		{"traces_lost", "traces lost"},
		{"traces_lost", "last traces lost"},
		// Credentials.
		{"credential_refused", "credential refused; retrying"},
		{"credential_accepted", "credential accepted again"},
		{"credential_replaced", "secret file changed; new value in use"},
		{"credential_not_replaced", "secret file changed, but its value is unusable; old value still in use"},
		{"credential_file_unreadable", "secret file unreadable; old value still in use"},
		{"credential_file_readable", "secret file readable again"},
		{"credential_not_noted", "credential state not saved for the audit channel; retrying"},
		{"credential_not_noted", "refused app token will be reported in the audit channel at the next start"},
		// The connection to Slack.
		{"slack_connected", "connected to Slack"},
		{"slack_connected", "connected to Slack again"},
		{"slack_connection_lost", "connection to Slack lost"},
		{"slack_connect_failed", "can't connect to Slack"},
		{"slack_connect_failed", "still can't connect to Slack"},
		{"slack_connect_refused", "Socket Mode is switched off; enable it in the app settings (Socket Mode → Enable). Retrying"},
		{"slack_connect_refused", "too many connections: Slack allows an app 10, over all replicas. Retrying"},
		{"slack_connect_refused", "Slack refuses to connect this app until a setting is changed. Retrying"},
		{"envelope_ignored", "command ignored"},
		{"envelope_ignored", "click ignored"},
		// Commands.
		{"prompted", "prompted"},
		{"command_explained", "command answered without a prompt"},
		{"command_not_understood", "command not understood"},
		{"command_refused", "command refused"},
		{"command_paused", "command answered; cancelling is paused"},
		{"command_turned_away", "command turned away"},
		{"pause_unread", "can't check at a command whether cancelling is paused"},
		{"details_unavailable", "task details unavailable"},
		{"task_refused", "task refused"},
		{"shortcut_turned_away", "shortcut turned away"},
		{"modal_not_opened", "can't open a modal (views.open)"},
		{"modal_not_updated", "can't update a modal"},
		{"modal_too_long", "confirmation too long for a modal"},
		{"confirmation_not_accepted", "confirmation not accepted"},
		{"people_unavailable", "can't look up the people on a task; not mentioning them"},
		{"workflow_unmatched", "no task has this workflow that needs a second person; check its name in Chamelio"},
		{"reply_failed", "can't answer a command or a click"},
		// Clicks.
		{"click_refused", "click refused"},
		{"click_refused", "click refused; can't check whether cancelling is paused"},
		{"click_paused", "click refused; cancelling is paused"},
		{"click_turned_away", "click turned away"},
		{"click_turned_away", "click turned away; too many decisions in progress"},
		{"click_rate_limited", "clicks too fast"},
		{"click_repeated", "click delivered twice"},
		{"click_repeated", "shortcut delivered twice"},
		{"click_repeated", "request delivered twice"},
		{"click_second", "an earlier click counts"},
		{"click_second", "other decisions have all tasks"},
		{"click_second", "another process carries this click out"},
		{"click_late", "click on a closed prompt"},
		{"click_unclear", "can't tell what became of a prompt"},
		{"click_not_answered", "can't send a private answer"},
		{"click_checking_failed", "can't show that a click is being checked"},
		{"reason_asked", "asked for a reason"},
		{"reason_not_asked", "can't ask for a reason (views.open)"},
		{"reason_not_accepted", "reason not accepted"},
		{"reason_turned_away", "submitted modal turned away"},
		{"kept", "kept"},
		{"kept", "kept; not known whether the decision was saved"},
		{"keep_late", "decision came before the withdrawal"},
		{"withdrawn", "withdrawn"},
		{"withdraw_failed", "not known whether a withdrawal was saved"},
		// Decisions.
		{"decided", "decided"},
		{"claim_unclear", "not known whether a decision was saved; checking"},
		{"step_not_saved", "step not saved; retrying"},
		{"step_not_saved", "cancel request not recorded; not sent yet"},
		{"cancel_unclear", "no clear answer to a cancel request"},
		{"cancel_not_sent", "cancel request not sent; retrying"},
		{"cancel_waiting", "rate limited by Chamelio; waiting"},
		{"cancel_overlap", "another decision about the task may still take effect"},
		{"cancel_overlap", "can't see whether other decisions have the tasks now"},
		{"status_check_failed", "status check failed"},
		{"finished", "finished"},
		{"announced", "announced"},
		{"announce_failed", "announcement failed; retrying"},
		{"announce_unconfirmed", "announcement not confirmed by Slack; it counts as posted"},
		{"announce_given_up", "announcement given up: no one can be reached"},
		{"post_failed", "post failed"},
		{"post_waits", "Slack doesn't answer; waiting to post again"},
		{"announcement_not_edited", "can't edit an announcement"},
		{"settled", "settled"},
		{"taken_over", "taken over"},
		{"handed_over", "another process owns this decision now"},
		{"cut_off", "decision interrupted; it will be resumed"},
		{"row_restored", "decision missing from the journal; restored it. Was the database restored from a backup, or failed over?"},
		{"row_waits", "journal row can't be verified yet; ignoring it. Another replica may use another bot token"},
		{"rows_returned", "rows that were set aside are back"},
		{"note_without_decision", "audit note about a decision that isn't in the journal; retrying"},
		{"note_unverified", "audit note about a decision that can't be verified yet; retrying"},
		{"row_set_aside", "journal row isn't genuine; set it aside. Someone else has written to the database, or the bot token has changed"},
		{"rows_deleted", "old rows deleted"},
		{"rows_not_deleted", "old rows not deleted; retrying"},
		// Requests for a second person.
		{"request_in_reply", "can't post a request in the channel; answering the command instead"},
		{"request_not_posted", "request not posted"},
		{"request_not_needed", "request not posted; other decisions have its tasks"},
		{"request_unclear", "not known whether a request was posted"},
		{"request_unlisted", "request not listed; its message won't change when it expires"},
		{"request_reminded", "request reminder posted"},
		{"request_reminder_later", "request reminder put off"},
		{"request_not_reminded", "request reminder failed"},
		{"request_ended", "request ended"},
		{"request_not_ended", "can't end a request now; retrying"},
		{"request_not_updated", "can't update a request"},
		{"request_forgotten", "request from before the bot token changed; dropped it"},
		// The audit channel.
		{"audit_failed", "audit copy failed; retrying"},
		{"audit_given_up", "audit copy given up"},
		{"audit_unconfirmed", "audit copy not confirmed by Slack; it counts as posted"},
		{"audit_without_link", "audit copy posted without a link to the original"},
		{"refusal_not_recorded", "refusal not recorded"},
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
