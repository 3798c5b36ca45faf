import fc from "fast-check";
import { countSkippedStarts, simulateAge, simulateRetention } from "../../../provider/guard/simulate";
import { findPreviewFindings } from "../../../provider/guard/warnings";
import { toMilliseconds } from "../../../provider/platform/durations";
import type { Keep, ScheduleDeclaration, When } from "../../../provider/schedule/schema";
import { cronExpressions, windows } from "../schedule/generated-schedules";
import { readDueTimes, type Wall, watchClock, zones } from "../schedule/wall-clock";

/** SIMULATION_RUNS=2000 for the campaign; each simulates more than 400 days minute by minute. */
const numRuns = Number(process.env.SIMULATION_RUNS ?? 12);
const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const from = Date.parse("2027-01-01T00:00:00Z");

const keeps: fc.Arbitrary<Keep | undefined> = fc.oneof(
  fc.constant(undefined),
  fc.record(
    {
      last: fc.integer({ min: 1, max: 30 }),
      hourly: fc.nat(48),
      daily: fc.nat(14),
      weekly: fc.nat(8),
      monthly: fc.nat(12),
      yearly: fc.nat(3),
      atLeast: fc.constantFrom("6h", "3d", "9d"),
    },
    { requiredKeys: ["last"] },
  ),
);
const declarations = fc
  .record({
    when: fc.oneof(
      fc.record({ cron: cronExpressions, timeZone: fc.constantFrom(...zones), window: windows }),
      fc.record({
        every: fc.constantFrom("10m", "90m", "6h", "1d", "9d"),
        timeZone: fc.constantFrom(...zones),
        window: windows,
      }),
    ),
    keep: keeps,
    expectedDuration: fc.constantFrom("0s", "5m", "50m", "3h", "26h"),
  })
  .map(({ when, keep, expectedDuration }) =>
    declare(when, { expectedDuration, ...(keep === undefined ? {} : { keep }) }),
  );

// Only ends what hangs: these properties are long computations on a busy machine.
jest.setTimeout(300_000);

describe("simulation", () => {
  it("agrees with brute force, minute by minute, over 400 days in 30 zones", () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const due = readDueTimes(declaration.when, wallOf(declaration.when.timeZone ?? "UTC")).filter(
          (instant) => instant >= from,
        );
        const duration = toMilliseconds(declaration.expectedDuration ?? "0s");
        const expected = longestAge(due, 400, duration);
        fc.pre(expected !== undefined);
        const { worstCase } = simulateAge(declaration, { from: new Date(from), days: 400 });
        expect({ milliseconds: worstCase.milliseconds, at: worstCase.at.getTime() }).toEqual(expected);

        const year = due.filter((instant) => instant < from + 365 * day);
        const runs = runWithoutOverlap(year, duration);
        expect(countSkippedStarts(declaration)).toBe(year.length - runs.length);
        const held = pruneAsItGoes(runs, declaration);
        const retention = simulateRetention(declaration);
        expect(retention).toEqual({
          sets: held.length,
          lookBackMilliseconds: (held.at(-1) ?? 0) - (held[0] ?? 0),
          stillGrowing: held.length === runs.length,
          ages: declaration.keep === undefined ? [] : held.map((start) => (held.at(-1) ?? 0) - start).reverse(),
        });
      }),
      { numRuns, maxSkipsPerRun: 50 },
    );
  }, 3_600_000);
});

describe("no false alarm", () => {
  it("a valid posture gets no warning and no error that brute force contradicts", () => {
    fc.assert(
      fc.property(declarations, fc.constantFrom("30m", "26h", "8d", "400d"), (drawn, rpo) => {
        const declaration = { ...drawn, rpo };
        const wall = wallOf(declaration.when.timeZone ?? "UTC");
        const due = readDueTimes(declaration.when, wall).filter((instant) => instant >= from);
        const duration = toMilliseconds(declaration.expectedDuration ?? "0s");
        const year = due.filter((instant) => instant < from + 365 * day);
        const runs = runWithoutOverlap(year, duration);
        const worst = longestAge(due, 400, duration);
        fc.pre(worst !== undefined && runs.length > 0);
        const held = pruneAsItGoes(runs, declaration);
        const lookBack = (held.at(-1) ?? 0) - (held[0] ?? 0);
        for (const { kind, sentence } of findPreviewFindings(declaration)) {
          if (kind === "starts-skipped") expect(year.length - runs.length).toBeGreaterThan(0);
          if (kind === "few-recovery-sets") expect(held).toHaveLength(1);
          if (kind === "short-look-back") expect(lookBack).toBeLessThan(day);
          // The product looks at years, brute force at 400 days: what is rarer may be worse, and its day then lies beyond them.
          const beyond = Date.parse(/on (\d{4}-\d\d-\d\d)/.exec(sentence)?.[1] ?? "") > from + 398 * day;
          if (kind === "rpo-not-met" && !beyond) expect(worst.milliseconds).toBeGreaterThan(toMilliseconds(rpo));
        }
      }),
      { numRuns, maxSkipsPerRun: 50 },
    );
  }, 3_600_000);
});

describe("findPreviewFindings", () => {
  const table: readonly { declaration: Partial<ScheduleDeclaration> & { when: When }; findings: readonly string[] }[] =
    [
      {
        declaration: { when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, rpo: "24h" },
        findings: [
          "error rpo: worst case 25h on 2027-10-31 (DST, Europe/Berlin), rpo 24h: declare an rpo of at least 25h, or run more often",
        ],
      },
      { declaration: { when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, rpo: "25h" }, findings: [] },
      { declaration: { when: { cron: "0 3 * * *", timeZone: "Asia/Tokyo" }, rpo: "24h" }, findings: [] },
      {
        declaration: { when: { cron: "0 3 * * *", timeZone: "Europe/Berlin" }, rpo: "20h" },
        findings: [
          "error rpo: worst case 25h on 2027-10-31, rpo 20h: declare an rpo of at least 25h, or run more often",
        ],
      },
      {
        declaration: { when: { cron: "0 3 * * 1-5", jitter: "20m" }, expectedDuration: "1h", rpo: "1d" },
        findings: [
          "error rpo: worst case 73h 20m on 2027-01-04, rpo 24h: declare an rpo of at least 73h 20m, or run more often",
        ],
      },
      {
        declaration: { when: { every: "2h" }, expectedDuration: "3h" },
        findings: [
          "warning expectedDuration: a run is expected to take 3h, so 2190 starts a year are due while the run before still goes on, and skipped: run less often",
        ],
      },
      { declaration: { when: { every: "2h" }, expectedDuration: "2h" }, findings: [] },
      {
        declaration: { when: { cron: "0 3 * * *" }, keep: { last: 1 } },
        findings: [
          "warning keep: keep holds a single recovery set: if that one is damaged, or holds the damage, nothing else is left to restore",
        ],
      },
      {
        declaration: { when: { every: "5m" }, keep: { last: 10 } },
        findings: [
          "warning keep: keep holds 10 recovery sets that reach back 45m: damage that is noticed later cannot be undone",
        ],
      },
      { declaration: { when: { every: "1h" }, keep: { hourly: 24 } }, findings: [] },
      { declaration: { when: { every: "5m" }, keep: { last: 10, daily: 7 } }, findings: [] },
      { declaration: { when: { every: "5m" } }, findings: [] },
      { declaration: { when: { every: "52w" }, keep: { last: 1 } }, findings: [] },
    ];

  it.each(table)("foretells $findings", ({ declaration, findings }) => {
    const { when, ...rest } = declaration;
    expect(
      findPreviewFindings(declare(when, rest)).map(
        ({ severity, property, sentence }) => `${severity} ${property}: ${sentence}`,
      ),
    ).toEqual(findings);
  });

  it("finds nothing in an rpo that is the worst case, and an error in any that is shorter", () => {
    fc.assert(
      fc.property(declarations, (declaration) => {
        const worst = simulateAge(declaration).worstCase.milliseconds / 1_000;
        fc.pre(worst < 9_000_000);
        const kinds = (rpo: number) => findPreviewFindings({ ...declaration, rpo: `${rpo}s` }).map(({ kind }) => kind);
        expect(kinds(worst)).not.toContain("rpo-not-met");
        expect(kinds(worst - 1)).toContain("rpo-not-met");
      }),
      { numRuns: 8 },
    );
  });

  it("says the same whenever it is asked", () => {
    const declaration = declare({ cron: "0 3 * * *", timeZone: "America/New_York" }, { rpo: "24h", keep: { last: 1 } });
    const first = findPreviewFindings(declaration);
    process.env.BACKUP_POSTURE_NOW = "2031-06-01T00:00:00Z";
    expect(findPreviewFindings(declaration)).toEqual(first);
    delete process.env.BACKUP_POSTURE_NOW;
  });
});

function declare(when: When, rest: Partial<ScheduleDeclaration>): ScheduleDeclaration {
  return {
    when,
    sources: { files: { kind: "file-share", path: "/srv/files" } },
    store: { kind: "directory", path: "/srv/store" },
    ...rest,
  };
}

const walls = new Map<string, Wall>();

/** The clock of a zone from a week before the simulation to three weeks after. */
function wallOf(timeZone: string): Wall {
  const known = walls.get(timeZone);
  const wall = known ?? watchClock(timeZone, from - 7 * day, 430 * 1_440);
  walls.set(timeZone, wall);
  return wall;
}

/** Undefined where the successor of a run was not watched any more. */
function longestAge(
  due: readonly number[],
  days: number,
  duration: number,
): { milliseconds: number; at: number } | undefined {
  let longest: { milliseconds: number; at: number } | undefined;
  let next = 0;
  for (const [index, start] of due.entries()) {
    if (start >= from + days * day) break;
    next = Math.max(next, index + 1);
    while (next < due.length && (due[next] ?? 0) < start + duration) next++;
    const successor = due[next];
    if (successor === undefined) return undefined;
    const age = successor - start + duration;
    if (longest === undefined || age > longest.milliseconds) longest = { milliseconds: age, at: successor };
  }
  return longest;
}

function runWithoutOverlap(due: readonly number[], duration: number): readonly number[] {
  const runs: number[] = [];
  for (const start of due) if (runs.length === 0 || start >= (runs.at(-1) ?? 0) + duration) runs.push(start);
  return runs;
}

/** Keeps what retention keeps, run after run (or after every few, where there are very many), in words of its own: every period is named by what the clock on the wall shows. */
function pruneAsItGoes(runs: readonly number[], { keep, when }: ScheduleDeclaration): readonly number[] {
  if (keep === undefined) return runs;
  const wall = wallOf(when.timeZone ?? "UTC");
  const namesOf = (start: number): readonly string[] => {
    const shown = new Date((wall.shown[Math.floor((start - wall.from) / minute)] ?? 0) * minute);
    const text = shown.toISOString();
    const monday = new Date(shown.getTime() - ((shown.getUTCDay() + 6) % 7) * day).toISOString();
    return [text.slice(0, 13), text.slice(0, 10), monday.slice(0, 10), text.slice(0, 7), text.slice(0, 4)];
  };
  const counts = [keep.hourly, keep.daily, keep.weekly, keep.monthly, keep.yearly];
  let held: { readonly start: number; readonly names: readonly string[] }[] = [];
  const every = Math.ceil(runs.length / 1_500);
  for (const [index, start] of runs.entries()) {
    held.push({ start, names: namesOf(start) });
    if (index % every !== 0 && index !== runs.length - 1) continue;
    const kept = new Set(held.slice(-(keep.last ?? 0)).map((set) => set.start));
    for (const [rule, count = 0] of counts.entries()) {
      const newest = new Map(held.map((set) => [set.names[rule], set.start]));
      for (const one of [...newest.values()].slice(count === 0 ? newest.size : -count)) kept.add(one);
    }
    const youngest = keep.atLeast === undefined ? Number.POSITIVE_INFINITY : start - toMilliseconds(keep.atLeast);
    held = held.filter((set) => kept.has(set.start) || set.start >= youngest);
  }
  return held.map((set) => set.start);
}
