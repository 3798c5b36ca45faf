import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { findOrphans, type KnownStack, type Orphan } from "../runner/orphans";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatCount, formatTable } from "./format";
import { readJsonFile } from "./input-files";

/** `backup-posture orphans`: shows what no stack owns. */
export function registerOrphans(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "orphans",
      summary: "show jobs, scheduler entries and recovery points that no stack owns",
      details:
        "Jobs without an owner, entries without a job, recovery points without a job. With --state also the jobs whose stack does not have them any more. Deletes nothing. Exit code 3 when there are any, 1 when a store could not be looked at.",
      options: [
        ["--state <file>", "what pulumi stack export printed"],
        ["--store <path...>", "directory stores to look in, beside those that jobs name"],
      ],
      examples: [
        ["orphans", "all that is certain without a state"],
        ["orphans --state state.json", "after pulumi stack export --file state.json"],
      ],
      input: z.object({ state: z.string().min(1).optional(), store: z.array(z.string().min(1)).default([]) }),
      act: async ({ home, signal }, { state, store }) => {
        const stack = state === undefined ? null : readStack(await readJsonFile(state, exportSchema));
        const stores = store.map((path) => ({ kind: "directory" as const, path: resolve(path) }));
        const { orphans, faults } = await findOrphans(home, stack, stores, signal);
        const isWhole = faults.length === 0;
        return {
          exitCode: orphans.length > 0 ? exitCodes.unhealthy : isWhole ? exitCodes.fine : exitCodes.failed,
          document: { orphans, faults },
          text: [
            orphans.length === 0 ? colors.green("no orphans") : describe(orphans),
            ...faults.map((fault) => colors.red(fault)),
          ].join("\n"),
        };
      },
    },
    surroundings,
  );
}

const exportSchema = z.object({
  deployment: z.object({ resources: z.array(z.object({ urn: z.string() })).default([]) }),
});

function readStack({ deployment }: z.infer<typeof exportSchema>): KnownStack | null {
  const urns = deployment.resources.map(({ urn }) => urn);
  const prefix = /^urn:pulumi:[^:]+::[^:]+::/.exec(urns[0] ?? "")?.[0];
  return prefix === undefined ? null : { prefix, owned: new Set(urns) };
}

function describe(orphans: readonly Orphan[]): string {
  const rows = orphans.map(({ kind, id, owner, what }) => [kind, id, owner ?? "", what]);
  const advice = orphans.map(({ id, remedy }) => `  ${id}: ${remedy}`);
  return [
    formatTable(["", "id", "owner", "what"], rows),
    "",
    `${formatCount(orphans.length, "orphan")}; what to do:`,
    ...new Set(advice),
  ].join("\n");
}
