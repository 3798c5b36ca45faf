import { findCronFault, isTimeZone, parseCron, toMinutes } from "../calendar";
import type { When } from "../schema";
import { groupByHours, listMinutes, listNightTicks } from "./cron-ticks";

/** The bounds of whole numbers of which systemd writes a list. */
interface Field {
  readonly least: number;
  readonly most: number;
}

const minuteField: Field = { least: 0, most: 59 };
const hourField: Field = { least: 0, most: 23 };
const dayField: Field = { least: 1, most: 31 };
const monthField: Field = { least: 1, most: 12 };

const weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const event =
  /^(?:([A-Za-z]{3}(?:(?:,|\.\.)[A-Za-z]{3})*) )?\*-([\d*,./]+)-([\d*,./]+) ([\d*,./]+):([\d*,./]+):00 ([A-Za-z0-9_+/-]+)$/;

/**
 * The values of `OnCalendar=` that elapse at least whenever a start may be due. The first say what was declared, in its own zone. The others
 * are for the nights in which that zone's clocks change, since systemd leaves out a time that they skip, and takes one of those that they
 * repeat: every day of such months, in UTC. At each the runner decides whether anything is due, so one too many starts nothing.
 *
 * @param from where the 400 days begin whose changes of the clocks are looked at.
 */
export function toCalendarEvents(when: When, from: Date): readonly string[] {
  const zone = when.timeZone ?? "UTC";
  const window = when.window === undefined ? [] : [toMinutes(when.window.from)];
  const local = when.cron === undefined ? window : [...listMinutes(when), ...window];
  return [
    ...(when.cron === undefined ? renderTimes("*", listMinutes(when), "UTC") : renderCron(when.cron, zone)),
    ...renderTimes("*", window, zone),
    ...renderNights(local, zone, from),
  ];
}

/** What such a value says, where it is one of those that stand for a cron expression; null for all others. */
export function readCalendarEvent(text: string): When | null {
  const match = event.exec(text);
  if (match === null) return null;
  const [, weekday = "*", month = "", day = "", hour = "", minute = "", timeZone = ""] = match;
  const cron = [
    toCronField(minute, minuteField),
    toCronField(hour, hourField),
    toCronField(day, dayField),
    toCronField(month, monthField),
    weekday.toLowerCase().replaceAll("..", "-"),
  ].join(" ");
  return findCronFault(cron) === undefined && isTimeZone(timeZone) ? { cron, timeZone } : null;
}

function renderCron(cron: string, zone: string): readonly string[] {
  const { minutes, hours, months, daysOfMonth, daysOfWeek } = parseCron(cron);
  const time = `${renderField(hours, hourField)}:${renderField(minutes, minuteField)}:00 ${zone}`;
  const month = renderField(months, monthField);
  const byDate = `*-${month}-${daysOfMonth === null ? "*" : renderField(daysOfMonth, dayField)} ${time}`;
  if (daysOfWeek === null) return [byDate];
  const byWeekday = `${renderWeekdays(daysOfWeek)} *-${month}-* ${time}`;
  return daysOfMonth === null ? [byWeekday] : [byDate, byWeekday];
}

/** Months whose clocks are changed at the same times share their lines. */
function renderNights(minutes: readonly number[], zone: string, from: Date): readonly string[] {
  const monthsOf = new Map<number, Set<number>>();
  for (const { month, minute } of listNightTicks(minutes, zone, from))
    monthsOf.set(minute, (monthsOf.get(minute) ?? new Set()).add(month));
  const minutesOf = new Map<string, number[]>();
  for (const [minute, months] of monthsOf) {
    const key = renderField(ascending(months), monthField);
    minutesOf.set(key, [...(minutesOf.get(key) ?? []), minute]);
  }
  return [...minutesOf].sort().flatMap(([months, shared]) => renderTimes(months, shared, "UTC"));
}

function renderTimes(months: string, minutesOfDay: readonly number[], zone: string): readonly string[] {
  return groupByHours(new Set(minutesOfDay)).map(
    ({ minutes, hours }) =>
      `*-${months}-* ${renderField(hours, hourField)}:${renderField(minutes, minuteField)}:00 ${zone}`,
  );
}

/** `*`, `00/15`, or a list such as `01,03..06`. */
function renderField(numbers: readonly number[], { least, most }: Field): string {
  if (numbers.length === most - least + 1) return "*";
  const [first = least, second = first] = numbers;
  const step = second - first;
  const isWhole = numbers.length > 3 && numbers.every((number, index) => number === first + index * step);
  if (isWhole && step > 1 && (numbers.at(-1) ?? most) + step > most) return `${pad(first)}/${step}`;
  return splitIntoRuns(numbers).map(renderRun).join(",");
}

function renderRun(run: readonly number[]): string {
  const [first = 0] = run;
  return run.length < 3 ? run.map(pad).join(",") : `${pad(first)}..${pad(run.at(-1) ?? first)}`;
}

function renderWeekdays(days: readonly number[]): string {
  return splitIntoRuns(days)
    .map((run) => {
      const names = run.map((day) => weekdays[day] ?? "");
      return names.length < 3 ? names.join(",") : `${names[0] ?? ""}..${names.at(-1) ?? ""}`;
    })
    .join(",");
}

function splitIntoRuns(numbers: readonly number[]): readonly (readonly number[])[] {
  const runs: number[][] = [];
  for (const number of numbers) {
    const run = runs.at(-1);
    if (run !== undefined && run.at(-1) === number - 1) run.push(number);
    else runs.push([number]);
  }
  return runs;
}

function toCronField(text: string, { least, most }: Field): string {
  const inNumbers = text.replaceAll(/\d+/g, (digits) => String(Number(digits))).replaceAll("..", "-");
  return inNumbers
    .split(",")
    .map((item) => item.replace(/^(\d+)\/(\d+)$/, (_, first, step) => `${rangeFrom(Number(first))}/${step}`))
    .join(",");

  function rangeFrom(first: number): string {
    return first === least ? "*" : `${first}-${most}`;
  }
}

function ascending(numbers: Iterable<number>): readonly number[] {
  return [...numbers].sort((one, other) => one - other);
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
