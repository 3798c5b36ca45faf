import fc from "fast-check";
import { dueTimes } from "../../../provider/schedule/calendar";
import { decideStart } from "../../../provider/schedule/scheduled-start";
import { toTicks } from "../../../provider/schedule/schedulers/cron-ticks";
import type { When } from "../../../provider/schedule/schema";
import { vixieTicks } from "./vixie-cron";

const hour = 3_600_000;
const day = 24 * hour;

/** Both nights of a year on which clocks are changed, and a day in between. */
const nights = [
  "2026-10-25T00:00Z",
  "2027-03-28T00:00Z",
  "2026-11-01T06:00Z",
  "2027-03-14T06:00Z",
  "2026-10-03T15:00Z",
  "2027-04-03T15:00Z",
  "2027-01-15T00:00Z",
].map(Date.parse);

const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"] as const;

const when: fc.Arbitrary<When> = fc.oneof(
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

describe("what ticks only roughly", () => {
  it("leads to one start for each due time, within an hour, on every cron", () => {
    fc.assert(
      fc.property(when, fc.constantFrom(...zones), fc.constantFrom(...nights), (schedule, hostTimeZone, night) => {
        const [from, until] = [night - day, night + day];
        const due = [...dueTimes(schedule, new Date(from), new Date(until - 2 * hour), "shares")].map(Number);
        const starts = play(schedule, hostTimeZone, from, until);
        const answered = due.map((moment) => starts.find((start) => start >= moment && start <= moment + hour));
        expect(answered).not.toContain(undefined);
        expect(starts.filter((start) => start < until - 2 * hour).length).toBeLessThanOrEqual(due.length);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["Europe/Berlin", "2026-10-25", "2026-10-25T00:30:00.000Z"],
    ["Europe/Berlin", "2027-03-28", "2027-03-28T01:00:00.000Z"],
    ["America/New_York", "2026-11-01", "2026-11-01T07:30:00.000Z"],
    ["America/New_York", "2027-03-14", "2027-03-14T07:00:00.000Z"],
    ["Australia/Lord_Howe", "2027-04-04", "2027-04-03T16:00:00.000Z"],
    ["Australia/Lord_Howe", "2026-10-04", "2026-10-03T15:30:00.000Z"],
  ])("starts 02:30 in %s once in the night of %s, at %s", (timeZone, date, expected) => {
    const schedule = { cron: "30 2 * * *", timeZone };
    const noon = Date.parse(`${date}T12:00Z`);
    const starts = play(schedule, timeZone, noon - 2 * day, noon + day).map((start) => new Date(start).toISOString());
    const night = [...dueTimes(schedule, new Date(noon - day), new Date(noon), "shares")].map((due) =>
      due.toISOString(),
    );
    expect(night).toEqual([expected]);
    expect(starts.filter((start) => Math.abs(Date.parse(start) - Date.parse(expected)) < 12 * hour)).toEqual([
      expected,
    ]);
  });

  it("makes up for what was missed once, and not where that is declined", () => {
    const since = new Date("2026-11-01T00:00Z");
    const moment = new Date("2026-11-05T09:00Z");
    const nightly = { cron: "0 3 * * *" };
    expect(decideStart(nightly, "shares", since, moment)).toEqual({
      kind: "start",
      due: new Date("2026-11-05T03:00Z"),
    });
    expect(decideStart(nightly, "shares", moment, moment)).toMatchObject({ kind: "nothing" });
    expect(decideStart({ ...nightly, catchUp: false }, "shares", since, moment)).toMatchObject({ kind: "nothing" });
    expect(decideStart({ ...nightly, catchUp: false }, "shares", since, new Date("2026-11-05T03:01Z"))).toMatchObject({
      kind: "start",
    });
  });
});

describe("the lines of a crontab", () => {
  const from = new Date("2026-11-22T00:00Z");

  it.each<[When, string, readonly string[]]>([
    [{ cron: "0 3 * * mon", timeZone: "Europe/Berlin" }, "Europe/Berlin", ["0 3 * * mon"]],
    [{ cron: "0 3 * * *", timeZone: "Europe/Berlin" }, "UTC", ["0 1,2 * * *"]],
    [{ cron: "15,45 0 * * *", timeZone: "Asia/Kolkata" }, "UTC", ["15 19 * * *", "45 18 * * *"]],
    [{ every: "6h" }, "UTC", ["0 0,6,12,18 * * *"]],
    [{ every: "15m" }, "Europe/Berlin", ["0,15,30,45 * * * *"]],
    [{ every: "90s" }, "UTC", ["* * * * *"]],
  ])("tick for %j on a host in %s at %j", (schedule, zone, lines) => {
    expect(toTicks(schedule, zone, from)).toEqual(lines);
  });
});

/** Starts as the runner makes them when every line of the crontab ticks; a start that waits for its jitter is made when that is over. */
function play(schedule: When, hostTimeZone: string, from: number, until: number): readonly number[] {
  const ticks = toTicks(schedule, hostTimeZone, new Date(from))
    .flatMap((fields) => [...vixieTicks(fields, hostTimeZone, from, until)])
    .sort((one, other) => one - other);
  const starts: number[] = [];
  const waiting: number[] = [];
  const attempt = (moment: number): void => {
    const handled = new Date(starts.at(-1) ?? from - 1);
    const decision = decideStart(schedule, "shares", handled, new Date(moment));
    if (decision.kind === "start") starts.push(moment);
    else if (decision.kind === "wait") waiting.push(decision.until.getTime());
  };
  for (const tick of ticks) {
    for (const moment of waiting.splice(0).sort((one, other) => one - other))
      if (moment <= tick) attempt(moment);
      else waiting.push(moment);
    attempt(tick);
  }
  for (const moment of waiting.sort((one, other) => one - other)) attempt(moment);
  return starts;
}
