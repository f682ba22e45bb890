// @slack/web-api and @slack/socket-mode by themselves: each call as its page in
// Slack's reference says, and what it answers. It ends when its standard input
// does.
const assert = require("node:assert/strict");
const { WebClient } = require("@slack/web-api");
const { SocketModeClient } = require("@slack/socket-mode");

const clientOptions = { slackApiUrl: process.env.SLACK_API_URL };
const web = new WebClient(process.env.SLACK_BOT_TOKEN, clientOptions);

async function refused(error, call) {
  await assert.rejects(call, (e) => e.code === "slack_webapi_platform_error" && e.data.error === error && e.data.ok === false);
}

async function whoAndWhere() {
  const who = await web.auth.test();
  assert.equal(who.user_id, "U0BOT");
  assert.equal(who.is_enterprise_install, false);
  assert.ok(who.response_metadata.scopes.includes("chat:write"));
  assert.equal((await web.team.info()).team.id, who.team_id);
  assert.equal((await web.bots.info({ bot: who.bot_id })).bot.user_id, who.user_id);
  assert.equal((await web.users.info({ user: "U0ADA" })).user.real_name, "Ada Lovelace");
  assert.equal((await web.users.lookupByEmail({ email: "ada@acme.example" })).user.id, "U0ADA");
  assert.deepEqual((await web.usergroups.users.list({ usergroup: "S0LEGAL" })).users, ["U0ADA"]);
  const names = [];
  for await (const page of web.paginate("conversations.list", { limit: 1 })) {
    names.push(...page.channels.map((c) => c.name));
  }
  assert.ok(names.includes("general") && names.includes("random"));
  assert.equal((await web.conversations.info({ channel: "C0GENERAL" })).channel.name, "general");
  await refused("invalid_auth", () => new WebClient("xoxb-wrong", clientOptions).auth.test());
  await refused("user_not_found", () => web.users.info({ user: "U0NOBODY" }));
}

async function messages() {
  const { channel } = await web.conversations.open({ users: "U0ADA" });
  const sent = await web.chat.postMessage({ channel: channel.id, text: "hello" });
  assert.equal(sent.message.text, "hello");
  assert.equal(sent.message.bot_id, "B0BOT");
  const changed = await web.chat.update({ channel: sent.channel, ts: sent.ts, text: "hello again" });
  assert.equal(changed.ts, sent.ts);
  assert.equal(changed.text, "hello again");
  assert.match((await web.chat.getPermalink({ channel: sent.channel, message_ts: sent.ts })).permalink, /^https:\/\/.*\/p\d+$/);
  await web.chat.delete({ channel: sent.channel, ts: sent.ts });
  await refused("message_not_found", () => web.chat.update({ channel: sent.channel, ts: sent.ts, text: "too late" }));
  assert.ok((await web.chat.postEphemeral({ channel: "C0GENERAL", user: "U0ADA", text: "for you alone" })).message_ts);
  const later = await web.chat.scheduleMessage({ channel: "C0GENERAL", text: "later", post_at: Math.floor(Date.now() / 1000) + 3600 });
  await web.chat.deleteScheduledMessage({ channel: "C0GENERAL", scheduled_message_id: later.scheduled_message_id });
  await refused("invalid_blocks", () => web.chat.postMessage({ channel: "C0GENERAL", text: "x", blocks: [{ type: "section" }] }));
}

// The client waits as Retry-After says, and tries again by itself.
async function rateLimited() {
  let waited;
  web.on("rate_limited", (seconds) => { waited = seconds; });
  await web.chat.postMessage({ channel: "C0RANDOM", text: "after the limit" });
  assert.equal(waited, 1);
}

const view = (title) => ({
  type: "modal",
  callback_id: "why",
  title: { type: "plain_text", text: title },
  submit: { type: "plain_text", text: "Send" },
  blocks: [{ type: "input", block_id: "why", label: { type: "plain_text", text: "Reason" }, element: { type: "plain_text_input", action_id: "text" } }],
});

async function socket() {
  const client = new SocketModeClient({ appToken: process.env.SLACK_APP_TOKEN, clientOptions });
  client.on("slash_commands", async ({ ack, body }) => {
    await ack({ text: `You typed ${body.text}` });
    const opened = await web.views.open({ trigger_id: body.trigger_id, view: view("Why?") });
    await web.views.update({ view_id: opened.view.id, hash: opened.view.hash, view: view("Why so?") });
  });
  client.on("interactive", async ({ ack, body }) => {
    assert.equal(body.type, "view_submission");
    assert.equal(body.view.title.text, "Why so?");
    const reason = body.view.state.values.why.text.value;
    await ack(reason.length < 5 ? { response_action: "errors", errors: { why: "Please say more" } } : undefined);
    console.log(`reason ${reason}`);
  });
  await client.start();
  return client;
}

(async () => {
  await whoAndWhere();
  await messages();
  await rateLimited();
  const client = await socket();
  console.log("ready");
  process.stdin.on("end", () => client.disconnect());
  process.stdin.resume();
})().catch((error) => {
  console.log(`error ${error.stack}`);
  process.exit(1);
});
process.on("unhandledRejection", (error) => console.log(`error ${error.stack}`));
