import fc from "fast-check";
import { canonicalise } from "../../../provider/declaration/canonical";
import { restoreTargetShape } from "../../../provider/restore/defaults";
import { scheduleShape } from "../../../provider/schedule/defaults";
import { snapshotShape } from "../../../provider/snapshot/defaults";

describe("canonicalise", () => {
  it("leaves out absent values, empty collections and defaults, and sorts sets", () => {
    const inputs = {
      when: { cron: "0 1 * * *", timeZone: "UTC", jitter: "0s", catchUp: true },
      sources: {
        files: { kind: "file-share", path: "/srv", exclude: ["b", "a", "b"] },
        bare: { kind: "file-share", path: "/x", exclude: [] },
      },
      keep: { daily: 7, weekly: 0 },
      hooks: {},
      grace: "1h",
      rpo: undefined,
      onStale: "report",
      host: { kind: "local" },
    };
    expect(canonicalise(inputs, scheduleShape)).toEqual({
      when: { cron: "0 1 * * *" },
      sources: {
        files: { kind: "file-share", path: "/srv", exclude: ["a", "b"] },
        bare: { kind: "file-share", path: "/x" },
      },
      keep: { daily: 7 },
    });
  });

  it("keeps what differs from a default, and the order of what is not a set", () => {
    const inputs = {
      grace: "2h",
      when: { cron: "0 1 * * *", catchUp: false },
      hooks: { a: { at: "before", command: ["z", "a", "z"] } },
    };
    expect(canonicalise(inputs, scheduleShape)).toEqual(inputs);
  });

  it.each([
    ["BackupSchedule", scheduleShape],
    ["FileShareSnapshot", snapshotShape],
    ["RestoreTarget", restoreTargetShape],
  ])("is idempotent for any property bag of a %s", (_kind, shape) => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (bag) => {
        const once = canonicalise(bag, shape);
        expect(canonicalise(once, shape)).toEqual(once);
      }),
    );
  });
});
