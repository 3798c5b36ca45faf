import type { Command } from "commander";
import { z } from "zod";
import { identifier, instant } from "../declaration/primitives";
import { formatMilliseconds } from "../platform/durations";
import type { RunEnded } from "../runner/journal";
import { runSchedule } from "../runner/run";
import { announceStart, type CopiesAfterRun, copyAfterRun, tellAfterRun } from "./after-run";
import { type CommandSurroundings, register } from "./command";
import { describeCopied } from "./copy";
import { dueSinceOption, findNothingDue } from "./due-since";
import { type ExitCode, exitCodes } from "./exit-codes";
import { noteFault } from "./faults";
import { colors, formatBytes, formatCount } from "./format";

/** `backup-posture run <id>`: takes a recovery set of a schedule now. */
export function registerRun(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "run <id>",
      summary: "take a recovery set of a schedule now, verify it and prune; then copy it",
      details:
        "This is what a scheduler's entry starts. Of each id one run goes on at a time: a second one ends with exit code 4. " +
        "Copies are made after the run has ended; where one fails, the exit code is 3. Where they are not done when the next run is due, they go on by themselves.",
      options: [
        ["--even-if-paused", "run although the schedule is paused"],
        ["--accept-empty", "accept a share that is empty although its last recovery point holds files"],
        dueSinceOption,
      ],
      examples: [
        ["run shares", "take a recovery set of the schedule shares"],
        ["run shares --json", "the same, for a script"],
      ],
      input: z.object({
        id: identifier,
        evenIfPaused: z.boolean().default(false),
        acceptEmpty: z.boolean().default(false),
        dueSince: instant.optional(),
      }),
      act: async (context, { id, evenIfPaused, acceptEmpty, dueSince }) => {
        const { signal, progress } = context;
        const idle = await findNothingDue(context, "run", id, dueSince);
        if (idle !== null) return idle;
        const onFault = noteFault(context);
        const announced = announceStart(context, id);
        const ended = await runSchedule(context.home, id, {
          signal,
          evenIfPaused,
          acceptEmpty,
          onFault,
          onProgress: (done) => progress.report(done),
        });
        await announced;
        await tellAfterRun(context, id, ended);
        const copies = await copyAfterRun(context, id);
        return {
          exitCode: chooseExitCode(ended, copies),
          document: { id, ...ended, ...(copies.records.length === 0 ? {} : { copies: copies.records }) },
          text: [describeRun(id, ended), ...describeCopies(id, copies)].join("\n"),
        };
      },
    },
    surroundings,
  );
}

/** A copy that failed takes nothing from the run's own success, and all is not well all the same. */
function chooseExitCode(ended: RunEnded, { records }: CopiesAfterRun): ExitCode {
  if (ended.outcome !== "succeeded") return exitCodes.failed;
  return records.some(({ outcome }) => outcome === "failed") ? exitCodes.unhealthy : exitCodes.fine;
}

function describeCopies(id: string, { records, goesOn }: CopiesAfterRun): readonly string[] {
  return [
    ...records.map((record) => describeCopied(id, record)),
    ...(goesOn ? [colors.yellow(`${id}: copying goes on; backup-posture status tells what becomes of it`)] : []),
  ];
}

function describeRun(id: string, ended: RunEnded): string {
  const took = formatMilliseconds(ended.durationMilliseconds);
  if (ended.outcome !== "succeeded") return colors.red(`${id}: ${ended.outcome} after ${took}: ${ended.message}`);
  const lines = [
    colors.green(
      `${id}: succeeded in ${took}: ${formatCount(ended.points.length, "recovery point")}, ${formatBytes(ended.bytes)}, ${formatBytes(ended.addedBytes)} of them new`,
    ),
    ...(ended.skipped === 0
      ? []
      : [
          colors.yellow(
            `${formatCount(ended.skipped, "file")} could not be read and ${ended.skipped === 1 ? "was" : "were"} left out; backup-posture list ${id} --warnings names them`,
          ),
        ]),
    ...(ended.notes ?? []).map((note) => colors.yellow(note)),
    ...(ended.pruned === 0 ? [] : [`pruned ${formatCount(ended.pruned, "recovery set")}`]),
    ...(ended.pruneSuspended === null ? [] : [colors.yellow(`pruning is suspended: ${ended.pruneSuspended}`)]),
  ];
  return lines.join("\n");
}
