// Command slackgo is a peer of TestCompare: it does cancelbot's job with slack-go's
// own Socket Mode loop. It has no journal and no policy, and doesn't check the
// task. With PAY_FOR_PROMISES set, it also makes the requests and writes that
// cancelbot's guarantees need, and ignores the results, to measure their minimum
// cost.
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

var (
	pays = os.Getenv("PAY_FOR_PROMISES") != ""
	kept *os.File
)

func main() {
	var err error
	if kept, err = os.Create("kept"); err != nil {
		log.Fatal(err)
	}
	api := slack.New(os.Getenv("SLACK_BOT_TOKEN"), slack.OptionAppLevelToken(os.Getenv("SLACK_APP_TOKEN")),
		slack.OptionAPIURL(os.Getenv("SLACK_API_URL")))
	client := socketmode.New(api, socketmode.OptionLog(log.New(io.Discard, "", 0)))
	go func() {
		for event := range client.Events {
			switch event.Type {
			case socketmode.EventTypeSlashCommand:
				_ = client.Ack(*event.Request)
				go func() { report(prompt(api, event.Data.(slack.SlashCommand))) }()
			case socketmode.EventTypeInteractive:
				_ = client.Ack(*event.Request)
				go func() { report(cancel(api, event.Data.(slack.InteractionCallback))) }()
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

// keep writes and syncs a page that is never read.
func keep() error {
	if _, err := kept.WriteAt(make([]byte, 4096), 0); err != nil {
		return err
	}
	return kept.Sync()
}

// chamelio makes a request about a task.
func chamelio(method, path string) error {
	req, err := http.NewRequest(method, os.Getenv("CHAMELIO_API_URL")+"/tasks/"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", os.Getenv("CHAMELIO_API_KEY"))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", method, path, answer.Status)
	}
	return nil
}

func button(action, task, label string) *slack.ButtonBlockElement {
	return slack.NewButtonBlockElement(action, task, slack.NewTextBlockObject(slack.PlainTextType, label, false, false))
}

func section(text string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, text, false, false), nil, nil)
}

func prompt(api *slack.Client, c slack.SlashCommand) error {
	if pays {
		asked := make(chan error, 1)
		go func() {
			_, err := api.GetUserInfo(c.UserID)
			asked <- err
		}()
		if err := chamelio(http.MethodGet, c.Text); err != nil {
			return err
		}
		if err := <-asked; err != nil {
			return err
		}
	}
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
	if pays {
		if err := keep(); err != nil { // the claim
			return err
		}
	}
	if err := chamelio(http.MethodPost, task+"/cancel"); err != nil {
		return err
	}
	if pays {
		if err := keep(); err != nil { // the outcome
			return err
		}
	}
	told := "<@" + k.User.ID + "> cancelled task " + task + "."
	if _, _, err := api.PostMessage(k.Channel.ID, slack.MsgOptionText(told, false), slack.MsgOptionBlocks(section(told))); err != nil {
		return err
	}
	if pays {
		if err := keep(); err != nil { // the announcement
			return err
		}
	}
	return slack.PostWebhook(k.ResponseURL, &slack.WebhookMessage{ReplaceOriginal: true, Text: "You cancelled task " + task + "."})
}
