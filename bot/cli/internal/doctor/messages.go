package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot"
)

// messagesTimeout bounds the check of all messages: Slack takes about fifty
// calls a minute, and each message is two.
const messagesTimeout = 15 * time.Minute

// Messages has Slack judge every message of the bot, each with the longest
// data that can occur. It schedules them where the bot may post, and takes
// them back at once: nobody sees any. Modals cannot be tried, since opening
// one takes somebody's click.
func Messages(ctx context.Context, s Settings, channel string) []Result {
	const name = "messages"
	c := &checkup{Settings: s}
	if !c.slackUsable() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, messagesTimeout)
	defer cancel()
	var wrong []Result
	accepted, modals := 0, 0
	for _, sample := range bot.SampleMessages(s.Bot) {
		if sample.Modal {
			modals++
			continue
		}
		switch err := c.tryMessage(ctx, channel, sample); slackCode(err) {
		case "":
			if err != nil {
				return append(wrong, bad(name, c.found("trying them in "+channel, err), c.remedy(err, "Try again")))
			}
			accepted++
		case "invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text":
			wrong = append(wrong, bad(name, fmt.Sprintf("Slack refuses %q: %s", sample.Name, Explain(err)), "Please report it: this is a bug of the bot's"))
		default:
			return append(wrong, bad(name, c.found("trying them in "+channel, err),
				c.remedy(err, "Give the id of a channel in which the bot may post: --messages C012AB3CD")))
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return []Result{good(name, "Slack accepts all %d, with the longest data (%d modals cannot be tried)", accepted, modals)}
}

// tryMessage schedules a message and takes it back. It waits where Slack asks
// for that.
func (c *checkup) tryMessage(ctx context.Context, channel string, sample bot.Sample) error {
	var blocks slack.Blocks
	if len(sample.Blocks) > 0 {
		if err := json.Unmarshal(sample.Blocks, &blocks); err != nil {
			return fmt.Errorf("the sample %q: %w", sample.Name, err)
		}
	}
	api := c.client()
	later := fmt.Sprint(time.Now().AddDate(0, 0, 7).Unix())
	var id string
	err := whenAllowed(ctx, func() (err error) {
		_, id, err = api.ScheduleMessageContext(ctx, channel, later, slack.MsgOptionText(sample.Text, false), slack.MsgOptionBlocks(blocks.BlockSet...))
		return err
	})
	if err != nil {
		return err
	}
	return whenAllowed(ctx, func() error {
		_, err := api.DeleteScheduledMessageContext(ctx, &slack.DeleteScheduledMessageParameters{Channel: channel, ScheduledMessageID: id})
		return err
	})
}

// whenAllowed calls again as long as Slack asks to be asked later.
func whenAllowed(ctx context.Context, call func() error) error {
	for {
		err := call()
		var limited *slack.RateLimitedError
		if !errors.As(err, &limited) {
			return err
		}
		select {
		case <-time.After(limited.RetryAfter):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
