import { appendFile, mkdir, readdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { PostureError } from "../../../provider/platform/errors";
import { copySchedule } from "../../../provider/runner/copy";
import type { Drivers } from "../../../provider/runner/drivers";
import { describeHome } from "../../../provider/runner/home";
import { HomeView } from "../../../provider/runner/home-view";
import { findJob, type ScheduleJob } from "../../../provider/runner/job";
import { lockCopies } from "../../../provider/runner/job-lock";
import { appendRecord, readJournal, type SetsCopied } from "../../../provider/runner/journal";
import { observeSchedule } from "../../../provider/runner/observe";
import { markOf } from "../../../provider/runner/places";
import { pruneSchedule } from "../../../provider/runner/prune";
import { planPurge, purge } from "../../../provider/runner/purge";
import { runSchedule } from "../../../provider/runner/run";
import { openStore } from "../../../provider/snapshot/stores";
import type { StoreDeclaration } from "../../../provider/snapshot/stores/schema";
import type { PointEntry, Store } from "../../../provider/snapshot/stores/store";
import { openSource } from "../../../provider/sources/index";
import { type MemoryStore, makeMemoryStore } from "../../fixtures/memory-store";
import { type Ground, makeGround } from "../../fixtures/posture";

const { signal } = new AbortController();
let ground: Ground;
let own: MemoryStore;
let offsite: MemoryStore;
let drivers: Drivers;

const offsiteStore: StoreDeclaration = { kind: "directory", path: "/mnt/offsite" };

beforeEach(async () => {
  ground = await makeGround();
  own = makeMemoryStore();
  offsite = makeMemoryStore();
  drivers = { openStore: (declared) => (isDeepStrictEqual(declared, offsiteStore) ? offsite : own), openSource };
});
afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await ground.remove();
});

const at = (time: string) => {
  process.env.BACKUP_POSTURE_NOW = `2026-11-${time}:00Z`;
};

async function declare(
  copy: Partial<NonNullable<ScheduleJob["declaration"]["copies"]>[string]> = {},
  more: Partial<ScheduleJob["declaration"]> = {},
): Promise<void> {
  await ground.addSchedule("shares", { copies: { offsite: { store: offsiteStore, ...copy } }, ...more });
}

const run = () => runSchedule(ground.home, "shares", { signal }, drivers);
const copy = (options: Partial<Parameters<typeof copySchedule>[2]> = {}) =>
  copySchedule(ground.home, "shares", { signal, ...options }, drivers);
const setsIn = async (store: Store) => (await store.list({ schedule: "shares" }, signal)).map(({ set }) => set.id);

/** A recovery set of the schedule's own store that began on a day of November. */
const capture = (day: number, more: Partial<Parameters<Store["capture"]>[0]> = {}) =>
  own.capture(
    {
      schedule: "shares",
      source: "files",
      set: { id: `set-${String(day).padStart(2, "0")}`, sources: ["files"] },
      owner: "urn:test",
      startedAt: new Date(Date.UTC(2026, 10, day)),
      tree: { root: ground.share, exclude: [] },
      ...more,
    },
    signal,
  );

const copiedRecords = async () =>
  (await readJournal(ground.home, "shares")).filter((record): record is SetsCopied => record.event === "copied");

describe("copying", () => {
  it("brings a recovery set over as it is: source, set, owner, and the start from which its age counts", async () => {
    at("19T01:00");
    await declare();
    const ended = await run();
    const taken = [...own.held.values()][0]!.point;
    at("19T05:00");
    expect(await copy()).toMatchObject([
      { outcome: "succeeded", copy: "offsite", sets: [{ id: ended.run, startedAt: "2026-11-19T01:00:00.000Z" }] },
    ]);
    const [copied] = await offsite.list({ schedule: "shares" }, signal);
    const { source, set, owner, startedAt, digest, files, bytes } = taken;
    expect(copied).toMatchObject({ source, set, owner, startedAt, digest, files, bytes });
  });

  it("reads nothing from the sources: they may be gone by then", async () => {
    await declare();
    await run();
    await rm(ground.share, { recursive: true });
    expect(await copy()).toMatchObject([{ outcome: "succeeded", sets: [{}] }]);
  });

  it("makes up for what the copy lacks, the newest first and not all at once", async () => {
    at("19T01:00");
    await declare();
    for (const day of [1, 3, 2, 5, 4]) await capture(day);
    const order: string[] = [];
    offsite.beforeCapture = async ({ set }) => void order.push(set.id);
    await copy({ atMost: 2 });
    expect(order).toEqual(["set-05", "set-04"]);
    await capture(6);
    await copy({ atMost: 3 });
    expect(order).toEqual(["set-05", "set-04", "set-06", "set-03", "set-02"]);
    await copy();
    expect(await setsIn(offsite)).toEqual(["set-01", "set-02", "set-03", "set-04", "set-05", "set-06"]);
    expect(await copy()).toEqual([]);
  });

  it("copies only what counts: nothing in parts, damaged or from the future, and nothing that its retention lets go at once", async () => {
    at("19T01:00");
    await declare({ keep: { daily: 2 } });
    for (const day of [1, 2, 3]) await capture(day);
    await capture(4, { set: { id: "in-parts", sources: ["files", "more"] } });
    await capture(25, { set: { id: "future", sources: ["files"] } });
    const damaged = await capture(5, { set: { id: "damaged", sources: ["files"] } });
    own.held.set(damaged.id, { ...own.held.get(damaged.id)!, point: { ...damaged, damage: "it is" } });
    expect(await copy()).toMatchObject([{ outcome: "succeeded" }]);
    expect(await setsIn(offsite)).toEqual(["set-02", "set-03"]);
    at("26T01:00");
    await copy();
    expect(await setsIn(offsite)).toEqual(["set-03", "future"]);
  });

  it("keeps pins, and prunes by the copy's own retention only", async () => {
    at("19T01:00");
    await declare({ keep: { last: 1 } }, { keep: { last: 5 } });
    await capture(1, { pinnedBy: "before-migration" });
    await copy();
    await capture(2);
    await copy();
    await capture(3);
    expect(await copy()).toMatchObject([{ outcome: "succeeded", pruned: 1 }]);
    expect(await setsIn(offsite)).toEqual(["set-01", "set-03"]);
    expect([...offsite.held.values()][0]!.point.pinnedBy).toBe("before-migration");
    expect(own.held.size).toBe(3);
    expect(await readJournal(ground.home, "shares")).toMatchObject([
      {},
      {},
      { event: "forgot", why: "retention", copy: "offsite", sets: ["set-02"] },
      {},
    ]);
  });

  it("can be pruned by itself", async () => {
    at("19T01:00");
    await declare();
    for (const day of [1, 2]) await capture(day);
    await copy();
    await declare({ keep: { last: 1 } });
    const pruned = await pruneSchedule(ground.home, "shares", { signal, copy: "offsite" }, drivers);
    expect(pruned.dropped.map(({ id }) => id)).toEqual(["set-01"]);
    expect([await setsIn(own), await setsIn(offsite)]).toEqual([["set-01", "set-02"], ["set-02"]]);
    await expect(pruneSchedule(ground.home, "shares", { signal, copy: "tape" }, drivers)).rejects.toMatchObject({
      kind: "usage",
      message: "shares: has no copy tape; it has offsite",
    });
  });

  it("copies what a run has taken meanwhile before it ends", async () => {
    at("19T01:00");
    await declare();
    await capture(1);
    let once = true;
    offsite.beforeForget = async () => undefined;
    offsite.afterCapture = async () => {
      if (once) await capture(2);
      once = false;
    };
    await copy({ atMost: 1 });
    expect(await setsIn(offsite)).toEqual(["set-01", "set-02"]);
  });

  it("is refused as locked while it goes on, and no run waits for it", async () => {
    await declare();
    const lock = await lockCopies(ground.home, "shares");
    expect(await run()).toMatchObject({ outcome: "succeeded" });
    await expect(copy()).rejects.toMatchObject({ kind: "locked" });
    await lock.release();
    expect(await copy()).toMatchObject([{ outcome: "succeeded" }]);
    expect(await readdir(ground.home.locks)).toEqual([]);
  });

  it("leaves nothing staged, whatever becomes of it", async () => {
    await declare();
    await run();
    offsite.afterCapture = async () => {
      throw new PostureError("unreachable", "the store went away");
    };
    await copy();
    offsite.afterCapture = async () => undefined;
    await copy();
    expect(await readdir(join(ground.home.root, "staging")).catch(() => [])).toEqual([]);
  });
});

describe("a copy that fails", () => {
  it("takes nothing from the run, is told in the journal, and is made up for", async () => {
    at("19T01:00");
    await declare();
    offsite.beforeCapture = async () => {
      throw Object.assign(new Error("ENOSPC: '/private/name'"), { code: "ENOSPC" });
    };
    expect(await run()).toMatchObject({ outcome: "succeeded", message: "" });
    expect(await copy()).toMatchObject([
      { outcome: "failed", message: "no space is left on the device (ENOSPC)", sets: [] },
    ]);
    at("19T02:00");
    offsite.beforeCapture = async () => undefined;
    await run();
    expect(await copy()).toMatchObject([{ outcome: "succeeded", sets: [{}, {}] }]);
  });

  it("because one set is damaged gets the others all the same, and is pruned", async () => {
    at("19T01:00");
    await declare({ keep: { last: 2 } });
    for (const day of [1, 2]) await capture(day);
    await copy();
    const bad = await capture(3);
    const restore = own.restore.bind(own);
    own.restore = async (id, ...rest) => {
      if (id === bad.id) throw new PostureError("permanent", "the recovery point is damaged");
      return restore(id, ...rest);
    };
    await capture(4);
    expect(await copy()).toMatchObject([
      {
        outcome: "failed",
        message: "the recovery set of 2026-11-03T00:00:00Z: the recovery point is damaged",
        sets: [{ id: "set-04" }],
        pruned: 1,
      },
    ]);
    expect(await setsIn(offsite)).toEqual(["set-02", "set-04"]);
  });

  it("is not pruned while it lacks the newest set", async () => {
    at("19T01:00");
    await declare({ keep: { last: 1 } });
    await capture(1);
    await copy();
    await capture(2);
    const failing = { ...offsite, capture: async () => Promise.reject(new PostureError("transient", "later")) };
    await copySchedule(
      ground.home,
      "shares",
      { signal },
      { ...drivers, openStore: (declared) => (isDeepStrictEqual(declared, offsiteStore) ? failing : own) },
    );
    expect(await setsIn(offsite)).toEqual(["set-01"]);
  });

  it("holds nothing that is not the same", async () => {
    await declare();
    await run();
    const entries = offsite.entries.bind(offsite);
    offsite.entries = async function* (id, given): AsyncGenerator<PointEntry> {
      for await (const entry of entries(id, given)) yield { ...entry, digest: "0".repeat(64) };
    };
    expect(await copy()).toMatchObject([
      { outcome: "failed", message: expect.stringContaining("its copy is not the same, 2 entries differ") as string },
    ]);
    expect(offsite.held.size).toBe(0);
  });

  it("is completed, or cleared up, after it was killed between two sources", async () => {
    at("19T01:00");
    await declare(
      {},
      { sources: { a: { kind: "file-share", path: ground.share }, b: { kind: "file-share", path: ground.share } } },
    );
    const stop = async ({ source }: { source: string }) => {
      if (source === "b") throw new PostureError("transient", "killed");
    };
    await run();
    offsite.beforeCapture = stop;
    await copy();
    expect(offsite.held.size).toBe(1);
    offsite.beforeCapture = async () => undefined;
    expect(await copy()).toMatchObject([{ outcome: "succeeded", sets: [{}] }]);
    expect(offsite.held.size).toBe(2);
    at("19T02:00");
    const second = await run();
    offsite.beforeCapture = stop;
    await copy();
    expect(offsite.held.size).toBe(3);
    offsite.beforeCapture = async () => undefined;
    await own.forget(second.points, {}, signal);
    await copy();
    expect(offsite.held.size).toBe(2);
  });
});

describe("what was given up in a copy, or lost", () => {
  it("is told apart by the journal, and what is lost is copied again while there is a source for it", async () => {
    at("19T01:00");
    await declare();
    for (const day of [1, 2]) await capture(day);
    await copy();
    const plan = (selection: Parameters<typeof planPurge>[3]) =>
      planPurge(
        ground.home,
        "shares",
        { store: offsite, copy: { name: "offsite", mark: markOf(offsiteStore) } },
        selection,
        signal,
      );
    offsite.held.clear();
    expect((await plan({ of: "missing" })).lost).toEqual([
      { id: "set-01", takenBy: "2026-11-01T00:00:00Z" },
      { id: "set-02", takenBy: "2026-11-02T00:00:00Z" },
    ]);
    await own.forget([[...own.held.keys()][0]!], {}, signal);
    await copy();
    expect((await plan({ of: "missing" })).lost).toMatchObject([{ id: "set-01" }]);
    const place = { store: offsite, copy: { name: "offsite", mark: markOf(offsiteStore) } };
    await purge(ground.home, "shares", place, await plan({ of: "missing" }), "it burnt", signal);
    expect((await plan({ of: "missing" })).lost).toEqual([]);
    expect(
      (await planPurge(ground.home, "shares", { store: own, copy: null }, { of: "missing" }, signal)).lost,
    ).toEqual([]);
  });
});

describe("the health of a copy", () => {
  const path = () => join(ground.root, "offsite");
  const healthOf = async () => {
    const job = await findJob(ground.home, "shares");
    if (job.state !== "present" || job.job.kind !== "schedule") throw new Error("no schedule");
    const view = new HomeView(describeHome(ground.home.root), signal);
    const { faults } = await observeSchedule(view, "shares", null);
    return faults.map(({ sentence }) => sentence).filter((sentence) => !sentence.startsWith("not installed"));
  };
  const declareReal = async (more: Partial<NonNullable<ScheduleJob["declaration"]["copies"]>[string]> = {}) => {
    const store: StoreDeclaration = { kind: "directory", path: path() };
    await ground.readyStore();
    await openStore(store).initialise(signal);
    await ground.addSchedule("shares", { rpo: "2h", copies: { offsite: { store, ...more } } });
  };
  const runReal = () => runSchedule(ground.home, "shares", { signal });
  const copyReal = () => copySchedule(ground.home, "shares", { signal });

  it("tells of a store that is away, and is well again when it is back", async () => {
    at("19T01:00");
    await declareReal();
    await runReal();
    await copyReal();
    expect(await healthOf()).toEqual([]);
    await rename(path(), join(ground.root, "away"));
    expect(await healthOf()).toMatchObject([expect.stringMatching(/^copy offsite unreachable: .*no store is there/)]);
    await runReal();
    expect(await copyReal()).toMatchObject([{ outcome: "failed" }]);
    await rename(join(ground.root, "away"), path());
    expect(await healthOf()).toMatchObject([
      expect.stringMatching(/^copy offsite failing: .*, since 2026-11-19T01:00:00Z$/),
    ]);
    await copyReal();
    expect(await healthOf()).toEqual([]);
  });

  it("is stale by its own rpo, and says nothing that the schedule's own staleness says already", async () => {
    at("19T01:00");
    await declareReal();
    await runReal();
    await copyReal();
    for (const hour of ["02", "03", "04", "05"]) {
      at(`19T${hour}:00`);
      await runReal();
    }
    expect(await healthOf()).toEqual(["copy offsite stale: last success 2026-11-19T01:00:00Z, rpo 2h"]);
    await copyReal();
    at("19T09:00");
    expect(await healthOf()).toEqual(["stale: last success 2026-11-19T05:00:00Z, rpo 2h"]);
    await declareReal({ rpo: "1w" });
    expect(await healthOf()).toEqual(["stale: last success 2026-11-19T05:00:00Z, rpo 2h"]);
  });

  it("tells of a deleted and of a damaged point", async () => {
    at("19T01:00");
    await declareReal();
    await runReal();
    await copyReal();
    const [name = ""] = (await readdir(join(path(), "points"))).filter((each) => each.endsWith(".json"));
    await appendFile(join(path(), "points", name), "x");
    expect(await healthOf()).toContain("copy offsite damaged: 1 recovery point");
    await rm(join(path(), "points", name));
    expect(await healthOf()).toContain("copy offsite missing: 1 recovery set, newest 2026-11-19T01:00:00Z");
    await copyReal();
    expect(await healthOf()).toEqual([]);
  });

  it("of one that was added later counts from then", async () => {
    at("19T01:00");
    await declareReal();
    const job = await findJob(ground.home, "shares");
    if (job.state !== "present" || job.job.kind !== "schedule") throw new Error("no schedule");
    await runReal();
    at("19T03:30");
    expect(await healthOf()).toMatchObject([expect.stringMatching("^copy offsite stale: last success never")]);
    await writeFile(
      join(ground.home.jobs, "shares.json"),
      JSON.stringify({ ...job.job, copiesSince: { offsite: "2026-11-19T03:00:00Z" } }),
    );
    expect(await healthOf()).toEqual([]);
  });

  it("says nothing of what another store held under its name", async () => {
    at("19T01:00");
    await declareReal();
    await appendRecord(ground.home, "shares", {
      event: "copied",
      at: "2026-11-18T01:00:00Z",
      copy: "offsite",
      store: "another",
      outcome: "failed",
      message: "it was full",
      sets: [{ id: "x", startedAt: "2026-11-18T00:00:00Z" }],
      bytes: 0,
      addedBytes: 0,
      durationMilliseconds: 0,
      pruned: 0,
      pruneSuspended: null,
    });
    await runReal();
    expect(await healthOf()).toEqual(["copy offsite stale: last success never, rpo 2h"]);
  });

  it("keeps everything that a directory store keeps, and restores without the schedule's own", async () => {
    at("19T01:00");
    await mkdir(join(ground.share, "empty"), { mode: 0o750 });
    await writeFile(join(ground.share, "script"), "#!/bin/sh\n", { mode: 0o750 });
    await utimes(join(ground.share, "script"), 1_000_000_000.123, 1_000_000_000.123);
    await declareReal();
    await runReal();
    expect(await copyReal()).toMatchObject([{ outcome: "succeeded" }]);
    expect((await copiedRecords())[0]?.notes).toBeUndefined();
    await rm(ground.store, { recursive: true });
    const store = openStore({ kind: "directory", path: path() });
    const [point] = await store.list({ schedule: "shares" }, signal);
    expect(await store.verify(point!.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
    await store.restore(point!.id, { to: join(ground.root, "restored") }, signal);
    expect(await readFile(join(ground.root, "restored", "folder", "ünïcode.txt"), "utf8")).toBe("two");
    expect((await readdir(join(ground.root, "restored"))).sort()).toEqual((await readdir(ground.share)).sort());
  });
});
