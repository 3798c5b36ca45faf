import { healthy } from "../declaration/health";
import { resolveSecret } from "../platform/secrets";
import { request } from "./http";
import { describeBody, describeSubject, type Message } from "./message";
import type { Webhook } from "./schema";

/** Tells a webhook. @throws PostureError that holds neither its URL nor its token. */
export async function tellWebhook(
  name: string,
  webhook: Webhook,
  message: Message,
  signal: AbortSignal,
): Promise<void> {
  const what = `webhook ${name}`;
  const url = await resolveSecret(webhook.url, `${what}, url`);
  const token = webhook.token === undefined ? undefined : await resolveSecret(webhook.token, `${what}, token`);
  const headers = {
    "content-type": "application/json",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const body = JSON.stringify(bodies[webhook.format ?? "json"](message));
  await request(what, { url, method: "POST", headers, body }, signal);
}

/** What each format makes of a message. */
const bodies: Readonly<Record<NonNullable<Webhook["format"]>, (message: Message) => unknown>> = {
  json: (message) => ({
    version: 1,
    event: message.what,
    [message.of]: message.id,
    owner: message.owner,
    host: message.host,
    at: message.at,
    health: message.faults[0]?.sentence ?? healthy,
    faults: message.faults.map(({ kind, sentence, remedy }) => ({ kind, sentence, remedy })),
  }),
  slack: (message) => ({ text: toLines(message).map(escapeForSlack).join("\n") }),
  mattermost: (message) => ({ username: "backup-posture", text: toLines(message).join("\n") }),
  teams: (message) => ({
    type: "message",
    attachments: [
      {
        contentType: "application/vnd.microsoft.card.adaptive",
        content: {
          $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
          type: "AdaptiveCard",
          version: "1.4",
          body: toLines(message).map((text, index) => ({
            type: "TextBlock",
            text,
            wrap: true,
            ...(index === 0 ? { weight: "Bolder" } : {}),
          })),
        },
      },
    ],
  }),
};

function toLines(message: Message): readonly string[] {
  return [describeSubject(message), ...describeBody(message)];
}

/** Slack reads `<…>` as links and mentions. */
function escapeForSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
