import { chmod } from "node:fs/promises";
import { now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { makeThrottle, type Throttle } from "../platform/throttle";
import type { Drivers } from "../runner/drivers";
import type { Home } from "../runner/home";
import type { DrillJob } from "../runner/job";
import { readJournal } from "../runner/journal";
import { clearStaging, openStaging } from "../runner/staging";
import type { RecoveryPoint, Store } from "../snapshot/stores/store";
import { type CheckResult, runChecks } from "./checks";
import { type Comparison, compareTree, type Difference } from "./compare";
import { findSourceTrees, SourceComparer, type SourceComparison } from "./compare-source";
import { type Drill, describeNothing } from "./drill-context";
import { readDrilledFiles, rememberDrilledFiles } from "./drilled-files";
import type { EvidenceFindings } from "./evidence-record";
import { layOut } from "./layout";
import { probePlace } from "./place";
import { drawRestorable, requireRestorable } from "./restorable";
import { pickEntries, planScope, type RestoreScope } from "./scope";
import { removeScratch } from "./scratch";
import { guardSpace } from "./space-guard";

/**
 * Restores into a scratch folder in the declared place, compares with the recovery points, and with the sources where that is declared,
 * runs the declared checks, and removes it all again.
 *
 * @throws whatever keeps it from finding something: no recovery point, an unusable place, a store that cannot be looked at.
 */
export async function rehearse(drill: Drill, drivers: Drivers): Promise<EvidenceFindings> {
  const { home, job, run, options } = drill;
  const { from, to, drill: declared } = job.declaration;
  await removeScratch(to, await listEarlierDrills(home, job.id, run));
  await clearStaging(home, job.id);
  const store = drivers.openStore(from.store);
  const throttle = makeDeclaredThrottle(job, store);
  const { points, drawn } = selectPoints(drill, await store.list({ schedule: from.schedule }, options.signal));
  const drilled = await readDrilledFiles(home, job.id);
  const scope = await planScope(declared, run, points, store, drilled, options.signal);
  await requirePlace(to);
  const space = await guardSpace(to, scope.need, declared?.limit?.leaveFree);
  const signal = AbortSignal.any([options.signal, space.signal]);
  try {
    const scratch = await makeScratch(home, job.id, to);
    const findings = await restoreAndCompare({ ...drill, store, points, scope, scratch, throttle, signal });
    if (scope.drawn.length > 0) await rememberDrilledFiles(home, job.id, drilled, scope.drawn);
    return drawn === null ? findings : { ...findings, drawn };
  } catch (error) {
    space.signal.throwIfAborted();
    throw error;
  } finally {
    space.release();
    options.onProgress?.({ step: "clean-up", subject: "", files: 0, bytes: 0 });
    // What the drill found stands all the same; what is left is removed by the next one, or with the target.
    await clearStaging(home, job.id).catch((error: unknown) => options.onFault?.(error));
  }
}

/** An empty folder in the place, for this account only, that the home knows of before it is there: whoever kills the drill does not hide it. */
async function makeScratch(home: Home, id: string, to: string): Promise<string> {
  const scratch = await openStaging(home, id, "drill").makeFolderWithin(to);
  await chmod(scratch, 0o700);
  return scratch;
}

/** A drill that knows what it restores where to. */
interface Rehearsal extends Drill {
  readonly store: Store;
  readonly points: readonly RecoveryPoint[];
  readonly scope: RestoreScope;
  readonly scratch: string;
  readonly throttle: Throttle | null;
  /** Aborted also where the place runs full. */
  readonly signal: AbortSignal;
}

function selectPoints(
  { job, run }: Drill,
  stored: readonly RecoveryPoint[],
): { readonly points: readonly RecoveryPoint[]; readonly drawn: EvidenceFindings["drawn"] | null } {
  const { from, drill } = job.declaration;
  if (drill?.point === undefined) return { points: requireRestorable(from, stored, now()), drawn: null };
  const within = drill.point.randomWithin;
  const drawn = drawRestorable(from.schedule, within, run, stored, now());
  return { points: drawn.points, drawn: { within, from: drawn.from } };
}

function makeDeclaredThrottle({ declaration }: DrillJob, store: Store): Throttle | null {
  const bytesPerSecond = declaration.drill?.limit?.bytesPerSecond;
  if (bytesPerSecond === undefined) return null;
  if (store.limitsRestores !== true)
    throw new PostureError(
      "permanent",
      `a ${store.kind} store cannot hold back its restores; leave out drill.limit.bytesPerSecond`,
    );
  return makeThrottle(bytesPerSecond);
}

async function restoreAndCompare(rehearsal: Rehearsal): Promise<EvidenceFindings> {
  const { home, job, points, scope, scratch, throttle, signal, options } = rehearsal;
  const restored = await restoreAll(rehearsal);
  const comparison = await compareAll(rehearsal);
  const withSource = job.declaration.drill?.compareWithSource === true ? await compareSources(rehearsal) : null;
  options.onProgress?.({ step: "check", subject: "", files: 0, bytes: 0 });
  const tree = {
    root: scratch,
    files: points.reduce((sum, point) => sum + point.files, 0),
    staging: openStaging(home, job.id, "drill"),
  };
  const checks = await runChecks(job.declaration.drill?.checks, tree, signal);
  const message = describeVerdict(restored.fault, comparison, withSource, checks);
  const { maxRestoreTime } = job.declaration;
  return {
    ...describeNothing(rehearsal, message),
    points: points.map(({ id, source, digest, startedAt }) => ({
      id,
      source,
      digest,
      startedAt: startedAt.toISOString(),
    })),
    scope: scope.recorded,
    files: comparison.files,
    bytes: comparison.bytes,
    restoreMilliseconds: restored.milliseconds,
    ...(maxRestoreTime === undefined ? {} : { maxRestoreMilliseconds: toMilliseconds(maxRestoreTime) }),
    ...(throttle === null ? {} : { limit: { bytesPerSecond: throttle.bytesPerSecond } }),
    compared: comparison.compared,
    comparedToo: describeKept(points),
    differences: { count: comparison.count, listed: [...comparison.listed] },
    ...(Object.values(comparison.unrestorable).some((entries) => entries > 0)
      ? { unrestorable: comparison.unrestorable }
      : {}),
    ...(withSource === null ? {} : { withSource }),
    checks: [...checks],
  };
}

/** What every one of the points keeps. */
function describeKept(points: readonly RecoveryPoint[]): NonNullable<EvidenceFindings["comparedToo"]> {
  const keepsAll = (what: "modes" | "owners" | "acls" | "extendedAttributes") =>
    points.every(({ fidelity }) => fidelity[what]);
  return {
    modes: keepsAll("modes"),
    owners: keepsAll("owners"),
    acls: keepsAll("acls"),
    extendedAttributes: keepsAll("extendedAttributes"),
  };
}

async function compareSources({
  home,
  job,
  store,
  points,
  scope,
  throttle,
  signal,
}: Rehearsal): Promise<SourceComparison> {
  const comparer = new SourceComparer(await findSourceTrees(home, job.declaration.from.schedule), throttle, signal);
  for (const point of points) {
    const entries = pickEntries(store.entries(point.id, signal), scope.only?.get(point.id));
    await comparer.add(point, entries, points.length === 1 ? "" : `${point.source}/`);
  }
  return comparer.result();
}

/** Restores every point, one after the other. A point that is damaged is restored as far as it goes: comparing then names what is not there. */
async function restoreAll(rehearsal: Rehearsal): Promise<{ milliseconds: number; fault: string | null }> {
  const { store, points, scope, scratch, throttle, signal, options } = rehearsal;
  const began = performance.now();
  let fault: string | null = null;
  for (const { point, to } of layOut(scratch, points)) {
    const only = scope.only?.get(point.id);
    if (only?.length === 0) continue;
    const onProgress = (done: { files: number; bytes: number }) =>
      options.onProgress?.({
        step: "restore",
        subject: point.source,
        totalFiles: point.files,
        totalBytes: point.bytes,
        ...done,
      });
    try {
      const request = {
        to,
        onProgress,
        ...(only === undefined ? {} : { only }),
        ...(throttle === null ? {} : { throttle }),
      };
      await store.restore(point.id, request, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof PostureError) || error.kind !== "permanent") throw error;
      options.onFault?.(error);
      fault = "a recovery point could not be restored whole";
    }
  }
  return { milliseconds: Math.round(performance.now() - began), fault };
}

async function compareAll(rehearsal: Rehearsal): Promise<Comparison> {
  const { store, points, scope, scratch, throttle, signal, options } = rehearsal;
  let total: Comparison = {
    compared: 0,
    files: 0,
    bytes: 0,
    count: 0,
    listed: [],
    unrestorable: { mode: 0, owner: 0, extendedAttributes: 0 },
  };
  for (const { point, to } of layOut(scratch, points)) {
    const found = await compareTree({
      root: to,
      entries: pickEntries(store.entries(point.id, signal), scope.only?.get(point.id)),
      kept: point.fidelity,
      whole: scope.only === undefined,
      throttle,
      signal,
      onProgress: (done) =>
        options.onProgress?.({
          step: "compare",
          subject: point.source,
          totalFiles: point.files,
          totalBytes: point.bytes,
          ...done,
        }),
    });
    const prefix = points.length === 1 ? "" : `${point.source}/`;
    total = addComparisons(total, {
      ...found,
      listed: found.listed.map(({ path, what }) => ({ path: `${prefix}${path}`, what })),
    });
  }
  return total;
}

function addComparisons(one: Comparison, other: Comparison): Comparison {
  const listed: readonly Difference[] = [...one.listed, ...other.listed].slice(0, 100);
  return {
    compared: one.compared + other.compared,
    files: one.files + other.files,
    bytes: one.bytes + other.bytes,
    count: one.count + other.count,
    listed,
    unrestorable: {
      mode: one.unrestorable.mode + other.unrestorable.mode,
      owner: one.unrestorable.owner + other.unrestorable.owner,
      extendedAttributes: one.unrestorable.extendedAttributes + other.unrestorable.extendedAttributes,
    },
  };
}

function describeVerdict(
  fault: string | null,
  comparison: Comparison,
  withSource: SourceComparison | null,
  checks: readonly CheckResult[],
): string {
  const failed = checks.filter((check) => !check.passed);
  const parts = [
    ...(fault === null ? [] : [fault]),
    ...(comparison.count === 0
      ? []
      : [`${comparison.count} of ${comparison.compared} entries differ from the recovery point`]),
    ...(withSource === null ? [] : describeSourceFaults(withSource)),
    ...failed.map((check) => `check ${check.name}: ${check.message}`),
  ];
  return parts.join("; ").slice(0, 500);
}

/** What was asked for and could not be told is a fault, too. */
function describeSourceFaults({
  compared,
  differences,
  unreadable,
  notComparable,
}: SourceComparison): readonly string[] {
  return [
    ...(differences.count === 0
      ? []
      : [`${differences.count} of ${compared} files differ from the source, which has not changed since`]),
    ...(unreadable === 0 ? [] : [`${unreadable} files of the source cannot be read by this account`]),
    ...(notComparable.length === 0
      ? []
      : [
          `no tree of files on this host is known for ${notComparable.length === 1 ? "source" : "sources"} ${notComparable.join(", ")}`,
        ]),
  ];
}

async function requirePlace(to: string): Promise<void> {
  const place = await probePlace(to, 0);
  if (!place.usable) throw new PostureError("permanent", `the place ${to} is unusable: ${place.why}`);
}

/** All drills that this journal knows but for the present one: they are dead, since the present one holds the lock. */
async function listEarlierDrills(home: Home, id: string, present: string): Promise<readonly string[]> {
  const records = await readJournal(home, id);
  return records.flatMap((record) => (record.event === "started" && record.run !== present ? [record.run] : []));
}
