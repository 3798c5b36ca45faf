import { type Fault, notInstalledFault, unreachableFault } from "../declaration/health";
import { formatInstant, isAheadOfClock } from "../platform/clock";
import { formatMilliseconds, toMilliseconds } from "../platform/durations";
import { defaultRpoMilliseconds, nextDue } from "./calendar";
import { defaultGrace } from "./defaults";
import type { ScheduleDeclaration } from "./schema";

/** A recovery set whose every point is in the store. */
export interface SetSituation {
  readonly startedAt: Date;
  /** How many of its points cannot be trusted as they stand. */
  readonly damaged: number;
}

/** What is known about a schedule at one moment, on its host's clock. */
export interface ScheduleSituation {
  readonly id: string;
  readonly declaration: ScheduleDeclaration;
  readonly now: Date;
  /** When it was declared: before anything was due, nothing is stale. */
  readonly createdAt: Date;
  /** Why its job or its entry is not as installed, each as a sentence; none when all is. */
  readonly installation: readonly string[];
  /** Why the store could not be looked at, or null. */
  readonly storeUnreachable: string | null;
  /** Complete recovery sets, oldest first. */
  readonly sets: readonly SetSituation[];
  /** Recovery points that runs took and nobody gave up, but the store no longer has: how many, and the newest one's time. */
  readonly missing: { readonly count: number; readonly newest: Date } | null;
  /** The run that goes on now: since when, and which process it is in words; or null. */
  readonly running: { readonly since: Date; readonly process: string } | null;
  /** When the last run began that never ended, or null when a later one succeeded. */
  readonly interruptedAt: Date | null;
  /** Runs that failed since the last success: since when, and what the last one said; or null. */
  readonly failing: { readonly since: Date; readonly message: string } | null;
}

/** Everything that is wrong with a schedule. Pure: the moment is part of the situation. */
export function findScheduleFaults(situation: ScheduleSituation): readonly Fault[] {
  const faults: Fault[] = situation.installation.map(notInstalledFault);
  if (situation.storeUnreachable !== null) return [...faults, unreachableFault(situation.storeUnreachable)];
  return [
    ...faults,
    ...findDataFaults(situation),
    ...findFutureFaults(situation),
    ...(situation.running === null ? findRunFaults(situation) : findLiveRunFaults(situation, situation.running)),
  ];
}

/** The last good backup: the newest complete and undamaged set that is not dated in the future. */
export function findLastSuccess(situation: Pick<ScheduleSituation, "sets" | "now">): Date | null {
  const good = situation.sets.filter((set) => set.damaged === 0 && !isAheadOfClock(set.startedAt, situation.now));
  return good.at(-1)?.startedAt ?? null;
}

/** The declared RPO, or the worst case that the calendar leads to, in milliseconds. */
export function effectiveRpo(declaration: ScheduleDeclaration): number {
  if (declaration.rpo !== undefined) return toMilliseconds(declaration.rpo);
  return defaultRpoMilliseconds(declaration.when, toMilliseconds(declaration.expectedDuration ?? "0s"));
}

function findDataFaults(situation: ScheduleSituation): readonly Fault[] {
  const faults: Fault[] = [];
  const damaged = situation.sets.reduce((sum, set) => sum + set.damaged, 0);
  if (damaged > 0)
    faults.push({
      kind: "damaged",
      sentence: `damaged: ${countPoints(damaged)}`,
      remedy: `backup-posture verify ${situation.id} --content names what is affected; a new run takes a good point, and backup-posture purge ${situation.id} --damaged gives up the damaged`,
      mendedByRun: false,
    });
  if (situation.missing !== null)
    faults.push({
      kind: "missing",
      sentence: `missing: ${countPoints(situation.missing.count)}, newest ${formatInstant(situation.missing.newest)}`,
      remedy: `somebody deleted them; a new run takes a good point, and backup-posture purge ${situation.id} --missing gives up the lost`,
      mendedByRun: false,
    });
  return faults;
}

function findFutureFaults(situation: ScheduleSituation): readonly Fault[] {
  const ahead = situation.sets.filter((set) => isAheadOfClock(set.startedAt, situation.now)).at(-1);
  if (ahead === undefined) return [];
  return [
    {
      kind: "clock",
      sentence: `clock: a recovery point is dated ${formatInstant(ahead.startedAt)}, in the future; pruning is suspended`,
      remedy: "correct the clock; the point counts from its date on, or give it up with backup-posture purge",
      mendedByRun: false,
    },
  ];
}

function findRunFaults(situation: ScheduleSituation): readonly Fault[] {
  const faults: Fault[] = [];
  if (situation.failing !== null)
    faults.push({
      kind: "failing",
      sentence: `failing: ${situation.failing.message}, since ${formatInstant(situation.failing.since)}`,
      remedy: `mend what the message says, then: backup-posture run ${situation.id}`,
      mendedByRun: true,
    });
  if (situation.interruptedAt !== null)
    faults.push({
      kind: "interrupted",
      sentence: `interrupted: started ${formatInstant(situation.interruptedAt)}`,
      remedy: `backup-posture run ${situation.id}`,
      mendedByRun: true,
    });
  if (situation.now.getTime() > findStaleAfter(situation)) faults.push(staleFault(situation));
  return faults;
}

/**
 * A run that goes on is trusted to mend what the ones before it left, but not for ever: a run that hangs would look healthy. One that takes
 * longer than is declared is told by itself; the schedule is stale once its backup is too old and the run had its time.
 */
function findLiveRunFaults(
  situation: ScheduleSituation,
  running: NonNullable<ScheduleSituation["running"]>,
): readonly Fault[] {
  const { expectedDuration, grace = defaultGrace } = situation.declaration;
  const since = isAheadOfClock(running.since, situation.now) ? 0 : running.since.getTime();
  const expected = toMilliseconds(expectedDuration ?? "0s");
  const doneBy = since + expected + toMilliseconds(grace);
  const moment = situation.now.getTime();
  const faults: Fault[] = [];
  if (expected > 0 && moment > doneBy)
    faults.push({
      kind: "running too long",
      sentence: `running since ${formatInstant(running.since)}, expected at most ${expectedDuration}`,
      remedy: `it is ${running.process}: see whether it still gets on, end it if it hangs, then: backup-posture run ${situation.id}`,
      mendedByRun: false,
    });
  return moment > Math.max(doneBy, findStaleAfter(situation)) ? [...faults, ...findRunFaults(situation)] : faults;
}

function staleFault(situation: ScheduleSituation): Fault {
  const last = findLastSuccess(situation);
  return {
    kind: "stale",
    sentence: `stale: last success ${last === null ? "never" : formatInstant(last)}, rpo ${situation.declaration.rpo ?? formatMilliseconds(effectiveRpo(situation.declaration))}`,
    remedy:
      situation.running === null
        ? `see that its scheduler runs (backup-posture doctor), then: backup-posture run ${situation.id}`
        : `a run goes on since ${formatInstant(situation.running.since)}, it is ${situation.running.process}: see whether it still gets on, end it if it hangs, then: backup-posture run ${situation.id}`,
    mendedByRun: true,
  };
}

/**
 * Until when its last backup is young enough: rpo plus grace; what never ran gets its first due time on top, and a pause counts as never run
 * until it ends. Where that moment lies ahead anyway, the first due time, which takes a calendar to find, is taken to be at once.
 */
export function findStaleAfter(
  situation: Pick<ScheduleSituation, "id" | "declaration" | "now" | "createdAt" | "sets">,
): number {
  const allowed = effectiveRpo(situation.declaration) + toMilliseconds(situation.declaration.grace ?? defaultGrace);
  const resumed = situation.declaration.paused === undefined ? null : new Date(situation.declaration.paused.until);
  if (resumed !== null && situation.now.getTime() < resumed.getTime()) return Number.POSITIVE_INFINITY;
  const last = findLastSuccess(situation);
  const baseline = laterOf(last === null ? situation.createdAt : null, resumed);
  const deadlines = [
    ...(last === null ? [] : [last.getTime() + allowed]),
    ...(baseline === null ? [] : [findFirstDue(situation, baseline, allowed) + allowed]),
  ];
  return Math.max(...deadlines);
}

function findFirstDue(
  { declaration, id, now }: Pick<ScheduleSituation, "declaration" | "id" | "now">,
  from: Date,
  allowed: number,
): number {
  return now.getTime() <= from.getTime() + allowed ? from.getTime() : nextDue(declaration.when, from, id).getTime();
}

function laterOf(left: Date | null, right: Date | null): Date | null {
  if (left === null || right === null) return left ?? right;
  return left > right ? left : right;
}

function countPoints(count: number): string {
  return `${count} recovery point${count === 1 ? "" : "s"}`;
}
