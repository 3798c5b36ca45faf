import { PostureError } from "../platform/errors";
import { removeTree } from "../restore/scratch";
import type { RecoveryPoint, Store } from "../snapshot/stores/store";
import { comparePoints } from "./compare-points";
import { makeCopyFolder } from "./copy-staging";
import type { Home } from "./home";

/** A copy of one recovery point. */
export interface CopiedPoint {
  readonly point: RecoveryPoint;
  /** Of how many entries modes, owners, times or attributes could not be kept. */
  readonly attributesLost: number;
}

export interface CopyPointRequest {
  readonly home: Home;
  readonly from: Store;
  readonly to: Store;
  readonly point: RecoveryPoint;
  readonly signal: AbortSignal;
  readonly onProgress?: (done: { readonly files: number; readonly bytes: number }) => void;
}

/**
 * Copies one recovery point from one store into another: the same schedule, source, set and start, so that it is as old there as here.
 * Nothing of it is read from its source again. Stores that know each other do it their own way; for all others it is restored into the
 * home and captured from there. The copy counts only once it holds the same content, entry by entry.
 *
 * @throws PostureError `permanent` where the point is damaged, or its copy is not the same; no copy is then left.
 */
export async function copyPoint(request: CopyPointRequest): Promise<CopiedPoint> {
  const { from, to, point, signal } = request;
  const adopted = await to.adopt?.(from, point.id, signal);
  return adopted === undefined ? await restoreAndCapture(request) : await verified(request, adopted);
}

async function restoreAndCapture(request: CopyPointRequest): Promise<CopiedPoint> {
  const { home, from, to, point, signal, onProgress } = request;
  const folder = await makeCopyFolder(home, point.schedule);
  try {
    await from.restore(point.id, { to: folder, ...(onProgress === undefined ? {} : { onProgress }) }, signal);
    const copy = await to.capture(
      {
        schedule: point.schedule,
        source: point.source,
        set: point.set,
        owner: point.owner,
        startedAt: point.startedAt,
        tree: { root: folder, exclude: [] },
        ...(point.pinnedBy === null ? {} : { pinnedBy: point.pinnedBy }),
      },
      signal,
    );
    return await verified(request, copy);
  } finally {
    await removeTree(folder);
  }
}

async function verified({ from, to, point, signal }: CopyPointRequest, copy: RecoveryPoint): Promise<CopiedPoint> {
  const { content, attributes } = await comparePoints(from.entries(point.id, signal), to.entries(copy.id, signal));
  const { damagedFiles } = await to.verify(copy.id, "metadata", signal);
  if (content === 0 && damagedFiles === 0) return { point: copy, attributesLost: attributes };
  await to.forget([copy.id], point.pinnedBy === null ? {} : { releasePinsOf: point.pinnedBy }, signal);
  throw new PostureError(
    "permanent",
    `source ${point.source}: its copy is not the same, ${Math.max(content, damagedFiles)} entries differ; a disk may be failing`,
  );
}
