import fc from "fast-check";
import type { When } from "../../../provider/schedule/schema";

/** Cron expressions as people write them, and odder; all fire, most of them at night. Numbers only. */
export const cronExpressions: fc.Arbitrary<string> = fc
  .record({
    minute: field(0, 59, ["*", "0", "30", "*/5", "*/20", "1-59/2"]),
    hour: field(0, 23, ["*", "*", "0", "1", "2", "3", "0-3", "*/2", "22-23"]),
    dayOfMonth: field(1, 31, ["*", "*", "*", "*", "1", "1-31/2"]),
    month: field(1, 12, ["*", "*", "*", "*", "*/2", "3-11"]),
    dayOfWeek: field(0, 7, ["*", "*", "*", "0", "1-5", "6,7"]),
  })
  .map(
    ({ minute, hour, dayOfMonth, month, dayOfWeek }) =>
      `${minute} ${hour} ${dayOfMonth} ${Number(dayOfMonth) > 28 ? "*" : month} ${dayOfWeek}`,
  )
  .filter((expression) => !isAmbiguous(expression) && !mayNeverFire(expression));

/** Zones with and without changes of their clocks, one of them by half an hour. */
export const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"] as const;

/** Schedules that are due around the times at which clocks change. */
export const nightSchedules: fc.Arbitrary<When> = fc.oneof(
  fc
    .record({
      minute: fc.constantFrom("0", "30", "15,45", "*/20", "59"),
      hour: fc.constantFrom("*", "0", "1", "2", "3", "2,14", "23", "*/6", "1-3"),
      days: fc.constantFrom("* * *", "* * 0", "* * mon-fri", "1 * *", "25 10 *"),
      timeZone: fc.constantFrom(...zones),
    })
    .map(({ minute, hour: hours, days, timeZone }) => ({ cron: `${minute} ${hours} ${days}`, timeZone })),
  fc.record({
    every: fc.constantFrom("15m", "1h", "90m", "6h", "7h", "1d", "3d"),
    timeZone: fc.constantFrom(...zones),
  }),
  fc.record({
    cron: fc.constantFrom("0 3 * * *", "*/30 * * * *"),
    timeZone: fc.constantFrom(...zones),
    window: fc.constantFrom({ from: "22:00", to: "05:30" }, { from: "02:15", to: "02:45" }),
  }),
  fc.record({
    cron: fc.constantFrom("0 3 * * *", "30 2 * * *"),
    timeZone: fc.constantFrom(...zones),
    jitter: fc.constantFrom("10m", "1h"),
  }),
);

/** Windows of the day, often around the hours at which clocks change; undefined half of the time. */
export const windows = fc.option(
  fc.record({ from: timesOfDay(), to: timesOfDay() }).filter(({ from, to }) => from !== to),
  { nil: undefined },
);

function field(least: number, most: number, usual: readonly string[]): fc.Arbitrary<string> {
  const value = fc.integer({ min: least, max: most });
  const range = fc.tuple(value, value).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`);
  const item = fc.oneof(
    value.map(String),
    range,
    fc.tuple(range, fc.integer({ min: 1, max: most })).map(([bounds, step]) => `${bounds}/${step}`),
  );
  const list = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(","));
  return fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...usual) }, { weight: 1, arbitrary: list });
}

function timesOfDay(): fc.Arbitrary<string> {
  const any = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map(([hours, minutes]) => `${String(hours).padStart(2, "0")}:${String(minutes).padStart(2, "0")}`);
  return fc.oneof(any, fc.constantFrom("00:00", "00:30", "01:30", "02:00", "02:15", "02:45", "03:00", "23:00"));
}

function isAmbiguous(expression: string): boolean {
  const [, , dayOfMonth = "", , dayOfWeek = ""] = expression.split(" ");
  return dayOfMonth !== "*" && dayOfWeek !== "*" && `${dayOfMonth}${dayOfWeek}`.includes("*");
}

function mayNeverFire(expression: string): boolean {
  const [, , dayOfMonth = "", month, dayOfWeek] = expression.split(" ");
  return dayOfWeek === "*" && month !== "*" && dayOfMonth !== "*" && Number.parseInt(dayOfMonth, 10) > 28;
}
