import { findRestorable, requireRestorable } from "../../../provider/restore/restorable";
import type { RecoveryPoint } from "../../../provider/snapshot/stores/store";

const moment = new Date("2026-11-19T12:00:00Z");

function point(id: string, set: string, startedAt: string, more: Partial<RecoveryPoint> = {}): RecoveryPoint {
  return {
    id,
    schedule: "shares",
    source: id.replace(/\d+$/, ""),
    set: { id: set, sources: ["a", "b"] },
    owner: null,
    pinnedBy: null,
    startedAt: new Date(startedAt),
    completedAt: new Date(startedAt),
    files: 1,
    directories: 0,
    links: 0,
    bytes: 1,
    addedBytes: 1,
    digest: "",
    fidelity: {
      modes: true,
      owners: true,
      acls: true,
      extendedAttributes: true,
      encrypted: false,
      skipped: 0,
      warnings: [],
    },
    damage: null,
    ...more,
  };
}

const good = [point("a1", "one", "2026-11-19T01:00:00Z"), point("b1", "one", "2026-11-19T01:00:05Z")];
const find = (points: readonly RecoveryPoint[], wanted?: string) =>
  findRestorable({ schedule: "shares", point: wanted }, points, moment).map(({ id }) => id);

describe("what a restore takes", () => {
  it("is the newest set, in order of its sources", () => {
    const newer = [point("b2", "two", "2026-11-19T02:00:00Z"), point("a2", "two", "2026-11-19T02:00:05Z")];
    expect(find([...good, ...newer])).toEqual(["a2", "b2"]);
  });

  it.each<[string, readonly RecoveryPoint[]]>([
    ["lacks a point", [point("a2", "two", "2026-11-19T02:00:00Z")]],
    [
      "is damaged",
      [point("a2", "two", "2026-11-19T02:00:00Z"), point("b2", "two", "2026-11-19T02:00:00Z", { damage: "edited" })],
    ],
    [
      "is dated in the future",
      [point("a2", "two", "2026-11-19T12:06:00Z"), point("b2", "two", "2026-11-19T12:06:00Z")],
    ],
  ])("is an older set when the newest %s", (_what, newest) => {
    expect(find([...good, ...newest])).toEqual(["a1", "b1"]);
    expect(find(newest)).toEqual([]);
  });

  it("is the named point alone, or nothing", () => {
    expect(find(good, "b1")).toEqual(["b1"]);
    expect(find(good, "latest")).toEqual(["a1", "b1"]);
    expect(find(good, "absent")).toEqual([]);
    expect(() => requireRestorable({ schedule: "shares", point: "absent" }, good, moment)).toThrow(
      "shares: has no recovery point absent; ",
    );
    expect(() => requireRestorable({ schedule: "shares" }, [], moment)).toThrow(
      "shares: has no recovery set that is whole and undamaged; ",
    );
  });
});
