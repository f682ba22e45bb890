package decision

// Names of stages, actions, events and so on, for logs, spans, scripts and
// diagrams.

// String returns the name.
func (s Stage) String() string {
	return [...]string{
		Saving: "saving", Resolving: "resolving", Recording: "recording", Announcing: "announcing", Noting: "noting",
		Following: "following", Settling: "settling", Ended: "ended",
	}[s]
}

// String returns the name.
func (a Action) String() string {
	return [...]string{
		DoEnd: "end", DoWait: "wait", DoSave: "save", DoClose: "close", DoGiveUp: "give up", DoSend: "send", DoUnmark: "unmark",
		DoGet: "get", DoAsk: "ask", DoRestore: "restore", DoRecord: "record", DoQueue: "queue", DoMark: "mark",
		DoRetract: "retract", DoPost: "post", DoProbe: "probe", DoNote: "note", DoDelay: "delay", DoCheck: "check", DoSettle: "settle", DoEdit: "edit", DoClear: "clear",
	}[a]
}

// String returns the name.
func (k Kind) String() string {
	return [...]string{
		Begun: "begun", Done: "done", Uncertain: "uncertain", Lost: "lost", Gone: "gone", Restored: "restored", Stopped: "stopped", Waited: "waited",
		Won: "won", Beaten: "beaten", Occupied: "occupied", Denied: "denied", Unmarked: "unmarked", Alone: "alone", Shared: "shared",
		Overruled: "overruled", Marked: "marked", Pending: "pending",
		AllKnown: "all known", SomeKnown: "some known", NoneKnown: "none known",
		Posted: "posted", Refused: "refused", Later: "later", Unclear: "unclear", Withheld: "withheld",
		CancelDone: "cancel: 200", CancelConflict: "cancel: 409", CancelNotFound: "cancel: 404", CancelKeyRefused: "cancel: 401",
		CancelRateLimited: "cancel: 429", CancelRefused: "cancel: refused", CancelServerError: "cancel: 500",
		CancelUnanswered: "cancel: no answer", CancelNotSent: "cancel: not sent",
		TaskCancelled: "task: cancelled", TaskEnded: "task: ended", TaskRunning: "task: running", TaskOdd: "task: other status",
		TaskMissing: "task: 404", TaskKeyRefused: "task: 401", TaskUnseen: "task: no answer",
	}[k]
}

// String returns the name.
func (w Where) String() string {
	return [...]string{InThread: "in the thread", InChannel: "in the channel", ByResponseURL: "by the response_url", InPerson: "in person", ToApprover: "to the approver"}[w]
}

// String returns the name.
func (s Show) String() string {
	return [...]string{
		ShowNothing: "nothing", ShowSaving: "saving", ShowRunning: "running", ShowSlow: "slow", ShowBusy: "busy", ShowOutcome: "outcome", ShowProgress: "progress",
		ShowBeaten: "beaten", ShowNotSaved: "not saved", ShowKept: "kept", ShowPerhaps: "perhaps",
	}[s]
}
