import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectSuccess, makeStack, type Stack, type Told } from "./stack";

const declaredAt = "2026-11-19T12:00:00Z";
const noticedAt = "2026-11-21T12:00:00Z";
const line = (time: string) => `# dumps of the database\n${time} root /usr/local/bin/dump.sh\n`;

/** What somebody else runs is watched on the real engine: with real restic, and tables of cron as they stand in `/etc/cron.d`. */
describe("what somebody else runs", () => {
  let stack: Stack;
  let table: string;
  let success: string;
  let repository: string;

  const restic = async (...command: readonly string[]) =>
    expectSuccess(
      await stack.run([
        "env",
        "TZ=UTC",
        "RESTIC_PASSWORD=watched",
        "restic",
        "--no-cache",
        "-r",
        repository,
        ...command,
      ]),
    );
  const declare = (more: Record<string, unknown> = {}) => {
    const told = { command: ["/bin/cat", success] };
    const watched = (watch: Record<string, unknown>) =>
      ({ kind: "BackupSchedule", args: { manage: false, watch, rpo: "26h", ...more } }) as const;
    return stack.declare({
      command: watched({ kind: "command", ...told }),
      cron: watched({ kind: "cron", file: table, contains: "dump.sh", time: "0 1 * * *", lastSuccess: told }),
      restic: watched({ kind: "restic", repository, password: { env: "WATCHED_PASSWORD" }, tag: "dump" }),
    });
  };

  beforeAll(async () => {
    stack = await makeStack("test", () => ({ WATCHED_PASSWORD: "watched" }));
    [table, success, repository] = ["table", "success", "repository"].map((name) => join(stack.root, name)) as [
      string,
      string,
      string,
    ];
    await writeFile(table, line("0 1 * * *"));
    await writeFile(success, "2026-11-19T01:00:00Z\n");
    await restic("init");
    await restic("backup", "--tag", "dump", "--time", "2026-11-19 01:00:00", table);
    await restic("backup", "--tag", "other", "--time", "2026-11-21 11:00:00", table);
    await declare();
  }, 300_000);

  afterAll(() => stack.remove());

  it("is healthy while it is young, and costs nothing on its host", async () => {
    const before = await files();
    expectSuccess(await stack.up(declaredAt));
    const preview = await stack.preview(declaredAt);
    expectSuccess(preview);
    expect(await files()).toEqual(before);
    expect(await readdir(stack.root)).not.toContain("home");
  }, 300_000);

  it("shows staleness and another time as a difference, and up says where to mend it", async () => {
    await writeFile(table, line("0 5 * * *"));
    const preview = await stack.preview(noticedAt);
    expect(preview.exitCode).not.toBe(0);
    const stale = '~ health: "stale: last success 2026-11-19T01:00:00Z, rpo 26h" => "healthy"';
    expect(blockOf(preview, "command")).toContain(stale);
    expect(blockOf(preview, "cron")).toContain(stale);
    expect(blockOf(preview, "cron")).toContain('~ time: "0 5 * * *" => "0 1 * * *"');
    const up = await stack.up(noticedAt, ["--continue-on-error"]);
    expect(up.exitCode).not.toBe(0);
    expect(up.text).toContain("this resource only watches: mend it where it is run");
    expect(up.text).toContain("watch.time is 0 5 * * * where it runs, and is only watched: change it there, or here");
    expect(blockOf(await unrefreshed(), "cron")).toContain(stale);
    expect(await readFile(table, "utf8")).toBe(line("0 5 * * *"));
  }, 300_000);

  it("names a line that is switched off, a repository that is away, and a command that fails", async () => {
    await writeFile(table, line("#0 1 * * *"));
    await writeFile(success, "soon\n");
    const away = { repository: join(stack.root, "away") };
    await stack.declare({
      command: {
        kind: "BackupSchedule",
        args: { manage: false, watch: { kind: "command", command: ["/bin/cat", success] }, rpo: "26h" },
      },
      restic: {
        kind: "BackupSchedule",
        args: {
          manage: false,
          watch: { kind: "restic", ...away, password: { env: "WATCHED_PASSWORD" } },
          rpo: "26h",
        },
      },
    });
    const up = await stack.up(noticedAt, ["--continue-on-error"]);
    expect(up.text).toContain("last success not known: the command that tells printed neither");
    expect(up.text).toMatch(/unreachable: \S+away/);
    await declare();
    expect(blockOf(await stack.preview(noticedAt), "command")).toContain("last success not known");
  }, 300_000);

  it("is clean again once it is mended where it runs", async () => {
    await writeFile(table, line("0 1 * * *"));
    await writeFile(success, "2026-11-21T01:00:00Z\n");
    await restic("backup", "--tag", "dump", "--time", "2026-11-21 01:00:00", table);
    expectSuccess(await stack.up(noticedAt));
    expectSuccess(await stack.preview(noticedAt));
  }, 300_000);

  it("is refused with what belongs to a managed one, and left as it is on destroy", async () => {
    await declare({ keep: { daily: 7 } });
    const refused = await stack.preview(noticedAt);
    expect(refused.text).toContain("keep: no such property");
    await declare();
    const before = await files();
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview"], noticedAt));
    expect(await files()).toEqual(before);
  }, 300_000);

  const unrefreshed = () => stack.pulumi(["preview", "--diff", "--refresh=false"], noticedAt);

  async function files(): Promise<readonly string[]> {
    const told = await stack.run(["find", table, success, repository, "-type", "f", "-printf", "%p %s %T@\n"]);
    return told.text.split("\n").sort();
  }
});

/** What the preview prints of one resource's update. */
function blockOf(told: Told, name: string): string {
  const blocks = told.text.split(/\n(?= {4}[~+-]|Resources:|Diagnostics:)/);
  const block = blocks.find((candidate) => candidate.includes(`::${name}]`) && candidate.includes("(update)"));
  if (block === undefined) throw new Error(`no update of ${name} in:\n${told.text}`);
  return block;
}
