import { mkdir, rm, unlink } from "node:fs/promises";
import { syncDirectory } from "../../../platform/atomic-file";
import { isAbsent, PostureError } from "../../../platform/errors";
import type { PointId } from "../store";
import type { StoreLayout } from "./layout";
import { headerPath, readPoint } from "./point-header";
import { sweep } from "./sweep";

/**
 * Deletes points, then what only they needed. The caller has the store alone.
 *
 * A point is gone as soon as its header is; a kill after that leaves only rubbish, which the next call sweeps.
 */
export async function forgetPoints(
  layout: StoreLayout,
  temporary: string,
  ids: readonly PointId[],
  releasePinsOf: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const id of ids) refusePinned(layout, id, releasePinsOf);
  signal.throwIfAborted();
  for (const id of ids) if (readPoint(layout, id) !== null) await removeFile(headerPath(layout, id));
  await syncDirectory(layout.points);
  await mkdir(temporary, { mode: 0o700 });
  try {
    await sweep(layout, temporary);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

function refusePinned(layout: StoreLayout, id: PointId, releasePinsOf: string | undefined): void {
  const holder = readPoint(layout, id)?.pinnedBy ?? null;
  if (holder === null || holder === releasePinsOf) return;
  throw new PostureError(
    "conflict",
    `${layout.root}: recovery point ${id} is held by ${holder}, which has to let it go first; nothing was deleted`,
  );
}

async function removeFile(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isAbsent(error)) throw error;
  }
}
