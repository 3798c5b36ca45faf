import fc from "fast-check";
import { findMisses } from "../../../provider/report/misses";

const hour = 3_600_000;
const midnight = Date.parse("2026-11-01T00:00:00Z");
const at = (hours: number) => midnight + hours * hour;
const span = (from: number, to = from + 0.1) => ({ start: at(from), end: at(to) });
const hourly = { every: "1h" } as const;

function missed(runs: readonly { start: number; end: number }[], from: number, to: number): readonly number[] {
  return [...findMisses(hourly, "x", runs, new Date(at(from)), new Date(at(to)))].map(
    (moment) => (moment - midnight) / hour,
  );
}

describe("a due time is missed", () => {
  it.each([
    ["not, when a run begins at it", [span(1), span(2), span(3)], 1, 4, []],
    ["when none begins before the next", [span(1), span(3)], 1, 4, [2]],
    ["not, when its run is late but comes before the next", [span(1), span(2.9), span(3)], 1, 4, []],
    ["not, while a run before it goes on", [span(1, 2.5), span(3)], 1, 4, []],
    ["when one run makes up for several, all but the last", [span(4.5)], 1, 5, [1, 2, 3]],
    ["not, when it is only just due", [span(1), span(2)], 1, 3.01, []],
    ["when it is the last and long due", [span(1), span(2)], 1, 3.5, [3]],
    ["not, before the calendar is known", [], 3, 4.5, [3, 4]],
    ["not, while a run goes on that never ended", [{ start: at(1), end: Number.POSITIVE_INFINITY }], 1, 9, []],
  ] as const)("%s", (_what, runs, from, to, expected) => {
    expect(missed(runs, from, to)).toEqual(expected);
  });

  it("as brute force finds it", () => {
    const run = fc.record({ start: fc.integer({ min: 0, max: 60 }), tenths: fc.integer({ min: 0, max: 40 }) });
    fc.assert(
      fc.property(fc.array(run, { maxLength: 20 }), (drawn) => {
        const runs = drawn
          .map(({ start, tenths }) => span(start / 5, start / 5 + tenths / 10))
          .sort((one, other) => one.start - other.start);
        const due = Array.from({ length: 12 }, (_, index) => index);
        const expected = due.filter(
          (moment) =>
            !runs.some(({ start }) => start >= at(moment) - 1_000 && start < at(moment + 1) - 1_000) &&
            !runs.some(({ start, end }) => start < at(moment) - 1_000 && end > at(moment)) &&
            (moment < 11 || !runs.some(({ start }) => start >= at(11) - 1_000)),
        );
        expect(missed(runs, 0, 11.5)).toEqual(expected);
      }),
    );
  });
});
