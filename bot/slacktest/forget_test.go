package slacktest_test

import (
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

func TestForgetDropsOnlyThePast(t *testing.T) {
	s := slacktest.NewServer()
	defer s.Close()
	s.Say(slacktest.Ada, slacktest.General, "old")
	call(t, s, slacktest.BotToken, "auth.test", nil)
	s.Slash(slacktest.Ada, slacktest.General, "/cancel-task 1")
	time.Sleep(time.Millisecond)
	between := time.Now()
	s.Say(slacktest.Ada, slacktest.General, "new")
	s.Forget(between)
	if got := s.History(slacktest.General); len(got) != 1 || got[0].Text != "new" {
		t.Errorf("messages: %v", got)
	}
	if len(s.Calls()) != 0 || len(s.Secrets()) != 0 || len(s.Failed()) != 0 {
		t.Errorf("still recorded: %v, %v, %v", s.Calls(), s.Secrets(), s.Failed())
	}
}
