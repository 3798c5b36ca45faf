import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { appendFile, chmod, lstat, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { acquireLock } from "../../../provider/platform/lock";
import { type DrillOptions, runDrill } from "../../../provider/restore/drill";
import { readEvidence } from "../../../provider/restore/evidence";
import type { RestoreTargetDeclaration } from "../../../provider/restore/schema";
import type { Drivers } from "../../../provider/runner/drivers";
import { standardDrivers } from "../../../provider/runner/drivers";
import { appendRecord, readJournal } from "../../../provider/runner/journal";
import { clearRemains } from "../../../provider/runner/remains";
import { runSchedule } from "../../../provider/runner/run";
import { openStore } from "../../../provider/snapshot/stores/index";
import type { RestoreRequest } from "../../../provider/snapshot/stores/store";
import { openSource } from "../../../provider/sources/index";
import { type Ground, makeGround } from "../../fixtures/posture";

const { signal } = new AbortController();
let ground: Ground;
let place: string;

beforeEach(async () => {
  ground = await makeGround();
  place = ground.place;
  await mkdir(place);
  await ground.readyStore();
  await symlink("folder/ünïcode.txt", join(ground.share, "link"));
  await mkdir(join(ground.share, "empty"));
  await ground.addSchedule("shares");
  await run();
});
afterEach(() => ground.remove());

async function run(): Promise<void> {
  expect(await runSchedule(ground.home, "shares", { signal })).toMatchObject({ outcome: "succeeded" });
}

const declare = (declaration: Partial<RestoreTargetDeclaration> = {}) => ground.addTarget(declaration);

const drill = (options: Partial<DrillOptions> = {}, drivers: Drivers = standardDrivers) =>
  runDrill(ground.home, "target", { signal, ...options }, drivers);

/** Drivers whose store spoils what it has just restored. */
function spoiling(spoil: (root: string, stop: AbortSignal) => Promise<void>): Drivers {
  return {
    openSource,
    openStore: (declaration) => {
      const store = openStore(declaration);
      return {
        kind: store.kind,
        initialise: (stop) => store.initialise(stop),
        capture: (request, stop) => store.capture(request, stop),
        list: (filter, stop) => store.list(filter, stop),
        verify: (id, depth, stop) => store.verify(id, depth, stop),
        entries: (id, stop) => store.entries(id, stop),
        forget: (ids, options, stop) => store.forget(ids, options, stop),
        restore: async (id, request: RestoreRequest, stop) => {
          const result = await store.restore(id, request, stop);
          await spoil(request.to, stop);
          return result;
        },
      };
    },
  };
}

describe("a drill", () => {
  it("that finds all as it should be is evidence, and leaves the place as it was", async () => {
    await declare();
    const { ended, evidence, tooSlow } = await drill();
    expect(ended).toMatchObject({ verb: "drill", outcome: "succeeded", message: "", points: [] });
    expect(evidence).toMatchObject({
      verdict: "passed",
      scope: "full",
      files: 2,
      bytes: 6,
      compared: 6,
      differences: { count: 0, listed: [] },
    });
    expect(tooSlow).toBeNull();
    expect(await readdir(place)).toEqual([]);
    expect(await readEvidence(ground.home, "target")).toEqual({ records: [evidence], chain: { state: "ok" } });
    expect(await readdir(ground.home.locks)).toEqual([]);
  });

  (process.platform === "linux" ? it : it.skip)("names what lost its extended attributes or its ACL", async () => {
    execFileSync("setfattr", ["-n", "user.posture", "-v", "content", join(ground.share, "a file.txt")]);
    execFileSync("setfacl", ["-m", "u:1:r", join(ground.share, "folder")]);
    await run();
    await declare();
    expect((await drill()).evidence).toMatchObject({ verdict: "passed", differences: { count: 0 } });
    const spoil = async (root: string) => {
      execFileSync("setfattr", ["-x", "user.posture", join(root, "a file.txt")]);
      execFileSync("setfacl", ["-x", "u:1", join(root, "folder")]);
    };
    const { evidence } = await drill({}, spoiling(spoil));
    expect(evidence?.differences.listed).toEqual([
      { path: "a file.txt", what: "extended attributes or ACL differ" },
      { path: "folder", what: "extended attributes or ACL differ" },
    ]);
  });

  it.each<[string, (root: string) => Promise<void>, readonly { path: string; what: string }[]]>([
    [
      "a missing file",
      (root) => rm(join(root, "a file.txt")),
      [
        { path: ".", what: "time differs" },
        { path: "a file.txt", what: "missing" },
      ],
    ],
    [
      "a changed byte",
      (root) => keepingTime(root, "a file.txt", (path) => writeFile(path, "onE")),
      [{ path: "a file.txt", what: "content differs" }],
    ],
    [
      "another size",
      (root) => keepingTime(root, "a file.txt", (path) => appendFile(path, "!")),
      [{ path: "a file.txt", what: "size differs" }],
    ],
    ["another mode", (root) => chmod(join(root, "folder"), 0o701), [{ path: "folder", what: "mode differs" }]],
    ["another time", (root) => utimes(join(root, "a file.txt"), 1, 1), [{ path: "a file.txt", what: "time differs" }]],
    [
      "an extra file",
      (root) => keepingTime(root, "folder", (path) => writeFile(join(path, "new\n"), "")),
      [{ path: "folder/new\\x0a", what: "extra" }],
    ],
    [
      "an extra folder",
      (root) =>
        keepingTime(root, "empty", (path) => mkdir(join(path, "a", "b"), { recursive: true }).then(() => undefined)),
      [{ path: "empty/a", what: "extra" }],
    ],
    [
      "another link target",
      async (root) => {
        await rm(join(root, "link"));
        await symlink("elsewhere", join(root, "link"));
        await utimes(root, 1, 1);
      },
      [
        { path: ".", what: "time differs" },
        { path: "link", what: "link target differs, time differs" },
      ],
    ],
    [
      "a folder in place of a file",
      (root) =>
        keepingTime(root, ".", async () => {
          await rm(join(root, "a file.txt"));
          await mkdir(join(root, "a file.txt"));
        }),
      [{ path: "a file.txt", what: "is a directory and was a file" }],
    ],
  ])("names %s", async (_what, spoil, differences) => {
    await declare();
    const { ended, evidence } = await drill({}, spoiling(spoil));
    expect(evidence!.differences).toEqual({ count: differences.length, listed: differences });
    expect(evidence!.verdict).toBe("failed");
    expect(ended).toMatchObject({
      outcome: "failed",
      message: `${differences.length} of 6 entries differ from the recovery point`,
    });
    expect(await readdir(place)).toEqual([]);
  });

  it("names what a damaged store can no longer give, and restores the rest", async () => {
    await writeFile(join(ground.share, "large"), Buffer.alloc(300_000, "unlike anything else "));
    await run();
    await declare();
    await flipPacks();
    const { ended, evidence } = await drill();
    expect(ended).toMatchObject({
      outcome: "failed",
      message: "a recovery point could not be restored whole; 1 of 7 entries differ from the recovery point",
    });
    expect(evidence).toMatchObject({
      verdict: "failed",
      files: 2,
      differences: { count: 1, listed: [{ path: "large", what: "missing" }] },
    });
    expect(await readdir(place)).toEqual([]);
  });

  it("takes each source of the newest whole set into a folder of its own", async () => {
    const other = join(ground.root, "other");
    await mkdir(other);
    await writeFile(join(other, "b"), "12345");
    await ground.addSchedule("shares", {
      sources: { files: { kind: "file-share", path: ground.share }, more: { kind: "file-share", path: other } },
    });
    await run();
    await declare({
      drill: {
        every: "7d",
        checks: { there: { kind: "file-present", path: "more/b" }, enough: { kind: "minimum-files", count: 3 } },
      },
    });
    const { evidence } = await drill();
    expect(evidence).toMatchObject({
      verdict: "passed",
      files: 3,
      points: [{ source: "files" }, { source: "more" }],
      checks: [{ passed: true }, { passed: true }],
    });
  });

  it("of a sample restores and compares that many files, drawn by a seed that is recorded, and what checks ask for", async () => {
    for (let index = 0; index < 40; index++) await writeFile(join(ground.share, `file ${index}`), String(index));
    await run();
    await declare({ drill: { every: "7d", scope: { sample: 5 } } });
    const { evidence } = await drill();
    expect(evidence).toMatchObject({
      verdict: "passed",
      files: 5,
      compared: 5,
      scope: { sample: 5, seed: evidence!.run },
    });
    await declare({
      drill: {
        every: "7d",
        scope: { sample: 1 },
        checks: { there: { kind: "file-present", path: "folder/ünïcode.txt" } },
      },
    });
    expect((await drill()).evidence).toMatchObject({ verdict: "passed", checks: [{ name: "there", passed: true }] });
  });

  it("fails when a declared check does, and runs the others all the same", async () => {
    await declare({
      drill: {
        every: "7d",
        checks: {
          a: { kind: "file-present", path: "absent" },
          b: { kind: "minimum-files", count: 3 },
          c: {
            kind: "command",
            command: [
              "node",
              "-e",
              "console.log('SECRET'); process.exit(require('fs').existsSync('a file.txt') ? 9 : 8)",
            ],
          },
          d: { kind: "command", command: ["node", "-e", "process.exit(0)"] },
        },
      },
    });
    const { ended, evidence } = await drill();
    expect(ended.message).toBe(
      "check a: the file is not there; check b: there are 2 files, at least 3 are expected; check c: the command ended with exit code 9",
    );
    expect(evidence!.checks.map(({ passed }) => passed)).toEqual([false, false, false, true]);
  });

  it("says when the restore took longer than it may", async () => {
    await declare({ maxRestoreTime: "1s" });
    const { ended, tooSlow } = await drill(
      {},
      spoiling(() => new Promise((resolve) => setTimeout(resolve, 1_100))),
    );
    expect(ended.outcome).toBe("succeeded");
    expect(tooSlow).toMatch(/^the restore took \d+s, limit 1s$/);
  });

  it("of samples comes to every file in the end, and says how many are left", async () => {
    for (let index = 0; index < 10; index++) await writeFile(join(ground.share, `file ${index}`), String(index));
    await run();
    await declare({ drill: { every: "7d", scope: { sample: 5 } } });
    const left: number[] = [];
    while (left.at(-1) !== 0) {
      const { scope } = (await drill()).evidence!;
      if (scope === "full") throw new Error("it was no sample");
      left.push(scope.neverDrilled!.left);
      expect(left.length).toBeLessThan(5);
    }
    expect(left).toEqual([7, 3, 0]);
    await writeFile(join(ground.share, "file 3"), "another content");
    await run();
    expect((await drill()).evidence?.scope).toMatchObject({ neverDrilled: { restored: 1, left: 0 } });
    const remembered = await readFile(join(ground.home.evidence, "target", "drilled"), "latin1");
    expect(remembered).toHaveLength(13 * 8);
  });

  it("of a recovery set drawn at random takes one of the window", async () => {
    for (const at of ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z"]) {
      process.env.BACKUP_POSTURE_NOW = at;
      await run();
    }
    try {
      process.env.BACKUP_POSTURE_NOW = "2026-02-03T00:00:00Z";
      await declare({ drill: { every: "7d", point: { randomWithin: "7d" } } });
      for (let round = 0; round < 3; round++) {
        const { evidence } = await drill();
        expect(evidence).toMatchObject({ verdict: "passed", drawn: { within: "7d", from: 2 } });
        expect(evidence!.points[0]!.startedAt).toMatch(/^2026-02-0[12]T/);
      }
      await declare({ drill: { every: "7d", point: { randomWithin: "1h" } } });
      expect((await drill()).ended.message).toContain("has no recovery set of the last 1h that is whole");
    } finally {
      delete process.env.BACKUP_POSTURE_NOW;
    }
  });

  it("compares with the source as far as that has not changed since", async () => {
    await declare({ drill: { every: "7d", compareWithSource: true } });
    await writeFile(join(ground.share, "a file.txt"), "another");
    expect((await drill()).evidence).toMatchObject({
      verdict: "passed",
      withSource: { compared: 1, changedSince: 1, unreadable: 0, differences: { count: 0 }, notComparable: [] },
    });
  });

  it("finds a source that differs although nothing was done to it since", async () => {
    const path = join(ground.share, "folder", "ünïcode.txt");
    const reference = join(ground.root, "reference");
    // The capture begins, as its clock has it, later than the source is spoilt.
    process.env.BACKUP_POSTURE_NOW = "2099-01-01T00:00:00Z";
    try {
      await run();
      execFileSync("touch", ["-r", path, reference]);
      await writeFile(path, "owt");
      execFileSync("touch", ["-r", reference, path]);
      await declare({ drill: { every: "7d", compareWithSource: true } });
      const { ended, evidence } = await drill();
      expect(evidence?.withSource).toMatchObject({
        compared: 2,
        differences: { count: 1, listed: [{ path: "folder/ünïcode.txt", what: "differs from the source" }] },
      });
      expect(ended.message).toBe("1 of 2 files differ from the source, which has not changed since");
    } finally {
      delete process.env.BACKUP_POSTURE_NOW;
    }
  });

  it("fails when the source is to be compared, and nobody here knows where it is", async () => {
    await declare({ drill: { every: "7d", compareWithSource: true } });
    await rm(join(ground.home.jobs, "shares.json"));
    expect((await drill()).ended.message).toBe("no tree of files on this host is known for source files");
  });

  it("moves no more bytes a second than it may, and says so", async () => {
    await writeFile(join(ground.share, "large"), Buffer.alloc(100_000, "unlike anything else "));
    await run();
    await declare({ drill: { every: "7d", limit: { bytesPerSecond: 200_000 } } });
    const { evidence } = await drill();
    expect(evidence).toMatchObject({ verdict: "passed", limit: { bytesPerSecond: 200_000 } });
    expect(evidence!.restoreMilliseconds).toBeGreaterThan(490);
  });

  it("is not limited by a store that cannot be", async () => {
    await declare({ drill: { every: "7d", limit: { bytesPerSecond: 200_000 } } });
    const { ended } = await drill(
      {},
      spoiling(async () => undefined),
    );
    expect(ended.message).toContain("a directory store cannot hold back its restores");
  });

  it("restores nothing where too little would stay free", async () => {
    await declare({ drill: { every: "7d", limit: { leaveFree: 1_000_000_000_000_000 } } });
    let restored = false;
    const { ended, evidence } = await drill(
      {},
      spoiling(async () => {
        restored = true;
      }),
    );
    expect(ended.message).toMatch(
      /has too little free space: up to \d+ bytes are needed, and 1000000000000000 must stay free/,
    );
    expect({ verdict: evidence?.verdict, restored }).toEqual({ verdict: "failed", restored: false });
    expect(await readdir(place)).toEqual([]);
  });

  (process.getuid?.() === 0 && process.platform === "linux" ? it : it.skip)(
    "stops while its place runs full, and leaves nothing in it",
    async () => {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", place]);
      try {
        await declare({ drill: { every: "7d", limit: { leaveFree: 1_000_000 } } });
        const fill = async (_root: string, stop: AbortSignal) => {
          await writeFile(join(place, "of somebody else"), Buffer.alloc(3_500_000));
          await once(stop, "abort");
          stop.throwIfAborted();
        };
        const { evidence } = await drill({}, spoiling(fill));
        expect(evidence).toMatchObject({
          verdict: "failed",
          message: expect.stringContaining("was running full") as string,
        });
        expect(await readdir(place)).toEqual(["of somebody else"]);
      } finally {
        execFileSync("umount", [place]);
      }
    },
  );

  it("without a place, a point, or room is evidence of that, and makes no place", async () => {
    await declare({ to: join(ground.root, "absent") });
    expect(await drill()).toMatchObject({
      ended: { outcome: "failed", message: `the place ${join(ground.root, "absent")} is unusable: it is not there` },
      evidence: { verdict: "failed", compared: 0 },
    });
    expect(await readdir(ground.root)).not.toContain("absent");
    await declare({ from: { schedule: "nothing", store: { kind: "directory", path: ground.store } } });
    expect((await drill()).ended.message).toContain("has no recovery set that is whole and undamaged");
  });

  it("that was killed is journalled as interrupted, and the next one removes its scratch folder and no other", async () => {
    await declare();
    await appendRecord(ground.home, "target", {
      event: "started",
      run: "20260101T000000Z-dead",
      at: "2026-01-01T00:00:00Z",
      verb: "drill",
      pid: 1,
    });
    await mkdir(join(place, ".backup-posture-drill-20260101T000000Z-dead", "deep"), { recursive: true });
    await mkdir(join(place, ".backup-posture-drill-of-somebody-else"));
    await drill();
    expect(await readdir(place)).toEqual([".backup-posture-drill-of-somebody-else"]);
    expect(
      (await readJournal(ground.home, "target")).map((record) =>
        record.event === "ended" ? record.outcome : record.event,
      ),
    ).toEqual(["started", "interrupted", "started", "succeeded"]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ["the next one", () => drill()],
    ["the removal of its target", () => clearRemains(ground.home, "target")],
  ])("that was killed with all of it restored leaves nothing after %s", async (_what, after) => {
    const kill = ["node", "-e", "process.kill(process.ppid, 'SIGKILL')"];
    await declare({ drill: { every: "7d", checks: { kill: { kind: "command", command: kill } } } });
    const binary = join(__dirname, "../../../provider/bin/backup-posture.js");
    expect(spawnSync(process.execPath, [binary, "--home", ground.home.root, "drill", "target"]).signal).toBe("SIGKILL");
    const [scratch = ""] = await readdir(place);
    expect((await readdir(join(place, scratch))).sort()).toEqual(["a file.txt", "empty", "folder", "link"]);
    await declare();
    await after();
    expect(await readdir(place)).toEqual([]);
    expect(await readdir(join(ground.home.root, "staging"))).toEqual([]);
  });

  it("that is stopped leaves no evidence and no scratch folder", async () => {
    await declare();
    const stop = new AbortController();
    const { ended, evidence } = await drill(
      { signal: stop.signal },
      spoiling(async () => stop.abort()),
    );
    expect(ended).toMatchObject({ outcome: "failed", message: "stopped before it was complete" });
    expect(evidence).toBeNull();
    expect(await readdir(place)).toEqual([]);
  });

  it("adds nothing to broken evidence, and begins anew when told so", async () => {
    await declare();
    await drill();
    const [name] = (await readdir(join(ground.home.evidence, "target"))).filter((each) => each !== "head.json");
    const path = join(ground.home.evidence, "target", name!);
    await writeFile(path, (await readFile(path, "utf8")).replace('"passed"', '"failed"'));
    expect(await drill()).toMatchObject({
      ended: { outcome: "failed", message: expect.stringContaining("--restart-evidence") as string },
      evidence: null,
    });
    expect(await drill({ restartEvidence: true })).toMatchObject({
      ended: { outcome: "succeeded" },
      evidence: { sequence: 1 },
    });
    expect((await readEvidence(ground.home, "target")).chain).toEqual({ state: "ok" });
  });

  it("is refused as locked while another goes on", async () => {
    await declare();
    const lock = await acquireLock(join(ground.home.locks, "target.lock"), { what: "another drill" });
    await expect(drill()).rejects.toMatchObject({ kind: "locked" });
    await lock.release();
  });
});

/** Changes something and sets the time of what is at the path back, to the microsecond that Node can set. */
async function keepingTime(root: string, name: string, change: (path: string) => Promise<void>): Promise<void> {
  const path = join(root, name);
  const before = (await lstat(path, { bigint: true })).mtimeNs;
  await change(path);
  const seconds = Number(before / 1_000n) / 1_000_000;
  await utimes(path, seconds, seconds);
}

async function flipPacks(): Promise<void> {
  const names = await readdir(ground.store, { recursive: true, withFileTypes: true });
  for (const name of names.filter((each) => each.isFile() && /pack/.test(each.parentPath))) {
    const path = join(name.parentPath, name.name);
    const bytes = await readFile(path);
    if (bytes.length < 200_000) continue;
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    await chmod(path, 0o600);
    await writeFile(path, bytes);
  }
}
