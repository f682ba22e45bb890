package decision

import "testing"

// TestFinalResultGoesToARequesterAloneOnlyIfTheChannelCannotWork answers a post
// of the final result in each way.
func TestFinalResultGoesToARequesterAloneOnlyIfTheChannelCannotWork(t *testing.T) {
	for name, tt := range map[string]struct {
		where Where
		e     Event
		want  Do
	}{
		"in the thread, later":                  {InThread, Event{Kind: Later}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"in the thread, no answer":              {InThread, Event{Kind: Unclear}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"in the thread, refused":                {InThread, Event{Kind: Refused}, Do{Action: DoPost, Where: InChannel}},
		"in the channel, later":                 {InChannel, Event{Kind: Later}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"in the channel, refused":               {InChannel, Event{Kind: Refused}, Do{Action: DoPost, Where: ByResponseURL}},
		"in the channel, an error was answered": {InChannel, Event{Kind: Unclear, Answered: true}, Do{Action: DoPost, Where: InPerson}},
		"by the response_url, refused":          {ByResponseURL, Event{Kind: Refused}, Do{Action: DoPost, Where: InPerson}},
	} {
		s := State{Stage: Settling, Doing: DoPost, Announce: Announce{URL: true}, Follow: Follow{Where: tt.where}}
		if _, got := coarse.Step(s, tt.e, Moment{}); got != tt.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
