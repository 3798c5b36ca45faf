import { execFileSync, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import fs, {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DirectoryStore } from "../../provider/snapshot/stores/directory/directory-store";
import { layOut } from "../../provider/snapshot/stores/directory/layout";
import { holdExclusive, holdShared } from "../../provider/snapshot/stores/directory/store-lock";
import type { Store } from "../../provider/snapshot/stores/store";
import { Chance } from "./harness/campaign";
import { actInProcess, lookAtPoint, makeStore, plant, requestFor } from "./harness/store-work";
import { lookAt } from "./harness/tree-look";

const { signal } = new AbortController();

/** Mounting, and becoming another account, is for root only. */
const asRoot = process.getuid?.() === 0 ? it : it.skip;

describe("real faults", () => {
  let work: string;
  let tree: string;
  let store: Store;
  const undo: (() => void)[] = [];

  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), "faults-"));
    chmodSync(work, 0o755);
    tree = join(work, "tree");
    plant(tree, new Chance("faults"), 20);
    store = await makeStore(join(work, "store"));
  });

  afterEach(() => {
    putBack();
    rmSync(work, { recursive: true, force: true });
  });

  const captureAt = (startedAt: string) => store.capture(requestFor(tree, startedAt), signal);
  const expectGood = async (id: string) =>
    expect(await store.verify(id, "content", signal)).toMatchObject({ damagedFiles: 0 });

  asRoot("a full disk ends the capture with a clear error, and the store as it was", async () => {
    const disk = join(work, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]);
    try {
      const full = await makeStore(join(disk, "store"));
      const point = await full.capture(requestFor(tree, "2026-11-01T01:00:00Z"), signal);
      writeFileSync(join(tree, "too large"), randomBytes(4_000_000));
      await expect(full.capture(requestFor(tree, "2026-11-02T01:00:00Z"), signal)).rejects.toThrow(/the store is full/);
      expect(await full.list({}, signal)).toEqual([point]);
      expect(await full.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
      expect(readdirSync(join(disk, "store", "tmp"))).toEqual([]);
      rmSync(join(tree, "too large"));
      await full.capture(requestFor(tree, "2026-11-03T01:00:00Z"), signal);
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  asRoot("a full disk ends the restore with a clear error", async () => {
    writeFileSync(join(tree, "too large"), randomBytes(4_000_000));
    const point = await captureAt("2026-11-01T01:00:00Z");
    const disk = join(work, "disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]);
    try {
      await expect(store.restore(point.id, { to: join(disk, "to") }, signal)).rejects.toMatchObject({
        kind: "transient",
      });
    } finally {
      execFileSync("umount", [disk]);
    }
    await expectGood(point.id);
  });

  asRoot("what another account may not read is named, and the rest is kept", async () => {
    const other = join(work, "other");
    mkdirSync(other);
    chownSync(other, 65_534, 65_534);
    chmodSync(join(tree, "closed"), 0o000);
    const child = asNobody(`
      const { openStore } = require(${JSON.stringify(builtStores)});
      const store = openStore({ kind: "directory", path: ${JSON.stringify(join(other, "store"))} });
      const { signal } = new AbortController();
      (async () => {
        await store.initialise(signal);
        const point = await store.capture({ schedule: "s", source: "s", set: { id: "1", sources: ["s"] }, owner: null,
          startedAt: new Date(), tree: { root: ${JSON.stringify(tree)}, exclude: [] } }, signal);
        const { damagedFiles } = await store.verify(point.id, "content", signal);
        const restored = await store.restore(point.id, { to: ${JSON.stringify(join(other, "to"))} }, signal);
        console.log(JSON.stringify({ skipped: point.fidelity.skipped, warning: point.fidelity.warnings.find(({ path }) => path === "closed")?.why, damagedFiles, restored: restored.files === point.files }));
      })();
    `);
    expect(child.stderr).toBe("");
    expect(JSON.parse(child.stdout)).toMatchObject({
      skipped: 1,
      restored: true,
      damagedFiles: 0,
      warning: "file may not be read by this account",
    });
  });

  asRoot("a store that may not be written is unreachable for a capture, and can still be read", async () => {
    const point = await captureAt("2026-11-01T01:00:00Z");
    execFileSync("chmod", ["-R", "a+rX,go-w", join(work, "store")]);
    const child = asNobody(`
      const { openStore } = require(${JSON.stringify(builtStores)});
      const store = openStore({ kind: "directory", path: ${JSON.stringify(join(work, "store"))} });
      const { signal } = new AbortController();
      (async () => {
        const failure = await store.capture({ schedule: "s", source: "s", set: { id: "1", sources: ["s"] }, owner: null,
          startedAt: new Date(), tree: { root: ${JSON.stringify(join(tree, "folder 0"))}, exclude: [] } }, signal).catch((error) => error);
        const { damagedFiles } = await store.verify(${JSON.stringify(point.id)}, "content", signal);
        console.log(JSON.stringify({ name: failure.name, kind: failure.kind, damagedFiles }));
      })();
    `);
    expect(child.stderr).toBe("");
    expect(JSON.parse(child.stdout)).toEqual({ name: "PostureError", kind: "unreachable", damagedFiles: 0 });
  });

  asRoot("FIFOs, sockets and devices are named and never opened", async () => {
    execFileSync("mkfifo", [join(tree, "a fifo")]);
    execFileSync("mknod", [join(tree, "a device"), "c", "1", "3"]);
    const server = createServer().listen(join(tree, "a socket"));
    try {
      const { id, fidelity } = await captureAt("2026-11-01T01:00:00Z");
      expect(fidelity.skipped).toBe(3);
      expect(fidelity.warnings).toEqual([
        { path: "a device", why: "character device is not kept" },
        { path: "a fifo", why: "FIFO is not kept" },
        { path: "a socket", why: "socket is not kept" },
      ]);
      await expectGood(id);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });

  it("a file that grows whenever it is read is kept, and named", async () => {
    const path = join(tree, "growing");
    writeFileSync(path, "begin");
    onEachRead(() => fs.appendFileSync(path, " and more"));
    const { id, fidelity } = await captureAt("2026-11-01T01:00:00Z");
    putBack();
    expect(fidelity.skipped).toBe(1);
    expect(fidelity.warnings).toEqual([
      { path: "growing", why: "changed whenever it was read: what was kept may be of several moments" },
    ]);
    await expectGood(id);
    const next = await captureAt("2026-11-02T01:00:00Z");
    expect(await lookAtPoint(store, next.id, work)).toEqual(lookAt(tree));
  });

  it("a file that changes once while it is read is read again", async () => {
    const path = join(tree, "growing");
    writeFileSync(path, "begin");
    let changed = false;
    onEachRead(() => {
      if (!changed) fs.appendFileSync(path, " and more");
      changed = true;
    });
    const { id, fidelity } = await captureAt("2026-11-01T01:00:00Z");
    expect(fidelity.skipped).toBe(0);
    expect(await lookAtPoint(store, id, work)).toEqual(lookAt(tree));
  });

  it("a file that vanishes while it is read is named", async () => {
    const path = join(tree, "vanishing");
    writeFileSync(path, "soon gone");
    before("openSync", (opened) => {
      if (String(opened).endsWith("/vanishing")) rmSync(path, { force: true });
    });
    const { id, fidelity } = await captureAt("2026-11-01T01:00:00Z");
    expect(fidelity).toMatchObject({
      skipped: 1,
      warnings: [{ path: "vanishing", why: "file vanished while it was read" }],
    });
    await expectGood(id);
  });

  it.each(["before it is opened", "while it is read"])(
    "a directory that is replaced by a symlink %s does not lead out of the tree",
    async (moment) => {
      const secret = join(work, "secret");
      mkdirSync(secret);
      writeFileSync(join(secret, "password"), "hunter2");
      mkdirSync(join(tree, "victim"));
      writeFileSync(join(tree, "victim", "password"), "harmless");
      const swap = () => {
        renameSync(join(tree, "victim"), join(work, "aside"));
        symlinkSync(secret, join(tree, "victim"));
      };
      let swapped = false;
      const isMoment = (subject: unknown) =>
        moment === "while it is read" ? isOpenVictim(subject) : String(subject).endsWith("/victim");
      before(moment === "while it is read" ? "readdirSync" : "openSync", (subject) => {
        if (swapped || !isMoment(subject)) return;
        swapped = true;
        swap();
      });
      const point = await captureAt("2026-11-01T01:00:00Z");
      putBack();
      expect(swapped).toBe(true);
      const digests: string[] = [];
      for await (const entry of store.entries(point.id, signal))
        if (entry.path.toString().startsWith("victim/")) digests.push(`${entry.path.toString()} ${entry.size}`);
      expect(digests).toEqual(moment === "while it is read" ? ["victim/password 8"] : []);
      expect(point.fidelity.skipped).toBe(moment === "while it is read" ? 0 : 1);
      await expectGood(point.id);
    },
  );

  it("a clock that jumps neither hides a change nor a point", async () => {
    const future = await captureAt("2031-01-01T00:00:00Z");
    writeFileSync(join(tree, "file 1 new"), "later");
    process.env.BACKUP_POSTURE_NOW = "2020-01-01T00:00:00Z";
    try {
      const present = await captureAt("2026-11-02T01:00:00Z");
      expect(await lookAtPoint(store, present.id, work)).toEqual(lookAt(tree));
      expect((await store.list({}, signal)).map(({ id }) => id)).toEqual([present.id, future.id]);
    } finally {
      delete process.env.BACKUP_POSTURE_NOW;
    }
  });

  it("a prune waits for whoever reads or writes, they wait for it, and each says for whom", async () => {
    const point = await captureAt("2026-11-01T01:00:00Z");
    const layout = layOut(join(work, "store"));
    const patience = { exclusive: 100, shared: 100 };
    const impatient = new DirectoryStore(layout.root, patience);
    const reading = await holdShared(layout, "session", "a restore of something", patience, signal);
    await expect(impatient.forget([point.id], {}, signal)).rejects.toThrow(
      /held by a restore of something, process \d+/,
    );
    expect(await store.list({}, signal)).toEqual([point]);
    await reading.release();
    const pruning = await holdExclusive(layout, "a prune", patience, signal);
    const capture = impatient.capture(requestFor(tree, "2026-11-02T01:00:00Z"), signal);
    await expect(capture).rejects.toMatchObject({ kind: "locked" });
    await expect(impatient.verify(point.id, "content", signal)).rejects.toThrow(/held by a prune, process \d+/);
    await pruning.release();
    await impatient.forget([point.id], {}, signal);
    expect(await store.list({}, signal)).toEqual([]);
  });

  it("a lock of a process that was killed is taken over", () => {
    const killed = actInProcess(["capture", join(work, "store"), tree, "2026-11-01T01:00:00Z"], { KILL_AT: "8" });
    expect(killed.signal).toBe("SIGKILL");
    expect(readdirSync(join(work, "store", "locks", "shared")).length).toBe(1);
    expect(actInProcess(["forget", join(work, "store")]).stderr).toBe("");
    expect(readdirSync(join(work, "store", "locks", "shared"))).toEqual([]);
    expect(readdirSync(join(work, "store", "tmp"))).toEqual([]);
  });

  function onEachRead(act: () => void): void {
    before("readSync", (file) => {
      if (nameOfOpen(file).endsWith("/growing")) act();
    });
  }

  /** Has something happen just before each call of a function of the file system. */
  function before(name: "openSync" | "readdirSync" | "readSync", act: (subject: unknown) => void): void {
    const original = fs[name];
    const value = (...input: unknown[]): unknown => {
      act(input[0]);
      return Reflect.apply(original, fs, input);
    };
    Object.defineProperty(fs, name, { value, configurable: true, writable: true });
    undo.push(() => Object.defineProperty(fs, name, { value: original, configurable: true, writable: true }));
  }

  function putBack(): void {
    for (const step of undo.splice(0)) step();
  }
});

const builtStores = join(__dirname, "../../provider/dist/snapshot/stores/index.js");

function nameOfOpen(file: unknown): string {
  return fs.readlinkSync(`/proc/self/fd/${String(file)}`);
}

function isOpenVictim(path: unknown): boolean {
  const found = /^\/proc\/self\/fd\/(\d+)\/$/.exec(String(path));
  return found !== null && nameOfOpen(found[1]).endsWith("/victim");
}

function asNobody(script: string) {
  return spawnSync(
    "setpriv",
    ["--reuid", "65534", "--regid", "65534", "--clear-groups", process.execPath, "-e", script],
    {
      encoding: "utf8",
      cwd: "/",
    },
  );
}
