import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PostureError } from "../../provider/platform/errors";
import { ResticStore } from "../../provider/snapshot/stores/restic/restic-store";
import type { Store } from "../../provider/snapshot/stores/store";
import { makeRequest } from "../contract/store-conformance";
import { makeKeyCheap, makeResticPlace, type ResticPlace } from "../fixtures/restic-place";

const { signal } = new AbortController();
const isRoot = process.getuid?.() === 0;
const later = { startedAt: new Date("2026-11-20T01:00:00Z") };

describe("a restic repository, sabotaged", () => {
  let place: ResticPlace;
  let store: Store;
  let tree: string;

  beforeEach(async () => {
    place = await makeResticPlace();
    tree = join(place.root, "tree");
    await mkdir(tree);
    await writeFile(join(tree, "letter.txt"), "Dear reader,");
    store = open();
  });

  afterEach(() => place.dispose());

  function open(exclusive = 20_000): Store {
    const { folder, password } = place;
    return new ResticStore({ kind: "restic", repository: folder, password }, { exclusive });
  }

  async function prepare() {
    await store.initialise(signal);
    await makeKeyCheap(place.folder);
    return store.capture(makeRequest(tree), signal);
  }

  function restic(...command: readonly string[]): readonly [string, readonly string[], { env: NodeJS.ProcessEnv }] {
    const env = { ...process.env, RESTIC_REPOSITORY: place.folder, RESTIC_PASSWORD_FILE: place.password.file };
    return ["restic", ["--no-cache", ...command], { env }];
  }

  /** A backup that waits for its input, and holds its lock meanwhile. */
  async function holdLock(): Promise<ChildProcess> {
    const [file, command, options] = restic("backup", "--stdin");
    const child = spawn(file, command, { ...options, stdio: ["pipe", "ignore", "ignore"] });
    const isLock = (name: string) => !name.includes("tmp");
    while (!(await readdir(join(place.folder, "locks"))).some(isLock)) await delay(20);
    return child;
  }

  it("is pruned where the lock's process is dead", async () => {
    const point = await prepare();
    const child = await holdLock();
    child.kill("SIGKILL");
    await once(child, "exit");
    await store.forget([point.id], {}, signal);
    expect(await store.list({}, signal)).toEqual([]);
    expect(await readdir(join(place.folder, "locks"))).toEqual([]);
  });

  it("is left alone while the lock's process lives, which is named", async () => {
    const point = await prepare();
    const child = await holdLock();
    try {
      await expect(open(0).forget([point.id], {}, signal)).rejects.toThrow(
        new RegExp(`held by process ${child.pid ?? 0} on \\S+, since \\d{4}-.*; try again when it has ended`),
      );
      await expect(open(0).forget([point.id], {}, signal)).rejects.toMatchObject({ kind: "locked" });
      expect(await store.list({}, signal)).toEqual([point]);
      const second = await store.capture(makeRequest(tree, later), signal);
      expect(await store.list({}, signal)).toEqual([point, second]);
    } finally {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
  });

  it("is unreachable with a wrong password, and as it was with the right one", async () => {
    const point = await prepare();
    const right = "correct horse battery staple";
    await writeFile(place.password.file, "wrong");
    for (const action of [
      () => store.list({}, signal),
      () => store.capture(makeRequest(tree, later), signal),
      () => store.initialise(signal),
      () => store.forget([point.id], {}, signal),
    ])
      await expect(action()).rejects.toMatchObject({
        kind: "unreachable",
        message: `${place.folder}: the password is wrong; correct what the store's password refers to`,
      });
    await writeFile(place.password.file, right);
    expect(await store.list({}, signal)).toEqual([point]);
  });

  it("is unreachable where its configuration is damaged", async () => {
    await prepare();
    const configuration = join(place.folder, "config");
    await chmod(configuration, 0o600);
    await writeFile(configuration, randomBytes(155));
    await expect(store.list({}, signal)).rejects.toMatchObject({ kind: "unreachable" });
    await expect(store.initialise(signal)).rejects.toBeInstanceOf(PostureError);
  });

  it("forgets what a capture has left that was killed before it was complete", async () => {
    const point = await prepare();
    const tags = ["backup-posture", "schedule=nightly", "source=share", "set=run-2"].flatMap((tag) => ["--tag", tag]);
    const [file, command, options] = restic("backup", ...tags, tree);
    execFileSync(file, command, { ...options, stdio: "ignore" });
    expect(await store.list({}, signal)).toEqual([point]);
    const next = await store.capture(makeRequest(tree, later), signal);
    expect(await store.list({}, signal)).toEqual([point, next]);
    expect(await readdir(join(place.folder, "snapshots"))).toHaveLength(4);
  });

  it("leaves the snapshots of others alone, and lists none of them", async () => {
    const point = await prepare();
    const [file, command, options] = restic("backup", "--tag", "mine", tree);
    execFileSync(file, command, { ...options, stdio: "ignore" });
    expect(await store.list({}, signal)).toEqual([point]);
    await store.forget([point.id], {}, signal);
    expect(await readdir(join(place.folder, "snapshots"))).toHaveLength(1);
  });

  it("says that its disk is full, and keeps what it has", async () => {
    if (!isRoot) return;
    await mkdir(place.folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", place.folder]);
    try {
      const point = await prepare();
      await writeFile(join(tree, "large"), randomBytes(20_000_000));
      await expect(store.capture(makeRequest(tree, later), signal)).rejects.toMatchObject({
        kind: "transient",
        message: expect.stringContaining("the store is full") as unknown,
      });
      expect(await store.list({}, signal)).toEqual([point]);
      expect(await store.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
    } finally {
      execFileSync("umount", ["-l", place.folder]);
    }
  });
});
