import { awaitDueStart } from "../runner/due-start";
import type { EntryVerb } from "../schedule/schedulers/scheduler";
import type { CommandContext, Report } from "./command";
import { exitCodes } from "./exit-codes";

/** What entries of schedulers pass that know the calendar only roughly. */
export const dueSinceOption = [
  "--due-since <instant>",
  "start only when a start is due since then that was not made yet; else end with exit code 0",
] as const;

/** Waits for a start that is due, where one was asked for. @returns the report where nothing is due; null where the command goes on. */
export async function findNothingDue(
  { home, signal }: CommandContext,
  verb: EntryVerb,
  id: string,
  dueSince: string | undefined,
): Promise<Report | null> {
  if (dueSince === undefined) return null;
  const why = await awaitDueStart(home, verb, id, new Date(dueSince), signal);
  return why === null
    ? null
    : { exitCode: exitCodes.fine, document: { id, started: false, why }, text: `${id}: ${why}` };
}
