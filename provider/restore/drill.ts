import { hostname, userInfo } from "node:os";
import { formatInstant, now } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { PostureError } from "../platform/errors";
import { readRelease } from "../platform/release";
import { closeDeadRuns } from "../runner/dead-runs";
import { type Drivers, standardDrivers } from "../runner/drivers";
import { describeFailure } from "../runner/failure";
import { type Home, requireHome } from "../runner/home";
import { type DrillJob, requireJob } from "../runner/job";
import { lockJob } from "../runner/job-lock";
import { appendRecord, type RunEnded, readJournal } from "../runner/journal";
import { makeRunId } from "../runner/run-id";
import type { RecoveryPoint, Store } from "../snapshot/stores/store";
import { type CheckResult, runChecks } from "./checks";
import { type Comparison, compareTree, type Difference } from "./compare";
import { defaultEvidenceRetention } from "./defaults";
import { appendEvidence, type EvidenceFindings, type EvidenceRecord, refuseBroken, restartEvidence } from "./evidence";
import { deliverEvidence } from "./evidence-delivery";
import { openSigner, type Signer } from "./evidence-signature";
import { layOut } from "./layout";
import { probePlace } from "./place";
import { requireRestorable } from "./restorable";
import { pickEntries, planScope, type RestoreScope } from "./scope";
import { makeScratch, removeScratch } from "./scratch";

/** What a drill is doing: for progress bars and lines, never for the journal. */
export interface DrillProgress {
  readonly step: "restore" | "compare" | "check" | "clean-up";
  /** The name of the source; empty where the step has none. */
  readonly subject: string;
  readonly files: number;
  readonly bytes: number;
  readonly totalFiles?: number;
  readonly totalBytes?: number;
}

export interface DrillOptions {
  /** Ends the drill early: it is then journalled as failed, without evidence. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: DrillProgress) => void;
  /** Receives the original error of a drill that failed. It may name files: for a terminal, never for the journal. */
  readonly onFault?: (error: unknown) => void;
  /** Sets broken evidence aside first and begins a new chain. Default: false. */
  readonly restartEvidence?: boolean;
}

export interface DrillEnded {
  readonly ended: RunEnded;
  /** Null for a drill that was stopped, or whose evidence could not be written. */
  readonly evidence: EvidenceRecord | null;
  /** How much longer than `maxRestoreTime` the restore took, in one sentence; null when it was fast enough. */
  readonly tooSlow: string | null;
  /** Why the evidence could not be written to its sink, in one sentence; null when it was, or none is declared. */
  readonly undelivered: string | null;
}

/**
 * Rehearses a restore: into a scratch folder in the declared place, compared file by file with the recovery points, timed,
 * removed again. What it found is written into the evidence and the journal; a drill that fails is a result.
 *
 * @throws PostureError before anything is journalled: `unreachable` for the home, `permanent` or `usage` for the job, `locked` while
 * another drill of it goes on.
 */
export async function runDrill(
  home: Home,
  id: string,
  options: DrillOptions,
  drivers: Drivers = standardDrivers,
): Promise<DrillEnded> {
  await requireHome(home);
  await requireJob(home, id, "drill");
  const lock = await lockJob(home, id, "drill");
  try {
    await closeDeadRuns(home, id);
    if (options.restartEvidence === true) await restartEvidence(home, id);
    return await drillJournalled(home, await requireJob(home, id, "drill"), options, drivers);
  } finally {
    await lock.release();
  }
}

async function drillJournalled(
  home: Home,
  job: DrillJob,
  options: DrillOptions,
  drivers: Drivers,
): Promise<DrillEnded> {
  const drill: Drill = { home, job, run: makeRunId(), startedAt: formatInstant(now()), options };
  const began = performance.now();
  await appendRecord(home, job.id, {
    event: "started",
    run: drill.run,
    at: drill.startedAt,
    verb: "drill",
    pid: process.pid,
  });
  const result = await tryDrill(drill, drivers);
  const ended: RunEnded = {
    event: "ended",
    run: drill.run,
    at: formatInstant(now()),
    verb: "drill",
    outcome: result.message === "" ? "succeeded" : "failed",
    message: result.message,
    points: [],
    bytes: result.evidence?.bytes ?? 0,
    addedBytes: 0,
    durationMilliseconds: Math.round(performance.now() - began),
    skewMilliseconds: 0,
    skipped: 0,
    pruned: 0,
    pruneSuspended: null,
    ...(result.undelivered === null ? {} : { notes: [result.undelivered] }),
  };
  await appendRecord(home, job.id, ended);
  return {
    ended,
    evidence: result.evidence,
    tooSlow: result.evidence === null ? null : describeSlowness(job, result.evidence),
    undelivered: result.undelivered,
  };
}

interface Drill {
  readonly home: Home;
  readonly job: DrillJob;
  readonly run: string;
  readonly startedAt: string;
  readonly options: DrillOptions;
}

interface Outcome {
  readonly evidence: EvidenceRecord | null;
  readonly message: string;
  readonly undelivered: string | null;
}

async function tryDrill(drill: Drill, drivers: Drivers): Promise<Outcome> {
  const { home, job, options } = drill;
  try {
    await refuseBroken(home, job.id);
    const signer = await openDeclaredSigner(job, options.signal);
    const findings = await rehearse(drill, drivers).catch((error: unknown) => {
      options.signal.throwIfAborted();
      options.onFault?.(error);
      return describeNothing(drill, describeFailure(error));
    });
    const evidence = await appendEvidence(home, job.id, findings, signer);
    return { evidence, message: evidence.message, undelivered: await tryToDeliver(drill) };
  } catch (error) {
    options.onFault?.(error);
    return {
      evidence: null,
      message: options.signal.aborted ? "stopped before it was complete" : describeFailure(error),
      undelivered: null,
    };
  }
}

/** Before anything is restored: what cannot be signed would be no evidence. */
async function openDeclaredSigner({ declaration }: DrillJob, signal: AbortSignal): Promise<Signer | null> {
  const { evidenceSigning } = declaration;
  return evidenceSigning === undefined ? null : openSigner(evidenceSigning.key.file, signal);
}

/** What the drill found stands in the home, whether or not its sink can be reached: the next one writes what is missing there. */
async function tryToDeliver({ home, job, options }: Drill): Promise<string | null> {
  const { evidenceSink } = job.declaration;
  if (evidenceSink === undefined) return null;
  try {
    await deliverEvidence(home, job.id, evidenceSink, options.signal);
    return null;
  } catch (error) {
    options.onFault?.(error);
    return `the evidence could not be written to its sink: ${describeFailure(error)}`;
  }
}

async function rehearse(drill: Drill, drivers: Drivers): Promise<EvidenceFindings> {
  const { home, job, run, options } = drill;
  const { from, to } = job.declaration;
  await removeScratch(to, await listEarlierDrills(home, job.id, run));
  const store = drivers.openStore(from.store);
  const points = requireRestorable(from, await store.list({ schedule: from.schedule }, options.signal), now());
  const scope = await planScope(job.declaration.drill, run, points, store, options.signal);
  await requirePlace(to, scope.bytes);
  const scratch = await makeScratch(to, run);
  try {
    return await restoreAndCompare(drill, { store, points, scope, scratch });
  } finally {
    options.onProgress?.({ step: "clean-up", subject: "", files: 0, bytes: 0 });
    // What the drill found stands all the same, and the next one removes what is left.
    await removeScratch(to, [run]).catch((error: unknown) => options.onFault?.(error));
  }
}

interface Rehearsal {
  readonly store: Store;
  readonly points: readonly RecoveryPoint[];
  readonly scope: RestoreScope;
  readonly scratch: string;
}

async function restoreAndCompare(drill: Drill, rehearsal: Rehearsal): Promise<EvidenceFindings> {
  const { job, options } = drill;
  const restored = await restoreAll(drill, rehearsal);
  const comparison = await compareAll(drill, rehearsal);
  options.onProgress?.({ step: "check", subject: "", files: 0, bytes: 0 });
  const files = rehearsal.points.reduce((sum, point) => sum + point.files, 0);
  const checks = await runChecks(job.declaration.drill?.checks, { root: rehearsal.scratch, files }, options.signal);
  const message = describeVerdict(restored.fault, comparison, checks);
  return {
    ...describeNothing(drill, message),
    points: rehearsal.points.map(({ id, source, digest, startedAt }) => ({
      id,
      source,
      digest,
      startedAt: startedAt.toISOString(),
    })),
    scope: rehearsal.scope.recorded,
    files: comparison.files,
    bytes: comparison.bytes,
    restoreMilliseconds: restored.milliseconds,
    compared: comparison.compared,
    differences: { count: comparison.count, listed: [...comparison.listed] },
    ...(Object.values(comparison.unrestorable).some((entries) => entries > 0)
      ? { unrestorable: comparison.unrestorable }
      : {}),
    checks: [...checks],
  };
}

/** Restores every point, one after the other. A point that is damaged is restored as far as it goes: comparing then names what is not there. */
async function restoreAll(
  drill: Drill,
  { store, points, scope, scratch }: Rehearsal,
): Promise<{ milliseconds: number; fault: string | null }> {
  const { options } = drill;
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
      await store.restore(point.id, { to, onProgress, ...(only === undefined ? {} : { only }) }, options.signal);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof PostureError) || error.kind !== "permanent") throw error;
      options.onFault?.(error);
      fault = "a recovery point could not be restored whole";
    }
  }
  return { milliseconds: Math.round(performance.now() - began), fault };
}

async function compareAll(drill: Drill, { store, points, scope, scratch }: Rehearsal): Promise<Comparison> {
  const { options } = drill;
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
      entries: pickEntries(store.entries(point.id, options.signal), scope.only?.get(point.id)),
      kept: point.fidelity,
      whole: scope.only === undefined,
      signal: options.signal,
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

/** What is recorded of a drill before it has found anything. */
function describeNothing({ job, run, startedAt }: Drill, message: string): EvidenceFindings {
  const sample = job.declaration.drill?.scope ?? "full";
  const retention = toMilliseconds(job.declaration.evidenceRetention ?? defaultEvidenceRetention);
  return {
    id: job.id,
    run,
    startedAt,
    endedAt: formatInstant(now()),
    account: nameAccount(),
    host: hostname(),
    runner: readRelease(),
    points: [],
    scope: sample === "full" ? "full" : { ...sample, seed: run },
    files: 0,
    bytes: 0,
    restoreMilliseconds: 0,
    compared: 0,
    differences: { count: 0, listed: [] },
    checks: [],
    verdict: message === "" ? "passed" : "failed",
    message,
    keepUntil: formatInstant(new Date(now().getTime() + retention)),
  };
}

function describeVerdict(fault: string | null, comparison: Comparison, checks: readonly CheckResult[]): string {
  const failed = checks.filter((check) => !check.passed);
  const parts = [
    ...(fault === null ? [] : [fault]),
    ...(comparison.count === 0
      ? []
      : [`${comparison.count} of ${comparison.compared} entries differ from the recovery point`]),
    ...failed.map((check) => `check ${check.name}: ${check.message}`),
  ];
  return parts.join("; ").slice(0, 500);
}

function describeSlowness({ declaration }: DrillJob, { restoreMilliseconds }: EvidenceRecord): string | null {
  const { maxRestoreTime } = declaration;
  if (maxRestoreTime === undefined || restoreMilliseconds <= toMilliseconds(maxRestoreTime)) return null;
  return `the restore took ${formatMilliseconds(restoreMilliseconds)}, limit ${maxRestoreTime}`;
}

async function requirePlace(to: string, neededBytes: number): Promise<void> {
  const place = await probePlace(to, neededBytes);
  if (!place.usable) throw new PostureError("permanent", `the place ${to} is unusable: ${place.why}`);
}

/** All drills that this journal knows but for the present one: they are dead, since the present one holds the lock. */
async function listEarlierDrills(home: Home, id: string, present: string): Promise<readonly string[]> {
  const records = await readJournal(home, id);
  return records.flatMap((record) => (record.event === "started" && record.run !== present ? [record.run] : []));
}

function nameAccount(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? "unknown"}`; // an account without an entry in the user database
  }
}
