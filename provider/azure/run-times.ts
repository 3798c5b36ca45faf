import { toMilliseconds } from "../platform/durations";
import { parseCron } from "../schedule/cron-expression";
import type { When } from "../schedule/schema";
import { limits } from "./limits";

/** When a policy of Azure Backup runs, in the policy's time zone. Minutes are counted from midnight. */
export interface RunTimes {
  readonly first: number;
  /** Hours between two of them; null for one a day. */
  readonly interval: number | null;
  readonly count: number;
}

/** What cannot be said to Azure Backup, with the property. */
export interface PolicyFault {
  readonly property: string;
  readonly sentence: string;
}

const minutesPerHour = 60;
const minutesPerDay = 24 * minutesPerHour;
const daysOfAWeek = [0, 1, 2, 3, 4, 5, 6];

/** Reads when a policy is to run; what Azure Backup cannot do is a fault. */
export function readRunTimes(when: When): RunTimes | readonly PolicyFault[] {
  const faults = [
    ...(when.jitter === undefined
      ? []
      : [refuse("when.jitter", "Azure Backup spreads the starts itself; leave it out")]),
    ...(when.catchUp === undefined
      ? []
      : [refuse("when.catchUp", "Azure Backup tries again by itself, and makes nothing up; leave it out")]),
    ...(when.window === undefined
      ? []
      : [refuse("when.window", "Azure Backup has no window; say the hours by cron, such as 0 8-20/4 * * *")]),
  ];
  const times = when.cron === undefined ? readEvery(when) : readCron(when.cron);
  if (Array.isArray(times)) return [...faults, ...times];
  return faults.length > 0 ? faults : times;
}

function readCron(cron: string): RunTimes | PolicyFault[] {
  const { minutesOfDay, everyWeekAlike, matchesDay } = parseCron(cron);
  if (!everyWeekAlike || !daysOfAWeek.every(matchesDay))
    return [refuse("when.cron", "Azure Backup runs every day for file shares; days and months must be *")];
  return toRunTimes("when.cron", minutesOfDay);
}

function readEvery({ every = "1d", timeZone }: When): RunTimes | PolicyFault[] {
  if (timeZone !== undefined && timeZone !== "UTC")
    return [refuse("when.every", `counts from 1970 in UTC; say the hours in ${timeZone} by cron, such as 0 */6 * * *`)];
  const minutes = toMilliseconds(every) / 60_000;
  if (!Number.isInteger(minutes) || minutes > minutesPerDay || minutesPerDay % minutes !== 0)
    return [refuse("when.every", `must be 1d, or 4h, 6h, 8h or 12h: Azure Backup runs at the same times every day`)];
  return toRunTimes(
    "when.every",
    Array.from({ length: minutesPerDay / minutes }, (_, at) => at * minutes),
  );
}

/** @param minutesOfDay ascending. */
function toRunTimes(property: string, minutesOfDay: readonly number[]): RunTimes | PolicyFault[] {
  const [first = 0, second] = minutesOfDay;
  if (minutesOfDay.some((minute) => !limits.minutes.some((allowed) => minute % minutesPerHour === allowed)))
    return [refuse(property, "must run at :00 or :30: Azure Backup begins at whole and half hours only")];
  if (minutesOfDay.length > limits.runsADay)
    return [
      refuse(property, `runs ${minutesOfDay.length} times a day; Azure Backup runs at most ${limits.runsADay} times`),
    ];
  if (second === undefined) return { first, interval: null, count: 1 };
  const interval = (second - first) / minutesPerHour;
  const isEven = minutesOfDay.every((minute, at) => minute === first + at * interval * minutesPerHour);
  if (!isEven || !limits.intervals.some((allowed) => allowed === interval))
    return [
      refuse(
        property,
        `must run once a day, or every ${limits.intervals.join(", ")} hours within one day: Azure Backup knows no other intervals`,
      ),
    ];
  return { first, interval, count: minutesOfDay.length };
}

/** How long it is from the first run of a day to the last, in hours. */
export function windowHours({ interval, count }: RunTimes): number {
  return (interval ?? 0) * (count - 1);
}

/** The longest that two runs lie apart, in milliseconds. The policy's clock is taken as even: Azure Backup does not follow changes of clocks. */
export function longestGap(times: RunTimes): number {
  const overnight = minutesPerDay - windowHours(times) * minutesPerHour;
  return Math.max(overnight, (times.interval ?? 0) * minutesPerHour) * 60_000;
}

function refuse(property: string, sentence: string): PolicyFault {
  return { property, sentence };
}
