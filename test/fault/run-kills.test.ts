import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { readEvidence } from "../../provider/restore/evidence";
import { type RunEnded, readJournal } from "../../provider/runner/journal";
import { findLostPoints } from "../../provider/runner/lost-points";
import { runSchedule } from "../../provider/runner/run";
import type { Hook } from "../../provider/schedule/schema";
import { groupSets } from "../../provider/snapshot/sets";
import { openStore } from "../../provider/snapshot/stores/index";
import { type Ground, makeGround } from "../fixtures/posture";

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");
const { signal } = new AbortController();
/** How many processes are killed at moments spread over a run and a drill. A campaign sets it higher. */
const kills = Number(process.env.BACKUP_POSTURE_KILLS ?? "16");
const sources = ["a", "b", "c"];
const killParent: Hook["command"] = [process.execPath, "-e", "process.kill(process.ppid, 'SIGKILL')"];

let ground: Ground;
beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
  for (const source of sources) await change(source, 0);
});
afterEach(() => ground.remove());

const store = () => openStore({ kind: "directory", path: ground.store });
const pathOf = (source: string) => join(ground.root, `source-${source}`);

/** Writes a hundred files that tell of the round. */
async function change(source: string, round: number): Promise<void> {
  await mkdir(pathOf(source), { recursive: true });
  for (let index = 0; index < 100; index++)
    await writeFile(
      join(pathOf(source), `file ${index}`),
      `${source} ${index} ${index % 3 === 0 ? round : 0}`.repeat(200),
    );
}

async function declare(hooks: Record<string, Hook> = {}): Promise<void> {
  await ground.addSchedule("shares", {
    sources: Object.fromEntries(
      sources.map((source) => [source, { kind: "file-share" as const, path: pathOf(source) }]),
    ),
    keep: { last: 3 },
    hooks,
  });
}

/** Starts the real command and kills it after so long. Returns how long it ran and whether it was killed. */
async function startAndKill(
  commandLine: readonly string[],
  afterMilliseconds: number,
): Promise<{ killed: boolean; milliseconds: number }> {
  const { execa } = await import("execa");
  const began = performance.now();
  const child = execa(process.execPath, [binary, ...commandLine, "--home", ground.home.root], {
    reject: false,
    stdin: "ignore",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), afterMilliseconds);
  const { signal: endedBy } = await child;
  clearTimeout(timer);
  return { killed: endedBy === "SIGKILL", milliseconds: performance.now() - began };
}

async function endedRecords(id: string): Promise<readonly RunEnded[]> {
  return (await readJournal(ground.home, id)).filter((record) => record.event === "ended");
}

/** What must hold whenever nothing runs: every point reads back as it was taken, and sets are whole but for the dead run's own. */
async function expectOldOrNew(): Promise<void> {
  const points = await store().list({}, signal);
  for (const point of points) {
    expect(point.damage).toBeNull();
    expect(await store().verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
  }
  const journal = await readJournal(ground.home, "shares");
  expect(findLostPoints(journal, points)).toEqual([]);
  const started = journal.filter((record) => record.event === "started").at(-1);
  for (const set of groupSets(points)) if (set.missing.length > 0) expect(set.id).toBe(started?.run);
}

/** Everything in the folder of locks but for files that were not even written when their process was killed: those go after a minute. */
async function listLocks(): Promise<readonly string[]> {
  const names = await readdir(ground.home.locks);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(ground.home.locks, name))).size));
  return names.filter((_name, index) => sizes[index] !== 0);
}

/** What must hold after a run that was not disturbed. */
async function expectCleanAfterRun(): Promise<void> {
  expect(await runSchedule(ground.home, "shares", { signal })).toMatchObject({
    outcome: "succeeded",
    pruneSuspended: null,
  });
  const sets = groupSets(await store().list({}, signal));
  expect(sets.flatMap((set) => set.missing)).toEqual([]);
  expect(sets.length).toBeLessThanOrEqual(3);
  expect(await listLocks()).toEqual([]);
  const journal = await readJournal(ground.home, "shares");
  const open = journal.filter((record) => record.event === "started").length - (await endedRecords("shares")).length;
  expect(open).toBe(0);
}

describe("a run that is killed", () => {
  it("at any moment leaves old or new, and the next one cleans up", async () => {
    await declare();
    const { milliseconds } = await startAndKill(["run", "shares"], 60_000);
    let killed = 0;
    for (let round = 1; round <= kills; round++) {
      await change("a", round);
      await change("c", round);
      const moment = (milliseconds * (round - 0.5)) / kills;
      if ((await startAndKill(["run", "shares"], moment)).killed) killed++;
      await expectOldOrNew();
      if (round % 4 === 0) await expectCleanAfterRun();
    }
    await expectCleanAfterRun();
    expect(killed).toBeGreaterThan(kills / 2);
  });

  it("before it captures leaves nothing but an interrupted record", async () => {
    await declare({ kill: { at: "before", command: killParent } });
    expect(await startAndKill(["run", "shares"], 60_000)).toMatchObject({ killed: true });
    expect(await store().list({}, signal)).toEqual([]);
    expect(await readJournal(ground.home, "shares")).toMatchObject([{ event: "started" }]);
    await declare();
    await expectCleanAfterRun();
    expect(await endedRecords("shares")).toMatchObject([
      { outcome: "interrupted", points: [] },
      { outcome: "succeeded" },
    ]);
  });

  it("after it has captured leaves a whole set, which stays", async () => {
    await declare({ kill: { at: "after", command: killParent } });
    expect(await startAndKill(["run", "shares"], 60_000)).toMatchObject({ killed: true });
    const [set] = groupSets(await store().list({}, signal));
    expect(set).toMatchObject({ missing: [], damage: null });
    await declare();
    await expectCleanAfterRun();
    expect(groupSets(await store().list({}, signal)).map(({ id }) => id)).toContain(set!.id);
  });

  it("while it tells of its failure leaves no part of a set behind", async () => {
    await declare({ kill: { at: "failure", command: killParent } });
    await ground.addSchedule("shares", {
      sources: {
        a: { kind: "file-share", path: pathOf("a") },
        z: { kind: "file-share", path: join(ground.root, "absent") },
      },
      hooks: { kill: { at: "failure", command: killParent } },
    });
    expect(await startAndKill(["run", "shares"], 60_000)).toMatchObject({ killed: true });
    expect(await store().list({}, signal)).toEqual([]);
    await declare();
    await expectCleanAfterRun();
  });
});

describe("a drill that is killed", () => {
  it("at any moment leaves whole evidence, and the next one removes its scratch folder", async () => {
    await declare();
    await runSchedule(ground.home, "shares", { signal });
    await mkdir(ground.place);
    await ground.addTarget();
    const { milliseconds } = await startAndKill(["drill", "target"], 60_000);
    let killed = 0;
    for (let round = 1; round <= kills; round++) {
      if ((await startAndKill(["drill", "target"], (milliseconds * (round - 0.5)) / kills)).killed) killed++;
      expect((await readEvidence(ground.home, "target")).chain).toEqual({ state: "ok" });
    }
    expect(await startAndKill(["drill", "target"], 60_000)).toMatchObject({ killed: false });
    expect(await readdir(ground.place)).toEqual([]);
    const { records, chain } = await readEvidence(ground.home, "target");
    expect(chain).toEqual({ state: "ok" });
    const passed = (await endedRecords("target")).filter((record) => record.outcome === "succeeded");
    expect(records.map((record) => record.run)).toEqual(expect.arrayContaining(passed.map((record) => record.run)));
    expect(killed).toBeGreaterThan(kills / 2);
  });
});
