import { findOutsideFaults } from "../../../provider/runner/outside";
import type { Outside } from "../../../provider/schedule/schema";

const moment = new Date("2026-11-19T12:00:00Z");
const lastSet = new Date("2026-11-19T01:00:00Z");
const evidence = { kind: "evidence", at: "2026-11-19T00:00:00Z", until: "2026-12-19T00:00:00Z" } as const;
const probe: Outside = { kind: "probe", command: ["x"], maxAge: "1d", within: "2h" };

const sentences = (...given: Parameters<typeof findOutsideFaults>) =>
  findOutsideFaults(...given).map(({ sentence }) => sentence);

describe("what others back up", () => {
  it.each([
    ["evidence that holds", { ad: evidence }, undefined, []],
    ["evidence within the distance", { ad: { ...evidence, within: "1h" } }, undefined, []],
    [
      "evidence that is too far from the set",
      { ad: { ...evidence, within: "30m" } },
      undefined,
      ["evidence too far: ad: of 2026-11-19T00:00:00Z, 1h from the recovery set of 2026-11-19T01:00:00Z, at most 30m"],
    ],
    [
      "evidence that has expired, to the second",
      { ad: { ...evidence, until: "2026-11-19T12:00:00Z" } },
      undefined,
      ["evidence expired: ad: of 2026-11-19T00:00:00Z, until 2026-11-19T12:00:00Z"],
    ],
    [
      "evidence of the future",
      { ad: { ...evidence, at: "2026-11-20T00:00:00Z" } },
      undefined,
      ["evidence expired: ad: of 2026-11-20T00:00:00Z, which is in the future"],
    ],
    ["a waiver that holds", { ad: { kind: "waiver", until: "2026-11-19T12:00:01Z" } }, undefined, []],
    [
      "a waiver that has expired",
      { ad: { kind: "waiver", until: "2026-11-19T12:00:00Z" } },
      undefined,
      ["evidence expired: ad: waived until 2026-11-19T12:00:00Z"],
    ],
    ["a probe that tells a time", { ad: probe }, new Date("2026-11-19T00:00:00Z"), []],
    ["a probe that tells none", { ad: probe }, undefined, ["evidence not known: ad: its probe tells no time"]],
    [
      "a probe that tells an old time",
      { ad: probe },
      new Date("2026-11-18T12:00:00Z"),
      ["evidence expired: ad: of 2026-11-18T12:00:00Z, until 2026-11-19T12:00:00Z"],
    ],
    [
      "a probe that tells a distant time",
      { ad: probe },
      new Date("2026-11-19T11:00:00Z"),
      ["evidence too far: ad: of 2026-11-19T11:00:00Z, 10h from the recovery set of 2026-11-19T01:00:00Z, at most 2h"],
    ],
  ] satisfies [string, Record<string, Outside>, Date | undefined, string[]][])("%s", (_, outside, told, faults) => {
    expect(sentences(outside, new Map([["ad", told]]), moment, lastSet)).toEqual(faults);
  });

  it("no distance is judged where there is no recovery set", () => {
    expect(sentences({ ad: { ...evidence, within: "1m" } }, new Map(), moment, null)).toEqual([]);
  });
});
