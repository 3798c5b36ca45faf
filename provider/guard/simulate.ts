import { toMilliseconds } from "../platform/durations";
import { slots } from "../schedule/due-times";
import { type Keep, type ScheduleDeclaration, scheduleSchema } from "../schedule/schema";
import { fixedFrom, type WorstCase, worstCase, worstCaseOverFixedSpan } from "../schedule/worst-case";
import { type RetainableSet, selectRetained } from "../snapshot/retention";

/** How old the last good backup becomes if every run succeeds and takes as long as expected. */
export interface SimulatedAge {
  readonly worstCase: WorstCase;
}

/** What of a schedule's declaration decides how it comes out. */
export type Simulated = Pick<ScheduleDeclaration, "when" | "keep" | "rpo" | "expectedDuration">;

const simulatedSchema = scheduleSchema.pick({ when: true, keep: true, rpo: true, expectedDuration: true }).strip();

/** What of a property bag is simulated; null where it is not known yet, or not valid. */
export function simulatedDeclaration(properties: Readonly<Record<string, unknown>>): Simulated | null {
  const known = Object.entries(properties).filter(([, value]) => value !== undefined);
  const parsed = simulatedSchema.safeParse(Object.fromEntries(known));
  return parsed.success ? parsed.data : null;
}

/** What the retention holds after a year of runs, just after the last of them. */
export interface SimulatedRetention {
  readonly sets: number;
  /** How much older the oldest of them is than the newest, in milliseconds. */
  readonly lookBackMilliseconds: number;
  /** True where nothing was dropped in that year, so that it holds more later on. */
  readonly stillGrowing: boolean;
  /** How much older than the newest each of them is, the youngest first, in milliseconds; empty where nothing is ever pruned. */
  readonly ages: readonly number[];
}

/** Fleets declare few calendars many times over: each is simulated once a process. */
const ages = new Map<string, SimulatedAge>();
const retentions = new Map<string, SimulatedRetention>();
const skips = new Map<string, number>();

const daysOfYear = 365;
const millisecondsPerDay = 86_400_000;

/**
 * Simulates how old the last good backup becomes.
 *
 * @param span what to simulate; default: the fixed span that a default RPO comes from, so that two looks at one commit never differ.
 */
export function simulateAge(
  declaration: Simulated,
  span?: { readonly from: Date; readonly days: number },
): SimulatedAge {
  return remember(ages, [declaration.when, declaration.expectedDuration, span], () => lookAtAge(declaration, span));
}

function lookAtAge(
  { when, expectedDuration = "0s" }: Simulated,
  span: { readonly from: Date; readonly days: number } | undefined,
): SimulatedAge {
  const duration = toMilliseconds(expectedDuration);
  const worst =
    span === undefined
      ? worstCaseOverFixedSpan(when, duration)
      : worstCase(when, { ...span, expectedDurationMilliseconds: duration });
  return { worstCase: worst };
}

/** The worst case of {@link simulateAge}, in milliseconds, if the zone's clocks were never changed. */
export function simulateAgeOnEvenClocks({ when, expectedDuration }: Simulated): number {
  return simulateAge({ when: { ...when, timeZone: "UTC" }, expectedDuration }).worstCase.milliseconds;
}

/**
 * Simulates the retention of 365 days of runs, without jitter and pauses. Pruning after every run comes to the same as pruning once at the
 * end, which is done here: what is the newest of its period once stays so.
 *
 * @param from default: 2027-01-01, so that two looks at one commit never differ.
 */
export function simulateRetention(declaration: Simulated, from: Date = fixedFrom): SimulatedRetention {
  const { when, keep, expectedDuration } = declaration;
  return remember(retentions, [when, keep, expectedDuration, from], () => lookAtRetention(declaration, from));
}

function lookAtRetention(declaration: Simulated, from: Date): SimulatedRetention {
  const { keep, when } = declaration;
  const { runs } = simulateYear(declaration, from);
  const newest = runs.at(-1);
  if (newest === undefined) return { sets: 0, lookBackMilliseconds: 0, stillGrowing: true, ages: [] };
  if (keep === undefined || Object.values(keep).every((value) => value === undefined))
    return { sets: runs.length, lookBackMilliseconds: newest - (runs[0] ?? newest), stillGrowing: true, ages: [] };
  const sets = withoutHopeless(runs, keep).map(
    (start): RetainableSet => ({ id: "", startedAt: new Date(start), complete: true, pinned: false }),
  );
  const { kept } = selectRetained(sets, keep, { timeZone: when.timeZone ?? "UTC", now: new Date(newest) });
  const ages = kept.map(({ set }) => newest - set.startedAt.getTime());
  return { sets: kept.length, lookBackMilliseconds: ages.at(-1) ?? 0, stillGrowing: kept.length === runs.length, ages };
}

/**
 * Leaves out the runs that no rule can keep: neither among the last nor young enough, nor the newest of their quarter of an hour, in which
 * every hour, day and week of every zone ends. Schedules that start every minute have half a million runs.
 */
function withoutHopeless(runs: readonly number[], { last = 0, atLeast = "0s" }: Keep): readonly number[] {
  const young = (runs.at(-1) ?? 0) - toMilliseconds(atLeast);
  return runs.filter((start, index) => {
    const next = runs[index + 1] ?? Number.POSITIVE_INFINITY;
    return quarterOf(next) > quarterOf(start) || index >= runs.length - last || start >= young;
  });
}

function quarterOf(instant: number): number {
  return Math.floor(instant / (15 * 60_000));
}

/** How many starts of the same 365 days are due while a run before them still goes on, and are skipped. */
export function countSkippedStarts(declaration: Simulated, from: Date = fixedFrom): number {
  const { when, expectedDuration } = declaration;
  return remember(skips, [when, expectedDuration, from], () => simulateYear(declaration, from).skippedStarts);
}

function simulateYear(
  { when, expectedDuration = "0s" }: Simulated,
  from: Date,
): { readonly runs: readonly number[]; readonly skippedStarts: number } {
  const end = from.getTime() + daysOfYear * millisecondsPerDay;
  const duration = toMilliseconds(expectedDuration);
  const runs: number[] = [];
  let skippedStarts = 0;
  let busyUntil = Number.NEGATIVE_INFINITY;
  for (const { due } of slots({ ...when, jitter: "0s" }, from.getTime())) {
    if (due >= end) break;
    if (due < busyUntil) skippedStarts++;
    else {
      runs.push(due);
      busyUntil = due + duration;
    }
  }
  return { runs, skippedStarts };
}

function remember<T>(known: Map<string, T>, of: readonly unknown[], look: () => T): T {
  const key = JSON.stringify(of);
  const remembered = known.get(key);
  if (remembered !== undefined) return remembered;
  const found = look();
  known.set(key, found);
  return found;
}
