import { formatInstant, now } from "../platform/clock";
import { PostureError } from "../platform/errors";
import { measureSkew } from "../snapshot/sets";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { type CapturedSet, captureSet } from "./capture-set";
import { type ChangeMarks, takeChangeMarks } from "./change-marks";
import { closeDeadRuns, forgetUnfinishedSets } from "./dead-runs";
import { type Drivers, standardDrivers } from "./drivers";
import { describeFailure } from "./failure";
import { type Home, requireHome } from "./home";
import { runHooks } from "./hooks";
import { requireJob, type ScheduleJob } from "./job";
import { lockJob } from "./job-lock";
import { appendRecord, type RunEnded } from "./journal";
import { ownPlace } from "./places";
import { type PruneResult, pruneSets } from "./prune";
import type { RunContext, RunOptions, RunProgress } from "./run-context";
import { makeRunId } from "./run-id";
import { clearKept, clearStaging } from "./staging";

export type { RunOptions, RunProgress } from "./run-context";

/** How long a run that failed may take to forget its own points. The next run makes up for what it did not manage. */
const cleanUpWithinMilliseconds = 60_000;

/**
 * Takes one recovery set of a schedule, verifies it, prunes, and writes all of it into the journal. A run that fails, or is stopped, is a
 * result; the points that it had taken are then forgotten, so that only whole and verified sets count.
 *
 * @throws PostureError before anything is journalled: `unreachable` for the home, `permanent` or `usage` for the job, `conflict`
 * while it is paused, `locked` while another run of it goes on.
 */
export async function runSchedule(
  home: Home,
  id: string,
  options: RunOptions,
  drivers: Drivers = standardDrivers,
): Promise<RunEnded> {
  await requireHome(home);
  refusePaused(await requireJob(home, id, "schedule"), options);
  const lock = await lockJob(home, id, "run");
  try {
    await closeDeadRuns(home, id);
    const job = await requireJob(home, id, "schedule");
    return await runJournalled(home, job, options, drivers);
  } finally {
    await lock.release();
  }
}

async function runJournalled(home: Home, job: ScheduleJob, options: RunOptions, drivers: Drivers): Promise<RunEnded> {
  const run = makeRunId();
  const began = performance.now();
  await appendRecord(home, job.id, { event: "started", run, at: formatInstant(now()), verb: "run", pid: process.pid });
  const result = await tryRun(home, job, run, options, drivers);
  const ended: RunEnded = {
    event: "ended",
    run,
    at: formatInstant(now()),
    verb: "run",
    outcome: result.fault === null ? "succeeded" : "failed",
    message: result.fault ?? "",
    ...countPoints(result.points),
    durationMilliseconds: Math.round(performance.now() - began),
    pruned: result.pruned?.dropped.length ?? 0,
    pruneSuspended: result.pruned?.suspended ?? null,
    ...(result.notes.length === 0 ? {} : { notes: [...result.notes] }),
    ...(result.marks === null ? {} : { marks: { ...result.marks } }),
  };
  await appendRecord(home, job.id, ended);
  return ended;
}

interface RunResult {
  readonly points: readonly RecoveryPoint[];
  readonly notes: readonly string[];
  readonly marks: ChangeMarks | null;
  readonly pruned: PruneResult | null;
  /** What failed, in one sentence; null for a success. */
  readonly fault: string | null;
}

async function tryRun(
  home: Home,
  job: ScheduleJob,
  run: string,
  options: RunOptions,
  drivers: Drivers,
): Promise<RunResult> {
  let context: RunContext | null = null;
  let captured: CapturedSet = { points: [], notes: [] };
  let marks: ChangeMarks | null = null;
  try {
    await clearStaging(home, job.id);
    await clearKept(home, job.id, Object.keys(job.declaration.sources));
    context = { home, job, run, store: drivers.openStore(job.declaration.store), drivers, options };
    await forgetUnfinishedSets(home, job.id, context.store, options.signal);
    await runHooksAt(context, "before");
    marks = await takeChangeMarks(job.declaration, options);
    captured = await captureSet(context);
    await runHooksAt(context, "after");
    return { ...captured, marks, pruned: await pruneAfterSuccess(context), fault: null };
  } catch (error) {
    options.onFault?.(error);
    const stopped = options.signal.aborted ? "stopped before it was complete" : describeFailure(error);
    const fault =
      captured.points.length === 0 ? stopped : `${stopped}; the recovery set was taken before that and is kept`;
    return {
      ...captured,
      marks: null,
      pruned: null,
      fault: [fault, ...(await afterFailure(context, job, run, options, captured.points))].join("; "),
    };
  } finally {
    await clearStaging(home, job.id);
  }
}

/** Cleans up and runs the failure hooks. Returns what of that did not succeed either, in sentences. */
async function afterFailure(
  context: RunContext | null,
  job: ScheduleJob,
  run: string,
  options: RunOptions,
  kept: readonly RecoveryPoint[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  if (context !== null && kept.length === 0) {
    const forgotten = forgetOwnPoints(context, AbortSignal.timeout(cleanUpWithinMilliseconds));
    await forgotten.catch((error: unknown) => {
      options.onFault?.(error);
      faults.push("what it had captured could not be removed, the next run will do so");
    });
  }
  const signal = options.signal.aborted ? AbortSignal.timeout(cleanUpWithinMilliseconds) : options.signal;
  await runHooks(
    job.declaration.hooks,
    "failure",
    { id: job.id, run },
    { signal, onStart: reportHook(options, "failure-hook") },
  ).catch((error: unknown) => {
    options.onFault?.(error);
    faults.push(describeFailure(error));
  });
  return faults;
}

/** The run's own points only, those included whose capture failed after it had become durable. */
async function forgetOwnPoints({ store, job, run }: RunContext, signal: AbortSignal): Promise<void> {
  const own = (await store.list({ schedule: job.id }, signal)).filter((point) => point.set.id === run);
  if (own.length > 0)
    await store.forget(
      own.map((point) => point.id),
      {},
      signal,
    );
}

/** A set is good whether or not pruning works: what stands in the way of pruning is reported beside the success. */
async function pruneAfterSuccess(context: RunContext): Promise<PruneResult | null> {
  const { home, job, store, options } = context;
  options.onProgress?.({ step: "prune", subject: "", files: 0, bytes: 0 });
  try {
    return await pruneSets(home, job, ownPlace(job), store, { signal: options.signal });
  } catch (error) {
    options.onFault?.(error);
    const why = options.signal.aborted ? "stopped before it was complete" : describeFailure(error);
    return { dropped: [], kept: [], suspended: `pruning failed: ${why}` };
  }
}

function runHooksAt({ job, run, options }: RunContext, at: "before" | "after"): Promise<void> {
  return runHooks(
    job.declaration.hooks,
    at,
    { id: job.id, run },
    { signal: options.signal, onStart: reportHook(options, `${at}-hook`) },
  );
}

function reportHook(options: RunOptions, step: RunProgress["step"]): (name: string) => void {
  return (name) => options.onProgress?.({ step, subject: name, files: 0, bytes: 0 });
}

function refusePaused(job: ScheduleJob, options: RunOptions): void {
  const { paused } = job.declaration;
  if (paused === undefined || options.evenIfPaused === true || new Date(paused.until) <= now()) return;
  throw new PostureError(
    "conflict",
    `${job.id}: is paused until ${paused.until} (${paused.reason}); to run it all the same, add --even-if-paused`,
  );
}

function countPoints(
  points: readonly RecoveryPoint[],
): Pick<RunEnded, "points" | "bytes" | "addedBytes" | "skewMilliseconds" | "skipped"> {
  return {
    points: points.map((point) => point.id),
    bytes: sum(points.map((point) => point.bytes)),
    addedBytes: sum(points.map((point) => point.addedBytes)),
    skewMilliseconds: measureSkew(points),
    skipped: sum(points.map((point) => point.fidelity.skipped)),
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
