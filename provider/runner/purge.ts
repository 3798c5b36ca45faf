import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import type { PointId, RecoveryPoint, Store } from "../snapshot/stores/store";
import { type Home, requireHome } from "./home";
import { lockCopies, lockJob } from "./job-lock";
import { appendRecord, type JournalRecord, readJournal } from "./journal";
import { findLostPoints, type LostPoint } from "./lost-points";
import { findLostSets } from "./uncopied-sets";

/** Which recovery points of an id a person gives up. */
export type PurgeSelection =
  /** All but pinned ones. */
  | { readonly of: "all" }
  /** These, pinned or not: whoever names a point means it. */
  | { readonly of: "points"; readonly points: readonly PointId[] }
  /** Those that cannot be trusted as they stand, but for pinned ones. */
  | { readonly of: "damaged" }
  /** Those that the store has lost: their absence is then no fault any more. */
  | { readonly of: "missing" };

/** Where a purge looks. */
export interface PurgePlace {
  readonly store: Store;
  /** The copy whose store it is, and what marks that store in the journal; null for the schedule's own, or that of no job any more. */
  readonly copy: { readonly name: string; readonly mark: string } | null;
}

/** What a purge would do. */
export interface PurgePlan {
  readonly forget: readonly RecoveryPoint[];
  /** Pinned points that stay because they were not named. */
  readonly spared: readonly RecoveryPoint[];
  readonly lost: readonly LostPoint[];
}

/** Lists what a purge would delete or give up. Changes nothing. @throws PostureError `usage` for a named point that is not there. */
export async function planPurge(
  home: Home,
  id: string,
  place: PurgePlace,
  selection: PurgeSelection,
  signal: AbortSignal,
): Promise<PurgePlan> {
  await requireHome(home);
  const points = await place.store.list({ schedule: id }, signal);
  switch (selection.of) {
    case "all":
      return { forget: points.filter(isFree), spared: points.filter((point) => !isFree(point)), lost: [] };
    case "points":
      return { forget: selection.points.map((wanted) => requirePoint(points, id, wanted)), spared: [], lost: [] };
    case "damaged": {
      const damaged = points.filter((point) => point.damage !== null);
      return { forget: damaged.filter(isFree), spared: damaged.filter((point) => !isFree(point)), lost: [] };
    }
    case "missing":
      return { forget: [], spared: [], lost: findLost(await readJournal(home, id), points, place) };
  }
}

/**
 * Carries out a plan, after a person agreed to it: the journal tells first that the points were given up, then they are deleted.
 *
 * @param why in the person's words, one line.
 * @throws PostureError `locked` while a run of the id goes on, and what the store throws.
 */
export async function purge(
  home: Home,
  id: string,
  { store, copy }: PurgePlace,
  plan: PurgePlan,
  why: string,
  signal: AbortSignal,
): Promise<void> {
  const lock = await (copy === null ? lockJob(home, id, "purge") : lockCopies(home, id));
  try {
    const points = [...plan.forget, ...plan.lost].map((point) => point.id);
    if (points.length === 0) return;
    const sets = [...plan.forget.map((point) => point.set.id), ...plan.lost.map((set) => set.id)];
    await appendRecord(home, id, {
      event: "forgot",
      at: formatInstant(now()),
      points,
      why,
      ...(copy === null ? {} : { copy: copy.name, sets: [...new Set(sets)] }),
    });
    for (const [pin, held] of groupByPin(plan.forget)) {
      const ids = held.map((point) => point.id);
      await store.forget(ids, pin === null ? {} : { releasePinsOf: pin }, signal);
    }
  } finally {
    await lock.release();
  }
}

/** Of a copy, whole sets are told of: the journal knows no points of it. */
function findLost(
  records: readonly JournalRecord[],
  points: readonly RecoveryPoint[],
  { copy }: PurgePlace,
): readonly LostPoint[] {
  if (copy === null) return findLostPoints(records, points);
  return findLostSets(points, records, copy.name, copy.mark).map(({ id, startedAt }) => ({
    id,
    takenBy: formatInstant(startedAt),
  }));
}

function groupByPin(points: readonly RecoveryPoint[]): ReadonlyMap<string | null, readonly RecoveryPoint[]> {
  const groups = new Map<string | null, RecoveryPoint[]>();
  for (const point of points) {
    const group = groups.get(point.pinnedBy);
    if (group === undefined) groups.set(point.pinnedBy, [point]);
    else group.push(point);
  }
  return groups;
}

function requirePoint(points: readonly RecoveryPoint[], id: string, wanted: PointId): RecoveryPoint {
  const found = points.find((point) => point.id === wanted);
  if (found === undefined)
    throw new PostureError(
      "usage",
      `${id}: has no recovery point ${wanted}; backup-posture list ${id} shows what there is`,
    );
  return found;
}

function isFree(point: RecoveryPoint): boolean {
  return point.pinnedBy === null;
}
