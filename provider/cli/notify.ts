import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { type Attempt, notifyOfHealth } from "../notify/notify";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { noteFault } from "./faults";
import { colors } from "./format";

/** `backup-posture notify [id]`: tells notifiers what has changed. */
export function registerNotify(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "notify [id]",
      summary:
        "look how schedules and restore targets are, and tell their notifiers what has changed since they were told last",
      details:
        "Runs, copying, drills and the agent do this by themselves. Where no agent runs, start it every few minutes from another scheduler: nothing else notices that a backup " +
        "that does not run any more gets too old, and that nothing is drilled. Exit code 1 when somebody could not be told; that is tried again the next time.",
      examples: [
        ["notify", "of all that the home has, for instance every five minutes by cron"],
        ["notify shares", "of the schedule shares"],
      ],
      input: z.object({ id: identifier.optional() }),
      act: async (context, { id }) => {
        const options = { signal: context.signal, onFault: noteFault(context) };
        const attempts = await notifyOfHealth(context.home, options, id === undefined ? undefined : [id]);
        return {
          exitCode: attempts.some(({ fault }) => fault !== null) ? exitCodes.failed : exitCodes.fine,
          document: { attempts },
          text: attempts.length === 0 ? "nothing to tell" : attempts.map(describeAttempt).join("\n"),
        };
      },
    },
    surroundings,
  );
}

/** What somebody was told, for people. */
export function describeAttempt({ id, notifier, what, fault }: Attempt): string {
  return fault === null
    ? colors.green(`${id}: ${notifier} was told of ${what}`)
    : colors.red(`${id}: ${notifier} could not be told of ${what}: ${fault}`);
}
