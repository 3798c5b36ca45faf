import { findViolations } from "../../../provider/declaration/check";
import { unknownValue } from "../../../provider/declaration/unknowns";
import { scheduleSchema } from "../../../provider/schedule/schema";

const valid = {
  when: { cron: "0 1 * * *" },
  sources: { files: { kind: "file-share", path: "/srv/files" } },
  store: { kind: "directory", path: "/backup" },
};

describe("findViolations", () => {
  it("finds nothing in a valid declaration", () => {
    expect(findViolations(scheduleSchema, valid)).toBeUndefined();
  });

  it("tells all violations at once, each with its path", () => {
    const message = findViolations(scheduleSchema, {
      when: { cron: "0 1 * * *", timeZone: "Mars/Olympus" },
      sources: { files: { kind: "file-share", path: "relative" } },
      keep: { daily: 1.5 },
    });
    expect(message).toContain("when.timeZone: must be an IANA time zone");
    expect(message).toContain("sources.files.path: must be an absolute path");
    expect(message).toContain("store: is missing");
    expect(message).toContain("keep.daily: must be a whole number from 0 to 10000");
  });

  it("names unknown keys and shows no value", () => {
    const message = findViolations(scheduleSchema, {
      ...valid,
      retention: "hunter2",
      rpo: "hunter2",
      onStale: "hunter2",
    });
    expect(message).toContain("retention: no such property");
    expect(message).toContain("rpo: must be a duration");
    expect(message).not.toContain("hunter2");
  });

  it("passes over what is not known before up, and judges the rest", () => {
    const unknown = { ...valid, store: unknownValue, when: { cron: unknownValue }, rpo: "soon" };
    expect(findViolations(scheduleSchema, unknown)).toBe("rpo: must be a duration such as 15m, 26h or 7d");
    expect(
      findViolations(scheduleSchema, { ...valid, sources: { files: { kind: unknownValue, path: unknownValue } } }),
    ).toBeUndefined();
    expect(findViolations(scheduleSchema, { ...valid, keep: unknownValue, sources: unknownValue })).toBeUndefined();
  });

  it("cuts and quotes keys that are not plain words", () => {
    const message = findViolations(scheduleSchema, {
      ...valid,
      sources: { "a\nb": valid.sources.files, [`x${"y".repeat(500)}`]: valid.sources.files },
    });
    expect(message).toContain('"a\\nb"');
    expect(message).not.toContain("y".repeat(65));
  });
});
