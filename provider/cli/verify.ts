import type { Command } from "commander";
import { z } from "zod";
import { identifier } from "../declaration/primitives";
import { PostureError } from "../platform/errors";
import type { RecoveryPoint, Verification } from "../snapshot/stores/store";
import { type CommandSurroundings, register } from "./command";
import { exitCodes } from "./exit-codes";
import { colors, formatBytes, formatCount, formatTable } from "./format";
import { copyOption, findStored, storeOption } from "./stores";

/** `backup-posture verify <id>`: looks whether recovery points are as they were taken. */
export function registerVerify(program: Command, surroundings: CommandSurroundings): void {
  register(
    program,
    {
      usage: "verify <id>",
      summary: "look whether recovery points are as they were taken",
      details:
        "Without --content: their manifests, and presence and size of all that they name. Exit code 3 when something is damaged.",
      options: [
        ["--content", "read everything and compare it with its digest"],
        ["--point <point>", "this recovery point only; default: all of the id"],
        storeOption,
        copyOption,
      ],
      examples: [
        ["verify shares", "a quick look at all recovery points of the schedule shares"],
        ["verify shares --content", "read them all"],
        ["verify shares --copy offsite --content", "read all that the copy offsite holds"],
      ],
      input: z.object({
        id: identifier,
        content: z.boolean().default(false),
        point: z.string().min(1).optional(),
        store: z.string().min(1).optional(),
        copy: z.string().min(1).optional(),
      }),
      act: async ({ home, signal, progress }, { id, content, point, store: storePath, copy }) => {
        const { store, schedule } = await findStored(home, id, storePath, copy);
        const points = selectPoints(id, await store.list({ schedule }, signal), point);
        const found: Verification[] = [];
        for (const each of points) {
          progress.report({ step: "verify", subject: each.id, files: found.length, bytes: 0 });
          found.push(await store.verify(each.id, content ? "content" : "metadata", signal));
        }
        return {
          exitCode: found.some(({ damagedFiles }) => damagedFiles > 0) ? exitCodes.unhealthy : exitCodes.fine,
          document: { points: found },
          text: found.length === 0 ? "no recovery points" : describe(found),
        };
      },
    },
    surroundings,
  );
}

function selectPoints(
  id: string,
  points: readonly RecoveryPoint[],
  wanted: string | undefined,
): readonly RecoveryPoint[] {
  const selected = wanted === undefined ? points : points.filter((point) => point.id === wanted);
  if (wanted !== undefined && selected.length === 0)
    throw new PostureError(
      "usage",
      `${id}: has no recovery point ${wanted}; backup-posture list ${id} shows what there is`,
    );
  return selected;
}

function describe(found: readonly Verification[]): string {
  const rows = found.map(({ point, files, bytes, damagedFiles }) => [
    point,
    String(files),
    formatBytes(bytes),
    damagedFiles === 0 ? "good" : `damaged: ${formatCount(damagedFiles, "file")}`,
  ]);
  const damaged = found.flatMap(({ point, damaged: listed }) => listed.map(({ path, why }) => [point, path, why]));
  const verdicts = formatTable(["point", "files", "size", "verdict"], rows, (text, column) =>
    column !== 3 ? text : text === "good" ? colors.green(text) : colors.red(text),
  );
  return damaged.length === 0 ? verdicts : `${verdicts}\n\n${formatTable(["point", "damaged", "why"], damaged)}`;
}
