package decision

import "testing"

// TestWaysToPostAFinalResult answers a post of the final result in each way.
func TestWaysToPostAFinalResult(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		where Where
		e     Event
		want  Do
	}{
		"in the thread, refused":           {InThread, Event{Kind: Refused}, Do{Action: DoPost, Where: InChannel}},
		"in the thread, no clear answer":   {InThread, Event{Kind: Unclear}, Do{Action: DoWait, For: coarse.DoubtPause}},
		"in the channel, refused":          {InChannel, Event{Kind: Refused}, Do{Action: DoPost, Where: ByResponseURL}},
		"in the channel, later":            {InChannel, Event{Kind: Later, Troubled: true}, Do{Action: DoPost, Where: ByResponseURL}},
		"by the response_url, refused":     {ByResponseURL, Event{Kind: Refused}, Do{Action: DoPost, Where: InPerson}},
		"by the response_url, later":       {ByResponseURL, Event{Kind: Later}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"in person, refused":               {InPerson, Event{Kind: Refused}, Do{Action: DoPost, Where: ToApprover}},
		"in person, later":                 {InPerson, Event{Kind: Later}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"to the approver, refused":         {ToApprover, Event{Kind: Refused}, Do{Action: DoDelay, For: coarse.FirstCheck}},
		"to the approver, no clear answer": {ToApprover, Event{Kind: Unclear}, Do{Action: DoWait, For: coarse.PrivatePause.First}},
	} {
		s := State{Stage: Settling, Doing: DoPost, Announce: Announce{Reach: Reach{URL: true, Second: true}, Where: tt.where}}
		if _, got := coarse.Step(s, tt.e, Moment{}); got != tt.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
