package slacktest_test

import (
	"context"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/cancelbot/cancelbot/bot/slacktest"
)

// handle answers like a bot written with slack-go.
func handle(client *socketmode.Client, e socketmode.Event) {
	switch e.Type {
	case socketmode.EventTypeSlashCommand:
		command := e.Data.(slack.SlashCommand)
		_ = client.Ack(*e.Request, map[string]any{"text": "You typed " + command.Text})
		_, _ = client.OpenView(command.TriggerID, slack.ModalViewRequest{
			Type: slack.VTModal, CallbackID: "why", PrivateMetadata: command.ChannelID,
			Title:  slack.NewTextBlockObject(slack.PlainTextType, "Why?", false, false),
			Submit: slack.NewTextBlockObject(slack.PlainTextType, "Send", false, false),
			Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("why",
				slack.NewTextBlockObject(slack.PlainTextType, "Reason", false, false), nil,
				slack.NewPlainTextInputBlockElement(nil, "text"))}},
		})
	case socketmode.EventTypeInteractive:
		click := e.Data.(slack.InteractionCallback)
		_ = client.Ack(*e.Request)
		if click.Type != slack.InteractionTypeViewSubmission {
			_, _, _ = client.PostMessage(click.Channel.ID, slack.MsgOptionText("clicked "+click.ActionCallback.BlockActions[0].Value, false),
				slack.MsgOptionTS(click.Message.Timestamp))
			return
		}
		button := slack.NewButtonBlockElement("go", "it", slack.NewTextBlockObject(slack.PlainTextType, "Go", false, false))
		_, _, _ = client.PostMessage(click.View.PrivateMetadata, slack.MsgOptionText(click.View.State.Values["why"]["text"].Value, false),
			slack.MsgOptionBlocks(slack.NewActionBlock("", button)))
	default: // about the connection
	}
}

func TestSlackGosClientRunsUnchanged(t *testing.T) {
	s := newServer(t)
	api := slack.New(slacktest.BotToken, slack.OptionAppLevelToken(slacktest.AppToken), slack.OptionAPIURL(s.URL()))
	client := socketmode.New(api)
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = client.RunContext(ctx)
	}()
	handled := make(chan struct{})
	go func() {
		defer close(handled)
		for {
			select {
			case e := <-client.Events:
				handle(client, e)
			case <-ctx.Done():
				return
			}
		}
	}()
	// Events is never closed, because a receiver of the client may outlive its Run.
	t.Cleanup(func() { stop(); <-ended; <-handled })
	until := func(what string, cond func() bool) {
		t.Helper()
		if err := s.WaitFor(ctx, cond); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	until("a connection", func() bool { return s.Connections() == 1 })
	if d, _ := s.Slash(slacktest.Ada, slacktest.General, "/x 1").Wait(ctx); d.State != slacktest.Acknowledged {
		t.Fatal(d)
	}
	if m := s.Private(slacktest.Ada, slacktest.General); len(m) != 1 || m[0].Text != "You typed 1" {
		t.Errorf("got %v", m)
	}
	until("a modal", func() bool { return len(s.Modals(slacktest.Ada)) == 1 })
	s.SubmitView(slacktest.Ada, s.Modals(slacktest.Ada)[0], map[string]string{"text": "a reason"})
	until("the message", func() bool { return len(s.History(slacktest.General)) == 1 })
	m := s.History(slacktest.General)[0]
	s.Click(slacktest.Grace, m, "go")
	until("the reply", func() bool { return len(s.Thread(slacktest.General, m.TS)) == 1 })
	if got := s.Thread(slacktest.General, m.TS)[0]; m.Text != "a reason" || got.Text != "clicked it" {
		t.Errorf("got %q, %q", m.Text, got.Text)
	}
	user, err := api.GetUserByEmailContext(ctx, "ada@acme.example")
	if err == nil || err.Error() != "missing_scope" {
		t.Errorf("got %v, %v", user, err)
	}
}
