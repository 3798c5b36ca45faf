import fc from "fast-check";
import { dueTimes } from "../../../provider/schedule/calendar";
import { decideStart } from "../../../provider/schedule/scheduled-start";
import { toTicks } from "../../../provider/schedule/schedulers/cron-ticks";
import type { When } from "../../../provider/schedule/schema";
import { nightSchedules, zones } from "./generated-schedules";
import { playTicks } from "./play-ticks";
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

describe("what ticks only roughly", () => {
  it("leads to one start for each due time, within an hour, on every cron", () => {
    fc.assert(
      fc.property(
        nightSchedules,
        fc.constantFrom(...zones),
        fc.constantFrom(...nights),
        (schedule, hostTimeZone, night) => {
          const [from, until] = [night - day, night + day];
          const due = [...dueTimes(schedule, new Date(from), new Date(until - 2 * hour), "shares")].map(Number);
          const starts = play(schedule, hostTimeZone, from, until);
          const answered = due.map((moment) => starts.find((start) => start >= moment && start <= moment + hour));
          expect(answered).not.toContain(undefined);
          expect(starts.filter((start) => start < until - 2 * hour).length).toBeLessThanOrEqual(due.length);
        },
      ),
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

function play(schedule: When, hostTimeZone: string, from: number, until: number): readonly number[] {
  const ticks = toTicks(schedule, hostTimeZone, new Date(from)).flatMap((fields) => [
    ...vixieTicks(fields, hostTimeZone, from, until),
  ]);
  return playTicks(schedule, ticks, from);
}
