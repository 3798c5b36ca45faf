import { createHash } from "node:crypto";
import { toMilliseconds } from "../platform/durations";
import { type CronExpression, parseCron } from "./cron-expression";
import type { When } from "./schema";
import { type EvenStretch, evenStretches } from "./time-zone";

/** A moment at which a start is due, before jitter. Milliseconds. */
export interface Slot {
  readonly due: number;
  /** Jitter delays the start by less than this. */
  readonly room: number;
}

interface Span {
  readonly from: number;
  readonly until: number;
}

const millisecondsPerMinute = 60_000;
const millisecondsPerDay = 86_400_000;
/** How far to look back for a due time, shortest first, so that a dense schedule is not read through; none is rarer than the last. */
const lookBacks = [0.1, 2, 40, 400, 4_000].map((days) => days * millisecondsPerDay);
/** No window is closed for longer, not even where the clocks skip it or a whole day. */
const longestHold = 3 * millisecondsPerDay;

/**
 * The moments at which a start is due, ascending, from one instant (inclusive) to another (exclusive).
 *
 * - A local time that the clocks skip fires once, at the moment they jump; one that they repeat fires the first time only. A
 *   cron expression that leaves out no hour follows elapsed time instead: skipped times do not fire, repeated ones fire again.
 *   (Both as in Vixie cron, which tells the two apart by a leading `*`.)
 * - `window`: a start outside is held back to the next opening; several that are held back to one opening are one.
 * - `jitter`: a delay that depends on nothing but the seed and the due time, shorter than `jitter`, than the time to the next due
 *   time and than the rest of the window. So starts never overtake one another nor leave the window.
 *
 * @param seed what tells apart schedules that are due together, their id.
 * @throws RangeError where it is to begin at an invalid date: it would never end.
 */
export function* dueTimes(when: When, from: Date, to: Date, seed: string): Generator<Date, void> {
  if (Number.isNaN(from.getTime())) throw new RangeError("no due times from what is no moment in time");
  const reach = toMilliseconds(when.jitter ?? "0s");
  for (const slot of slots(when, from.getTime() - reach)) {
    const start = slot.due + delayOf(slot, seed);
    if (start >= to.getTime()) return;
    if (start >= from.getTime()) yield new Date(start);
  }
}

/**
 * The first moment after an instant at which a start is due; see {@link dueTimes}.
 *
 * @throws RangeError where the instant is an invalid date.
 */
export function nextDue(when: When, after: Date, seed: string): Date {
  for (const due of dueTimes(when, new Date(after.getTime() + 1), new Date(8.64e15), seed)) return due;
  throw new RangeError("a schedule without a due time");
}

/** The last moment after one instant, and not after another, at which a start was due; see {@link dueTimes}. Undefined where none was. */
export function latestDue(when: When, after: Date, until: Date, seed: string): Date | undefined {
  const end = new Date(until.getTime() + 1);
  for (const lookBack of lookBacks) {
    const from = Math.max(after.getTime() + 1, until.getTime() - lookBack);
    const latest = [...dueTimes(when, new Date(from), end, seed)].at(-1);
    if (latest !== undefined || from === after.getTime() + 1) return latest;
  }
  return undefined;
}

/** All slots that are due at an instant or later, ascending, without end. */
export function* slots(when: When, from: number): Generator<Slot, void> {
  const jitter = toMilliseconds(when.jitter ?? "0s");
  let previous: { readonly due: number; readonly closesAt: number } | undefined;
  for (const base of holdBack(when, when.window === undefined ? from : from - longestHold)) {
    if (base.due < from) continue;
    if (jitter === 0) yield { due: base.due, room: 0 };
    else if (previous !== undefined)
      yield { due: previous.due, room: Math.min(jitter, base.due - previous.due, previous.closesAt - previous.due) };
    previous = base;
  }
}

function delayOf({ due, room }: Slot, seed: string): number {
  if (room === 0) return 0;
  const fraction = createHash("sha256").update(`${due} ${seed}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor((fraction * room) / 1_000) * 1_000;
}

function* holdBack(when: When, from: number): Generator<{ due: number; closesAt: number }, void> {
  if (when.window === undefined) {
    for (const due of unheldTimes(when, from)) yield { due, closesAt: Number.POSITIVE_INFINITY };
    return;
  }
  const spans = openSpans(when.timeZone ?? "UTC", when.window, from);
  let span = spans.next().value;
  let last = Number.NEGATIVE_INFINITY;
  for (const unheld of unheldTimes(when, from)) {
    if (unheld <= last) continue;
    while (span.until <= unheld) span = spans.next().value;
    last = Math.max(unheld, span.from);
    yield { due: last, closesAt: span.until };
  }
}

function unheldTimes(when: When, from: number): Iterable<number> {
  if (when.every !== undefined) return multiples(toMilliseconds(when.every), from);
  if (when.cron === undefined) throw new RangeError("neither cron nor every");
  return cronTimes(parseCron(when.cron), when.timeZone ?? "UTC", from);
}

function* multiples(every: number, from: number): Generator<number, void> {
  for (let due = Math.ceil(from / every) * every; ; due += every) yield due;
}

function* cronTimes(cron: CronExpression, timeZone: string, from: number): Generator<number, void> {
  let last = Number.NEGATIVE_INFINITY;
  for (const stretch of evenStretches(timeZone, from)) {
    if (stretch.from >= from && !cron.everyHour && skipsAny(cron, stretch)) {
      last = stretch.from;
      yield last;
    }
    const end = stretch.until + stretch.offset;
    for (const local of localTimes(cron, firstLocalTime(cron, stretch, from), end)) {
      const due = local - stretch.offset;
      if (due > last) yield due;
    }
  }
}

/** Whether the change of clocks at the beginning of a stretch skips a time at which the expression fires. */
function skipsAny(cron: CronExpression, { from, offset, changedAt, previousOffset }: EvenStretch): boolean {
  if (from !== changedAt || previousOffset >= offset) return false;
  return localTimes(cron, from + previousOffset, from + offset).next().done !== true;
}

/** Where the local times of a stretch begin that have not been there before. */
function firstLocalTime(
  cron: CronExpression,
  { from: start, offset, changedAt, previousOffset }: EvenStretch,
  from: number,
): number {
  const first = Math.max(start, from) + offset;
  return cron.everyHour ? first : Math.max(first, changedAt + previousOffset);
}

/** Times at which an expression fires on a clock that is never changed, from one (inclusive) to another (exclusive). */
function* localTimes(cron: CronExpression, from: number, to: number): Generator<number, void> {
  for (let day = Math.floor(from / millisecondsPerDay); day * millisecondsPerDay < to; day++) {
    if (!cron.matchesDay(day)) continue;
    for (const minute of cron.minutesOfDay) {
      const time = day * millisecondsPerDay + minute * millisecondsPerMinute;
      if (time >= to) return;
      if (time >= from) yield time;
    }
  }
}

/** When a window of the day is open, from the first span that ends after an instant on. It is open whenever a local clock shows a time within it. */
function* openSpans(
  timeZone: string,
  window: { readonly from: string; readonly to: string },
  from: number,
): Generator<Span, never> {
  const opens = toMinutes(window.from);
  const closes = toMinutes(window.to) + (toMinutes(window.to) < opens ? 1_440 : 0);
  let pending: Span | undefined;
  for (const stretch of evenStretches(timeZone, from)) {
    for (const span of spansOf(stretch, opens, closes)) {
      if (pending !== undefined && pending.until === span.from) {
        pending = { from: pending.from, until: span.until };
        continue;
      }
      if (pending !== undefined && pending.until > from) yield pending;
      pending = span;
    }
  }
  throw new RangeError("time ended");
}

function* spansOf({ from, until, offset }: EvenStretch, opens: number, closes: number): Generator<Span, void> {
  const firstDay = Math.floor((from + offset) / millisecondsPerDay) - 1;
  for (let day = firstDay; day * millisecondsPerDay < until + offset; day++) {
    const start = day * millisecondsPerDay - offset;
    const span = {
      from: Math.max(from, start + opens * millisecondsPerMinute),
      until: Math.min(until, start + closes * millisecondsPerMinute),
    };
    if (span.from < span.until) yield span;
  }
}

/** Minutes since midnight of a time of day, `HH:MM`. */
export function toMinutes(timeOfDay: string): number {
  const [hours = 0, minutes = 0] = timeOfDay.split(":").map(Number);
  return hours * 60 + minutes;
}
