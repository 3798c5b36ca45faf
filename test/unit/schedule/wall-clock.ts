/**
 * The calendar as a person with a clock on the wall would work it out, minute by minute, by Intl alone. It shares nothing with the
 * product but the rules.
 */
import { toMilliseconds } from "../../../provider/platform/durations";
import type { When } from "../../../provider/schedule/schema";

const minute = 60_000;
/** Clocks change at whole quarters of an hour everywhere in the years that are looked at. */
const quarter = 15 * minute;

/** Zones with DST in both hemispheres, at midnight, by half an hour, with Ramadan, with odd offsets, and without. */
export const zones = [
  "UTC",
  "Europe/Berlin",
  "Europe/London",
  "Europe/Dublin",
  "Europe/Lisbon",
  "Europe/Chisinau",
  "America/New_York",
  "America/Chicago",
  "America/Los_Angeles",
  "America/St_Johns",
  "America/Havana",
  "America/Santiago",
  "America/Asuncion",
  "America/Nuuk",
  "America/Sao_Paulo",
  "America/Caracas",
  "Asia/Beirut",
  "Asia/Jerusalem",
  "Asia/Gaza",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Asia/Tokyo",
  "Africa/Cairo",
  "Africa/Casablanca",
  "Atlantic/Azores",
  "Australia/Lord_Howe",
  "Australia/Adelaide",
  "Australia/Sydney",
  "Pacific/Auckland",
  "Pacific/Chatham",
  "Pacific/Easter",
] as const;

/** What the clock on the wall shows at each minute from an instant on, as minutes since 1970 on that clock. */
export interface Wall {
  readonly from: number;
  readonly shown: Int32Array;
}

/** Looks at a zone's clock for a number of minutes. */
export function watchClock(timeZone: string, from: number, minutes: number): Wall {
  const shown = new Int32Array(minutes);
  let offset = Number.NaN;
  for (let index = 0; index < minutes; index++) {
    const instant = from + index * minute;
    if (index === 0 || instant % quarter === 0) offset = offsetBy(timeZone, instant);
    shown[index] = (instant + offset) / minute;
  }
  return { from, shown };
}

/** The days on which a zone's clocks change between two years, as midnights in UTC. */
export function findChangeDays(timeZone: string, firstYear: number, lastYear: number): readonly number[] {
  const days: number[] = [];
  for (let day = Date.UTC(firstYear, 0); day < Date.UTC(lastYear + 1, 0); day += 86_400_000) {
    if (offsetBy(timeZone, day) !== offsetBy(timeZone, day + 86_400_000)) days.push(day);
  }
  return days;
}

/** Due times without jitter, in milliseconds: read off the wall. Nothing is known of what was held back before it begins. */
export function readDueTimes(when: When, wall: Wall): readonly number[] {
  const fires =
    when.every === undefined ? firesByCron(when.cron ?? "", wall) : firesByMultiples(toMilliseconds(when.every));
  const isOpen = openBy(when.window);
  const due: number[] = [];
  let held: boolean = false;
  for (const [index, shown] of wall.shown.entries()) {
    const instant = wall.from + index * minute;
    const wanted: boolean = fires(index, instant) || held;
    const open = isOpen(shown);
    if (wanted && open) due.push(instant);
    held = wanted && !open;
  }
  return due;
}

/** Tells whether a window of the day is open at what the wall shows. */
export function openBy(window: { readonly from: string; readonly to: string } | undefined): (shown: number) => boolean {
  if (window === undefined) return () => true;
  const [opens, closes] = [minutesOf(window.from), minutesOf(window.to)];
  if (opens < closes) return (shown) => shown % 1_440 >= opens && shown % 1_440 < closes;
  return (shown) => shown % 1_440 >= opens || shown % 1_440 < closes;
}

function minutesOf(timeOfDay: string): number {
  return Number(timeOfDay.slice(0, 2)) * 60 + Number(timeOfDay.slice(3));
}

type Fires = (index: number, instant: number) => boolean;

function firesByMultiples(every: number): Fires {
  return (_, instant) => instant % every === 0;
}

function firesByCron(expression: string, wall: Wall): Fires {
  const [minutes, hours, days, months, weekdays] = expression
    .split(" ")
    .map((field, index) => expandField(field, index));
  const [, , dayField, , weekdayField] = expression.split(" ");
  const oneIsFree = dayField === "*" || weekdayField === "*";
  const matches = (shown: number): boolean => {
    if (minutes?.has(shown % 60) !== true || hours?.has(Math.floor(shown / 60) % 24) !== true) return false;
    const date = new Date(shown * minute);
    if (months?.has(date.getUTCMonth() + 1) !== true) return false;
    const [day, weekday] = [days?.has(date.getUTCDate()) === true, weekdays?.has(date.getUTCDay()) === true];
    return oneIsFree ? day && weekday : day || weekday;
  };
  const everyHour = hours?.size === 24;
  const highest = highestSeenBefore(wall);
  return (index) => {
    const shown = wall.shown[index] ?? 0;
    const before = wall.shown[index - 1] ?? shown - 1;
    if (everyHour) return matches(shown);
    for (let skipped = before + 1; skipped < shown; skipped++) if (matches(skipped)) return true;
    return shown > (highest[index] ?? 0) && matches(shown);
  };
}

const knownHighest = new WeakMap<Wall, Int32Array>();

/** The highest that the wall showed before each minute. */
function highestSeenBefore(wall: Wall): Int32Array {
  const known = knownHighest.get(wall);
  if (known !== undefined) return known;
  const highest = new Int32Array(wall.shown.length);
  let top = (wall.shown[0] ?? 0) - 1;
  for (const [index, shown] of wall.shown.entries()) {
    highest[index] = top;
    if (shown > top) top = shown;
  }
  knownHighest.set(wall, highest);
  return highest;
}

function expandField(field: string, index: number): ReadonlySet<number> {
  const [least, most] = (
    [
      [0, 59],
      [0, 23],
      [1, 31],
      [1, 12],
      [0, 6],
    ] as const
  )[index] ?? [0, 0];
  const values = new Set<number>();
  for (const item of field.split(",")) {
    const [range = "", step = "1"] = item.split("/");
    const [low, high] = range === "*" ? [least, most] : [Number(range.split("-")[0]), Number(range.split("-").at(-1))];
    for (let value = low; value <= high; value += Number(step)) values.add(index === 4 ? value % 7 : value);
  }
  return values;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function offsetBy(timeZone: string, instant: number): number {
  const known = formats.get(timeZone);
  const format = known ?? new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  formats.set(timeZone, format);
  return Date.parse(`${format.format(instant).replace(" ", "T")}Z`) - instant;
}
