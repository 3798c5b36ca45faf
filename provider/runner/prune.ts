import { formatInstant, now } from "../platform/clock";
import { selectRetained } from "../snapshot/retention";
import { groupRetainable, type RecoverySet } from "../snapshot/sets";
import type { Store } from "../snapshot/stores/store";
import { type Drivers, standardDrivers } from "./drivers";
import { type Home, requireHome } from "./home";
import { requireJob, type ScheduleJob } from "./job";
import { lockCopies, lockJob } from "./job-lock";
import { appendRecord } from "./journal";
import { type Place, requirePlace } from "./places";

/** What pruning did, or would do. */
export interface PruneResult {
  /** The recovery sets that were deleted, newest first. */
  readonly dropped: readonly RecoverySet[];
  /** Those that stay, newest first, and sets that are damaged or not whole after them. */
  readonly kept: readonly RecoverySet[];
  /** Why nothing may be deleted at present; null when pruning works. */
  readonly suspended: string | null;
}

export interface PruneOptions {
  readonly signal: AbortSignal;
  /** Says what would be deleted, and deletes nothing. Default: false. */
  readonly dryRun?: boolean;
  /** The copy to prune, by name. Default: the schedule's own store. */
  readonly copy?: string;
}

/**
 * Deletes the recovery sets of a schedule, or of a copy of it, that the retention lets go. Pinned points and those of other schedules are never
 * touched, and neither are sets that are damaged or not whole: they count for nothing and displace nothing.
 *
 * @throws PostureError `locked` while a run of the schedule, or copying, goes on, and what the store throws.
 */
export async function pruneSchedule(
  home: Home,
  id: string,
  options: PruneOptions,
  drivers: Drivers = standardDrivers,
): Promise<PruneResult> {
  await requireHome(home);
  const job = await requireJob(home, id, "schedule");
  const place = requirePlace(job, options.copy ?? null);
  const store = drivers.openStore(place.store);
  if (options.dryRun === true) return pruneSets(home, job, place, store, options);
  const lock = await (place.copy === null ? lockJob(home, id, "prune") : lockCopies(home, id));
  try {
    return await pruneSets(home, job, place, store, options);
  } finally {
    await lock.release();
  }
}

/** As {@link pruneSchedule}, for the holder of the lock. */
export async function pruneSets(
  home: Home,
  job: ScheduleJob,
  place: Place,
  store: Store,
  options: Pick<PruneOptions, "signal" | "dryRun">,
): Promise<PruneResult> {
  const sets = groupRetainable(await store.list({ schedule: job.id }, options.signal));
  const timeZone = job.declaration.when.timeZone ?? "UTC";
  const { kept, dropped, incomplete, suspended } = selectRetained(sets, place.keep, { timeZone, now: now() });
  const points = dropped.flatMap((set) => set.points).map((point) => point.id);
  if (options.dryRun !== true && points.length > 0) {
    await appendRecord(home, job.id, {
      event: "forgot",
      at: formatInstant(now()),
      points,
      why: "retention",
      ...(place.copy === null ? {} : { copy: place.copy, sets: dropped.map((set) => set.id) }),
    });
    await store.forget(points, {}, options.signal);
  }
  return { dropped, kept: [...kept.map(({ set }) => set), ...incomplete], suspended };
}
