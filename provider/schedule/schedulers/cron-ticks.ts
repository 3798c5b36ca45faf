import { toMilliseconds } from "../../platform/durations";
import { evenStretches, parseCron, toMinutes } from "../calendar";
import type { When } from "../schema";

const minutesPerDay = 1_440;
const millisecondsPerMinute = 60_000;
/** So that each change of the clocks that comes every year is among them. */
const daysLookedAt = 400;

/**
 * The five fields of cron lines that tick at least whenever a start may be due, in the zone of a host whose cron knows no other. At each tick
 * the runner decides whether anything is due, by the calendar that everything here goes by: so a tick too many starts nothing.
 *
 * An expression in the host's own zone ticks as it is written. Any other ticks every day, at each of its times under every difference that
 * there is between the two zones' clocks within 400 days.
 *
 * @param from where these days begin.
 */
export function toTicks(when: When, hostTimeZone: string, from: Date): readonly string[] {
  if (when.cron !== undefined && when.window === undefined && (when.timeZone ?? "UTC") === hostTimeZone)
    return [when.cron];
  const zone = when.cron === undefined ? "UTC" : (when.timeZone ?? "UTC");
  const minutes = new Set<number>();
  for (const difference of listDifferences(zone, hostTimeZone, from))
    for (const minute of listMinutes(when)) minutes.add(toMinuteOfDay(minute + difference));
  for (const difference of listDifferences(when.timeZone ?? "UTC", hostTimeZone, from))
    if (when.window !== undefined) minutes.add(toMinuteOfDay(toMinutes(when.window.from) + difference));
  return toLines(minutes);
}

/** Minutes of the day at which it may be due, by the clock that it goes by. */
export function listMinutes(when: When): readonly number[] {
  if (when.cron !== undefined) return parseCron(when.cron).minutesOfDay;
  const every = toMilliseconds(when.every ?? "1d") / millisecondsPerMinute;
  if (!Number.isInteger(every)) return range(minutesPerDay, 1);
  return range(minutesPerDay, greatestCommonDivisor(every, minutesPerDay));
}

/**
 * The minutes of the day, in UTC, at which a start may be due: each of its times under every offset that its zone has within 400 days, and
 * the moments at which the clocks skip one of them. For what ticks in UTC, where no host's clocks stand in between.
 */
export function listUtcMinutes(when: When, from: Date): ReadonlySet<number> {
  const zone = when.timeZone ?? "UTC";
  const window = when.window === undefined ? [] : [toMinutes(when.window.from)];
  const local = when.cron === undefined ? window : [...listMinutes(when), ...window];
  const minutes = new Set<number>(when.cron === undefined ? listMinutes(when) : []);
  for (const offset of listOffsets(zone, from))
    for (const minute of local) minutes.add(toMinuteOfDay(minute - Math.round(offset / millisecondsPerMinute)));
  for (const { minute } of listNightTicks(local, zone, from)) minutes.add(minute);
  return minutes;
}

/**
 * When a start may be due on the days on which a zone's clocks are changed within 400 days, in UTC: at the moment at which they skip a time,
 * and both times at one that they repeat.
 *
 * @param minutes of the day, by the zone's clocks.
 * @returns months, counted from 1, and minutes of the day.
 */
export function listNightTicks(
  minutes: readonly number[],
  zone: string,
  from: Date,
): readonly { readonly month: number; readonly minute: number }[] {
  const end = from.getTime() + daysLookedAt * minutesPerDay * millisecondsPerMinute;
  const ticks: { month: number; minute: number }[] = [];
  const add = (moment: number): void =>
    void ticks.push({
      month: new Date(moment).getUTCMonth() + 1,
      minute: toMinuteOfDay(Math.floor(moment / millisecondsPerMinute)),
    });
  for (const { from: start, changedAt, previousOffset, offset } of evenStretches(zone, from.getTime())) {
    if (start >= end) break;
    if (start !== changedAt || previousOffset === offset) continue;
    const [first, last] = [changedAt + Math.min(previousOffset, offset), changedAt + Math.max(previousOffset, offset)];
    const affected = minutes.flatMap((minute) => listMoments(minute, first, last));
    if (previousOffset < offset && affected.length > 0) add(changedAt);
    if (previousOffset > offset)
      for (const local of affected) for (const each of [previousOffset, offset]) add(local - each);
  }
  return ticks;
}

/** When a clock shows a minute of the day between two of its times. */
function listMoments(minute: number, first: number, last: number): readonly number[] {
  const day = minutesPerDay * millisecondsPerMinute;
  const moments: number[] = [];
  for (let midnight = Math.floor(first / day) * day; midnight < last; midnight += day) {
    const moment = midnight + minute * millisecondsPerMinute;
    if (moment >= first && moment < last) moments.push(moment);
  }
  return moments;
}

/** How many minutes the host's clocks may be ahead of a zone's. */
function listDifferences(zone: string, hostTimeZone: string, from: Date): readonly number[] {
  const offsets = [zone, hostTimeZone].map((name) => listOffsets(name, from));
  const differences = new Set<number>();
  for (const zoneOffset of offsets[0] ?? [])
    for (const hostOffset of offsets[1] ?? [])
      differences.add(Math.round((hostOffset - zoneOffset) / millisecondsPerMinute));
  return [...differences];
}

function listOffsets(zone: string, from: Date): readonly number[] {
  const end = from.getTime() + daysLookedAt * minutesPerDay * millisecondsPerMinute;
  const offsets = new Set<number>();
  for (const stretch of evenStretches(zone, from.getTime())) {
    if (stretch.from >= end) break;
    offsets.add(stretch.offset);
  }
  return [...offsets];
}

function toLines(minutes: ReadonlySet<number>): readonly string[] {
  return groupByHours(minutes)
    .map(({ minutes: shared, hours }) => {
      const hour = hours.length === 24 ? "*" : hours.join(",");
      return `${shared.length === 60 ? "*" : shared.join(",")} ${hour} * * *`;
    })
    .sort();
}

/** Minutes of the day, taken apart into few groups of minutes of the hour that share their hours; all ascending. */
export function groupByHours(
  minutesOfDay: Iterable<number>,
): readonly { readonly minutes: readonly number[]; readonly hours: readonly number[] }[] {
  const hoursOf = new Map<number, number[]>();
  for (const minute of [...minutesOfDay].sort((one, other) => one - other))
    hoursOf.set(minute % 60, [...(hoursOf.get(minute % 60) ?? []), Math.floor(minute / 60)]);
  const groups = new Map<string, { minutes: number[]; readonly hours: readonly number[] }>();
  for (const [minute, hours] of [...hoursOf].sort(([one], [other]) => one - other)) {
    const group = groups.get(hours.join()) ?? { minutes: [], hours };
    group.minutes.push(minute);
    groups.set(hours.join(), group);
  }
  return [...groups.values()];
}

function toMinuteOfDay(minute: number): number {
  return ((minute % minutesPerDay) + minutesPerDay) % minutesPerDay;
}

function range(end: number, step: number): readonly number[] {
  return Array.from({ length: end / step }, (_, index) => index * step);
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other);
}
