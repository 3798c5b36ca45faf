import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import type { Drivers } from "../../../provider/runner/drivers";
import { readJournal } from "../../../provider/runner/journal";
import { pruneSchedule } from "../../../provider/runner/prune";
import { planPurge, purge } from "../../../provider/runner/purge";
import { runSchedule } from "../../../provider/runner/run";
import type { Keep } from "../../../provider/schedule/schema";
import { groupSets } from "../../../provider/snapshot/sets";
import { openSource } from "../../../provider/sources/index";
import { type MemoryStore, makeMemoryStore } from "../../fixtures/memory-store";
import { type Ground, makeGround } from "../../fixtures/posture";

const { signal } = new AbortController();
let ground: Ground;
let store: MemoryStore;
let drivers: Drivers;

beforeEach(async () => {
  ground = await makeGround();
  store = makeMemoryStore();
  drivers = { openStore: () => store, openSource };
});
afterEach(async () => {
  delete process.env.BACKUP_POSTURE_NOW;
  await ground.remove();
});

const at = (time: string) => {
  process.env.BACKUP_POSTURE_NOW = `2026-11-${time}:00Z`;
};

async function capture(
  schedule: string,
  day: number,
  options: { pinnedBy?: string; sources?: readonly string[] } = {},
) {
  return store.capture(
    {
      schedule,
      source: "files",
      set: { id: `set-${schedule}-${day}`, sources: options.sources ?? ["files"] },
      owner: null,
      startedAt: new Date(Date.UTC(2026, 10, day)),
      tree: { root: ground.share, exclude: [] },
      ...(options.pinnedBy === undefined ? {} : { pinnedBy: options.pinnedBy }),
    },
    signal,
  );
}

const prune = (dryRun = false) => pruneSchedule(ground.home, "shares", { signal, dryRun }, drivers);

describe("pruning", () => {
  it("deletes what the retention lets go, and the journal tells first", async () => {
    at("20T00:00");
    await ground.addSchedule("shares", { keep: { last: 2 } });
    const points = [await capture("shares", 1), await capture("shares", 2), await capture("shares", 3)];
    const dry = await prune(true);
    expect(dry.dropped.map((set) => set.id)).toEqual(["set-shares-1"]);
    expect(store.held.size).toBe(3);
    store.beforeForget = async () => {
      expect(await readJournal(ground.home, "shares")).toMatchObject([
        { event: "forgot", points: [points[0]!.id], why: "retention" },
      ]);
    };
    expect(await prune()).toMatchObject({ kept: [{ id: "set-shares-3" }, { id: "set-shares-2" }], suspended: null });
    expect([...store.held.keys()]).toEqual([points[1]!.id, points[2]!.id]);
  });

  it("never touches pinned points, other schedules' points, or sets that are not whole, and counts none of them", async () => {
    at("20T00:00");
    await ground.addSchedule("shares", { keep: { last: 1 } });
    await capture("shares", 1, { pinnedBy: "before-migration" });
    await capture("other", 2);
    await capture("shares", 3, { sources: ["files", "lost"] });
    await capture("shares", 4);
    await capture("shares", 5);
    await capture("shares", 6, { sources: ["files", "lost"] });
    const { dropped } = await prune();
    expect(dropped.map((set) => set.id)).toEqual(["set-shares-4"]);
    expect(store.held.size).toBe(5);
  });

  it("is suspended while a recovery point is dated in the future, and the run says so and succeeds", async () => {
    at("20T00:00");
    await ground.addSchedule("shares", { keep: { last: 1 } });
    await capture("shares", 1);
    await capture("shares", 25);
    expect((await prune()).suspended).toContain("dated in the future");
    const ended = await runSchedule(ground.home, "shares", { signal }, drivers);
    expect(ended).toMatchObject({
      outcome: "succeeded",
      pruned: 0,
      pruneSuspended: expect.stringContaining("future") as string,
    });
    expect(store.held.size).toBe(3);
  });

  it("follows a run that succeeded, never one that failed", async () => {
    at("20T00:00");
    await ground.addSchedule("shares", { keep: { last: 1 } });
    await capture("shares", 1);
    await capture("shares", 2);
    store.damagedFiles = 1;
    expect(await runSchedule(ground.home, "shares", { signal }, drivers)).toMatchObject({
      outcome: "failed",
      pruned: 0,
    });
    expect(store.held.size).toBe(2);
    store.damagedFiles = 0;
    expect(await runSchedule(ground.home, "shares", { signal }, drivers)).toMatchObject({
      outcome: "succeeded",
      pruned: 2,
    });
    expect(store.held.size).toBe(1);
  });

  it("that fails is told beside the success of its run", async () => {
    at("20T00:00");
    await ground.addSchedule("shares", { keep: { last: 1 } });
    await capture("shares", 1);
    store.beforeForget = async () => {
      throw Object.assign(new Error("private"), { code: "EROFS" });
    };
    expect(await runSchedule(ground.home, "shares", { signal }, drivers)).toMatchObject({
      outcome: "succeeded",
      pruned: 0,
      pruneSuspended: "pruning failed: the file system is read-only (EROFS)",
    });
  });

  it("never lets the newest whole set go, and what it keeps and drops is everything", async () => {
    const keeps = fc.record<Partial<Keep>>(
      {
        last: fc.integer({ min: 1, max: 3 }),
        daily: fc.nat(3),
        weekly: fc.nat(2),
        atLeast: fc.constantFrom("1d", "5d"),
      },
      { requiredKeys: [] },
    );
    const sets = fc.array(
      fc.record({ day: fc.integer({ min: 1, max: 19 }), whole: fc.boolean(), pinned: fc.boolean() }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(keeps, sets, async (keep, declared) => {
        at("20T00:00");
        store.held.clear();
        await ground.addSchedule("shares", Object.keys(keep).length === 0 ? {} : { keep: { last: 1, ...keep } });
        for (const [index, { day, whole, pinned }] of declared.entries())
          await store.capture(
            {
              schedule: "shares",
              source: "files",
              set: { id: `set-${index}`, sources: whole ? ["files"] : ["files", "lost"] },
              owner: null,
              startedAt: new Date(Date.UTC(2026, 10, day)),
              tree: { root: ground.share, exclude: [] },
              ...(pinned ? { pinnedBy: "somebody" } : {}),
            },
            signal,
          );
        const before = groupSets(await store.list({ schedule: "shares" }, signal));
        const { dropped, kept } = await prune();
        const after = groupSets(await store.list({ schedule: "shares" }, signal));
        expect([...dropped, ...kept].map((set) => set.id).sort()).toEqual(before.map((set) => set.id).sort());
        expect(after.map((set) => set.id).sort()).toEqual(kept.map((set) => set.id).sort());
        expect(
          dropped.every((set) => set.missing.length === 0 && set.points.every((point) => point.pinnedBy === null)),
        ).toBe(true);
        const newest = before.filter((set) => set.missing.length === 0).at(-1);
        if (newest !== undefined)
          expect(after.map((set) => set.startedAt.getTime())).toContain(newest.startedAt.getTime());
        expect((await prune()).dropped).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});

describe("purging", () => {
  const plan = (selection: Parameters<typeof planPurge>[3]) =>
    planPurge(ground.home, "shares", { store, copy: null }, selection, signal);
  const carryOut = async (selection: Parameters<typeof planPurge>[3]) =>
    purge(ground.home, "shares", { store, copy: null }, await plan(selection), "no longer needed", signal);

  it("gives up all but pinned points and those of others, and the journal keeps why", async () => {
    const pinned = await capture("shares", 1, { pinnedBy: "before-migration" });
    const free = await capture("shares", 2);
    const other = await capture("other", 2);
    expect(await plan({ of: "all" })).toMatchObject({ forget: [{ id: free.id }], spared: [{ id: pinned.id }] });
    await carryOut({ of: "all" });
    expect([...store.held.keys()]).toEqual([pinned.id, other.id]);
    expect(await readJournal(ground.home, "shares")).toMatchObject([
      { event: "forgot", points: [free.id], why: "no longer needed" },
    ]);
  });

  it("gives up a pinned point that is named, and refuses a name that is not there", async () => {
    const pinned = await capture("shares", 1, { pinnedBy: "before-migration" });
    await expect(plan({ of: "points", points: ["absent"] })).rejects.toMatchObject({ kind: "usage" });
    await carryOut({ of: "points", points: [pinned.id] });
    expect(store.held.size).toBe(0);
  });

  it("gives up what is lost, and then nothing is lost any more", async () => {
    await ground.addSchedule("shares");
    const ended = await runSchedule(ground.home, "shares", { signal }, drivers);
    store.held.clear();
    await appendFile(join(ground.home.journal, "shares.jsonl"), "not a record\n");
    expect((await plan({ of: "missing" })).lost.map((point) => point.id)).toEqual(ended.points);
    await carryOut({ of: "missing" });
    expect((await plan({ of: "missing" })).lost).toEqual([]);
  });
});
