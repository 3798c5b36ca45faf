import fc from "fast-check";
import { type Fault, type FaultKind, faultOrder } from "../../../provider/declaration/health";
import { decide, nothingTold, type Told } from "../../../provider/notify/decide";
import type { Occasion } from "../../../provider/notify/schema";

const everything = ["failure", "recovery", "staleness"] as const;
const at = (minute: number) => new Date(Date.UTC(2026, 10, 19, 0, minute));

function fault(kind: FaultKind, of?: string, sentence: string = kind): Fault {
  return { kind, sentence, remedy: "mend it", mendedByRun: false, ...(of === undefined ? {} : { of }) };
}

/** Plays looks one after the other; what each tells, and whether it arrives. */
function play(
  looks: readonly (readonly [faults: readonly Fault[], arrives?: boolean])[],
  on: readonly Occasion[] = everything,
  remindEvery: number | null = null,
): readonly (string | null)[] {
  let told = nothingTold;
  return looks.map(([faults, arrives = true], minute) => {
    const { message, unless, then } = decide(told, faults, on, remindEvery, at(minute));
    told = message === null || arrives ? then : unless;
    return message === null ? null : [message.what, ...message.faults.map(({ kind }) => kind)].join(" ");
  });
}

const failing = fault("failing");
const stale = fault("stale");

describe("a notifier is told", () => {
  it.each<[string, Parameters<typeof play>, readonly (string | null)[]]>([
    ["nothing of what is well", [[[[]], [[]]]], [null, null]],
    [
      "of a failure once, and of the recovery once",
      [[[[failing]], [[failing]], [[]], [[]]]],
      ["failure failing", null, "recovery", null],
    ],
    [
      "of staleness once, however its sentence reads by then",
      [[[[fault("stale", undefined, "one")]], [[fault("stale", undefined, "two")]]]],
      ["staleness stale", null],
    ],
    [
      "of what comes beside it, not of what goes while something stays",
      [[[[failing]], [[failing, stale]], [[stale]], [[]]]],
      ["failure failing", "staleness failing stale", null, "recovery"],
    ],
    [
      "of each copy by itself",
      [[[[fault("copy failing", "a")]], [[fault("copy failing", "a"), fault("copy failing", "b")]]]],
      ["failure copy failing", "failure copy failing copy failing"],
    ],
    [
      "again of what did not arrive",
      [[[[failing], false], [[failing], false], [[failing]], [[failing]]]],
      ["failure failing", "failure failing", "failure failing", null],
    ],
    ["nothing of a failure that went before it could be told", [[[[failing], false], [[]]]], ["failure failing", null]],
    [
      "of a recovery until it arrives",
      [[[[failing]], [[], false], [[], false], [[]], [[]]]],
      ["failure failing", "recovery", "recovery", "recovery", null],
    ],
    [
      "of a new failure, where the recovery before it never arrived",
      [[[[failing]], [[], false], [[failing]]]],
      ["failure failing", "recovery", "failure failing"],
    ],
    [
      "only of what it asked for",
      [
        [[[failing]], [[failing, stale]], [[failing]], [[]]],
        ["staleness", "recovery"],
      ],
      [null, "staleness stale", "recovery", null],
    ],
    [
      "of no recovery where it did not ask for any",
      [[[[failing]], [[]], [[failing]]], ["failure"]],
      ["failure failing", null, "failure failing"],
    ],
    [
      "again while it lasts, where it asked to be reminded",
      [[[[failing]], [[failing]], [[failing]], [[failing]], [[failing]]], everything, 120_000],
      ["failure failing", null, "reminder failing", null, "reminder failing"],
    ],
  ])("%s", (_what, [looks, on, remind], expected) => {
    expect(play(looks, on, remind)).toEqual(expected);
  });

  it("of every change of state once, whatever happens in whatever order", () => {
    const faults = fc.uniqueArray(
      fc.record({ kind: fc.constantFrom(...faultOrder), of: fc.constantFrom(undefined, "a", "b") }),
      { maxLength: 4, selector: ({ kind, of }) => `${kind} ${of ?? ""}` },
    );
    const looks = fc.array(fc.record({ faults, arrives: fc.boolean() }), { maxLength: 30 });
    const ons = fc.constantFrom<readonly Occasion[]>(
      everything,
      ["failure"],
      ["staleness"],
      ["failure", "recovery"],
      ["failure", "staleness"],
    );
    fc.assert(
      fc.property(looks, ons, fc.constantFrom(null, 300_000), (played, on, remindEvery) => {
        let told: Told = nothingTold;
        /** What somebody has heard of and has not heard the end of. */
        const heard = new Set<string>();
        let last = Number.NEGATIVE_INFINITY;
        for (const [minute, { faults: kinds, arrives }] of played.entries()) {
          const wrong = kinds.map(({ kind, of }) => fault(kind, of));
          const { message, unless, then } = decide(told, wrong, on, remindEvery, at(minute));
          const keys = wrong.map(({ kind, of }) => (of === undefined ? kind : `${kind}: ${of}`));
          if (message?.what === "recovery") {
            expect(on).toContain("recovery");
            expect(heard.size).toBeGreaterThan(0);
          } else if (message?.what === "reminder") {
            expect(message.faults.every(({ kind, of }) => heard.has(of === undefined ? kind : `${kind}: ${of}`))).toBe(
              true,
            );
            expect(at(minute).getTime() - last).toBeGreaterThanOrEqual(remindEvery ?? Number.POSITIVE_INFINITY);
          } else if (message !== null) {
            expect(on).toContain(message.what);
            expect(
              message.faults.some(({ kind, of }) => !told.faults.includes(of === undefined ? kind : `${kind}: ${of}`)),
            ).toBe(true);
          }
          for (const key of told.faults) if (!keys.includes(key)) expect(unless.faults).not.toContain(key);
          told = message === null || arrives ? then : unless;
          if (message !== null && arrives) {
            last = at(minute).getTime();
            heard.clear();
            for (const key of told.faults) heard.add(key);
            expect(decide(told, wrong, on, remindEvery, at(minute)).message).toBeNull();
          }
          if (told.at === null) heard.clear();
          expect(told.faults.every((key) => keys.includes(key))).toBe(true);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
