import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { acquireLock, findHolder } from "../../../provider/platform/lock";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "posture-test-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFile(join(folder, name), content);
const holder = (pid: number, host = hostname()) =>
  JSON.stringify({
    token: "t",
    host,
    boot: null,
    pid,
    processStart: null,
    acquiredAt: "2026-01-01T00:00:00Z",
    what: "test",
  });
/** No process has it: the largest pid that Linux gives is smaller. */
const nobody = 2 ** 30;

describe("taking a lock", () => {
  it("removes what dead takers have left beside it, and nothing of the living, of other hosts or of other locks", async () => {
    await write("a.lock.dead.tmp", holder(nobody));
    await write("a.lock.guard-of-a-dead-taker", holder(nobody));
    await write("a.lock.cut-off.tmp", "");
    await utimes(join(folder, "a.lock.cut-off.tmp"), 1, 1);
    await write("a.lock.being-written.tmp", "");
    await write("a.lock.living.tmp", holder(process.pid));
    await write("a.lock.elsewhere.tmp", holder(nobody, "another-host"));
    await write("b.lock.dead.tmp", holder(nobody));
    const lock = await acquireLock(join(folder, "a.lock"), { what: "test" });
    const left = ["a.lock.being-written.tmp", "a.lock.elsewhere.tmp", "a.lock.living.tmp", "b.lock.dead.tmp"];
    expect((await readdir(folder)).sort()).toEqual(["a.lock", ...left]);
    await lock.release();
    expect((await readdir(folder)).sort()).toEqual(left);
  });

  it.each(["", '{"tok', '{"token":"t","host":"h"'])(
    "takes one whose maker died before it was written: %j, and none that is being written",
    async (content) => {
      const path = join(folder, "a.lock");
      await write("a.lock", content);
      expect(await findHolder(path)).toMatchObject({ what: "somebody who has just begun" });
      await utimes(path, 1, 1);
      expect(await findHolder(path)).toBeNull();
      const lock = await acquireLock(path, { what: "test" });
      expect(await findHolder(path)).toMatchObject({ pid: process.pid });
      await lock.release();
      expect(await readdir(folder)).toEqual([]);
    },
  );

  it("never takes what is no lock of ours", async () => {
    await write("a.lock", "my notes");
    await utimes(join(folder, "a.lock"), 1, 1);
    await expect(acquireLock(join(folder, "a.lock"), { what: "test" })).rejects.toMatchObject({ kind: "locked" });
    expect(await readFile(join(folder, "a.lock"), "utf8")).toBe("my notes");
  });
});
