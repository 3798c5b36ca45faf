import { toMilliseconds } from "../platform/durations";
import { type CronExpression, parseCron } from "./cron-expression";
import { type Slot, slots } from "./due-times";
import type { When } from "./schema";
import { evenStretches } from "./time-zone";

/** The largest age that the last good backup can reach. */
export interface WorstCase {
  readonly milliseconds: number;
  /** When the start is due during whose run that age is reached. */
  readonly at: Date;
}

const millisecondsPerDay = 86_400_000;
/** Where every span begins that is not to depend on the present. The same in every release. */
export const fixedFrom = new Date("2027-01-01T00:00:00Z");
/** After 28 years the days of the week fall on the same dates again. */
const longSpanYears = 28;
/** Dense schedules are read through for fewer years: at most for so many starts, but at least for two. */
const mostStarts = 100_000;
const shortSpanDays = 800;

const defaults = new Map<string, number>();

/**
 * The largest age that the last good backup can reach if every run succeeds and takes as long as expected: from the start of
 * one run to the end of the next. Runs that start within so many days count, each with its successor, wherever that lies; where none
 * starts, the first one after. Jitter counts as its worst case over all seeds. A start that is due while the run
 * before it still goes on is skipped. Pauses do not count.
 */
export function worstCase(
  when: When,
  options: { readonly from: Date; readonly days: number; readonly expectedDurationMilliseconds: number },
): WorstCase {
  const { expectedDurationMilliseconds: duration } = options;
  const end = options.from.getTime() + options.days * millisecondsPerDay;
  const upcoming = new LookAhead(slots(when, options.from.getTime()));
  let worst = { age: -1, due: 0 };
  do {
    const slot = upcoming.at(0);
    const reached = oldestBeforeSuccess(slot, upcoming, duration);
    if (reached.age > worst.age) worst = reached;
    upcoming.advance();
  } while (upcoming.at(0).due < end);
  return { milliseconds: worst.age, at: new Date(worst.due) };
}

/**
 * The RPO of a schedule that declares none: its worst case over a fixed span, never today's, so that it is the same whenever it is
 * asked. The span begins on 2027-01-01 and lasts 800 days where every week is like every other; else 28 years, after which dates and
 * days of the week meet again, or as many years as 100,000 starts take, at least two.
 */
export function defaultRpoMilliseconds(when: When, expectedDurationMilliseconds: number): number {
  const key = JSON.stringify([
    when.cron,
    when.every,
    when.timeZone,
    when.jitter,
    when.window?.from,
    when.window?.to,
    expectedDurationMilliseconds,
  ]);
  const known = defaults.get(key);
  if (known !== undefined) return known;
  const { milliseconds } = worstCaseOverFixedSpan(when, expectedDurationMilliseconds);
  defaults.set(key, milliseconds);
  return milliseconds;
}

/** See {@link defaultRpoMilliseconds}. */
export function worstCaseOverFixedSpan(when: When, expectedDurationMilliseconds: number): WorstCase {
  const over = (from: Date, days: number) => worstCase(when, { from, days, expectedDurationMilliseconds });
  if (when.every !== undefined && when.window === undefined) return over(fixedFrom, 0);
  if (when.every !== undefined && (7 * millisecondsPerDay) % toMilliseconds(when.every) !== 0)
    return over(fixedFrom, shortSpanDays);
  const cron = when.cron === undefined ? undefined : parseCron(when.cron);
  if (cron?.everyWeekAlike === false) return over(fixedFrom, yearsToReadThrough(cron) * 365.25);
  // Weeks differ only where the clocks change, so one quiet week and the days around each change stand for them all.
  const quiet = over(fixedFrom, 7);
  const reachDays = quiet.milliseconds / millisecondsPerDay + 2;
  return changesOfClocks(when.timeZone ?? "UTC")
    .map((change) => over(new Date(change - reachDays * millisecondsPerDay), reachDays + 2))
    .reduce((worst, next) => (next.milliseconds > worst.milliseconds ? next : worst), quiet);
}

function yearsToReadThrough(cron: CronExpression): number {
  const firstDay = fixedFrom.getTime() / millisecondsPerDay;
  const days = Array.from({ length: 366 }, (_, index) => firstDay + index).filter(cron.matchesDay).length;
  const years = Math.floor(mostStarts / (days * cron.minutesOfDay.length));
  return Math.min(longSpanYears, Math.max(2, years));
}

/** When a zone's clocks change within the short span. */
function changesOfClocks(timeZone: string): readonly number[] {
  const end = fixedFrom.getTime() + shortSpanDays * millisecondsPerDay;
  const changes: number[] = [];
  for (const stretch of evenStretches(timeZone, fixedFrom.getTime())) {
    if (stretch.from >= end) return changes;
    if (stretch.from === stretch.changedAt) changes.push(stretch.from);
  }
  return changes;
}

/**
 * How old a backup of one slot can become before the next one succeeds. The next run is the first that is due once this one is over;
 * where jitter can delay this one until it has missed that, it may also be a later one.
 */
function oldestBeforeSuccess(slot: Slot, upcoming: LookAhead, duration: number): { age: number; due: number } {
  const latestStart = slot.due + slot.room;
  let start = slot.due;
  let worst = { age: -1, due: 0 };
  for (let index = upcoming.indexFrom(start + duration); ; index++) {
    const next = upcoming.at(index);
    const age = next.due + next.room - start + duration;
    if (age > worst.age) worst = { age, due: next.due };
    if (next.due >= latestStart + duration) return worst;
    start = Math.max(start, next.due - duration);
  }
}

/** Slots from a present one on, drawn as they are needed. */
class LookAhead {
  readonly #source: Iterator<Slot, void>;
  readonly #drawn: Slot[] = [];
  #first = 0;
  #reached = 1;

  constructor(source: Iterator<Slot, void>) {
    this.#source = source;
  }

  /** The slot so many places after the present one. */
  at(index: number): Slot {
    while (this.#drawn.length <= this.#first + index) {
      const next = this.#source.next();
      if (next.done === true) throw new RangeError("a schedule without end has ended");
      this.#drawn.push(next.value);
    }
    const slot = this.#drawn[this.#first + index];
    if (slot === undefined) throw new RangeError("no such slot");
    return slot;
  }

  /** The place of the first later slot that is not due before an instant. Instants must not decrease from call to call. */
  indexFrom(instant: number): number {
    this.#reached = Math.max(this.#reached, this.#first + 1);
    while (this.at(this.#reached - this.#first).due < instant) this.#reached++;
    return this.#reached - this.#first;
  }

  advance(): void {
    this.#first++;
    if (this.#first < 10_000) return;
    this.#drawn.splice(0, this.#first);
    this.#reached -= this.#first;
    this.#first = 0;
  }
}
