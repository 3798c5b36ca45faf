import { findLine } from "../../../provider/watch/cron-line";
import { readTime } from "../../../provider/watch/look";
import { readUnits } from "../../../provider/watch/systemd-timer";

const script = "/usr/local/bin/dump.sh";

describe("findLine", () => {
  const look = (table: string, file?: string) => findLine(table, { contains: script, time: "0 1 * * *", file });

  it.each([
    ["as it is", `0 1 * * * ${script}`, "0 1 * * *"],
    [
      "with odd spaces, among others, with CRLF",
      `MAILTO=a@b\r\n\t5  2 * *   1-5\troot ${script} >/dev/null\r\n`,
      "5 2 * * 1-5",
    ],
    ["by a name for its time", `@daily ${script}`, "@daily"],
    ["beside a comment that tells of it", `# ${script} dumps\n0 1 * * * ${script}`, "0 1 * * *"],
  ])("finds a line %s", (_, table, time) => {
    expect(look(table)).toMatchObject({ installation: [], settings: { time } });
  });

  it.each([
    ["no line", "0 1 * * * other", "no line of this account's crontab has it"],
    ["an empty table", "", "no line of this account's crontab has it"],
    [
      "a line that is switched off",
      `#0 1 * * * ${script}`,
      "its line in this account's crontab is switched off by a comment",
    ],
    [
      "two lines",
      `0 1 * * * ${script}\n0 2 * * * ${script}`,
      "2 lines of this account's crontab have it, so that it is not clear which one is meant",
    ],
    ["a variable only", `DUMP=${script}`, "no line of this account's crontab has it"],
  ])("says so of %s", (_, table, why) => {
    expect(look(table)).toMatchObject({ installation: [why], settings: {} });
  });
});

describe("readUnits", () => {
  const timer = { LoadState: "loaded", ActiveState: "active", UnitFileState: "enabled", Unit: "dump.service" };
  const service = {
    LoadState: "loaded",
    ActiveState: "inactive",
    Result: "success",
    ExecMainStatus: "0",
    ExecMainStartTimestamp: "@1763510400",
  };
  const read = (changed: Partial<typeof timer>, its: Partial<typeof service>) =>
    readUnits(
      "dump.timer",
      new Map(Object.entries({ ...timer, ...changed })),
      new Map(Object.entries({ ...service, ...its })),
    );

  it("tells the start of a run that succeeded", () => {
    expect(read({}, {})).toMatchObject({
      installation: [],
      lastSuccess: new Date("2025-11-19T00:00:00Z"),
      failed: null,
    });
  });

  it("takes no failed run and no live one for a success", () => {
    const failed = { lastSuccess: null, failed: { message: "its service ended with exit code 3" } };
    expect(read({}, { Result: "exit-code", ExecMainStatus: "3" })).toMatchObject(failed);
    expect(read({}, { Result: "timeout" })).toMatchObject({ failed: { message: "its service ended with timeout" } });
    expect(read({}, { ActiveState: "activating" })).toMatchObject({
      lastSuccess: null,
      running: new Date("2025-11-19T00:00:00Z"),
    });
  });

  it("does not take a success that systemd has forgotten for none, nor for one", () => {
    const { lastSuccess, unknown } = read({}, { ExecMainStartTimestamp: "" });
    expect(lastSuccess).toBeNull();
    expect(unknown).toContain("has not run since the machine started");
  });

  it.each([
    [{ ActiveState: "inactive" }, {}, "dump.timer is inactive"],
    [{ UnitFileState: "disabled" }, {}, "dump.timer is disabled: it does not start with the machine"],
    [{ LoadState: "masked" }, {}, "dump.timer is masked"],
    [{}, { LoadState: "not-found" }, "the service that dump.timer starts is not there"],
  ])("names what keeps it from running", (changed, its, why) => {
    expect(read(changed, its).installation).toContain(why);
  });
});

describe("readTime", () => {
  it.each([
    ["2026-11-19T12:00:00Z", "2026-11-19T12:00:00.000Z"],
    ["2026-11-19T13:00:00+01:00", "2026-11-19T12:00:00.000Z"],
    ["1763553600", "2025-11-19T12:00:00.000Z"],
  ])("reads %s", (text, time) => {
    expect(readTime(text)?.toISOString()).toBe(time);
  });

  it.each(["", "yesterday", "2026-11-19", "2026-11-19 12:00:00", "17", "1763553600.5"])(
    "reads nothing out of %j",
    (text) => {
      expect(readTime(text)).toBeNull();
    },
  );
});
