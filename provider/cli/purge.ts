import { createInterface } from "node:readline/promises";
import type { Command } from "commander";
import { z } from "zod";
import { identifier, sentence } from "../declaration/primitives";
import { formatInstant } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { type PurgePlan, type PurgeSelection, planPurge, purge } from "../runner/purge";
import { type CommandContext, type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { formatBytes, formatCount, formatTable } from "./format";
import { copyOption, findStored, storeOption } from "./stores";

const inputSchema = z
  .object({
    id: identifier,
    point: z.array(z.string().min(1)).optional(),
    damaged: z.boolean().default(false),
    missing: z.boolean().default(false),
    reason: sentence.default("given up by hand"),
    yes: z.boolean().default(false),
    store: z.string().min(1).optional(),
    copy: z.string().min(1).optional(),
  })
  .refine(({ point, damaged, missing }) => [point !== undefined, damaged, missing].filter(Boolean).length <= 1, {
    error: "takes one of --point, --damaged and --missing",
    path: ["options"],
  });

/** `backup-posture purge <id>`: deletes recovery points for good. */
export function registerPurge(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "purge <id>",
      summary: "delete recovery points of an id for good, after listing them and asking",
      details:
        "Removing a resource, or pulumi destroy, keeps its recovery points: this is how to let them go. " +
        "A pinned recovery point is deleted only when it is named by --point. The journal keeps what was given up, when and why. What is deleted from a copy is copied again while the schedule's own store has it and the copy's retention keeps it.",
      options: [
        ["--point <point...>", "only these recovery points, pinned or not"],
        ["--damaged", "only those that are damaged"],
        ["--missing", "delete nothing: accept the loss of points that the store no longer has"],
        ["--reason <text>", "why, for the journal"],
        ["--yes", "do not ask: for pipelines"],
        storeOption,
        copyOption,
      ],
      examples: [
        ["purge old-shares --store /backup/store", "all that an id without a job has left behind"],
        ["purge shares --copy offsite --missing", "accept the loss of what its copy offsite no longer has"],
        ["purge shares --damaged --yes", "give up damaged recovery points, without being asked"],
      ],
      input: inputSchema,
      act: async (context, input) => {
        const { store, schedule, copy } = await findStored(context.home, input.id, input.store, input.copy);
        const place = { store, copy };
        const plan = await planPurge(context.home, schedule, place, selectionOf(input), context.signal);
        const listing = describe(plan);
        const count = plan.forget.length + plan.lost.length;
        const agreed = count === 0 || input.yes || (await ask(context, listing, input.id, count));
        if (agreed) await purge(context.home, schedule, place, plan, input.reason, context.signal);
        return {
          exitCode: agreed ? exitCodes.fine : exitCodes.failed,
          document: {
            id: input.id,
            purged: agreed,
            points: [...plan.forget, ...plan.lost].map((point) => point.id),
            spared: plan.spared.map((point) => point.id),
          },
          text: `${input.yes || count === 0 ? `${listing}\n` : ""}${input.id}: ${agreed ? "gave up" : "kept"} ${formatCount(count, "recovery point")}`,
        };
      },
    },
    surroundings,
  );
}

function selectionOf({ point, damaged, missing }: z.infer<typeof inputSchema>): PurgeSelection {
  if (point !== undefined) return { of: "points", points: point };
  if (damaged) return { of: "damaged" };
  return missing ? { of: "missing" } : { of: "all" };
}

/** Asks on the terminal; whoever has none must have said --yes. */
async function ask({ json, signal }: CommandContext, listing: string, id: string, count: number): Promise<boolean> {
  if (json || !process.stdin.isTTY)
    throw new PostureError(
      "usage",
      `${id}: ${formatCount(count, "recovery point")} would be given up for good; where nobody can be asked, add --yes`,
    );
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(
      `${listing}\n\nGive up ${formatCount(count, "recovery point")} of ${id} for good? Type the id to agree: `,
      { signal },
    );
    return answer.trim() === id;
  } finally {
    terminal.close();
  }
}

function describe(plan: PurgePlan): string {
  const rows = [
    ...plan.forget.map((point) => [
      point.id,
      point.source,
      formatInstant(point.startedAt),
      formatBytes(point.bytes),
      "will be deleted",
    ]),
    ...plan.lost.map((point) => [point.id, "", point.takenBy, "", "is lost"]),
    ...plan.spared.map((point) => [
      point.id,
      point.source,
      formatInstant(point.startedAt),
      formatBytes(point.bytes),
      `stays: pinned by ${point.pinnedBy ?? ""}`,
    ]),
  ];
  return rows.length === 0 ? "nothing to give up" : formatTable(["point", "source", "taken", "size", ""], rows);
}
