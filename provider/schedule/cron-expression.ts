import { CronPattern } from "croner";

/** What a cron expression of five fields says, taken apart. */
export interface CronExpression {
  /** Minutes since midnight at which it fires on a day that matches, ascending. */
  readonly minutesOfDay: readonly number[];
  /** Minutes of the hour and hours of the day, ascending: each of these with each of those. */
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  /** Counted from 1, ascending. Null days leave nothing out; where neither is null, either is enough. */
  readonly months: readonly number[];
  readonly daysOfMonth: readonly number[] | null;
  /** 0 is Sunday. */
  readonly daysOfWeek: readonly number[] | null;
  /** True when no hour is left out: such a schedule follows elapsed time when the clocks change. */
  readonly everyHour: boolean;
  /** True when day of month and month leave nothing out, so that every week is like every other. */
  readonly everyWeekAlike: boolean;
  /** Whether it fires on a calendar day, counted in days since 1970-01-01. */
  readonly matchesDay: (day: number) => boolean;
}

interface Field {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  /** Three-letter names in the order of their numbers, from `least`. */
  readonly names: readonly string[];
}

const fields: readonly [Field, Field, Field, Field, Field] = [
  { name: "minute", least: 0, most: 59, names: [] },
  { name: "hour", least: 0, most: 23, names: [] },
  { name: "day of month", least: 1, most: 31, names: [] },
  {
    name: "month",
    least: 1,
    most: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of week", least: 0, most: 7, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];

/** Schedules of one program share few expressions, and each is asked for many times. */
const mostRemembered = 1_000;
const faults = new Map<string, { readonly value: string | undefined }>();
const parsed = new Map<string, { readonly value: CronExpression }>();

const longestMonths = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const millisecondsPerDay = 86_400_000;

/**
 * Why a cron expression is not one that every scheduler reads alike, or undefined when it is: five fields of numbers, `*`,
 * lists, ranges, steps, and names of months and weekdays, that fires at all. The reason names the field and never repeats the value.
 */
export function findCronFault(expression: string): string | undefined {
  return remember(faults, expression, lookForFault);
}

function lookForFault(expression: string): string | undefined {
  const parts = expression.split(" ");
  if (expression.length > 500) return "must be a cron expression of at most 500 characters";
  if (parts.length !== 5 || parts.includes(""))
    return "must be a cron expression of five fields, separated by single spaces: minute, hour, day of month, month, day of week";
  for (const [index, field] of fields.entries()) {
    const fault = findFieldFault(parts[index] ?? "", field);
    if (fault !== undefined) return `must be a cron expression of five fields; ${field.name}: ${fault}`;
  }
  return findCombinationFault(expression);
}

/** Takes apart an expression without fault. Where day of month and day of week are both restricted, either is enough, as in every cron. */
export function parseCron(expression: string): CronExpression {
  return remember(parsed, expression, parse);
}

function parse(expression: string): CronExpression {
  const pattern = new CronPattern(expression, undefined, { mode: "5-part" });
  const minutes = indexesOf(pattern.minute);
  const hours = indexesOf(pattern.hour);
  const daysOfMonth = new Set(indexesOf(pattern.day).map((index) => index + 1));
  const months = new Set(indexesOf(pattern.month));
  const daysOfWeek = new Set(indexesOf(pattern.dayOfWeek).map((index) => index % 7));
  const anyDay = pattern.starDOM && pattern.starDOW;
  return {
    minutesOfDay: hours.flatMap((hour) => minutes.map((minute) => hour * 60 + minute)),
    minutes,
    hours,
    months: [...months].map((index) => index + 1),
    daysOfMonth: pattern.starDOM ? null : [...daysOfMonth],
    daysOfWeek: pattern.starDOW ? null : [...daysOfWeek].sort(),
    everyHour: hours.length === 24,
    everyWeekAlike: pattern.starDOM && months.size === 12,
    matchesDay: (day) => {
      if (anyDay && months.size === 12) return true;
      const date = new Date(day * millisecondsPerDay);
      if (!months.has(date.getUTCMonth())) return false;
      if (anyDay) return true;
      return (
        (!pattern.starDOM && daysOfMonth.has(date.getUTCDate())) ||
        (!pattern.starDOW && daysOfWeek.has(date.getUTCDay()))
      );
    },
  };
}

function indexesOf(flags: readonly number[]): readonly number[] {
  return flags.flatMap((flag, index) => (flag === 0 ? [] : [index]));
}

function findFieldFault(text: string, field: Field): string | undefined {
  for (const item of text.split(",")) {
    const fault = findItemFault(item, field);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** An item is `*`, a value, or a range; `*` and a range may have a step. */
function findItemFault(item: string, field: Field): string | undefined {
  const match = /^(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:\/([0-9]{1,2}))?$/i.exec(item);
  const { least, most, names } = field;
  const nameHint = names.length === 0 ? "" : `, or names ${names[0]} to ${names.at(-1)}`;
  if (match === null) return `only numbers, *, lists (1,2), ranges (1-5) and steps (*/5)${nameHint}`;
  const [, low, high, step] = match;
  if (step !== undefined && (Number(step) < 1 || Number(step) > most)) return `a step must be from 1 to ${most}`;
  if (low === undefined) return undefined;
  if (step !== undefined && high === undefined) return "a step needs a range or * before it";
  const bounds = [low, high ?? low].map((value) => toNumber(value, field));
  if (bounds.some((value) => value === undefined || value < least || value > most))
    return `values must be from ${least} to ${most}${nameHint}`;
  const [first = 0, last = 0] = bounds;
  return first > last ? "a range must not run backwards" : undefined;
}

function toNumber(value: string, { least, names }: Field): number | undefined {
  if (/^\d+$/.test(value)) return Number(value);
  const index = names.indexOf(value.toLowerCase());
  return index === -1 ? undefined : least + index;
}

function findCombinationFault(expression: string): string | undefined {
  const [, , daysOfMonth = "", , daysOfWeek = ""] = expression.split(" ");
  // Vixie cron asks for both days where one begins with *, every other for either: no schedule may hang on that.
  const ambiguous =
    daysOfMonth !== "*" && daysOfWeek !== "*" && (daysOfMonth.includes("*") || daysOfWeek.includes("*"));
  if (ambiguous)
    return "must be a cron expression that all schedulers read alike; with both days restricted, neither may use *: write the days out, such as 1-31/2";
  const pattern = new CronPattern(expression, undefined, { mode: "5-part" });
  if (!pattern.starDOW || pattern.starDOM) return undefined;
  const earliest = pattern.day.indexOf(1) + 1;
  const fires = longestMonths.some((length, month) => pattern.month[month] === 1 && earliest <= length);
  return fires ? undefined : "must be a cron expression that fires; day of month: none of its months has such a day";
}

function remember<Value>(
  known: Map<string, { readonly value: Value }>,
  expression: string,
  find: (expression: string) => Value,
): Value {
  const found = known.get(expression);
  if (found !== undefined) return found.value;
  const value = find(expression);
  if (known.size >= mostRemembered) known.clear();
  known.set(expression, { value });
  return value;
}
