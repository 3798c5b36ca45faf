import fc from "fast-check";
import { toMilliseconds } from "../../../provider/platform/durations";
import {
  defaultRpoMilliseconds,
  dueTimes,
  findCronFault,
  isTimeZone,
  nextDue,
  worstCase,
} from "../../../provider/schedule/calendar";
import { type When, whenSchema } from "../../../provider/schedule/schema";
import { fixedFrom, worstCaseOverFixedSpan } from "../../../provider/schedule/worst-case";
import { cronExpressions, windows } from "./generated-schedules";
import { findChangeDays, openBy, readDueTimes, type Wall, watchClock, zones } from "./wall-clock";

const day = 86_400_000;
const hour = 3_600_000;

// Only ends what hangs: these properties are long computations on a busy machine.
jest.setTimeout(300_000);

describe("findCronFault", () => {
  it.each([
    "0 3 * * *",
    "* * * * *",
    "*/5 0-6,22 1-31/2 jan,MAR-may *",
    "59 23 31 12 7",
    "0 0 29 2 *",
    "0 3 * * mon-fri",
    "0 0 31 4 1",
    "0 0 * * 5-7",
    "0-0 0 1 1 *",
  ])("finds none in %s", (expression) => expect(findCronFault(expression)).toBeUndefined());

  it.each([
    ["", /five fields/],
    ["0 3 * *", /five fields/],
    ["0 0 3 * * *", /five fields/],
    [" 0 3 * * *", /single spaces/],
    ["0  3 * * *", /single spaces/],
    ["0 3 * * *\n", /day of week: only/],
    ["0\t3 * * *", /single spaces/],
    ["@daily", /five fields/],
    ["60 3 * * *", /minute: values must be from 0 to 59/],
    ["0 24 * * *", /hour: values must be from 0 to 23/],
    ["0 3 0 * *", /day of month: values must be from 1 to 31/],
    ["0 3 * 13 *", /; month: values must be from 1 to 12, or names jan to dec/],
    ["0 3 * mon *", /; month: values/],
    ["0 3 * * 8", /day of week: values must be from 0 to 7, or names sun to sat/],
    ["*/0 3 * * *", /minute: a step must be from 1 to 59/],
    ["*/60 3 * * *", /minute: a step/],
    ["5/10 3 * * *", /minute: a step needs a range/],
    ["5-1 3 * * *", /minute: a range must not run backwards/],
    ["0 3 * * sat-sun", /day of week: a range must not run backwards/],
    ["1,,2 3 * * *", /minute: only/],
    ["-1 3 * * *", /minute: only/],
    ["1.5 3 * * *", /minute: only/],
    ["0 3 L * *", /day of month: only/],
    ["0 3 15W * *", /day of month: only/],
    ["0 3 ? * *", /day of month: only/],
    ["0 3 * * 5#2", /day of week: only/],
    ["0 3 * * +1", /day of week: only/],
    ["0 3 * * monday", /day of week: only/],
    ["0 3 30 2 *", /fires; day of month/],
    ["0 3 31 4,6,9,11 *", /fires; day of month/],
    ["0 3 */2 * 1", /read alike/],
    ["0 3 1 * */2", /read alike/],
    ["0 3 * * *; reboot", /five fields/],
    [`${"1,".repeat(300)}1 3 * * *`, /500 characters/],
  ])("refuses %j and does not repeat it", (expression, reason) => {
    const fault = findCronFault(expression);
    expect(fault).toMatch(reason);
    if (expression.length > 9) expect(fault).not.toContain(expression);
  });

  it("finds none in anything that is generated", () => {
    fc.assert(fc.property(cronExpressions, (expression) => expect(findCronFault(expression)).toBeUndefined()));
  });

  it("finds a fault in any text, or it fires", () => {
    const characters = ["0", "1", "5", "31", "*", "/", ",", "-", "L", "#", "?", "@", "jan", "mon", "\t", "\n", "é"];
    const fields = fc.array(fc.string({ unit: fc.constantFrom(...characters), maxLength: 4 }), {
      minLength: 4,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          fields.map((parts) => parts.join(" ")),
          fc.string(),
        ),
        (text) => {
          if (findCronFault(text) === undefined)
            expect(nextDue({ cron: text }, new Date(0), "x").getTime()).toBeGreaterThan(0);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("isTimeZone", () => {
  it.each([...zones, "Etc/UTC", "Etc/GMT+5", "US/Eastern"])("knows %s", (name) => expect(isTimeZone(name)).toBe(true));
  it.each([
    "",
    "+01:00",
    "GMT+1",
    "Z",
    "europe/berlin",
    "EUROPE/BERLIN",
    "Europe/Nowhere",
    "Europe/Berlin ",
    "../etc/passwd",
    "Europe/Berlin\n",
  ])("refuses %j", (name) => {
    expect(isTimeZone(name)).toBe(false);
    expect(isTimeZone(name)).toBe(false);
  });
});

describe("whenSchema", () => {
  it.each([
    { every: "59s" },
    { every: "3661d" },
    { every: "9999999w" },
    { every: "1h", jitter: "25h" },
    { every: "1h", timeZone: "+01:00" },
    { cron: "0 3 30 2 *" },
  ])("refuses %j", (when) => {
    expect(whenSchema.safeParse(when).success).toBe(false);
  });
});

describe("dueTimes", () => {
  const table: readonly { what: string; when: When; from: string; to: string; due: readonly string[] }[] = [
    {
      what: "a time that the clocks skip fires at the moment they jump",
      when: { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      from: "2027-03-27T12:00Z",
      to: "2027-03-29T12:00Z",
      due: ["2027-03-28T01:00Z", "2027-03-29T00:30Z"],
    },
    {
      what: "several skipped times fire once",
      when: { cron: "*/20 2,3 * * *", timeZone: "Europe/Berlin" },
      from: "2027-03-28T00:00Z",
      to: "2027-03-28T12:00Z",
      due: ["2027-03-28T01:00Z", "2027-03-28T01:20Z", "2027-03-28T01:40Z"],
    },
    {
      what: "a time that the clocks repeat fires the first time",
      when: { cron: "30 2 * * *", timeZone: "Europe/Berlin" },
      from: "2027-10-30T12:00Z",
      to: "2027-11-01T12:00Z",
      due: ["2027-10-31T00:30Z", "2027-11-01T01:30Z"],
    },
    {
      what: "hourly goes on hourly while the clocks repeat an hour",
      when: { cron: "0 * * * *", timeZone: "Europe/Berlin" },
      from: "2027-10-30T23:30Z",
      to: "2027-10-31T03:00Z",
      due: ["2027-10-31T00:00Z", "2027-10-31T01:00Z", "2027-10-31T02:00Z"],
    },
    {
      what: "hourly does not notice that the clocks skip an hour",
      when: { cron: "30 * * * *", timeZone: "Europe/Berlin" },
      from: "2027-03-28T00:00Z",
      to: "2027-03-28T02:00Z",
      due: ["2027-03-28T00:30Z", "2027-03-28T01:30Z"],
    },
    {
      what: "midnight that the clocks skip",
      when: { cron: "0 0 * * *", timeZone: "America/Havana" },
      from: "2027-03-13T12:00Z",
      to: "2027-03-15T12:00Z",
      due: ["2027-03-14T05:00Z", "2027-03-15T04:00Z"],
    },
    {
      what: "a day that the calendar skips",
      when: { cron: "0 10 30 12 *", timeZone: "Pacific/Apia" },
      from: "2011-12-01T00:00Z",
      to: "2012-01-31T00:00Z",
      due: ["2011-12-30T10:00Z"],
    },
    {
      what: "half an hour of DST",
      when: { cron: "15 2 * * *", timeZone: "Australia/Lord_Howe" },
      from: "2026-10-03T00:00Z",
      to: "2026-10-05T00:00Z",
      due: ["2026-10-03T15:30Z", "2026-10-04T15:15Z"],
    },
    {
      what: "multiples since 1970, whatever the zone",
      when: { every: "90m", timeZone: "Asia/Kolkata" },
      from: "1970-01-01T00:00Z",
      to: "1970-01-01T04:00Z",
      due: ["1970-01-01T00:00Z", "1970-01-01T01:30Z", "1970-01-01T03:00Z"],
    },
    {
      what: "starts outside a window wait for it to open, together",
      when: { every: "4h", window: { from: "22:30", to: "02:00" } },
      from: "2026-11-19T00:00Z",
      to: "2026-11-20T04:00Z",
      due: ["2026-11-19T00:00Z", "2026-11-19T22:30Z", "2026-11-20T00:00Z"],
    },
    {
      what: "a start that was held back since before the span",
      when: { cron: "0 12 * * *", window: { from: "22:00", to: "23:00" } },
      from: "2026-11-19T18:00Z",
      to: "2026-11-20T00:00Z",
      due: ["2026-11-19T22:00Z"],
    },
    {
      what: "either day, where both are restricted",
      when: { cron: "0 0 13 * 5" },
      from: "2026-11-01T00:00Z",
      to: "2026-11-15T00:00Z",
      due: ["2026-11-06T00:00Z", "2026-11-13T00:00Z"],
    },
    {
      what: "from is included, to is not",
      when: { cron: "0 * * * *" },
      from: "2026-11-19T01:00Z",
      to: "2026-11-19T02:00Z",
      due: ["2026-11-19T01:00Z"],
    },
  ];

  it.each(table)("$what", ({ when, from, to, due }) => {
    expect(list(when, new Date(from), new Date(to)).map((instant) => new Date(instant).toISOString())).toEqual(
      due.map((instant) => new Date(instant).toISOString()),
    );
  });

  it("agrees with a clock on the wall, through every change of clocks of 30 zones", () => {
    const whens = fc.oneof(
      fc.record({ cron: cronExpressions, window: windows }),
      fc.record({ every: fc.constantFrom("1m", "7m", "15m", "90m", "6h", "25h"), window: windows }),
    );
    fc.assert(
      fc.property(whens, fc.constantFrom(...zones), fc.nat(), (when, timeZone, pick) => {
        const wall = wallAroundChange(timeZone, pick);
        const declared: When = { ...when, timeZone };
        // Held back since before the wall was watched: three days settle that.
        const from = wall.from + 3 * day;
        const expected = readDueTimes(declared, wall).filter((instant) => instant >= from);
        expect(list(declared, new Date(from), new Date(wall.from + wall.shown.length * 60_000)).join()).toBe(
          expected.join(),
        );
      }),
      { numRuns: 400 },
    );
  });

  it("delays by less than the jitter, never beyond the next start or the window, always alike", () => {
    const whens = fc.record({
      cron: cronExpressions,
      window: windows,
      jitter: fc.constantFrom("1m", "10m", "3h", "1d"),
    });
    fc.assert(
      fc.property(whens, fc.constantFrom(...zones), fc.nat(), fc.string(), (when, timeZone, pick, seed) => {
        const wall = wallAroundChange(timeZone, pick);
        const declared: When = { ...when, timeZone };
        const plain: When = {
          cron: when.cron,
          timeZone,
          ...(when.window === undefined ? {} : { window: when.window }),
        };
        const bounds = [new Date(wall.from + 3 * day), new Date(wall.from + wall.shown.length * 60_000)] as const;
        const delayed = list(declared, ...bounds, seed);
        const bases = list(plain, new Date(bounds[0].getTime() - day), bounds[1]);
        const isOpen = openBy(when.window);
        const wrong = delayed.filter((start) => {
          const base = bases.findLast((candidate) => candidate <= start) ?? Number.NaN;
          const shown = wall.shown[Math.floor((start - wall.from) / 60_000)] ?? 0;
          return !(start - base < toMilliseconds(when.jitter)) || !isOpen(shown);
        });
        expect(wrong).toEqual([]);
        expect(delayed.join()).toBe([...new Set(delayed)].sort((one, other) => one - other).join());
        expect(bases.length - delayed.length).toBeLessThanOrEqual(
          bases.filter((base) => base < bounds[0].getTime()).length + 1,
        );
        // The same starts, wherever the look begins.
        const later = new Date(bounds[0].getTime() + day);
        expect(list(declared, later, bounds[1], seed)).toEqual(delayed.filter((start) => start >= later.getTime()));
      }),
      { numRuns: 150 },
    );
  });

  it("spreads seeds over the jitter", () => {
    const when: When = { cron: "0 3 * * *", jitter: "1h" };
    const delays = Array.from({ length: 600 }, (_, index) =>
      nextDue(when, new Date("2026-11-19T00:00Z"), `schedule-${index}`).getUTCMinutes(),
    );
    for (let tenth = 0; tenth < 6; tenth++)
      expect(delays.filter((delay) => Math.floor(delay / 10) === tenth).length).toBeGreaterThan(60);
  });
});

describe("nextDue", () => {
  it.each([{ cron: "0 3 * * *" }, { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, { every: "1d" }])(
    "refuses what is no moment, rather than to search for ever: %j",
    (when) => expect(() => nextDue(when, new Date(Number.NaN), "x")).toThrow(RangeError),
  );

  it("is after the instant, not at it", () => {
    expect(nextDue({ cron: "0 3 * * *" }, new Date("2026-11-19T03:00:00Z"), "x")).toEqual(
      new Date("2026-11-20T03:00:00Z"),
    );
    expect(nextDue({ cron: "0 3 * * *" }, new Date("2026-11-19T02:59:59.999Z"), "x")).toEqual(
      new Date("2026-11-19T03:00:00Z"),
    );
  });

  it("finds what is rare", () => {
    expect(nextDue({ cron: "0 0 29 2 *" }, new Date("2096-03-01T00:00:00Z"), "x")).toEqual(
      new Date("2104-02-29T00:00:00Z"),
    );
    expect(nextDue({ every: "3660d" }, new Date("2026-01-01T00:00:00Z"), "x").getTime() % (3_660 * day)).toBe(0);
  });
});

describe("worstCase", () => {
  const from = new Date("2026-01-01T00:00:00Z");
  const table: readonly { when: When; duration?: number; hours: number; at: string }[] = [
    { when: { cron: "0 3 * * *" }, hours: 24, at: "2026-01-02T03:00Z" },
    { when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, hours: 25, at: "2026-10-25T02:00Z" },
    { when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, duration: 2 * hour, hours: 27, at: "2026-10-25T02:00Z" },
    { when: { cron: "0 * * * *", timeZone: "Europe/Berlin" }, hours: 1, at: "2026-01-01T01:00Z" },
    { when: { cron: "15 * * * *", timeZone: "Australia/Lord_Howe" }, hours: 1.5, at: "2026-04-04T15:45Z" },
    { when: { cron: "0 3 * * 1-5", timeZone: "UTC" }, hours: 72, at: "2026-01-05T03:00Z" },
    { when: { cron: "0 3 * * *", jitter: "30m" }, hours: 24.5, at: "2026-01-02T03:00Z" },
    { when: { every: "6h" }, duration: 0.5 * hour, hours: 6.5, at: "2026-01-01T06:00Z" },
    // A run of 90 minutes misses the next hour: the one after succeeds 3.5 h after the first began.
    { when: { cron: "0 * * * *" }, duration: 1.5 * hour, hours: 3.5, at: "2026-01-01T02:00Z" },
    // Delayed by most of an hour and 23.5 h long, it misses the next day's start.
    {
      when: { cron: "0 1 * * *", jitter: "1h" },
      duration: 23.5 * hour,
      hours: 24 + 23.5 + 1 + 23.5,
      at: "2026-01-03T01:00Z",
    },
    { when: { cron: "0 0 29 2 *" }, hours: 1_461 * 24, at: "2032-02-29T00:00Z" },
    { when: { cron: "0 12 * * *", window: { from: "22:00", to: "23:00" } }, hours: 24, at: "2026-01-02T22:00Z" },
  ];

  it.each(table)("$when takes $hours hours", ({ when, duration = 0, hours, at }) => {
    const worst = worstCase(when, { from, days: 400, expectedDurationMilliseconds: duration });
    expect({ hours: worst.milliseconds / hour, at: worst.at }).toEqual({ hours, at: new Date(at) });
  });

  it("is the longest that any delays can lead to", () => {
    const whens = fc.record({
      cron: cronExpressions,
      window: windows,
      jitter: fc.constantFrom("0s", "5m", "40m", "3h"),
    });
    fc.assert(
      fc.property(
        whens,
        fc.constantFrom(...zones),
        fc.nat(),
        fc.constantFrom(0, 10, 59, 90, 600),
        (when, timeZone, pick, minutes) => {
          const { jitter, ...plain } = when;
          const wall = wallAroundChange(timeZone, pick);
          const bases = readDueTimes({ ...plain, timeZone }, wall);
          const [start, end] = [wall.from + 3 * day, wall.from + 5 * day];
          const expected = longestByTrial(bases, {
            jitter: toMilliseconds(jitter),
            window: when.window,
            wall,
            duration: minutes * 60_000,
            start,
            end,
          });
          fc.pre(expected !== undefined);
          const worst = worstCase(
            { ...when, timeZone },
            { from: new Date(start), days: 2, expectedDurationMilliseconds: minutes * 60_000 },
          );
          expect(worst.milliseconds).toBe(expected);
        },
      ),
      { numRuns: 200, maxSkipsPerRun: 1_000 },
    );
  });
});

describe("defaultRpoMilliseconds", () => {
  it.each([
    [{ cron: "0 3 * * *", timeZone: "Europe/Berlin" }, 25],
    [{ cron: "0 3 * * *", timeZone: "Asia/Tokyo" }, 24],
    [{ cron: "30 2 1 * *", timeZone: "America/New_York" }, 31 * 24 + 1],
    [{ cron: "0 0 29 2 *" }, 1_461 * 24],
    [{ cron: "0 0 31 * *" }, 61 * 24],
    [{ every: "6h" }, 6],
    [{ every: "52w" }, 52 * 7 * 24],
  ] as const)("of %j is %d hours", (when, hours) => expect(defaultRpoMilliseconds(when, 0)).toBe(hours * hour));

  it("adds the expected duration, and is asked twice with the same answer", () => {
    const when: When = { cron: "0 3 * * *" };
    expect([
      defaultRpoMilliseconds(when, hour),
      defaultRpoMilliseconds(when, hour),
      defaultRpoMilliseconds(when, 0),
    ]).toEqual([25 * hour, 25 * hour, 24 * hour]);
  });

  it("looks at enough: the whole span holds nothing worse", () => {
    const crons = fc
      .record({
        hours: fc.constantFrom("*", "0", "1", "2", "3", "0-3", "*/6", "23"),
        minutes: fc.constantFrom("0", "30", "59", "*/30"),
        weekdays: fc.constantFrom("*", "0", "1-5", "6"),
      })
      .map(({ hours, minutes, weekdays }) => ({ cron: `${minutes} ${hours} * * ${weekdays}` }));
    const plain = fc.oneof(crons, fc.record({ every: fc.constantFrom("30m", "1h", "8h", "7d") }));
    fc.assert(
      fc.property(
        plain,
        windows,
        fc.constantFrom(...zones),
        fc.constantFrom(0, 45, 3_000),
        (repeated, window, timeZone, duration) => {
          const when: When = { ...repeated, timeZone, ...(window === undefined ? {} : { window }) };
          const options = { from: fixedFrom, days: 800, expectedDurationMilliseconds: duration * 60_000 };
          expect(worstCaseOverFixedSpan(when, options.expectedDurationMilliseconds).milliseconds).toBe(
            worstCase(when, options).milliseconds,
          );
        },
      ),
      { numRuns: 150 },
    );
  });

  it("reads dense schedules on few dates through within bounds", () => {
    expect(defaultRpoMilliseconds({ cron: "* * 5 * 2", timeZone: "Europe/Berlin" }, 0)).toBe(6 * day + hour + 60_000);
  });
});

function list(when: When, from: Date, to: Date, seed = "seed"): readonly number[] {
  return [...dueTimes(when, from, to, seed)].map((due) => due.getTime());
}

const walls = new Map<string, Wall>();

/** The clock of a zone for eight days, the fifth of which is one of its changes; any day where it has none. */
function wallAroundChange(timeZone: string, pick: number): Wall {
  const changes = changeDays(timeZone);
  const change = changes.length === 0 ? Date.UTC(2027, 1, 26) : (changes[pick % changes.length] ?? 0);
  const key = `${timeZone} ${change}`;
  const known = walls.get(key);
  const wall = known ?? watchClock(timeZone, change - 4 * day, 8 * 1_440);
  walls.set(key, wall);
  return wall;
}

const knownChangeDays = new Map<string, readonly number[]>();

function changeDays(timeZone: string): readonly number[] {
  const known = knownChangeDays.get(timeZone);
  const days = known ?? findChangeDays(timeZone, 2026, 2027);
  knownChangeDays.set(timeZone, days);
  return days;
}

interface Trial {
  readonly jitter: number;
  readonly window: { readonly from: string; readonly to: string } | undefined;
  readonly wall: Wall;
  readonly duration: number;
  readonly start: number;
  readonly end: number;
}

/** Tries every delay in minutes of every start; undefined where the wall was not watched long enough. */
function longestByTrial(
  bases: readonly number[],
  { jitter, window, wall, duration, start, end }: Trial,
): number | undefined {
  const isOpen = openBy(window);
  const roomAt = (index: number): number | undefined => {
    const [base, next] = [bases[index], bases[index + 1]];
    if (base === undefined || next === undefined) return undefined;
    let room = Math.min(jitter, next - base);
    for (let delay = 0; delay < room; delay += 60_000) {
      if (!isOpen(wall.shown[(base + delay - wall.from) / 60_000] ?? 0)) room = delay;
    }
    return room;
  };
  let longest: number | undefined;
  for (const [index, base] of bases.entries()) {
    if (base < start || base >= end) continue;
    const room = roomAt(index);
    if (room === undefined) return undefined;
    for (let delay = 0; delay === 0 || delay < room; delay += 60_000) {
      const over = base + delay + duration;
      // A start due at the very moment is missed by a delay that is a little longer.
      const late = delay + 1 < room ? (due: number) => due > over : (due: number) => due >= over;
      let next = index + 1;
      while (next < bases.length && !late(bases[next] ?? 0)) next++;
      const nextRoom = roomAt(next);
      if (nextRoom === undefined) return undefined;
      longest = Math.max(longest ?? 0, (bases[next] ?? 0) + nextRoom - base - delay + duration);
    }
  }
  return longest;
}
