import { readdirSync } from "node:fs";
import { unlink } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../../platform/atomic-file";
import { isAbsent, PostureError } from "../../../platform/errors";
import type { PointId } from "../store";
import { DamageError } from "./damage";
import type { StoreLayout } from "./layout";
import { openManifest } from "./manifest";
import { listPacks } from "./object-index";
import { packFileName } from "./pack-format";
import { headerPath, listPoints, manifestPath, readPoint, readTrustedHeader } from "./point-header";

/**
 * Deletes points, then what only they needed. The caller has the store alone.
 *
 * A point is gone as soon as its header is; a kill after that leaves only rubbish, which the next call sweeps.
 */
export async function forgetPoints(
  layout: StoreLayout,
  ids: readonly PointId[],
  releasePinsOf: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const id of ids) refusePinned(layout, id, releasePinsOf);
  signal.throwIfAborted();
  for (const id of ids) if (readPoint(layout, id) !== null) await removeFile(headerPath(layout, id));
  await syncDirectory(layout.points);
  await sweep(layout);
}

function refusePinned(layout: StoreLayout, id: PointId, releasePinsOf: string | undefined): void {
  const holder = readPoint(layout, id)?.pinnedBy ?? null;
  if (holder === null || holder === releasePinsOf) return;
  throw new PostureError(
    "conflict",
    `${layout.root}: recovery point ${id} is held by ${holder}, which has to let it go first; nothing was deleted`,
  );
}

/** Marks what the remaining points need before anything is removed. A manifest that cannot be read needs everything. */
async function sweep(layout: StoreLayout): Promise<void> {
  const points = new Set(listPoints(layout).map((point) => point.id));
  for (const name of readdirSync(layout.points))
    if (name.endsWith(".manifest") && !points.has(name.slice(0, -".manifest".length)))
      await removeFile(join(layout.points, name));
  const needed = markNeededPacks(layout, [...points]);
  if (needed === null) return;
  for (const id of listPacks(layout)) if (!needed.has(id)) await removeFile(join(layout.packs, packFileName(id)));
}

function markNeededPacks(layout: StoreLayout, points: readonly PointId[]): ReadonlySet<string> | null {
  const needed = new Set<string>();
  for (const id of points) {
    try {
      const manifest = openManifest(manifestPath(layout, id));
      manifest.close();
      const header = readTrustedHeader(layout, id);
      if (manifest.digest !== header?.digest) return null;
      if (header.attributes !== null) needed.add(header.attributes.pack);
      for (const pack of manifest.packs.values()) needed.add(pack.id);
    } catch (error) {
      if (error instanceof DamageError) return null;
      throw error;
    }
  }
  return needed;
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
