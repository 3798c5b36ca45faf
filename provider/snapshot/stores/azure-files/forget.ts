import { PostureError } from "../../../platform/errors";
import type { PointId } from "../store";
import { forgetFiles } from "./capture";
import type { Connection } from "./connection";
import { takeInventory } from "./points";
import { deleteSnapshot, describeLeased } from "./share-snapshots";

/**
 * Deletes points of ours: the snapshot first, and then what describes it. What has no id of ours, another tool's snapshot, is absent here and
 * never touched; one that a lease holds is refused, and then nothing is deleted.
 */
export async function forgetPoints(
  connection: Connection,
  ids: readonly PointId[],
  releasePinsOf: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const wanted = new Set(ids);
  const found = (await takeInventory(connection, signal)).points.filter(({ identity }) => wanted.has(identity.id));
  for (const { identity, snapshot } of found) {
    const { id, pinnedBy } = identity;
    if (pinnedBy !== null && pinnedBy !== releasePinsOf)
      throw new PostureError(
        "conflict",
        `${connection.subject}: recovery point ${id} is held by ${pinnedBy}, which has to let it go first; nothing was deleted`,
      );
    if (snapshot.leased) throw describeLeased(connection.subject, snapshot.taken);
  }
  for (const { identity, snapshot } of found) {
    await deleteSnapshot(connection, snapshot.taken, signal);
    await forgetFiles(connection, identity.id, signal);
  }
}
