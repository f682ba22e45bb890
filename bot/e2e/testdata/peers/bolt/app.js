// The peer of TestCompare: the job of cancelbot, as Bolt's guide writes an app
// (docs.slack.dev/tools/bolt-js/getting-started). It keeps nothing, asks for
// nobody's permission and, without PREVIEW, doesn't show what the task is.
const { App, LogLevel } = require("@slack/bolt");

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

app.command("/cancel-task", async ({ command, ack, respond }) => {
  await ack();
  let title = "";
  if (process.env.PREVIEW) {
    const answer = await fetch(`${process.env.CHAMELIO_API_URL}/tasks/${command.text}`, {
      headers: { "X-API-Key": process.env.CHAMELIO_API_KEY },
    });
    title = ` ${(await answer.json()).title}`;
  }
  await respond({
    response_type: "ephemeral",
    text: `Cancel task ${command.text}?`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `*Cancel task ${command.text}?*${title} This can't be undone.` } },
      {
        type: "actions",
        elements: [
          { type: "button", action_id: "cancel_task", style: "danger", value: command.text, text: { type: "plain_text", text: "Cancel task" } },
          { type: "button", action_id: "keep_task", value: command.text, text: { type: "plain_text", text: "Keep it" } },
        ],
      },
    ],
  });
});

app.action("cancel_task", async ({ ack, action, body, client, respond }) => {
  await ack();
  const answer = await fetch(`${process.env.CHAMELIO_API_URL}/tasks/${action.value}/cancel`, {
    method: "POST",
    headers: { "X-API-Key": process.env.CHAMELIO_API_KEY },
  });
  await answer.text();
  if (!answer.ok) {
    await respond({ replace_original: true, text: `Task ${action.value} was not cancelled.` });
    return;
  }
  const told = `<@${body.user.id}> cancelled task ${action.value}.`;
  await client.chat.postMessage({
    channel: body.channel.id,
    text: told,
    blocks: [{ type: "section", text: { type: "mrkdwn", text: told } }],
  });
  await respond({ replace_original: true, text: `You cancelled task ${action.value}.` });
});

app.start();
