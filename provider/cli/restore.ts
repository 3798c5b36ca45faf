import { resolve } from "node:path";
import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { layOut } from "../restore/layout";
import { requireRestorable } from "../restore/restorable";
import type { RecoveryPoint, RestoreResult } from "../snapshot/stores/store";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatBytes, formatCount, formatTable } from "./format";
import { registerRestorePlan } from "./restore-plan";
import { registerRestoreRun } from "./restore-run";
import { copyOption, findStored, storeOption } from "./stores";

/** `backup-posture restore <id> --to DIR`: brings data back. Below it, `restore plan` and `restore run`. */
export function registerRestore(program: Command, surroundings: CommandSurroundings): void {
  const restore = register(
    program,
    {
      usage: "restore <id>",
      summary: "bring data back: the newest whole recovery set, or one recovery point",
      details:
        "A set of one source is restored straight into the folder, one of several into a folder each, named after the source. " +
        "The folder must be empty or absent, unless --overwrite is given; nothing in it is deleted.",
      options: [
        ["--to <folder>", "where to restore to"],
        ["--point <point>", "this recovery point; default: the newest whole set"],
        ["--only <path...>", "only these files or folders, relative to the restored tree"],
        ["--overwrite", "replace files that stand in the way"],
        storeOption,
        copyOption,
      ],
      examples: [
        ["restore shares --to /srv/restored", "everything, as it was last"],
        ["restore shares --to /srv/restored --only reports/2026", "one folder of it"],
        ["restore shares --to /srv/restored --copy offsite", "from the copy offsite, where the store is lost"],
        ["restore shares --to /srv/restored --point <point>", "an earlier state; backup-posture list shows the points"],
      ],
      input: z.object({
        id: identifier,
        to: z.string("is required").min(1, "is required"),
        point: z.string().min(1).optional(),
        only: z.array(z.string().min(1)).optional(),
        overwrite: z.boolean().default(false),
        store: z.string().min(1).optional(),
        copy: z.string().min(1).optional(),
      }),
      act: async ({ home, signal, progress }, { id, to, point: wanted, only, overwrite, store: storePath, copy }) => {
        const { store, schedule, job } = await findStored(home, id, storePath, copy);
        const declared = job?.kind === "drill" ? job.declaration.from.point : undefined;
        const point = wanted ?? declared ?? "latest";
        const points = requireRestorable({ schedule, point }, await store.list({ schedule }, signal), now());
        const restored: Restored[] = [];
        for (const each of planRestore(resolve(to), points, only)) {
          const { point: from } = each;
          const result = await store.restore(
            from.id,
            {
              to: each.to,
              overwrite,
              ...(each.only === undefined ? {} : { only: each.only }),
              onProgress: (done) =>
                progress.report({
                  step: "restore",
                  subject: from.source,
                  totalFiles: from.files,
                  totalBytes: from.bytes,
                  ...done,
                }),
            },
            signal,
          );
          restored.push({ point: from.id, source: from.source, to: each.to, ...result });
        }
        return { exitCode: exitCodes.fine, document: { restored }, text: describe(restored) };
      },
    },
    surroundings,
  );
  registerRestorePlan(restore, surroundings);
  registerRestoreRun(restore, surroundings);
}

type Restored = RestoreResult & { readonly point: string; readonly source: string; readonly to: string };

interface PlannedRestore {
  readonly point: RecoveryPoint;
  readonly to: string;
  readonly only?: readonly string[];
}

/** With several points, the first step of each wanted path names the source. */
function planRestore(
  to: string,
  points: readonly RecoveryPoint[],
  only: readonly string[] | undefined,
): readonly PlannedRestore[] {
  const layout = layOut(to, points);
  if (only === undefined) return layout;
  const wanted = only.map((path) => path.replace(/^(\.\/)+|\/+$/g, ""));
  if (layout.length === 1) return layout.map((each) => ({ ...each, only: wanted }));
  const sources = new Set(points.map((point) => point.source));
  const stray = wanted.find((path) => !sources.has(path.split("/")[0] ?? ""));
  if (stray !== undefined)
    throw new PostureError("usage", `--only ${stray}: begins with none of the sources ${[...sources].join(", ")}`);
  return layout.flatMap((each) => {
    const { source } = each.point;
    if (wanted.includes(source)) return [each];
    const own = wanted.filter((path) => path.startsWith(`${source}/`)).map((path) => path.slice(source.length + 1));
    return own.length === 0 ? [] : [{ ...each, only: own }];
  });
}

function describe(restored: readonly Restored[]): string {
  const lines = restored.map(({ point, to, files, bytes }) =>
    colors.green(`${point}: restored ${formatCount(files, "file")}, ${formatBytes(bytes)}, to ${to}`),
  );
  const warnings = restored.flatMap(({ point, warnings: found }) => found.map(({ path, why }) => [point, path, why]));
  return [
    ...lines,
    ...(warnings.length === 0 ? [] : ["", formatTable(["point", "not as it was", "why"], warnings)]),
  ].join("\n");
}
