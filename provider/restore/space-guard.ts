import { statfs } from "node:fs/promises";
import { PostureError } from "../platform/errors";
import type { RecoveryPoint } from "../snapshot/stores/store";

const lookEveryMilliseconds = 1_000;

/** Of the size of a file system, what a drill leaves free where nothing is declared: one part in so many. */
const defaultLeavesOneIn = 100n;

/** What a restore needs of a file system, at most. */
export interface SpaceNeed {
  readonly bytes: number;
  /** Files, directories and links: each takes a block that it may hardly use. */
  readonly entries: number;
}

/** What recovery points need when they are restored whole. */
export function needOf(points: readonly RecoveryPoint[]): SpaceNeed {
  return {
    bytes: points.reduce((sum, point) => sum + point.bytes, 0),
    entries: points.reduce((sum, { files, directories, links }) => sum + files + directories + links, 0),
  };
}

/** What stays free of a place while something is restored to it. */
export interface SpaceGuard {
  /** Aborted as soon as there is less. */
  readonly signal: AbortSignal;
  /** Must be called in every case. */
  release(): void;
}

/**
 * Makes sure that a place has room for a restore and stays with a reserve, and looks again every second: somebody else may fill it
 * meanwhile.
 *
 * @param leaveFree what must stay free, in bytes; undefined: a hundredth of the file system.
 * @throws PostureError `permanent` where there is no room.
 */
export async function guardSpace(place: string, need: SpaceNeed, leaveFree: number | undefined): Promise<SpaceGuard> {
  const { bsize, blocks, bavail } = await statfs(place, { bigint: true });
  const reserve = leaveFree === undefined ? (blocks * bsize) / defaultLeavesOneIn : BigInt(leaveFree);
  const needed = BigInt(need.bytes) + BigInt(need.entries) * bsize;
  if (bavail * bsize < needed + reserve)
    throw new PostureError(
      "permanent",
      `the place ${place} has too little free space: up to ${needed} bytes are needed, and ${reserve} must stay free`,
    );
  const full = new AbortController();
  const timer = setInterval(() => void look(place, reserve, full), lookEveryMilliseconds);
  timer.unref();
  return { signal: full.signal, release: () => clearInterval(timer) };
}

async function look(place: string, reserve: bigint, full: AbortController): Promise<void> {
  try {
    const { bsize, bavail } = await statfs(place, { bigint: true });
    if (bavail * bsize >= reserve) return;
    full.abort(
      new PostureError(
        "permanent",
        `the place ${place} was running full: less than ${reserve} bytes were free, and the drill was stopped`,
      ),
    );
  } catch (cause) {
    full.abort(new PostureError("permanent", `the place ${place} could not be looked at any more`, { cause }));
  }
}
