// Command slackgo is a peer of TestCompare: the job of cancelbot by slack-go's
// own Socket Mode loop. It keeps nothing, asks for nobody's permission and does
// not look at the task.
package main

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"os"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"
)

func main() {
	api := slack.New(os.Getenv("SLACK_BOT_TOKEN"), slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
		slack.OptionAPIURL(os.Getenv("SLACK_API_URL")))
	client := socketmode.New(api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	go func() {
		for event := range client.Events {
			switch event.Type {
			case socketmode.EventTypeSlashCommand:
				_ = client.Ack(*event.Request)
				go report(prompt(event.Data.(slack.SlashCommand)))
			case socketmode.EventTypeInteractive:
				_ = client.Ack(*event.Request)
				go report(cancel(api, event.Data.(slack.InteractionCallback)))
			}
		}
	}()
	log.Fatal(client.Run())
}

func report(err error) {
	if err != nil {
		log.Print(err)
	}
}

func button(action, task, label string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(action, task, slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)
}

func prompt(c slack.SlashCommand) error {
	return slack.PostWebhook(c.ResponseURL, &slack.WebhookMessage{
		ResponseType: slack.ResponseTypeEphemeral, Text: "Cancel task " + c.Text + "?",
		Blocks: &slack.Blocks{BlockSet: []slack.Block{
			section("*Cancel task " + c.Text + "?* This can't be undone."),
			slack.NewActionBlock("", button("cancel_task", c.Text, "Cancel task").WithStyle(slack.StyleDanger), button("keep_task", c.Text, "Keep it")),
		}},
	})
}

func cancel(api *slack.Client, k slack.InteractionCallback) error {
	if len(k.ActionCallback.BlockActions) != 1 {
		return nil
	}
	task := k.ActionCallback.BlockActions[0].Value
	req, err := http.NewRequest(http.MethodPost, os.Getenv("CHAMELIO_BASE_URL")+"/tasks/"+task+"/cancel", nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", os.Getenv("CHAMELIO_API_KEY"))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("task %s was not cancelled: %s", task, answer.Status)
	}
	told := "<@" + k.User.ID + "> cancelled task " + task + "."
	if _, _, err := api.PostMessage(k.Channel.ID, slack.MsgOptionText(told, false), slack.MsgOptionBlocks(section(told))); err != nil {
		return err
	}
	return slack.PostWebhook(k.ResponseURL, &slack.WebhookMessage{ReplaceOriginal: true, Text: "You cancelled task " + task + "."})
}
