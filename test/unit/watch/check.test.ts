import { BackupScheduleProvider } from "../../../provider/lifecycle/backup-schedule";
import { createProviders } from "../../../provider/lifecycle/providers";
import { WatchProvider } from "../../../provider/watch/lifecycle";

const owner = "urn:pulumi:test::project::pulumi-nodejs:dynamic/backup-posture:BackupSchedule::watched";
const command = { kind: "command", command: ["tell"] };
const repository = { kind: "restic", repository: "/backup", password: { file: "/etc/password" } };
const provider = () =>
  new BackupScheduleProvider(createProviders(() => undefined).BackupSchedule, new WatchProvider(() => undefined));

/** Wrong declarations, and the one message that each ends in. */
const wrong: readonly (readonly [string, Record<string, unknown>, string])[] = [
  ["nothing to watch", { watch: undefined }, "watch: is missing"],
  ["no rpo", { rpo: undefined }, "rpo: is missing"],
  [
    "another kind",
    { watch: { kind: "veeam" } },
    'watch.kind: must be an object whose kind is "command", "cron", "systemd" or "restic"',
  ],
  ["no executable", { watch: { kind: "command", command: [] } }, "watch.command: must name an executable"],
  ["a line without how to tell", { watch: { kind: "cron", contains: "dump" } }, "watch.lastSuccess: is missing"],
  [
    "a line of nothing",
    { watch: { kind: "cron", contains: "", lastSuccess: command } },
    "watch.contains: must not be empty; watch.lastSuccess: kind: no such property",
  ],
  [
    "an account and a file",
    {
      watch: { kind: "cron", contains: "x", account: "root", file: "/etc/crontab", lastSuccess: { command: ["tell"] } },
    },
    "watch.file: must not be given beside account",
  ],
  [
    "an option for a timer",
    { watch: { kind: "systemd", timer: "--root=/.timer" } },
    "watch.timer: must be the name of a timer, such as backup.timer",
  ],
  [
    "a service for a timer",
    { watch: { kind: "systemd", timer: "dump.service" } },
    "watch.timer: must be the name of a timer, such as backup.timer",
  ],
  [
    "a password in plain",
    { watch: { ...repository, password: "s3cret" } },
    'watch.password: must be a reference to a secret, {env: "NAME"} or {file: "/path"}, never the secret itself',
  ],
  ["a managed one's retention", { keep: { daily: 7 } }, "keep: no such property"],
];

describe("check of a schedule that only watches", () => {
  it.each(wrong)("refuses %s, without its value", async (_, change, reason) => {
    const { failures } = await provider().check({}, { manage: false, watch: command, rpo: "26h", owner, ...change });
    expect(failures).toEqual([{ property: "", reason }]);
    expect(reason).not.toContain("s3cret");
  });

  it("stores one canonical form, and the same id for the same owner", async () => {
    const plain = { manage: false, watch: { ...command, timeout: "5m" }, rpo: "26h", grace: "1h", owner };
    const id: unknown = expect.stringMatching(/^watched-[0-9a-f]{12}$/);
    expect(await provider().check({}, plain)).toEqual({
      inputs: { manage: false, watch: command, rpo: "26h", owner, id, health: "healthy" },
    });
  });

  it("is replaced where watching becomes managing, and the other way round", async () => {
    const watched = { id: "one", manage: false, watch: command, rpo: "26h" };
    const managed = { id: "one", when: { every: "1h" }, rpo: "26h" };
    const replaced = { replaces: ["manage"], deleteBeforeReplace: true };
    expect(await provider().diff("one", watched, managed)).toEqual(replaced);
    expect(await provider().diff("one", managed, watched)).toEqual(replaced);
    expect(await provider().diff("one", watched, { ...watched, rpo: "1h" })).toMatchObject({ replaces: [] });
  });
});
