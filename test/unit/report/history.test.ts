import { type JudgedBy, sumUpRuns, yearUntil } from "../../../provider/report/history";
import type { JournalRecord, RunEnded } from "../../../provider/runner/journal";

const now = new Date("2026-11-25T12:00:00Z");
const year = yearUntil(now);
const daily: JudgedBy = {
  id: "files",
  when: { cron: "0 1 * * *" },
  calendarSince: new Date("2026-11-01T00:00:00Z"),
  allowedMilliseconds: 26 * 3_600_000,
  running: false,
};

function run(day: string, more: Partial<RunEnded> = {}): readonly JournalRecord[] {
  const at = `2026-${day}T01:00:00Z`;
  return [
    { event: "started", run: at, at, verb: "run", pid: 1 },
    {
      event: "ended",
      run: at,
      at: `2026-${day}T01:10:00Z`,
      verb: "run",
      outcome: "succeeded",
      message: "",
      points: [],
      bytes: 100,
      addedBytes: 10,
      durationMilliseconds: 600_000,
      skewMilliseconds: 0,
      skipped: 0,
      pruned: 0,
      pruneSuspended: null,
      ...more,
    },
  ];
}

const days = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `11-${String(from + index).padStart(2, "0")}`);

async function sumUp(records: readonly JournalRecord[], by: Partial<JudgedBy> = {}) {
  async function* stream(): AsyncGenerator<JournalRecord, void> {
    yield* records;
  }
  return sumUpRuns(stream(), { ...daily, ...by }, year);
}

describe("a year of runs", () => {
  it("shows 365 days in UTC, and the last is today", async () => {
    const { days: letters, from, to } = await sumUp(run("11-25"));
    expect(letters).toHaveLength(365);
    expect([from, to]).toEqual(["2025-11-26T00:00:00Z", "2026-11-25T12:00:00Z"]);
    expect(letters.at(-1)).toBe("s");
  });

  it("tells failures, misses and lateness apart, day by day", async () => {
    const records = [...run("11-20"), ...run("11-21", { outcome: "failed", message: "disk full" }), ...run("11-22")];
    const history = await sumUp([...records, ...run("11-25")], { calendarSince: new Date("2026-11-20T00:00:00Z") });
    expect(history.days.slice(-6)).toBe("sbllll");
    expect(history).toMatchObject({ succeeded: 3, failed: 1, missed: 2, missedFrom: "2026-11-20T00:00:00Z" });
    expect(history.troubles.map(({ at, what }) => `${at} ${what}`)).toEqual([
      "2026-11-24T01:00:00Z missed",
      "2026-11-23T01:00:00Z missed",
      "2026-11-21T01:00:00Z failed",
    ]);
  });

  it("knows no misses of a calendar from before it was changed", async () => {
    expect(await sumUp(run("11-25"), { calendarSince: new Date("2026-11-25T00:30:00Z") })).toMatchObject({ missed: 0 });
    expect(await sumUp(run("11-25"), { when: null })).toMatchObject({ missed: 0, missedFrom: null });
  });

  it("takes a run that never ended for interrupted, and the last one for running where it is", async () => {
    const begun = run("11-25").slice(0, 1);
    expect(await sumUp([...days(1, 24).flatMap((day) => run(day)), ...begun])).toMatchObject({ interrupted: 1 });
    const running = await sumUp([...days(1, 24).flatMap((day) => run(day)), ...begun], { running: true });
    expect(running).toMatchObject({ interrupted: 0, missed: 0, last: { at: "2026-11-24T01:00:00Z" } });
  });

  it("leaves out what is older than a year", async () => {
    const old = run("11-25").map((record) => ({ ...record, at: record.at.replace("2026", "2024") }));
    expect(await sumUp([...old, ...run("11-25")])).toMatchObject({ succeeded: 1 });
  });

  it("measures few runs one by one, and many by the means of equal stretches", async () => {
    expect((await sumUp(days(1, 25).flatMap((day) => run(day)))).measures).toHaveLength(25);
    const hourly = Array.from({ length: 600 }, (_, index) => {
      const at = new Date(now.getTime() - (600 - index) * 3_600_000).toISOString();
      return run("11-01", { run: at, at, bytes: index }).slice(1);
    }).flat();
    const { measures } = await sumUp(hourly, { when: null });
    expect(measures.length).toBeLessThanOrEqual(52);
    expect(measures.reduce((sum, { runs }) => sum + runs, 0)).toBe(600);
    expect(measures.map(({ bytes }) => bytes)).toEqual([...measures.map(({ bytes }) => bytes)].sort((a, b) => a - b));
  });

  it("tells a trend by medians, and none of too few runs", async () => {
    const before = days(1, 9).map((day) => day.replace("11-", "10-"));
    const records = [
      ...before.flatMap((day) => run(day, { bytes: 100 })),
      ...days(1, 9).flatMap((day) => run(day, { bytes: 150 })),
    ];
    expect((await sumUp(records)).trend.bytes).toEqual({ before: 100, now: 150 });
    expect((await sumUp(run("11-25"))).trend.bytes).toBeNull();
  });
});
