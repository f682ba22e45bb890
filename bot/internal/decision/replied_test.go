package decision

import (
	"testing"
	"time"
)

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

// TestPartOfTheResults answers an edit, and then a post, while a task has no final result.
func TestPartOfTheResults(t *testing.T) {
	t.Parallel()
	later := Do{Action: DoDelay, For: coarse.FirstCheck}
	told := Do{Action: DoPost, Where: InPerson}
	for name, tt := range map[string]struct {
		doing  Action
		follow Follow
		e      Event
		want   Do
	}{
		"saved, to be edited":               {DoSettle, Follow{Thread: true, New: true}, Event{Kind: Done}, Do{Action: DoEdit}},
		"saved, without an announcement":    {DoSettle, Follow{New: true}, Event{Kind: Done}, told},
		"not saved":                         {DoSettle, Follow{New: true}, Event{Kind: Uncertain}, Do{Action: DoEnd, Leave: true}},
		"edited":                            {DoEdit, Follow{Thread: true, New: true}, Event{Kind: Posted}, later},
		"perhaps edited":                    {DoEdit, Follow{Thread: true, New: true}, Event{Kind: Unclear}, later},
		"the edit is refused":               {DoEdit, Follow{Thread: true, New: true}, Event{Kind: Refused}, told},
		"the repeated edit is refused":      {DoEdit, Follow{Thread: true, Part: true}, Event{Kind: Refused}, later},
		"sent to the requester":             {DoPost, Follow{New: true}, Event{Kind: Posted}, later},
		"perhaps sent to the requester":     {DoPost, Follow{New: true}, Event{Kind: Unclear}, later},
		"the requester can't be reached":    {DoPost, Follow{New: true}, Event{Kind: Refused}, later},
		"Slack asks to wait":                {DoPost, Follow{New: true}, Event{Kind: Later, Pause: time.Hour}, later},
		"the lease is too short for a post": {DoPost, Follow{New: true}, Event{Kind: Withheld}, later},
	} {
		tt.follow.Some = true
		s := State{Stage: Settling, Doing: tt.doing, Follow: tt.follow, Announce: Announce{Where: InPerson}}
		if _, got := coarse.Step(s, tt.e, Moment{}); got != tt.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}
