import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lockCopies } from "../../provider/runner/job-lock";
import { openStore } from "../../provider/snapshot/stores";
import { type Ground, makeGround } from "../fixtures/posture";

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");
const { signal } = new AbortController();

let ground: Ground;
let offsite: string;

beforeEach(async () => {
  ground = await makeGround();
  offsite = join(ground.root, "offsite");
  await ground.readyStore();
  await openStore({ kind: "directory", path: offsite }).initialise(signal);
  await ground.addSchedule("shares", { copies: { offsite: { store: { kind: "directory", path: offsite } } } });
});
afterEach(() => ground.remove());

async function call(...commandLine: readonly string[]): Promise<{ code: number; document: unknown }> {
  const { execa } = await import("execa");
  const env = { BACKUP_POSTURE_HOME: ground.home.root };
  const ended = await execa(process.execPath, [binary, "--json", ...commandLine], { env, reject: false });
  return { code: ended.exitCode ?? -1, document: JSON.parse(ended.stdout) as unknown };
}

describe("the command line, with copies", () => {
  it("copies after a run, lists, verifies, restores, prunes and purges each place by itself", async () => {
    expect(await call("run", "shares")).toMatchObject({
      code: 0,
      document: { outcome: "succeeded", copies: [{ copy: "offsite", outcome: "succeeded", sets: [{}] }] },
    });
    expect(await call("copy", "shares")).toMatchObject({ code: 0, document: { copies: [] } });
    await rm(ground.store, { recursive: true });
    for (const place of [
      ["--copy", "offsite"],
      ["--store", offsite],
    ]) {
      expect(await call("list", "shares", ...place)).toMatchObject({ code: 0, document: { points: [{}] } });
      expect(await call("verify", "shares", "--content", ...place)).toMatchObject({ code: 0 });
      const to = join(ground.root, `restored-${place[0] ?? ""}`);
      expect(await call("restore", "shares", "--to", to, ...place)).toMatchObject({ code: 0 });
      expect((await readdir(to)).sort()).toEqual(["a file.txt", "folder"]);
    }
    expect(await call("prune", "shares", "--copy", "offsite", "--dry-run")).toMatchObject({ document: { kept: [{}] } });
    expect(await call("purge", "shares", "--store", offsite, "--yes")).toMatchObject({ document: { purged: true } });
    expect(await call("purge", "shares", "--copy", "offsite", "--missing", "--yes")).toMatchObject({
      document: { points: [] },
    });
    for (const command of ["list", "verify", "purge", "prune", "copy"])
      expect(await call(command, "shares", "--copy", "tape")).toMatchObject({
        code: 2,
        document: { error: { message: expect.stringContaining("has no copy tape") as string } },
      });
  });

  it("tells of a copy that fails beside the run's success, and makes up for it", async () => {
    await rename(offsite, `${offsite}-away`);
    expect(await call("run", "shares")).toMatchObject({
      code: 3,
      document: { outcome: "succeeded", message: "", copies: [{ outcome: "failed" }] },
    });
    expect(await call("copy", "shares")).toMatchObject({ code: 1 });
    expect(await call("doctor")).toMatchObject({ code: 3 });
    await rename(`${offsite}-away`, offsite);
    expect(await call("copy", "shares", "--all")).toMatchObject({
      code: 0,
      document: { copies: [{ outcome: "succeeded", sets: [{}] }] },
    });
  });

  it("leaves to a copying that goes on what a run has taken meanwhile", async () => {
    const lock = await lockCopies(ground.home, "shares");
    const { code, document } = await call("run", "shares");
    expect({ code, copies: (document as { copies?: unknown }).copies }).toEqual({ code: 0, copies: undefined });
    expect(await call("copy", "shares")).toMatchObject({ code: 4 });
    await lock.release();
  });

  it("drills the restore from a copy", async () => {
    await call("run", "shares");
    await rm(ground.store, { recursive: true });
    await mkdir(ground.place);
    await ground.addTarget({ from: { store: { kind: "directory", path: offsite }, schedule: "shares" } });
    expect(await call("drill", "target")).toMatchObject({ code: 0, document: { outcome: "succeeded" } });
  });
});
