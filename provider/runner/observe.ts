import { type Fault, notInstalledFault, sortFaults } from "../declaration/health";
import { now } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import { messageOf, PostureError } from "../platform/errors";
import { entryOf } from "../platform/records";
import type { Evidence } from "../restore/evidence";
import { type EvidenceSummary, observeEvidence } from "../restore/evidence-observation";
import { type DrillSituation, findRestoreFaults } from "../restore/health";
import { probePlace } from "../restore/place";
import { findRestorable } from "../restore/restorable";
import type { RestoreTargetDeclaration } from "../restore/schema";
import { nextDue } from "../schedule/calendar";
import { defaultGrace } from "../schedule/defaults";
import { effectiveRpo, findLastSuccess, findScheduleFaults } from "../schedule/health";
import type { EntryVerb, ObservedEntry } from "../schedule/schedulers/scheduler";
import type { ScheduleDeclaration } from "../schedule/schema";
import { findSnapshotFaults } from "../snapshot/health";
import type { SnapshotDeclaration } from "../snapshot/schema";
import { openStore } from "../snapshot/stores";
import type { StoreDeclaration } from "../snapshot/stores/schema";
import type { RecoveryPoint } from "../snapshot/stores/store";
import { findChanges } from "./change-marks";
import type { HomeView } from "./home-view";
import { type FoundJob, findJob, type Job } from "./job";
import type { JournalRecord, RunEnded } from "./journal";
import { findLostPoints } from "./lost-points";
import { describeSets, observeCopies } from "./observe-copies";
import { findOutsideFaults } from "./outside";

/** What is there of one job, and what is wrong with it. */
export interface Observation {
  readonly job: FoundJob;
  /** The scheduler's entry; null where there is none, or none is meant to be. */
  readonly entry: ObservedEntry | null;
  /** True only where home, scheduler and store were seen and hold nothing of this id: no job, entry, journal, evidence or recovery point. */
  readonly gone: boolean;
  /** The worst first; none: healthy. */
  readonly faults: readonly Fault[];
}

/** What an object was declared as, for where the host can no longer tell. */
export interface Declared<D> {
  readonly declaration: D;
  /** ISO 8601. */
  readonly createdAt: string;
}

/** A recovery point as a snapshot's observation tells of it. */
export interface SnapshotObservation extends Observation {
  readonly point: RecoveryPoint | null;
}

/** What a restore target's observation tells beside. */
export interface RestoreTargetObservation extends Observation {
  /** Null where there is none. */
  readonly evidence: EvidenceSummary | null;
}

/**
 * Observes a schedule.
 *
 * @param declared what it was declared as; null where that is not known, as for one that is looked up.
 * @throws PostureError `unreachable` where the home or the scheduler cannot be looked at; an unreachable store is a fault.
 */
export async function observeSchedule(
  view: HomeView,
  id: string,
  declared: Declared<ScheduleDeclaration> | null,
): Promise<Observation> {
  await view.lookAtHome();
  const job = await findJob(view.home, id);
  const { declaration, createdAt } =
    (job.state === "present" && job.job.kind === "schedule" ? job.job : declared) ?? {};
  if (declaration === undefined || createdAt === undefined) return nothingKnown(job);
  const entry = await view.findEntry(declaration.scheduler, id);
  const records = await view.readJournal(id);
  const stored = await tryToList(view, declaration.store, id);
  const running = await view.findLiveRun(id);
  const situation = {
    id,
    declaration,
    now: now(),
    createdAt: new Date(createdAt),
    installation: [
      ...describeJobFault(job, "schedule"),
      ...describeEntryFault(job, entry, { verb: "run", pausedUntil: declaration.paused?.until ?? null }),
    ],
    storeUnreachable: stored.unreachable,
    sets: describeSets(stored.points),
    missing: findMissing(records, stored.points),
    running,
    interruptedAt: running === null ? findInterrupted(records) : null,
    failing: findFailing(records),
  };
  const own = findScheduleFaults(situation);
  const copies = await observeCopies(
    {
      ...situation,
      records,
      declaredAt: (copy) => new Date(entryOf(declaredCopies(job), copy) ?? createdAt),
      staleAt: own.some(({ kind }) => kind === "stale") ? findLastSuccess(situation) : null,
    },
    (store) => tryToList(view, store, id),
  );
  const faults = [
    ...own,
    ...copies.faults,
    ...(running === null && stored.unreachable === null
      ? await findChanges(id, declaration, records, (name, probe) => view.findChangeMark(name, probe))
      : []),
    ...(await findOutsideFaultsOf(view, declaration, findLastSuccess(situation))),
    ...(stored.unreachable === null ? await findStoreFaults(view, declaration.store, id) : []),
  ];
  const gone =
    job.state === "absent" &&
    entry === null &&
    records.length === 0 &&
    stored.unreachable === null &&
    stored.points.length === 0 &&
    copies.empty;
  return { job, entry, gone, faults: sortFaults(faults) };
}

/** When copies were declared that the schedule did not have from the beginning. */
function declaredCopies(job: FoundJob): Readonly<Record<string, string>> {
  return job.state === "present" && job.job.kind === "schedule" ? (job.job.copiesSince ?? {}) : {};
}

/** What a store with limits has to tell, beside its points. */
async function findStoreFaults(view: HomeView, store: StoreDeclaration, id: string): Promise<readonly Fault[]> {
  const concerns = await openStore(store).findConcerns?.(id, view.signal);
  return (concerns ?? []).map((concern) => ({ ...concern, mendedByRun: false }));
}

/** Probes are asked where there are any; what they look at is no part of this schedule. */
async function findOutsideFaultsOf(
  view: HomeView,
  { outside = {} }: ScheduleDeclaration,
  lastSet: Date | null,
): Promise<readonly Fault[]> {
  const probed = new Map<string, Date | undefined>();
  for (const [name, item] of Object.entries(outside))
    if (item.kind === "probe") probed.set(name, await view.findProbedTime(name, item));
  return findOutsideFaults(outside, probed, now(), lastSet);
}

/** Observes a snapshot. See {@link observeSchedule}. */
export async function observeSnapshot(
  view: HomeView,
  id: string,
  declared: Declared<SnapshotDeclaration> | null,
): Promise<SnapshotObservation> {
  await view.lookAtHome();
  const job = await findJob(view.home, id);
  const found = job.state === "present" && job.job.kind === "snapshot" ? job.job : null;
  const declaration = found?.declaration ?? declared?.declaration;
  if (declaration === undefined) return { ...nothingKnown(job), point: null };
  const stored = await tryToList(view, declaration.store, id);
  const candidates = stored.points.filter((point) => point.pinnedBy === id);
  const point =
    (found === null ? candidates.at(-1) : candidates.find((candidate) => candidate.id === found.point)) ?? null;
  const faults = findSnapshotFaults({
    declaration,
    now: now(),
    installation: describeJobFault(job, "snapshot"),
    storeUnreachable: stored.unreachable,
    point:
      point === null
        ? null
        : { startedAt: point.startedAt, damagedFiles: await countDamagedFiles(view, declaration, point) },
  });
  const gone = job.state === "absent" && stored.unreachable === null && stored.points.length === 0;
  return { job, entry: null, gone, faults: sortFaults(faults), point };
}

/**
 * Observes a restore target. See {@link observeSchedule}.
 *
 * @param witness what was known of its evidence before, by somebody who does not stand in this home; null for nothing.
 */
export async function observeRestoreTarget(
  view: HomeView,
  id: string,
  declared: Declared<RestoreTargetDeclaration> | null,
  witness: EvidenceSummary | null = null,
): Promise<RestoreTargetObservation> {
  await view.lookAtHome();
  const job = await findJob(view.home, id);
  const { declaration, createdAt } = (job.state === "present" && job.job.kind === "drill" ? job.job : declared) ?? {};
  if (declaration === undefined || createdAt === undefined) return { ...nothingKnown(job), evidence: null };
  const entry = await view.findEntry(declaration.scheduler, id);
  const stored = await tryToList(view, declaration.from.store, declaration.from.schedule);
  const points = findRestorable(declaration.from, stored.points, now());
  const records = await view.readJournal(id);
  const evidence = await observeEvidence(view.home, id, declaration.evidenceSink, witness);
  const running = await view.findLiveRun(id);
  const place = await probePlace(
    declaration.to,
    points.reduce((sum, point) => sum + point.bytes, 0),
  );
  const faults = findRestoreFaults({
    id,
    declaration,
    now: now(),
    createdAt: new Date(createdAt),
    installation: [
      ...describeJobFault(job, "drill"),
      ...(declaration.drill === undefined ? [] : describeEntryFault(job, entry, { verb: "drill", pausedUntil: null })),
    ],
    storeUnreachable: stored.unreachable,
    point: { present: points.length > 0, dueBy: await findPointDueBy(view, declaration, new Date(createdAt)) },
    placeUnusable: place.usable ? null : place.why,
    evidenceBroken: evidence.chain.state === "broken" ? evidence.chain.why : null,
    evidenceUndelivered: evidence.undelivered,
    lastDrill: describeLastDrill(evidence, records),
    drillRunningSince: running?.since ?? null,
    interruptedAt: running === null ? findInterrupted(records) : null,
  });
  const gone = job.state === "absent" && entry === null && records.length === 0 && evidence.records.length === 0;
  return { job, entry, gone, faults: sortFaults(faults), evidence: evidence.summary };
}

/** Nothing is there, and nothing is known of what should be: gone, unless a job file stands in its place. */
function nothingKnown(job: FoundJob): Observation {
  const faults = job.state === "absent" ? [] : describeJobFault(job, null).map(notInstalledFault);
  return { job, entry: null, gone: job.state === "absent", faults };
}

async function tryToList(
  view: HomeView,
  store: StoreDeclaration,
  schedule: string,
): Promise<{ points: readonly RecoveryPoint[]; unreachable: string | null }> {
  try {
    return { points: await view.listPoints(store, schedule), unreachable: null };
  } catch (error) {
    if (error instanceof PostureError && error.kind === "permanent") throw error;
    return { points: [], unreachable: messageOf(error) };
  }
}

function describeJobFault(job: FoundJob, kind: Job["kind"] | null): readonly string[] {
  if (job.state === "absent") return ["the job file is missing"];
  if (job.state !== "present") return [`the job file is ${job.state}: ${job.why}`];
  return job.job.kind === kind ? [] : [`the job file is that of a ${job.job.kind}`];
}

function describeEntryFault(
  job: FoundJob,
  entry: ObservedEntry | null,
  expected: { readonly verb: EntryVerb; readonly pausedUntil: string | null },
): readonly string[] {
  if (entry === null) return ["the scheduler entry is missing"];
  if (entry.damage !== null) return [`the scheduler entry is damaged: ${entry.damage}`];
  if (!entry.enabled) return ["the scheduler entry is disabled"];
  if (entry.verb !== expected.verb) return [`the scheduler entry starts a ${entry.verb}, not a ${expected.verb}`];
  if (entry.pausedUntil !== expected.pausedUntil)
    return [
      `the scheduler entry is ${entry.pausedUntil === null ? "not paused" : `paused until ${entry.pausedUntil}`}`,
    ];
  if (job.state === "present" && entry.incarnation !== job.job.incarnation)
    return ["the scheduler entry is that of another object"];
  return [];
}

function endedRecords(records: readonly JournalRecord[]): readonly RunEnded[] {
  return records.filter((record): record is RunEnded => record.event === "ended");
}

/** The start of the last run that never ended, unless a later one did. */
function findInterrupted(records: readonly JournalRecord[]): Date | null {
  const last = records.filter((record) => record.event === "started").at(-1);
  if (last === undefined) return null;
  const end = endedRecords(records).find((record) => record.run === last.run);
  return end === undefined || end.outcome === "interrupted" ? new Date(last.at) : null;
}

function findFailing(records: readonly JournalRecord[]): { since: Date; message: string } | null {
  const ended = endedRecords(records).filter((record) => record.outcome !== "interrupted");
  const last = ended.at(-1);
  if (last === undefined || last.outcome === "succeeded") return null;
  const first = ended[ended.findLastIndex((record) => record.outcome === "succeeded") + 1] ?? last;
  return { since: new Date(first.at), message: last.message };
}

function findMissing(
  records: readonly JournalRecord[],
  points: readonly RecoveryPoint[],
): { count: number; newest: Date } | null {
  const lost = findLostPoints(records, points);
  const newest = lost.at(-1);
  return newest === undefined ? null : { count: lost.length, newest: new Date(newest.takenBy) };
}

async function countDamagedFiles(
  view: HomeView,
  declaration: SnapshotDeclaration,
  point: RecoveryPoint,
): Promise<number> {
  if (point.damage !== null) return Math.max(1, point.files);
  const verification = await openStore(declaration.store).verify(
    point.id,
    declaration.verify ?? "metadata",
    view.signal,
  );
  return verification.damagedFiles;
}

/** The newest drill. One that failed without leaving evidence, as one that could not sign it, failed all the same. */
function describeLastDrill({ records }: Evidence, journal: readonly JournalRecord[]): DrillSituation | null {
  const newest = records.at(-1);
  const ended = endedRecords(journal).at(-1);
  const left = ended === undefined || records.some(({ run }) => run === ended.run);
  const without = !left && ended.outcome === "failed" ? ended.message : null;
  if (newest === undefined && without === null) return null;
  return {
    endedAt: newest === undefined ? null : new Date(newest.endedAt),
    passed: without === null && newest?.verdict === "passed",
    differences: without === null ? (newest?.differences.count ?? 0) : 0,
    failedChecks: without === null ? (newest?.checks.filter((check) => !check.passed).length ?? 0) : 0,
    restoreMilliseconds: newest?.restoreMilliseconds ?? 0,
    message: without ?? newest?.message ?? "",
  };
}

/** Until when having no point yet is no fault: until the schedule that takes it is due, where it is known, else until grace is over. */
async function findPointDueBy(view: HomeView, declaration: RestoreTargetDeclaration, created: Date): Promise<Date> {
  const source = await findJob(view.home, declaration.from.schedule);
  const grace = toMilliseconds(declaration.grace ?? defaultGrace);
  if (source.state !== "present" || source.job.kind !== "schedule") return new Date(created.getTime() + grace);
  const { declaration: schedule } = source.job;
  const due = nextDue(schedule.when, new Date(source.job.createdAt), source.job.id);
  return new Date(due.getTime() + effectiveRpo(schedule) + toMilliseconds(schedule.grace ?? defaultGrace));
}
