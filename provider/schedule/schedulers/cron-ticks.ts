import { toMilliseconds } from "../../platform/durations";
import { evenStretches, parseCron, toMinutes } from "../calendar";
import type { When } from "../schema";

const minutesPerDay = 1_440;
const millisecondsPerMinute = 60_000;
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
function listMinutes(when: When): readonly number[] {
  if (when.cron !== undefined) return parseCron(when.cron).minutesOfDay;
  const every = toMilliseconds(when.every ?? "1d") / millisecondsPerMinute;
  if (!Number.isInteger(every)) return range(minutesPerDay, 1);
  return range(minutesPerDay, greatestCommonDivisor(every, minutesPerDay));
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

/** One line for all minutes of the hour that share their hours. */
function toLines(minutes: ReadonlySet<number>): readonly string[] {
  const hoursOf = new Map<number, number[]>();
  for (const minute of [...minutes].sort((one, other) => one - other))
    hoursOf.set(minute % 60, [...(hoursOf.get(minute % 60) ?? []), Math.floor(minute / 60)]);
  const minutesOf = new Map<string, number[]>();
  for (const [minute, hours] of hoursOf) {
    const key = hours.length === 24 ? "*" : hours.join(",");
    minutesOf.set(key, [...(minutesOf.get(key) ?? []), minute]);
  }
  return [...minutesOf]
    .map(
      ([hours, shared]) =>
        `${shared.length === 60 ? "*" : shared.sort((one, other) => one - other).join(",")} ${hours} * * *`,
    )
    .sort();
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
