import { setTimeout as delay } from "node:timers/promises";
import type { Conversation } from "../platform/processes";
import type { Channel, ChannelEnd, Unreachable } from "./host";

/** How long a command may take to end once its standard input has. */
const endingTakesAtMost = 5_000;

/** A channel over a process that stands for the command. */
export function openChannelOver(
  conversation: Conversation,
  findUnreachable: (end: Omit<ChannelEnd, "unreachable">) => Unreachable | null,
): Channel {
  const ended = conversation.ended.then((end) => ({ ...end, unreachable: findUnreachable(end) }));
  return {
    send: (line) => conversation.send(line),
    ended,
    close: async () => {
      conversation.finish();
      const decided = new AbortController();
      const late = delay(endingTakesAtMost, "late" as const, { signal: decided.signal }).catch(
        () => "decided" as const,
      );
      if ((await Promise.race([ended, late])) === "late") conversation.kill();
      decided.abort();
      await ended;
    },
  };
}
