package e2e

import (
	"encoding/csv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// TestPolicyThroughTheProgram tests a few rows of the policy's table in one
// process, and reads in its history who was refused, when, and why.
func TestPolicyThroughTheProgram(t *testing.T) {
	t.Parallel()
	s := newFakes(t)
	database := sqlite(t)
	bot := start(t, s.env(database, "CANCEL_POLICY=listed", "ALLOWED_USERS="+slacktest.Ada+","+slacktest.Guest, "ALLOWED_CHANNELS="+slacktest.General, "FACTS_MAX_AGE=0s"))
	s.connected(2)
	prompt := s.prompt(slacktest.Ada, slacktest.General, 12344)
	for _, row := range []struct{ person, channel, says string }{
		{slacktest.Ada, slacktest.Deals, "You can't cancel tasks from here."},
		{slacktest.Guest, slacktest.General, "Guests can't cancel tasks"},
		{slacktest.Grace, slacktest.General, "You're not on the list"},
	} {
		before := len(s.slack.Private(row.person, row.channel))
		s.slack.Slash(row.person, row.channel, "/cancel-task 12345")
		s.eventually("an answer to "+row.person, 20*time.Second, func() bool { return len(s.slack.Private(row.person, row.channel)) > before })
		if got := s.slack.Private(row.person, row.channel)[before]; !strings.Contains(got.Text, row.says) || got.Button("cancel_task") != nil {
			t.Errorf("%s in %s reads %s", row.person, row.channel, got.Text)
		}
	}
	// They may cancel at the command, and no longer at the click.
	s.slack.AddUser(slacktest.User{ID: slacktest.Ada, Name: "ada", IsRestricted: true})
	s.slack.Click(slacktest.Ada, prompt, "cancel_task")
	s.eventually("the click's refusal", 20*time.Second, func() bool { return strings.Contains(s.now(prompt).Text, "Guests can't cancel tasks") })
	for _, task := range []int64{12344, 12345} {
		if s.api.Cancels(task) != 0 {
			t.Errorf("a cancel of %d was sent", task)
		}
	}
	_ = bot.cmd.Process.Signal(syscall.SIGTERM)
	bot.exit(t) // all is on record
	h := start(t, []string{"DATABASE_URL=" + database, "SLACK_BOT_TOKEN=" + slacktest.BotToken, "CHAMELIO_API_URL=" + s.api.URL()}, "history", "--refusals", "--csv")
	if code := h.exit(t); code != 0 {
		t.Fatalf("history: %d\n%s", code, h.output)
	}
	rows, err := csv.NewReader(strings.NewReader(h.output.String())).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, h.output)
	}
	var got []string
	for _, row := range rows[1:] {
		got = append(got, strings.Join([]string{row[1], row[2], row[3], row[4], row[6]}, " "))
	}
	want := []string{
		"12344 U0ADA click guest C0GENERAL", "12345 U0GRACE command not_listed C0GENERAL",
		"12345 U0GUEST command guest C0GENERAL", "12345 U0ADA command wrong_channel " + slacktest.Deals,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("on record, the latest first:\n%s", strings.Join(got, "\n"))
	}
}
