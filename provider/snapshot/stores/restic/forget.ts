import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { isAbsent, PostureError } from "../../../platform/errors";
import type { PointId } from "../store";
import type { Restic } from "./restic";
import { readContents, type StoredPoint } from "./snapshots";

/** An argument list has its limit. */
const idsAtOnce = 1_000;

/** Deletes points, with what describes them, and frees what only they needed. */
export async function forgetPoints(
  restic: Restic,
  ids: readonly PointId[],
  releasePinsOf: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const contents = await readContents(restic, signal);
  const chosen = contents.points.filter(({ point }) => ids.includes(point.id));
  for (const { point } of chosen) {
    if (point.pinnedBy === null || point.pinnedBy === releasePinsOf) continue;
    throw new PostureError(
      "conflict",
      `${restic.subject}: recovery point ${point.id} is held by ${point.pinnedBy}, which has to let it go first; nothing was deleted`,
    );
  }
  if (chosen.length === 0) return;
  for (const stored of chosen) if (!stored.readable) await removeUnreadable(restic, stored);
  const snapshots = [...chosen.flatMap(({ snapshots: all }) => all), ...contents.dangling];
  for (let at = 0; at < snapshots.length; at += idsAtOnce) {
    const part = snapshots.slice(at, at + idsAtOnce);
    await restic.run({ what: "forgetting", arguments: ["forget", ...part], lock: "exclusive" }, signal);
  }
  await restic.run({ what: "pruning", arguments: ["prune"], lock: "exclusive" }, signal);
}

/** restic deletes no snapshot that it cannot read, and prunes nothing while there is one. */
async function removeUnreadable(restic: Restic, { point }: StoredPoint): Promise<void> {
  if (restic.folder === null)
    throw new PostureError(
      "permanent",
      `${restic.subject}: the snapshot file ${point.id} is damaged, and restic deletes none that it cannot read; delete snapshots/${point.id} from the repository by the means of its back end, then run this again`,
    );
  try {
    await unlink(join(restic.folder, "snapshots", point.id));
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
