// A Bolt app as its documentation writes one. It asks for a reason in a modal
// and tells the channel. It ends when its standard input does.
const { App, LogLevel } = require("@slack/bolt");

const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  appToken: process.env.SLACK_APP_TOKEN,
  socketMode: true,
  logLevel: LogLevel.WARN,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL },
});

app.command("/ask", async ({ command, ack, respond, say }) => {
  await ack();
  await respond({
    text: `You asked about ${command.text}`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `You asked about *${command.text}*` } },
      {
        type: "actions",
        block_id: "choice",
        elements: [
          { type: "button", action_id: "yes", style: "danger", value: command.text, text: { type: "plain_text", text: "Yes" } },
          { type: "button", action_id: "no", value: command.text, text: { type: "plain_text", text: "No" } },
        ],
      },
    ],
  });
  await say(`<@${command.user_id}> asked about ${command.text}`);
});

app.command("/loud", async ({ ack }) => {
  await ack({ response_type: "in_channel", text: "heard by everybody" });
});

app.action({ action_id: "yes", block_id: "choice" }, async ({ ack, action, body, client, respond }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: "modal",
      callback_id: "reason",
      private_metadata: JSON.stringify({ channel: body.channel.id, about: action.value }),
      title: { type: "plain_text", text: "Why?" },
      submit: { type: "plain_text", text: "Send" },
      blocks: [
        {
          type: "input",
          block_id: "why",
          label: { type: "plain_text", text: "Reason" },
          element: { type: "plain_text_input", action_id: "text" },
        },
      ],
    },
  });
  await respond({ replace_original: true, text: `${body.user.username} chose ${action.text.text}` });
});

app.view("reason", async ({ ack, view, body, client }) => {
  const reason = view.state.values.why.text.value;
  if (reason.length < 5) {
    await ack({ response_action: "errors", errors: { why: "Please say more" } });
    return;
  }
  await ack();
  const { channel, about } = JSON.parse(view.private_metadata);
  const posted = await client.chat.postMessage({
    channel,
    text: `${about}: ${reason}`,
    blocks: [
      { type: "section", text: { type: "mrkdwn", text: `${about}: ${reason}` } },
      { type: "actions", elements: [{ type: "button", action_id: "seen", text: { type: "plain_text", text: "Seen" } }] },
    ],
  });
  await client.chat.postMessage({ channel, thread_ts: posted.ts, text: `by <@${body.user.id}>`, unfurl_links: false });
});

app.action("seen", async ({ ack, body, say, client }) => {
  await ack();
  const { user } = await client.users.info({ user: body.user.id });
  await say({ thread_ts: body.message.ts, text: `${user.real_name} has seen it, of ${body.message.blocks.length} blocks` });
});

app.shortcut("look", async ({ ack, shortcut, respond }) => {
  await ack();
  await respond(`${shortcut.user.name} looked at ${shortcut.message.text}`);
});

// From a message: a modal at once, then its content by views.update.
const collect = (blocks, submit) => ({
  type: "modal",
  callback_id: "collect",
  notify_on_close: true,
  title: { type: "plain_text", text: "Collect" },
  ...(submit ? { submit: { type: "plain_text", text: submit } } : {}),
  blocks,
});

app.shortcut("collect", async ({ ack, shortcut, client }) => {
  await ack();
  const opened = await client.views.open({
    trigger_id: shortcut.trigger_id,
    view: collect([{ type: "section", text: { type: "mrkdwn", text: "Loading…" } }]),
  });
  const options = shortcut.message.text.split(" ").map((word) => ({ text: { type: "plain_text", text: word }, value: word }));
  await client.views.update({
    view_id: opened.view.id,
    hash: opened.view.hash,
    view: {
      ...collect([
        {
          type: "input",
          block_id: "words",
          label: { type: "plain_text", text: "Words" },
          element: { type: "checkboxes", action_id: "chosen", options, initial_options: options },
        },
      ], "Collect"),
      private_metadata: shortcut.channel.id,
    },
  });
});

app.view("collect", async ({ ack, view, body, client }) => {
  await ack({ response_action: "update", view: collect([{ type: "section", text: { type: "mrkdwn", text: "Collecting…" } }]) });
  const chosen = view.state.values.words.chosen.selected_options.map((option) => option.value);
  await client.chat.postMessage({ channel: view.private_metadata, text: `${body.user.name} collected ${chosen.join("+")}` });
  await client.views.update({ view_id: view.id, view: collect([{ type: "section", text: { type: "mrkdwn", text: "Collected" } }]) });
});

app.view({ callback_id: "collect", type: "view_closed" }, async ({ ack, body, client }) => {
  await ack();
  await client.chat.postMessage({ channel: "C0GENERAL", text: `${body.user.name} closed it` });
});

app.error(async (error) => console.log(`error ${error.stack}`));

(async () => {
  await app.start();
  console.log("ready");
  process.stdin.on("end", () => app.stop().then(() => process.exit(0)));
  process.stdin.resume();
})().catch((error) => {
  console.log(`error ${error.stack}`);
  process.exit(1);
});
