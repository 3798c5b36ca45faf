import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { formatMilliseconds } from "../platform/durations";
import { copySchedule } from "../runner/copy";
import type { SetsCopied } from "../runner/journal";
import { tellOfHealth } from "./after-run";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { noteFault } from "./faults";
import { colors, formatBytes, formatCount } from "./format";

/** `backup-posture copy <id>`: brings the copies of a schedule up to date. */
export function registerCopy(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "copy <id>",
      summary: "bring the copies of a schedule up to date, and prune them",
      details:
        "Every run does this after it has ended, whatever became of it. Each copy gets the recovery sets that it lacks and its retention keeps, the newest first, " +
        "at most 10 at once. Nothing is read from the sources. Of each id one copying goes on at a time: a second one ends with exit code 4.",
      options: [
        ["--copy <name...>", "only these copies"],
        ["--all", "not 10 recovery sets but all that it lacks"],
      ],
      examples: [
        ["copy shares", "what the last run, or ones that failed to copy, left to do"],
        ["copy shares --copy offsite --all", "fill a new copy"],
      ],
      input: z.object({
        id: identifier,
        copy: z.array(z.string().min(1)).optional(),
        all: z.boolean().default(false),
      }),
      act: async (context, { id, copy, all }) => {
        const copies = await copySchedule(context.home, id, {
          signal: context.signal,
          onFault: noteFault(context),
          onProgress: (done) => context.progress.report(done),
          ...(copy === undefined ? {} : { only: copy }),
          ...(all ? { atMost: Number.POSITIVE_INFINITY } : {}),
        });
        await tellOfHealth(context, id);
        return {
          exitCode: copies.some(({ outcome }) => outcome === "failed") ? exitCodes.failed : exitCodes.fine,
          document: { id, copies },
          text:
            copies.length === 0
              ? `${id}: nothing to copy`
              : copies.map((record) => describeCopied(id, record)).join("\n"),
        };
      },
    },
    surroundings,
  );
}

/** What became of one copy, for people. */
export function describeCopied(id: string, record: SetsCopied): string {
  const took = formatMilliseconds(record.durationMilliseconds);
  if (record.outcome === "failed")
    return colors.red(`${id}: copy ${record.copy}: failed after ${took}: ${record.message}`);
  return [
    colors.green(
      `${id}: copy ${record.copy}: ${formatCount(record.sets.length, "recovery set")} in ${took}, ${formatBytes(record.bytes)}, ${formatBytes(record.addedBytes)} of them new`,
    ),
    ...(record.notes ?? []).map((note) => colors.yellow(`copy ${record.copy}: ${note}`)),
    ...(record.pruned === 0 ? [] : [`copy ${record.copy}: pruned ${formatCount(record.pruned, "recovery set")}`]),
    ...(record.pruneSuspended === null
      ? []
      : [colors.yellow(`copy ${record.copy}: pruning is suspended: ${record.pruneSuspended}`)]),
  ].join("\n");
}
