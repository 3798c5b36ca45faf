import { formatInstant, isAheadOfClock } from "../platform/clock";
import { toMilliseconds } from "../platform/durations";
import type { Keep } from "../schedule/schema";
import { clockOf } from "../schedule/time-zone";

/** What retention needs to know of a recovery set. */
export interface RetainableSet {
  readonly id: string;
  /** When its first capture began. */
  readonly startedAt: Date;
  /** Whether it holds a good recovery point of every source. */
  readonly complete: boolean;
  /** Whether a FileShareSnapshot keeps it out of every prune. */
  readonly pinned: boolean;
}

/** Why a set is kept: the rule of {@link Keep} that asks for it, or one that always holds. */
export type RetentionReason =
  | PeriodRule
  | "last"
  | "atLeast"
  /** It is pinned. Such a set uses up no count. */
  | "pinned"
  /** It is the newest complete one, which no retention lets go. */
  | "newest"
  /** No retention is declared. */
  | "unlimited"
  /** Pruning is suspended. */
  | "suspended";

const periodRules = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;

type PeriodRule = (typeof periodRules)[number];

export interface RetentionOptions {
  /** IANA name of the zone in which hours, days, weeks, months and years are told apart. */
  readonly timeZone: string;
  readonly now: Date;
}

/** What a retention does to a list of sets. Every set is in exactly one of `kept`, `dropped` and `incomplete`; each newest first. */
export interface Retention<S extends RetainableSet> {
  readonly kept: readonly { readonly set: S; readonly reasons: readonly RetentionReason[] }[];
  /** What is to be deleted. Empty while pruning is suspended. */
  readonly dropped: readonly S[];
  /** Sets without all their points, and not pinned: no rule counts them, and they displace none. What becomes of them is the caller's matter. */
  readonly incomplete: readonly S[];
  /** Why nothing may be deleted, incomplete sets included; null where pruning may go on. */
  readonly suspended: string | null;
}

const millisecondsPerHour = 3_600_000;
const millisecondsPerDay = 86_400_000;

/**
 * Tells which recovery sets a retention keeps: the newest of each of the last n hours, days, ISO weeks, months and years *that have
 * one*, the last n, everything that is not older than `atLeast`; always the newest and the pinned. A set dated more than five minutes after
 * `now` suspends pruning: one of the clocks is wrong, and nobody knows which.
 *
 * @param keep what is declared; undefined, or without any rule, keeps all.
 */
export function selectRetained<S extends RetainableSet>(
  sets: readonly S[],
  keep: Keep | undefined,
  options: RetentionOptions,
): Retention<S> {
  const ordered = [...sets].sort(byAge);
  const future = ordered.find((set) => isAheadOfClock(set.startedAt, options.now));
  const countable = ordered.filter((set) => set.complete && !isAheadOfClock(set.startedAt, options.now));
  const reasons = collectReasons(countable, keep, options);
  const spare: readonly RetentionReason[] = future === undefined ? [] : ["suspended"];
  const reasonsOf = (set: S) =>
    set.pinned ? (["pinned", ...(reasons.get(set) ?? [])] as const) : (reasons.get(set) ?? spare);

  const judged = ordered.filter((set) => set.complete || set.pinned).map((set) => ({ set, reasons: reasonsOf(set) }));
  return {
    kept: judged.filter((verdict) => verdict.reasons.length > 0),
    dropped: judged.filter((verdict) => verdict.reasons.length === 0).map(({ set }) => set),
    incomplete: ordered.filter((set) => !set.complete && !set.pinned),
    suspended:
      future === undefined
        ? null
        : `the recovery set of ${formatInstant(future.startedAt)} is dated in the future; nothing is deleted until the clocks agree`,
  };
}

/**
 * What a change of retention would delete: the sets that the old one keeps and the new one does not, newest first. Sets from the future are passed
 * over, since pruning that is suspended today goes on tomorrow.
 */
export function compareRetention<S extends RetainableSet>(
  sets: readonly S[],
  oldKeep: Keep | undefined,
  newKeep: Keep | undefined,
  options: RetentionOptions,
): readonly S[] {
  const present = sets.filter((set) => !isAheadOfClock(set.startedAt, options.now));
  const goneAnyway = new Set(selectRetained(present, oldKeep, options).dropped);
  return selectRetained(present, newKeep, options).dropped.filter((set) => !goneAnyway.has(set));
}

/** @param sets complete ones, newest first. */
function collectReasons<S extends RetainableSet>(
  sets: readonly S[],
  keep: Keep | undefined,
  { timeZone, now }: RetentionOptions,
): ReadonlyMap<S, readonly RetentionReason[]> {
  const reasons = new Map<S, RetentionReason[]>();
  const give = (kept: readonly S[], reason: RetentionReason) => {
    for (const set of kept) reasons.set(set, [...(reasons.get(set) ?? []), reason]);
  };
  give(sets.slice(0, 1), "newest");
  if (keep === undefined || Object.values(keep).every((value) => value === undefined)) {
    give(sets, "unlimited");
    return reasons;
  }
  const counted = sets.filter((set) => !set.pinned);
  give(counted.slice(0, keep.last ?? 0), "last");
  for (const rule of periodRules) give(newestOfEach(counted, periods[rule], keep[rule] ?? 0, timeZone), rule);
  const { atLeast } = keep;
  if (atLeast !== undefined)
    give(
      counted.filter((set) => now.getTime() - set.startedAt.getTime() <= toMilliseconds(atLeast)),
      "atLeast",
    );
  return reasons;
}

/** The newest of each of the last so many periods that have one. */
function newestOfEach<S extends RetainableSet>(
  sets: readonly S[],
  periodOf: PeriodOf,
  count: number,
  timeZone: string,
): readonly S[] {
  const seen = new Set<number>();
  const newest: S[] = [];
  const localTime = clockOf(timeZone);
  if (count === 0) return newest;
  for (const set of sets) {
    const period = periodOf(localTime(set.startedAt.getTime()));
    if (seen.has(period)) continue;
    if (seen.size === count) return newest;
    seen.add(period);
    newest.push(set);
  }
  return newest;
}

type PeriodOf = (local: number) => number;

/** The number of the period that a local time lies in. Weeks begin on Monday; 1970 began on a Thursday. */
const periods: Readonly<Record<PeriodRule, PeriodOf>> = {
  hourly: (local) => Math.floor(local / millisecondsPerHour),
  daily: (local) => Math.floor(local / millisecondsPerDay),
  weekly: (local) => Math.floor((Math.floor(local / millisecondsPerDay) + 3) / 7),
  monthly: (local) => new Date(local).getUTCFullYear() * 12 + new Date(local).getUTCMonth(),
  yearly: (local) => new Date(local).getUTCFullYear(),
};

function byAge(one: RetainableSet, other: RetainableSet): number {
  return other.startedAt.getTime() - one.startedAt.getTime() || (one.id < other.id ? 1 : -1);
}
