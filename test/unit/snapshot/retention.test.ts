import fc from "fast-check";
import type { Keep } from "../../../provider/schedule/schema";
import { compareRetention, type RetainableSet, selectRetained } from "../../../provider/snapshot/retention";

const now = new Date("2026-11-19T12:00:00Z");
const inUtc = { timeZone: "UTC", now };

describe("selectRetained", () => {
  interface Row {
    readonly what: string;
    readonly keep: Keep | undefined;
    /** Starts, newest first; those with + are expected to be kept. */
    readonly sets: readonly string[];
    readonly timeZone?: string;
  }
  const rows: readonly Row[] = [
    { what: "nothing declared keeps all", keep: undefined, sets: ["+2026-11-19T03:00Z", "+2020-01-01T03:00Z"] },
    { what: "an empty retention keeps all", keep: {}, sets: ["+2026-11-19T03:00Z", "+2020-01-01T03:00Z"] },
    { what: "last", keep: { last: 2 }, sets: ["+2026-11-19T03:00Z", "+2026-11-18T03:00Z", "-2026-11-17T03:00Z"] },
    {
      what: "the newest of each day, not the first",
      keep: { daily: 2 },
      sets: [
        "+2026-11-19T03:00Z",
        "-2026-11-19T01:00Z",
        "+2026-11-18T23:00Z",
        "-2026-11-18T03:00Z",
        "-2026-11-17T03:00Z",
      ],
    },
    {
      what: "days that have one, however long ago",
      keep: { daily: 3 },
      sets: ["+2026-11-01T03:00Z", "+2026-10-01T03:00Z", "+2026-01-01T03:00Z", "-2025-01-01T03:00Z"],
    },
    {
      what: "days of the zone: 23:30Z is the next day in Berlin",
      keep: { daily: 2 },
      timeZone: "Europe/Berlin",
      sets: ["+2026-11-18T23:30Z", "+2026-11-18T22:30Z", "-2026-11-18T03:00Z", "-2026-11-17T22:30Z"],
    },
    {
      what: "an hour that the clocks repeat is one hour",
      keep: { hourly: 2 },
      timeZone: "Europe/Berlin",
      sets: ["+2026-10-25T01:30Z", "-2026-10-25T00:30Z", "+2026-10-24T23:30Z", "-2026-10-24T22:30Z"],
    },
    {
      what: "ISO weeks, from Monday to Sunday",
      keep: { weekly: 2 },
      sets: ["+2026-11-16T00:00Z", "+2026-11-15T23:59Z", "-2026-11-09T00:00Z", "-2026-11-08T23:59Z"],
    },
    {
      what: "a week over the turn of the year is one week",
      keep: { weekly: 2 },
      sets: ["+2026-01-03T03:00Z", "-2025-12-30T03:00Z", "+2025-12-28T03:00Z", "-2025-12-21T03:00Z"],
    },
    {
      what: "months and years",
      keep: { monthly: 2, yearly: 3 },
      sets: [
        "+2026-11-19T03:00Z",
        "-2026-11-01T03:00Z",
        "+2026-10-31T03:00Z",
        "+2025-12-31T03:00Z",
        "-2025-01-01T03:00Z",
        "+2024-02-29T03:00Z",
        "-2023-05-01T03:00Z",
      ],
    },
    {
      what: "atLeast, its edge included",
      keep: { last: 1, atLeast: "2d" },
      sets: ["+2026-11-19T03:00Z", "+2026-11-18T03:00Z", "+2026-11-17T12:00Z", "-2026-11-17T11:59Z"],
    },
    {
      what: "the newest, whatever the age",
      keep: { atLeast: "1h" },
      sets: ["+2020-01-02T03:00Z", "-2020-01-01T03:00Z"],
    },
    { what: "a count of nothing", keep: { last: 0, daily: 1 }, sets: ["+2026-11-19T03:00Z", "-2026-11-18T03:00Z"] },
    {
      what: "a set four minutes ahead is none from the future",
      keep: { last: 1 },
      sets: ["+2026-11-19T12:04Z", "-2026-11-19T03:00Z"],
    },
    { what: "nothing at all", keep: { last: 1 }, sets: [] },
  ];

  it.each(rows)("$what", ({ keep, sets, timeZone = "UTC" }) => {
    const result = selectRetained(
      sets.map((start) => makeSet(start.slice(1))),
      keep,
      { timeZone, now },
    );
    const seen = new Set(result.kept.map(({ set }) => set.id));
    expect(sets.map((start) => `${seen.has(start.slice(1)) ? "+" : "-"}${start.slice(1)}`)).toEqual(sets);
    expect(result.dropped.map(({ id }) => id)).toEqual(
      sets.filter((start) => start.startsWith("-")).map((start) => start.slice(1)),
    );
    expect(result).toMatchObject({ incomplete: [], suspended: null });
  });

  it("says why each set is kept", () => {
    const sets = [
      makeSet("2026-11-19T03:00Z"),
      makeSet("2026-11-18T03:00Z"),
      { ...makeSet("2026-11-17T03:00Z"), pinned: true },
    ];
    const { kept } = selectRetained(sets, { last: 1, daily: 7, atLeast: "1d" }, inUtc);
    expect(kept.map(({ reasons }) => reasons)).toEqual([["newest", "last", "daily", "atLeast"], ["daily"], ["pinned"]]);
  });

  it("lets incomplete sets neither count nor displace", () => {
    const half = { ...makeSet("2026-11-19T04:00Z"), complete: false };
    const result = selectRetained(
      [half, makeSet("2026-11-19T03:00Z"), makeSet("2026-11-18T03:00Z")],
      { last: 1 },
      inUtc,
    );
    expect(result.incomplete).toEqual([half]);
    expect(result.kept.map(({ set }) => set.id)).toEqual(["2026-11-19T03:00Z"]);
  });

  it("keeps pinned sets beside the counts", () => {
    const pinned = { ...makeSet("2026-11-19T04:00Z"), pinned: true };
    const pinnedHalf = { ...makeSet("2020-01-01T00:00Z"), pinned: true, complete: false };
    const result = selectRetained(
      [pinned, pinnedHalf, makeSet("2026-11-19T03:00Z"), makeSet("2026-11-18T03:00Z")],
      { last: 1 },
      inUtc,
    );
    expect(result.kept.map(({ set, reasons }) => [set.id, reasons])).toEqual([
      ["2026-11-19T04:00Z", ["pinned", "newest"]],
      ["2026-11-19T03:00Z", ["last"]],
      ["2020-01-01T00:00Z", ["pinned"]],
    ]);
  });

  it.each([true, false])("suspends pruning while a set (complete: %s) is dated in the future", (complete) => {
    const ahead = { ...makeSet("2027-01-01T00:00Z"), complete };
    const result = selectRetained(
      [ahead, makeSet("2026-11-19T03:00Z"), makeSet("2026-11-18T03:00Z")],
      { last: 1 },
      inUtc,
    );
    expect(result.suspended).toBe(
      "the recovery set of 2027-01-01T00:00:00Z is dated in the future; nothing is deleted until the clocks agree",
    );
    expect(result.dropped).toEqual([]);
    expect(result.kept.slice(-2).map(({ reasons }) => reasons)).toEqual([["newest", "last"], ["suspended"]]);
  });
});

describe("compareRetention", () => {
  const sets = ["19", "18", "17", "16"].map((day) => makeSet(`2026-11-${day}T03:00Z`));

  it("counts what only the new retention deletes", () => {
    expect(compareRetention(sets, { daily: 3 }, { daily: 1 }, inUtc).map(({ id }) => id)).toEqual([
      "2026-11-18T03:00Z",
      "2026-11-17T03:00Z",
    ]);
    expect(compareRetention(sets, undefined, { daily: 3 }, inUtc).map(({ id }) => id)).toEqual(["2026-11-16T03:00Z"]);
    expect(compareRetention(sets, { daily: 1 }, { daily: 3 }, inUtc)).toEqual([]);
  });

  it("counts it although pruning is suspended just now", () => {
    expect(
      compareRetention([...sets, makeSet("2027-01-01T00:00Z")], { daily: 3 }, { daily: 2 }, inUtc).map(({ id }) => id),
    ).toEqual(["2026-11-17T03:00Z"]);
  });
});

describe("any retention of any sets", () => {
  const counts = fc.option(fc.nat(5), { nil: undefined });
  const keeps: fc.Arbitrary<Keep> = fc.record({
    last: counts,
    hourly: counts,
    daily: counts,
    weekly: counts,
    monthly: counts,
    yearly: counts,
    atLeast: fc.constantFrom(undefined, "1h", "3d", "5w"),
  });
  const rules = ["last", "hourly", "daily", "weekly", "monthly", "yearly"] as const;
  const timeZones = fc.constantFrom("UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia");
  // Starts cluster, so that periods are shared: days back, then hours back.
  const starts = fc
    .tuple(fc.nat(400), fc.nat(30), fc.nat(59))
    .map(
      ([days, hours, minutes]) => new Date(now.getTime() - days * 86_400_000 - hours * 3_600_000 - minutes * 60_000),
    );
  const setLists = fc
    .array(
      fc.record({
        startedAt: starts,
        complete: fc.constantFrom(true, true, true, false),
        pinned: fc.constantFrom(false, false, false, true),
      }),
      { maxLength: 60 },
    )
    .map((list) => list.map((set, index): RetainableSet => ({ ...set, id: `set-${index}` })));

  it("keeps the newest complete set and every pinned one, and loses none from sight", () => {
    fc.assert(
      fc.property(setLists, keeps, timeZones, (sets, keep, timeZone) => {
        const result = selectRetained(sets, keep, { timeZone, now });
        const kept = result.kept.map(({ set }) => set);
        expect([...kept, ...result.dropped, ...result.incomplete].map(({ id }) => id).sort()).toEqual(
          sets.map(({ id }) => id).sort(),
        );
        expect(kept).toEqual(expect.arrayContaining(sets.filter(({ pinned }) => pinned)));
        const newest = Math.max(...sets.filter(({ complete }) => complete).map(({ startedAt }) => startedAt.getTime()));
        if (Number.isFinite(newest))
          expect(kept.some(({ complete, startedAt }) => complete && startedAt.getTime() === newest)).toBe(true);
      }),
    );
  });

  it("does the same whatever the order of the list, and does nothing the second time", () => {
    fc.assert(
      fc.property(
        setLists,
        keeps,
        timeZones,
        fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
        (sets, keep, timeZone, noise) => {
          const options = { timeZone, now };
          const once = selectRetained(sets, keep, options);
          const shuffled = sets
            .map((set, index) => ({ set, weight: noise[index] ?? 0 }))
            .sort((one, other) => one.weight - other.weight);
          expect(
            selectRetained(
              shuffled.map(({ set }) => set),
              keep,
              options,
            ),
          ).toEqual(once);
          expect(
            selectRetained(
              once.kept.map(({ set }) => set),
              keep,
              options,
            ).dropped,
          ).toEqual([]);
        },
      ),
    );
  });

  it("drops no more when a count is raised", () => {
    fc.assert(
      fc.property(
        setLists,
        keeps,
        timeZones,
        fc.constantFrom(...rules),
        fc.integer({ min: 1, max: 3 }),
        (sets, keep, timeZone, rule, more) => {
          fc.pre(Object.values(keep).some((value) => value !== undefined));
          const raised = { ...keep, [rule]: (keep[rule] ?? 0) + more };
          const before = new Set(selectRetained(sets, keep, { timeZone, now }).dropped);
          for (const set of selectRetained(sets, raised, { timeZone, now }).dropped) expect(before).toContain(set);
          expect(compareRetention(sets, keep, raised, { timeZone, now })).toEqual([]);
        },
      ),
    );
  });
});

function makeSet(startedAt: string): RetainableSet {
  return { id: startedAt, startedAt: new Date(startedAt), complete: true, pinned: false };
}
