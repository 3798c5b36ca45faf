import { formatInstant, now } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { closeDeadRuns } from "../runner/dead-runs";
import { type Drivers, standardDrivers } from "../runner/drivers";
import { describeFailure } from "../runner/failure";
import { type Home, requireHome } from "../runner/home";
import { type DrillJob, requireJob } from "../runner/job";
import { lockJob } from "../runner/job-lock";
import { appendRecord, type RunEnded } from "../runner/journal";
import { makeRunId } from "../runner/run-id";
import { type Drill, type DrillOptions, describeNothing } from "./drill-context";
import { appendEvidence, type EvidenceRecord, refuseBroken, restartEvidence } from "./evidence";
import { deliverEvidence } from "./evidence-delivery";
import { openSigner, type Signer } from "./evidence-signature";
import { rehearse } from "./rehearsal";

export type { DrillOptions, DrillProgress } from "./drill-context";

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

function describeSlowness({ declaration }: DrillJob, { restoreMilliseconds }: EvidenceRecord): string | null {
  const { maxRestoreTime } = declaration;
  if (maxRestoreTime === undefined || restoreMilliseconds <= toMilliseconds(maxRestoreTime)) return null;
  return `the restore took ${formatMilliseconds(restoreMilliseconds)}, limit ${maxRestoreTime}`;
}
