import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import type { RecoverySet } from "../snapshot/sets";
import type { RecoveryPoint, Store } from "../snapshot/stores/store";
import { copyPoint } from "./copy-point";
import { clearCopyStaging } from "./copy-staging";
import { type Drivers, standardDrivers } from "./drivers";
import { describeFailure } from "./failure";
import { type Home, requireHome } from "./home";
import { requireJob, type ScheduleJob } from "./job";
import { lockCopies } from "./job-lock";
import { appendRecord, readJournal, type SetsCopied } from "./journal";
import { listCopies, markOf, type Place } from "./places";
import { type PruneResult, pruneSets } from "./prune";
import type { RunProgress } from "./run-context";
import { findAbandoned, findNewest, findOwed, findUntold } from "./uncopied-sets";

export interface CopyOptions {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: RunProgress) => void;
  /** Receives the original error of what failed. It may name files: for a terminal, never for the journal. */
  readonly onFault?: (error: unknown) => void;
  /** The copies to bring up to date, by name. Default: all. */
  readonly only?: readonly string[];
  /** How many recovery sets each copy gets at most; the rest is for later. Default: 10. */
  readonly atMost?: number;
}

/** What one attempt does for each copy at most: a new copy of an old schedule is filled by and by, the newest first. */
const setsAtOnce = 10;

/**
 * Brings the copies of a schedule up to date: each gets the recovery sets that the schedule's own store holds whole and that the copy lacks and
 * its retention keeps, the newest first; then it is pruned. Sets that are dated in the future wait until they are not. What became of it is written
 * into the journal, one record a copy. Runs may go on meanwhile: what they take is copied as well before this ends.
 *
 * @returns what was written into the journal.
 * @throws PostureError before anything is copied: `unreachable` for the home or the schedule's own store, `permanent` or `usage` for the job,
 * `locked` while its recovery sets are copied already.
 */
export async function copySchedule(
  home: Home,
  id: string,
  options: CopyOptions,
  drivers: Drivers = standardDrivers,
): Promise<readonly SetsCopied[]> {
  await requireHome(home);
  const records: SetsCopied[] = [];
  let newest: RecoverySet | undefined;
  for (;;) {
    const job = await requireJob(home, id, "schedule");
    const places = selectCopies(job, options.only);
    const from = drivers.openStore(job.declaration.store);
    const lock = await lockCopies(home, id);
    try {
      newest = findNewest(await from.list({ schedule: id }, options.signal), now());
      for (const place of places) records.push(...(await bringUpToDate({ home, job, from, place, drivers, options })));
    } finally {
      await lock.release();
    }
    // A run that ended meanwhile has found the lock held, and left its set to us.
    const later = findNewest(await from.list({ schedule: id }, options.signal), now());
    if (options.signal.aborted || later === undefined || later.id === newest?.id) return records;
  }
}

interface CopyContext {
  readonly home: Home;
  readonly job: ScheduleJob;
  readonly from: Store;
  readonly place: Place & { readonly copy: string };
  readonly drivers: Drivers;
  readonly options: CopyOptions;
}

function selectCopies(job: ScheduleJob, only: readonly string[] | undefined) {
  const copies = listCopies(job);
  const stranger = only?.find((name) => !copies.some(({ copy }) => copy === name));
  if (stranger !== undefined) throw new PostureError("usage", `${job.id}: has no copy ${stranger}`);
  return only === undefined ? copies : copies.filter(({ copy }) => only.includes(copy));
}

/** One record; none where there was nothing to do, and nothing to take back. */
async function bringUpToDate(context: CopyContext): Promise<readonly SetsCopied[]> {
  const { home, job, place, options } = context;
  const began = performance.now();
  const result = new CopyResult();
  await tryToBringUpToDate(context, result);
  const record: SetsCopied = {
    event: "copied",
    at: formatInstant(now()),
    copy: place.copy,
    store: markOf(place.store),
    outcome: result.faults.length === 0 ? "succeeded" : "failed",
    message: result.faults[0] ?? "",
    sets: result.sets.map((set) => ({ id: set.id, startedAt: set.startedAt.toISOString() })),
    bytes: result.bytes,
    addedBytes: result.addedBytes,
    durationMilliseconds: Math.round(performance.now() - began),
    pruned: result.pruned?.dropped.length ?? 0,
    pruneSuspended: result.pruned?.suspended ?? null,
    ...(result.attributesLost === 0 ? {} : { notes: [describeLostAttributes(result.attributesLost)] }),
  };
  if (record.outcome === "succeeded" && record.sets.length === 0 && record.pruned === 0)
    if ((await findLastRecord(home, job.id, record))?.outcome === "succeeded") return [];
  await appendRecord(home, job.id, record);
  if (options.signal.aborted) options.signal.throwIfAborted();
  return [record];
}

/** What has been done for one copy. */
class CopyResult {
  bytes = 0;
  addedBytes = 0;
  attributesLost = 0;
  /** Whole in the copy, and not in the journal yet. */
  sets: readonly RecoverySet[] = [];
  pruned: PruneResult | null = null;
  /** What failed, each in one sentence. */
  readonly faults: string[] = [];
}

/** A set that cannot be copied, because it is damaged, does not keep others from it; a store that cannot be reached does. */
async function tryToBringUpToDate(context: CopyContext, result: CopyResult): Promise<void> {
  const { home, job, place, drivers, options } = context;
  const { signal, atMost = setsAtOnce } = options;
  const failed = new Set<string>();
  try {
    await clearCopyStaging(home, job.id);
    const to = drivers.openStore(place.store);
    await forgetAbandoned(context, to);
    for (let done = 0; done < atMost; done += 1) {
      const next = await findNext(context, to, failed);
      if (next === undefined) break;
      await copySet(context, to, next, result).catch((error: unknown) => {
        signal.throwIfAborted();
        if (!(error instanceof PostureError) || error.kind !== "permanent") throw error;
        options.onFault?.(error);
        failed.add(next.id);
        result.faults.push(`the recovery set of ${formatInstant(next.startedAt)}: ${describeFailure(error)}`);
      });
    }
    const stored = await to.list({ schedule: job.id }, signal);
    result.sets = findUntold(stored, await readJournal(home, job.id), place.copy, markOf(place.store));
    if (await holdsNewest(context, stored)) result.pruned = await pruneCopy(context, to);
  } catch (error) {
    options.onFault?.(error);
    result.faults.unshift(signal.aborted ? "stopped before it was complete" : describeFailure(error));
  } finally {
    await clearCopyStaging(home, job.id);
  }
}

async function findNext(
  { job, from, place, options }: CopyContext,
  to: Store,
  failed: ReadonlySet<string>,
): Promise<RecoverySet | undefined> {
  const filter = { schedule: job.id };
  return findOwed(await from.list(filter, options.signal), await to.list(filter, options.signal), {
    keep: place.keep,
    timeZone: job.declaration.when.timeZone ?? "UTC",
    now: now(),
  }).find((set) => !failed.has(set.id));
}

/** What of the set is in the copy already is not copied again. A set that was pruned meanwhile is nobody's failure. */
async function copySet(context: CopyContext, to: Store, set: RecoverySet, result: CopyResult): Promise<void> {
  const { home, job, from, options } = context;
  const present = (await to.list({ schedule: job.id }, options.signal)).filter((point) => point.set.id === set.id);
  for (const point of set.points) {
    if (present.some(({ source }) => source === point.source)) continue;
    const report = reportProgress(context, point);
    report({ files: 0, bytes: 0 });
    try {
      const copied = await copyPoint({ home, from, to, point, signal: options.signal, onProgress: report });
      result.bytes += copied.point.bytes;
      result.addedBytes += copied.point.addedBytes;
      result.attributesLost += copied.attributesLost;
    } catch (error) {
      if (options.signal.aborted || (await isThere(context, point))) throw error;
      return;
    }
  }
}

async function isThere({ job, from, options }: CopyContext, point: RecoveryPoint): Promise<boolean> {
  return (await from.list({ schedule: job.id }, options.signal)).some(({ id }) => id === point.id);
}

function reportProgress({ place, options }: CopyContext, { source, files, bytes }: RecoveryPoint) {
  const subject = `${source} to ${place.copy}`;
  return (done: { readonly files: number; readonly bytes: number }) =>
    options.onProgress?.({ step: "copy", subject, totalFiles: files, totalBytes: bytes, ...done });
}

/** What a copying that was killed has left of sets that the schedule's own store no longer has: nobody will complete them. */
async function forgetAbandoned({ home, job, from, place, options }: CopyContext, to: Store): Promise<void> {
  const filter = { schedule: job.id };
  const points = findAbandoned(
    await to.list(filter, options.signal),
    await from.list(filter, options.signal),
    await readJournal(home, job.id),
    place.copy,
    markOf(place.store),
  );
  if (points.length > 0)
    await to.forget(
      points.map(({ id }) => id),
      {},
      options.signal,
    );
}

/** A copy that has fallen behind is not pruned: what it would let go may be all that there is. */
async function holdsNewest({ job, from, options }: CopyContext, stored: readonly RecoveryPoint[]): Promise<boolean> {
  const newest = findNewest(await from.list({ schedule: job.id }, options.signal), now());
  return newest === undefined || stored.some((point) => point.set.id === newest.id);
}

/** The copy is good whether or not pruning works: what stands in the way is told beside it. */
async function pruneCopy({ home, job, place, options }: CopyContext, to: Store): Promise<PruneResult> {
  try {
    return await pruneSets(home, job, place, to, { signal: options.signal });
  } catch (error) {
    options.signal.throwIfAborted();
    options.onFault?.(error);
    return { dropped: [], kept: [], suspended: `pruning failed: ${describeFailure(error)}` };
  }
}

async function findLastRecord(home: Home, id: string, of: Pick<SetsCopied, "copy" | "store">) {
  return (await readJournal(home, id)).findLast(
    (record): record is SetsCopied => record.event === "copied" && record.copy === of.copy && record.store === of.store,
  );
}

function describeLostAttributes(count: number): string {
  return `modes, owners, times or attributes of ${count} ${count === 1 ? "entry" : "entries"} are not as they were: this account, or the home's file system, cannot set them`;
}
