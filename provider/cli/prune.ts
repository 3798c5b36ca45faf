import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { formatInstant } from "../platform/clock";
import { pruneSchedule } from "../runner/prune";
import type { RecoverySet } from "../snapshot/sets";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatBytes, formatCount, formatTable } from "./format";

/** `backup-posture prune <id>`: deletes what the retention lets go. */
export function registerPrune(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "prune <id>",
      summary: "delete the recovery sets that the retention of a schedule lets go",
      details:
        "Every run does this after it has succeeded. Pinned recovery points, and sets that are damaged or not whole, stay. Exit code 3 when pruning is suspended.",
      options: [
        ["--dry-run", "say what would be deleted, and delete nothing"],
        ["--copy <name>", "prune this copy of the schedule, not its own store"],
      ],
      examples: [
        ["prune shares --dry-run", "see what would go"],
        ["prune shares", "delete it"],
      ],
      input: z.object({ id: identifier, dryRun: z.boolean().default(false), copy: z.string().min(1).optional() }),
      act: async ({ home, signal }, { id, dryRun, copy }) => {
        const { dropped, kept, suspended } = await pruneSchedule(home, id, {
          signal,
          dryRun,
          ...(copy === undefined ? {} : { copy }),
        });
        return {
          exitCode: suspended === null ? exitCodes.fine : exitCodes.unhealthy,
          document: { id, dryRun, dropped: dropped.map(summarise), kept: kept.map(summarise), suspended },
          text: [
            ...(dropped.length === 0
              ? []
              : [formatTable(["set", "taken", "points", "size"], dropped.map(describeSet)), ""]),
            ...(suspended === null ? [] : [colors.yellow(`pruning is suspended: ${suspended}`)]),
            `${id}: ${dryRun ? "would delete" : "deleted"} ${formatCount(dropped.length, "recovery set")}, ${kept.length} stay`,
          ].join("\n"),
        };
      },
    },
    surroundings,
  );
}

function summarise(set: RecoverySet) {
  return { id: set.id, startedAt: set.startedAt, points: set.points.map((point) => point.id) };
}

function describeSet(set: RecoverySet): readonly string[] {
  const bytes = set.points.reduce((sum, point) => sum + point.bytes, 0);
  return [set.id, formatInstant(set.startedAt), String(set.points.length), formatBytes(bytes)];
}
