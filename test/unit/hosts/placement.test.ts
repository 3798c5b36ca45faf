import { isAtLeast } from "../../../provider/declaration/release";
import { createProviders } from "../../../provider/lifecycle/providers";
import { isIntact } from "../../../provider/lifecycle/remote/view";
import { readRelease } from "../../../provider/platform/release";

const { BackupSchedule } = createProviders(() => undefined);
const host = { kind: "ssh", address: "db1.example.com" };

describe("a host over SSH, before it is reached", () => {
  it("has the platform's home, and the runner of this release, which later releases keep", async () => {
    const { inputs, failures } = await BackupSchedule.check({}, declare({ host }));
    expect(failures).toBeUndefined();
    expect(inputs).toMatchObject({ host, home: "/var/lib/backup-posture", runner: readRelease() });
    const later = await BackupSchedule.check({ ...inputs, runner: "0.0.1" }, declare({ host }));
    expect(later.inputs.runner).toBe("0.0.1");
    const local = await BackupSchedule.check({}, declare({ home: "/srv/posture" }));
    expect(local.inputs).not.toHaveProperty("runner");
  });

  it.each([
    [{ host: { ...host, port: 2222 } }, ["host"]],
    [{ host: { ...host, address: "db2.example.com" } }, ["host"]],
    [{ host: { ...host, observe: { user: "other" }, apply: { identityFile: "/key" }, node: "/opt/node" } }, []],
    [{ host, home: "/srv/posture" }, ["home"]],
    [{ host, runner: "9.9.9" }, []],
    [{}, ["host"]],
  ])("is replaced by %j only where it becomes another machine or home", async (changed, replaces) => {
    const olds = { host, home: "/var/lib/backup-posture", id: "files" };
    const news = { home: "/var/lib/backup-posture", id: "files", ...changed };
    expect((await BackupSchedule.diff("files", olds, news)).replaces).toEqual(replaces);
  });

  it.each([
    [{ host, runner: "99.0.0" }, /^runner: this is pulumi-backup-posture .*, which carries no later runner/],
    [{ runner: "0.1.0" }, /^runner: is for a host of kind ssh only$/],
    [{ host, runner: "latest" }, /^runner: must be a release such as 1\.2\.0$/],
    [{ host: { ...host, address: "-oProxyCommand=id" } }, /^host\.address: must be a host name or address$/],
    [{ host: { ...host, address: "a b" } }, /^host\.address: /],
    [{ host: { ...host, apply: { user: "-l" } } }, /^host\.apply\.user: must be the name of an account$/],
    [{ host: { ...host, password: "hunter2" } }, /^host: password: no such property$/],
  ])("refuses %j", async (declared, reason) => {
    const { failures } = await BackupSchedule.check({}, declare(declared));
    expect(failures?.map(({ reason: why }) => why)).toEqual([expect.stringMatching(reason)]);
  });

  function declare(more: object) {
    return {
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: "/srv/files" } },
      store: { kind: "directory", path: "/backup" },
      owner: "urn:pulumi:test::project::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::files",
      ...more,
    };
  }
});

describe("a runner", () => {
  const hello = { protocol: 1, time: "2026-11-19T12:00:00Z" };
  const stamp = (release: string, sha256: string) => ({ release, sha256 });
  const carried = stamp("0.2.0", "carried");

  it.each([
    ["as it was put there by this release", stamp("0.2.0", "carried"), stamp("0.2.0", "carried"), null, true],
    ["of another release, as it was put there", stamp("0.1.0", "one"), stamp("0.1.0", "one"), null, true],
    ["as the state knows it", stamp("0.1.0", "one"), stamp("0.1.0", "one"), stamp("0.1.0", "one"), true],
    ["newer than the state knows", stamp("0.1.5", "five"), stamp("0.1.5", "five"), stamp("0.1.0", "one"), true],
    ["altered", stamp("0.1.0", "other"), stamp("0.1.0", "one"), null, false],
    ["altered with what was written beside it", stamp("0.2.0", "x"), stamp("0.2.0", "x"), null, false],
    [
      "altered so, of a release that the state knows",
      stamp("0.1.0", "x"),
      stamp("0.1.0", "x"),
      stamp("0.1.0", "one"),
      false,
    ],
    ["with nothing written beside it", stamp("0.1.0", "one"), null, null, false],
    ["of another release than is written beside it", stamp("0.1.0", "one"), stamp("0.1.1", "one"), null, false],
  ])("%s", (_, told, put, known, intact) => {
    expect(isIntact({ ...hello, ...told, put }, carried, known)).toBe(intact);
  });

  it("is compared by numbers, and before its release comes its preview", () => {
    const ordered = ["0.0.1", "0.1.0-beta.1", "0.1.0", "0.2.0", "0.10.0", "1.0.0-rc.1", "1.0.0"];
    for (const [low, lower] of ordered.entries())
      for (const [high, higher] of ordered.entries()) expect(isAtLeast(higher, lower)).toBe(high >= low);
  });
});
