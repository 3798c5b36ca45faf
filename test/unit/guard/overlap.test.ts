import fc from "fast-check";
import { findOverlaps, type Overlapping } from "../../../provider/guard/overlap";
import { describeOverlaps } from "../../../provider/guard/preview-warnings";
import { toMilliseconds } from "../../../provider/platform/durations";
import { readDueTimes, watchClock } from "../schedule/wall-clock";

const minute = 60_000;
const day = 1_440 * minute;
const from = Date.parse("2027-01-01T00:00:00Z");
const zones = ["UTC", "Europe/Berlin", "America/New_York"] as const;
const walls = new Map(zones.map((zone) => [zone, watchClock(zone, from - 7 * day, 430 * 1_440)]));

const schedules = fc
  .array(
    fc.record({
      zone: fc.constantFrom(...zones),
      cron: fc.constantFrom("0 1 * * *", "30 2 * * *", "0 3 * * 0", "45 0 * * *", "0 1,7 * * *", "0 1 1 * *"),
      window: fc.option(fc.constant({ from: "02:15", to: "04:00" }), { nil: undefined }),
      jitter: fc.constantFrom(undefined, undefined, "0s", "10m"),
      expectedDuration: fc.constantFrom(undefined, "10m", "1h", "30h"),
      path: fc.constantFrom("/srv/files", "/srv/files/deep", "/srv/filesystem", "/srv/mail"),
      home: fc.constantFrom("", "/other"),
    }),
    { minLength: 2, maxLength: 4 },
  )
  .map((drawn) =>
    drawn.map(
      ({ zone, cron, window, jitter, expectedDuration, path, home }, index): Overlapping => ({
        name: `schedule-${index}`,
        home,
        when: { cron, timeZone: zone, window, jitter },
        expectedDuration,
        sources: { data: { kind: "file-share", path } },
      }),
    ),
  );

describe("findOverlaps", () => {
  it("agrees with a look at every run, over 400 days", () => {
    fc.assert(
      fc.property(schedules, (drawn) => {
        const found = findOverlaps(drawn);
        const shown = (kind: string) =>
          found
            .filter(({ shared }) => shared.kind === kind)
            .map(({ schedules: [one, other], at }) => `${one.name} ${other.name} ${at.toISOString()}`)
            .sort();
        const pairs = drawn.flatMap((one, index) => drawn.slice(index + 1).map((other) => [one, other] as const));
        const still = pairs.filter(([one, other]) => isStill(one) && isStill(other) && one.home === other.home);
        const expectedOfSources = still.filter(readsSame).flatMap(([one, other]) => {
          const at = firstTogether(one, other);
          return at === undefined ? [] : [`${one.name} ${other.name} ${new Date(at).toISOString()}`];
        });
        const partners = new Set<string>();
        const firstOfEach = expectedOfSources.sort().filter((line) => {
          const [, other = ""] = line.split(" ");
          return partners.size < partners.add(other).size;
        });
        expect(shown("source")).toEqual(firstOfEach);
        for (const home of ["", "/other"]) {
          const timed = still.filter(([one, other]) => one.home === home && takesTime(one) && takesTime(other));
          const moments = timed.map(([one, other]) => firstTogether(one, other)).filter((at) => at !== undefined);
          const host = found.find(({ shared, schedules: [one] }) => shared.kind === "host" && one.home === home);
          expect(host?.at.getTime()).toBe(moments.length === 0 ? undefined : Math.min(...moments));
        }
      }),
      { numRuns: 60 },
    );
  }, 300_000);

  it("tells the same, whatever the order of the schedules", () => {
    fc.assert(
      fc.property(schedules, (drawn) => {
        expect(findOverlaps([...drawn].reverse())).toEqual(findOverlaps(drawn));
      }),
      { numRuns: 20 },
    );
  }, 300_000);
});

describe("describeOverlaps", () => {
  const told = (count: number) => {
    const drawn = Array.from({ length: count }, (_, index): Overlapping => {
      const source = { kind: "file-share", path: "/srv/files" } as const;
      return { name: `s${index}`, home: "", when: { cron: "0 1 * * *" }, sources: { data: source } };
    });
    return describeOverlaps(findOverlaps(drawn)).map(({ schedule, sentence }) => `${schedule.name}: ${sentence}`);
  };
  const single = (name: string) =>
    `${name}: overlap: when: reads file-share /srv/files at the same time as s0, first at 2027-01-01T01:00Z: give them different hours, or let one schedule do both`;

  it("tells a few of each by itself", () => {
    expect(told(7)).toEqual(["s1", "s2", "s3", "s4", "s5", "s6"].map(single));
  });

  it("tells many that are alike in one sentence after the first five", () => {
    expect(told(9)).toEqual([
      ...["s1", "s2", "s3", "s4", "s5"].map(single),
      "s6: overlap: when: 3 more schedules, of which this is the first, read file-share /srv/files at the same time as s0: give them different hours, or let one schedule do several",
    ]);
  });
});

function isStill({ when }: Overlapping): boolean {
  return when.jitter === undefined || when.jitter === "0s";
}

function takesTime({ expectedDuration }: Overlapping): boolean {
  return expectedDuration !== undefined;
}

function readsSame([one, other]: readonly [Overlapping, Overlapping]): boolean {
  const [path = "", theirs = ""] = [one, other].map(
    ({ sources: { data } }) => `${data?.kind === "file-share" ? data.path : ""}/`,
  );
  return path.startsWith(theirs) || theirs.startsWith(path);
}

function runsOf({ when, expectedDuration = "0s" }: Overlapping): readonly { start: number; end: number }[] {
  const wall = walls.get(zones.find((zone) => zone === when.timeZone) ?? "UTC")!;
  const runs: { start: number; end: number }[] = [];
  for (const start of readDueTimes(when, wall)) {
    if (start < from || start >= from + 400 * day || start < (runs.at(-1)?.end ?? 0)) continue;
    runs.push({ start, end: start + toMilliseconds(expectedDuration) });
  }
  return runs;
}

function firstTogether(one: Overlapping, other: Overlapping): number | undefined {
  const [ours, theirs] = [runsOf(one), runsOf(other)];
  let first: number | undefined;
  for (const run of ours)
    for (const its of theirs) {
      const together = run.start === its.start || (run.start < its.end && its.start < run.end);
      const at = Math.max(run.start, its.start);
      if (together && (first === undefined || at < first)) first = at;
    }
  return first;
}
