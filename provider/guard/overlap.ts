import { toMilliseconds } from "../platform/durations";
import { dueTimes } from "../schedule/calendar";
import type { ScheduleDeclaration } from "../schedule/schema";
import { fixedFrom } from "../schedule/worst-case";
import { describeSource } from "../sources/schema";

/** A schedule as far as it may get in another's way. */
export type Overlapping = Pick<ScheduleDeclaration, "when" | "sources" | "expectedDuration"> & {
  readonly name: string;
  /** The posture home: schedules of one home run on one host. */
  readonly home: string;
};

/** Two schedules with runs that are expected at the same time. */
export interface Overlap<S extends Overlapping> {
  /** In the order of their names. */
  readonly schedules: readonly [S, S];
  /** What they share: a source, in a few words, or the host. */
  readonly shared: { readonly kind: "source"; readonly what: string } | { readonly kind: "host" };
  /** When the later of the first two such runs starts. */
  readonly at: Date;
}

interface Run {
  readonly start: number;
  readonly end: number;
}

type Calendars = Map<string, readonly Run[]>;

const daysLookedAt = 400;
const millisecondsPerDay = 86_400_000;
/** Schedules that start more often are busy all the time: nothing is said of them. */
const mostStarts = 50_000;

/**
 * The pairs of schedules whose runs are expected at the same time: each schedule with the first before it, by name, that reads the same
 * source, and the first pair of each host where both say how long they take. Over 400 days from 2027-01-01, never from today, so that two looks at one commit never differ. Schedules with `jitter` are
 * spread on purpose and left out, and so are runs that only touch. Without an `expectedDuration` a run takes no time: only starts at the very
 * same moment count.
 */
export function findOverlaps<S extends Overlapping>(schedules: readonly S[]): readonly Overlap<S>[] {
  const ordered = schedules
    .filter(({ when }) => toMilliseconds(when.jitter ?? "0s") === 0)
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  const calendars: Calendars = new Map();
  return [...findOfSources(ordered, calendars), ...findOfHosts(ordered, calendars)];
}

function findOfSources<S extends Overlapping>(ordered: readonly S[], calendars: Calendars): readonly Overlap<S>[] {
  const described = ordered.map((schedule) => ({
    schedule,
    sources: Object.values(schedule.sources).map(describeSource),
  }));
  return described.flatMap((other, index) => {
    for (const one of described.slice(0, index)) {
      const overlap = findOfSource(one, other, calendars);
      if (overlap !== undefined) return [overlap];
    }
    return [];
  });
}

interface Described<S> {
  readonly schedule: S;
  readonly sources: readonly string[];
}

function findOfSource<S extends Overlapping>(
  { schedule: one, sources }: Described<S>,
  { schedule: other, sources: others }: Described<S>,
  calendars: Calendars,
): Overlap<S> | undefined {
  const what = one.home === other.home ? findShared(sources, others) : undefined;
  if (what === undefined) return undefined;
  const at = findFirst(listRuns(one, calendars), listRuns(other, calendars));
  return at === undefined ? undefined : { schedules: [one, other], shared: { kind: "source", what }, at };
}

function findOfHosts<S extends Overlapping>(ordered: readonly S[], calendars: Calendars): readonly Overlap<S>[] {
  const homes = [...new Set(ordered.map(({ home }) => home))];
  return homes.flatMap((home) => {
    const timed = ordered.filter((schedule) => schedule.home === home && takesTime(schedule));
    const overlap = findFirstOfHost(timed, calendars);
    return overlap === undefined ? [] : [overlap];
  });
}

function findFirstOfHost<S extends Overlapping>(timed: readonly S[], calendars: Calendars): Overlap<S> | undefined {
  const runs = timed
    .flatMap((schedule, order) => listRuns(schedule, calendars).map((run) => ({ ...run, schedule, order })))
    .sort((left, right) => left.start - right.start || left.order - right.order);
  let latest: (typeof runs)[number] | undefined;
  for (const run of runs) {
    if (latest !== undefined && run.order !== latest.order && run.start < latest.end) {
      const pair = run.order < latest.order ? ([run, latest] as const) : ([latest, run] as const);
      return {
        schedules: [pair[0].schedule, pair[1].schedule],
        shared: { kind: "host" },
        at: new Date(run.start),
      };
    }
    if (latest === undefined || run.end > latest.end) latest = run;
  }
  return undefined;
}

function takesTime({ expectedDuration = "0s" }: Overlapping): boolean {
  return toMilliseconds(expectedDuration) > 0;
}

/** What both read: the same thing, or a folder within one of the other's. */
function findShared(one: readonly string[], other: readonly string[]): string | undefined {
  for (const ours of one)
    for (const theirs of other) {
      if (ours === theirs || isWithin(ours, theirs)) return ours;
      if (isWithin(theirs, ours)) return theirs;
    }
  return undefined;
}

function isWithin(inner: string, outer: string): boolean {
  return inner.startsWith(`${outer}/`) || inner.startsWith(`${outer}\\`);
}

/** The runs that are expected; a start that is due while the run before still goes on is skipped. */
function listRuns({ when, expectedDuration = "0s" }: Overlapping, calendars: Calendars): readonly Run[] {
  const key = JSON.stringify([when, expectedDuration]);
  const known = calendars.get(key);
  if (known !== undefined) return known;
  const end = new Date(fixedFrom.getTime() + daysLookedAt * millisecondsPerDay);
  const duration = toMilliseconds(expectedDuration);
  const runs: Run[] = [];
  for (const due of dueTimes(when, fixedFrom, end, "")) {
    const start = due.getTime();
    if (start >= (runs.at(-1)?.end ?? start)) runs.push({ start, end: start + duration });
    if (runs.length > mostStarts) break;
  }
  const listed = runs.length > mostStarts ? [] : runs;
  calendars.set(key, listed);
  return listed;
}

/** When two runs of two schedules first go on at the same time, or start at the same moment. */
function findFirst(ours: readonly Run[], theirs: readonly Run[]): Date | undefined {
  let [left, right] = [0, 0];
  for (;;) {
    const one = ours[left];
    const other = theirs[right];
    if (one === undefined || other === undefined) return undefined;
    if (one.start === other.start || (one.start < other.end && other.start < one.end))
      return new Date(Math.max(one.start, other.start));
    if (one.start < other.start) left++;
    else right++;
  }
}
