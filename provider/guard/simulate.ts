import { toMilliseconds } from "../platform/durations";
import { dueTimes } from "../schedule/calendar";
import type { ScheduleDeclaration } from "../schedule/schema";
import { fixedFrom, type WorstCase, worstCase, worstCaseOverFixedSpan } from "../schedule/worst-case";
import { type RetainableSet, selectRetained } from "../snapshot/retention";

/** How old the last good backup becomes if every run succeeds and takes as long as expected. */
export interface SimulatedAge {
  readonly worstCase: WorstCase;
  /** The worst case, in milliseconds, if the zone's clocks were never changed. */
  readonly withoutClockChanges: number;
}

/** What the retention holds after a year of runs, just after the last of them. */
export interface SimulatedRetention {
  readonly sets: number;
  /** How much older the oldest of them is than the newest, in milliseconds. */
  readonly lookBackMilliseconds: number;
  /** True where nothing was dropped in that year, so that it holds more later on. */
  readonly stillGrowing: boolean;
}

const daysOfYear = 365;
const millisecondsPerDay = 86_400_000;

/**
 * Simulates how old the last good backup becomes.
 *
 * @param span what to simulate; default: the fixed span that a default RPO comes from, so that two looks at one commit never differ.
 */
export function simulateAge(
  { when, expectedDuration = "0s" }: ScheduleDeclaration,
  span?: { readonly from: Date; readonly days: number },
): SimulatedAge {
  const duration = toMilliseconds(expectedDuration);
  const worst = (whenInZone: typeof when) =>
    span === undefined
      ? worstCaseOverFixedSpan(whenInZone, duration)
      : worstCase(whenInZone, { ...span, expectedDurationMilliseconds: duration });
  return { worstCase: worst(when), withoutClockChanges: worst({ ...when, timeZone: "UTC" }).milliseconds };
}

/**
 * Simulates the retention of 365 days of runs, without jitter and pauses. Pruning after every run comes to the same as pruning once at the
 * end, which is done here: what is the newest of its period once stays so.
 *
 * @param from default: 2027-01-01, so that two looks at one commit never differ.
 */
export function simulateRetention(declaration: ScheduleDeclaration, from: Date = fixedFrom): SimulatedRetention {
  const { keep, when } = declaration;
  const { runs } = simulateYear(declaration, from);
  const newest = runs.at(-1);
  if (newest === undefined) return { sets: 0, lookBackMilliseconds: 0, stillGrowing: true };
  const sets = runs.map((startedAt): RetainableSet => ({ id: "", startedAt, complete: true, pinned: false }));
  const { kept, dropped } = selectRetained(sets, keep, { timeZone: when.timeZone ?? "UTC", now: newest });
  const oldest = kept.at(-1)?.set.startedAt ?? newest;
  return {
    sets: kept.length,
    lookBackMilliseconds: newest.getTime() - oldest.getTime(),
    stillGrowing: dropped.length === 0,
  };
}

/** How many starts of the same 365 days are due while a run before them still goes on, and are skipped. */
export function countSkippedStarts(declaration: ScheduleDeclaration, from: Date = fixedFrom): number {
  return simulateYear(declaration, from).skippedStarts;
}

function simulateYear(
  { when, expectedDuration = "0s" }: ScheduleDeclaration,
  from: Date,
): { readonly runs: readonly Date[]; readonly skippedStarts: number } {
  const end = new Date(from.getTime() + daysOfYear * millisecondsPerDay);
  const duration = toMilliseconds(expectedDuration);
  const runs: Date[] = [];
  let skippedStarts = 0;
  let busyUntil = Number.NEGATIVE_INFINITY;
  for (const due of dueTimes({ ...when, jitter: "0s" }, from, end, "")) {
    if (due.getTime() < busyUntil) skippedStarts++;
    else {
      runs.push(due);
      busyUntil = due.getTime() + duration;
    }
  }
  return { runs, skippedStarts };
}
