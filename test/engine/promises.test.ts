import { execFileSync } from "node:child_process";
import { chmod, mkdir, open, readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectSuccess, makeStack, type ResourceSpec, type Stack } from "./stack";

/** What users depend on, beyond the drift table, seen on the real engine. */
describe("the promises", () => {
  let stack: Stack;
  let share: string;

  beforeEach(async () => {
    stack = await makeStack();
    share = join(stack.root, "share");
    await mkdir(share);
    await writeFile(join(share, "file"), "content");
  });

  afterEach(async () => {
    await chmod(stack.home, 0o700).catch(() => undefined);
    await stack.remove();
  });

  function schedule(store: string, args: Record<string, unknown> = {}): ResourceSpec {
    return {
      kind: "BackupSchedule",
      args: {
        when: { cron: "0 1 * * *" },
        sources: { files: { kind: "file-share", path: share } },
        store: { kind: "directory", path: join(stack.root, store) },
        ...args,
      },
    };
  }

  async function idOf(name: string): Promise<string> {
    return (await stack.state()).find(({ urn }) => urn.endsWith(`::${name}`))?.id ?? "";
  }

  it("ends a wrong program in one message, before anything is touched, and shows no value of it", async () => {
    const wrong = { rpo: { $secret: "marked-secret" }, retention: "marked-plain", when: { cron: "61 * * * *" } };
    await stack.declare({ wrong: schedule("store", wrong) });
    for (const told of [await stack.preview(), await stack.up()]) {
      expect(told.exitCode).not.toBe(0);
      expect(told.text).toContain("BackupSchedule resource 'wrong' has a problem: ");
      for (const property of ["rpo:", "retention: no such property", "when.cron:"])
        expect(told.text).toContain(property);
      expect(told.text).not.toContain("marked-");
    }
    expect(JSON.stringify(await stack.state())).not.toContain("marked-");
    expect(await readdir(stack.root)).not.toEqual(expect.arrayContaining(["home"]));
    expect(await readdir(stack.root)).not.toEqual(expect.arrayContaining(["store"]));
  }, 600_000);

  it("never says healthy unseen: what is only reported stays in every next preview", async () => {
    const restless = { when: { every: "1h" }, rpo: "1h", grace: "0s" };
    await stack.declare({
      reported: schedule("one", { ...restless, runOnCreate: true, waitFor: "3m" }),
      "not-due": schedule("two"),
      "within-grace": schedule("three", { ...restless, grace: "6h", runOnCreate: true, waitFor: "3m" }),
    });
    expectSuccess(await stack.up("2026-11-19T12:00:00Z"));
    expectSuccess(await stack.preview("2026-11-19T12:30:00Z"));
    const up = await stack.up("2026-11-19T15:00:00Z", ["--continue-on-error"]);
    expect(up.exitCode).not.toBe(0);
    expect(up.text).toMatch(/stale: last success 2026-11-19T12:00:00Z, rpo 1h: see that its scheduler runs/);
    const stale = /~ health: "stale: last success 2026-11-19T12:00:00Z, rpo 1h" => "healthy"/;
    const blind = await stack.pulumi(["preview", "--diff", "--expect-no-changes"], "2026-11-19T15:00:00Z");
    const seeing = await stack.preview("2026-11-19T15:00:00Z");
    for (const preview of [blind, seeing]) {
      expect(preview.exitCode).not.toBe(0);
      expect(preview.text).toMatch(stale);
      expect(preview.text).not.toMatch(/::(not-due|within-grace)\]\n\s+~/);
    }
  }, 600_000);

  it("takes what it cannot look at for unreachable, and never for gone", async () => {
    await stack.declare({ files: schedule("store"), mail: schedule("other") });
    expectSuccess(await stack.up());
    const before = (await stack.state()).map(({ urn }) => urn);

    await rename(stack.home, `${stack.home}-away`);
    const unmounted = await stack.preview();
    expect(unmounted.exitCode).not.toBe(0);
    expect(unmounted.text.match(/~ health: "unreachable: posture home .*" => "healthy"/g)).toHaveLength(2);
    expect((await stack.up()).exitCode).not.toBe(0);
    expect((await stack.state()).map(({ urn }) => urn)).toEqual(before);
    await rename(`${stack.home}-away`, stack.home);

    await chmod(join(stack.home, "jobs"), 0o000);
    const forbidden = await stack.preview();
    expect(forbidden.text.match(/~ health: "unreachable: .*" => "healthy"/g)).toHaveLength(2);
    await chmod(join(stack.home, "jobs"), 0o700);

    await rename(join(stack.root, "store"), join(stack.root, "store-away"));
    const storeless = await stack.preview();
    expect(storeless.text.match(/~ health: "unreachable: .*store.*" => "healthy"/g)).toHaveLength(1);
    await rename(join(stack.root, "store-away"), join(stack.root, "store"));

    expectSuccess(await stack.preview());
    expect((await stack.state()).map(({ urn }) => urn)).toEqual(before);
  }, 600_000);

  it("touches nothing and says so when posture:observe is state", async () => {
    await stack.declare({ files: schedule("store", { runOnCreate: true, waitFor: "3m" }) });
    expectSuccess(await stack.up());
    await writeFile(join(stack.home, "jobs", `${await idOf("files")}.json`), "broken");
    await rename(join(stack.root, "store"), join(stack.root, "away"));
    const before = await listWithTimes(stack.root, ["home", "away"]);
    await stack.setConfig("posture:observe", "state");
    const preview = await stack.preview();
    expect(preview.text).toContain("not observed: posture:observe is state");
    expect(await listWithTimes(stack.root, ["home", "away"])).toEqual(before);
    await stack.declare({ files: schedule("store", { rpo: "30h", runOnCreate: true, waitFor: "3m" }) });
    const up = await stack.up();
    expect(up.exitCode).not.toBe(0);
    expect(up.text).toContain("this stack may be previewed, not changed");
    expect(await listWithTimes(stack.root, ["home", "away"])).toEqual(before);
  }, 600_000);

  it("deletes recovery points only with consent to this very change", async () => {
    const day = (number: number) => `2026-11-${number}T12:00:00Z`;
    const declare = (files: Record<string, unknown>, mail: Record<string, unknown> = { keep: { daily: 10 } }) =>
      stack.declare({ files: schedule("store", files), mail: schedule("other", mail) });
    const expectRefused = async (moment: string) => {
      const refused = await stack.up(moment);
      expect(refused.exitCode).not.toBe(0);
      return refused.text;
    };
    await declare({ keep: { daily: 10 } });
    expectSuccess(await stack.up(day(10)));
    for (const number of [10, 11, 12])
      for (const name of ["files", "mail"]) expectSuccess(await stack.cli(["run", await idOf(name)], day(number)));

    await declare({ keep: { daily: 1 } });
    const refused = await expectRefused(day(12));
    expect(refused).toMatch(
      /keep: this retention deletes 2 recovery points of 2 runs, from 2026-11-10\S+ to 2026-11-11/,
    );
    const token = /acknowledgeDataLoss: "([^"]+)"/.exec(refused)?.[1];
    await declare({ keep: { daily: 10 } }, { keep: { daily: 1 }, acknowledgeDataLoss: token });
    expect(await expectRefused(day(12))).toContain("is that of another change, or more would be deleted by now");

    expectSuccess(await stack.cli(["run", await idOf("files")], day(13)));
    await declare({ keep: { daily: 1 }, acknowledgeDataLoss: token });
    const yesterdays = await expectRefused(day(13));
    expect(yesterdays).toContain("is that of another change, or more would be deleted by now");
    const fresh = /acknowledgeDataLoss: "([^"]+)"/.exec(yesterdays)?.[1];
    await declare({ keep: { daily: 1 }, acknowledgeDataLoss: fresh });
    expectSuccess(await stack.up(day(13)));
    expect(await readdir(join(stack.root, "store", "points"))).toHaveLength(8);
    expectSuccess(await stack.cli(["prune", await idOf("files")], day(13)));
    expect(await readdir(join(stack.root, "store", "points"))).toHaveLength(2);
    expect(await readdir(join(stack.root, "other", "points"))).toHaveLength(6);
  }, 600_000);

  it("takes away jobs and entries on destroy, and keeps recovery points and journal, and nothing else", async () => {
    const files = schedule("store", { runOnCreate: true, waitFor: "3m" });
    const restore = {
      kind: "RestoreTarget",
      args: {
        from: { store: { $ref: "files.store" }, schedule: { $ref: "files.id" } },
        to: join(stack.root, "restore"),
        drill: { every: "90d" },
        runOnCreate: true,
        waitFor: "3m",
      },
    } as const;
    await stack.declare({ files, restore });
    expectSuccess(await stack.up());
    const [schedule1, target1] = [await idOf("files"), await idOf("restore")];
    const points = await readdir(join(stack.root, "store", "points"));
    expectSuccess(await stack.pulumi(["destroy", "--yes", "--skip-preview", "--refresh"]));
    const left = (await listWithTimes(stack.root, ["home"])).map(([path]) => path);
    expect(left.filter((path) => !path?.endsWith("/"))).toEqual(
      expect.arrayContaining([
        "home/posture-home.json",
        `home/journal/${schedule1}.jsonl`,
        `home/journal/${target1}.jsonl`,
      ]),
    );
    expect(
      left.filter(
        (path) => !/posture-home\.json$|^home\/(journal|evidence)\//.test(path ?? "") && !path?.endsWith("/"),
      ),
    ).toEqual([]);
    expect(await readdir(join(stack.root, "store", "points"))).toEqual(points);
    expect(await readdir(join(stack.root, "restore"))).toEqual([]);
  }, 600_000);

  it("refuses an id that another stack has, names the owner, and touches nothing", async () => {
    await stack.declare({ files: schedule("store", { id: "shared" }) });
    expectSuccess(await stack.up());
    const other = await makeStack("rival");
    try {
      await other.setConfig("posture:home", stack.home);
      await other.declare({ mine: schedule("store", { id: "shared", when: { cron: "0 5 * * *" } }) });
      const before = await listWithTimes(stack.root, ["home", "store"]);
      const refused = await other.up();
      expect(refused.exitCode).not.toBe(0);
      expect(refused.text).toMatch(/shared in .*: it belongs to urn:pulumi:test::engine-test::\S+::files/);
      expect(await listWithTimes(stack.root, ["home", "store"])).toEqual(before);
    } finally {
      await other.remove();
    }
    expectSuccess(await stack.preview());
  }, 600_000);

  it("returns while the first run goes on, and is clean meanwhile", async () => {
    const gate = join(stack.root, "gate");
    execFileSync("mkfifo", [gate]);
    await stack.declare({
      files: schedule("store", { runOnCreate: true, hooks: { wait: { at: "before", command: ["cat", gate] } } }),
    });
    expectSuccess(await stack.up());
    expectSuccess(await stack.preview());
    expectSuccess(await stack.up());
    const journal = join(stack.home, "journal", `${await idOf("files")}.jsonl`);
    expect(await readFile(journal, "utf8")).not.toContain('"ended"');
    await (await open(gate, "w")).close();
    await untilItHolds(async () => (await readFile(journal, "utf8")).includes('"succeeded"'));
    expectSuccess(await stack.preview());
  }, 600_000);
});

/** Every file and folder below some folders, with what a write would change. Locks come and go with a look. */
async function listWithTimes(root: string, folders: readonly string[]): Promise<readonly (readonly string[])[]> {
  const found: (readonly string[])[] = [];
  for (const folder of folders)
    for (const entry of await readdir(join(root, folder), { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      const { mtimeMs, size, mode } = await stat(path);
      const shown = `${path.slice(root.length + 1)}${entry.isDirectory() ? "/" : ""}`;
      found.push(entry.isDirectory() ? [shown] : [shown, String(mtimeMs), String(size), String(mode)]);
    }
  return found.sort(([left = ""], [right = ""]) => (left < right ? -1 : 1));
}

/** Looks again each time the event loop comes round, for as long as the test may take. */
async function untilItHolds(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
