import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Chance, isLong, repetitions, report, reportSoFar } from "./harness/campaign";
import {
  actInProcess,
  changeSome,
  copyTree,
  listLeftovers,
  lookAtPoint,
  makeStore,
  openAt,
  plant,
  requestFor,
  startAction,
} from "./harness/store-work";
import { lookAt } from "./harness/tree-look";

type Look = ReadonlyMap<string, string>;

const { signal } = new AbortController();

jest.setTimeout(2 * 60 * 60 * 1_000);

/** A store with three points, the tree as it is now, and what each point has to be. */
interface Scene {
  readonly store: string;
  readonly tree: string;
  readonly points: ReadonlyMap<string, Look>;
}

describe("a store whose process is killed", () => {
  const chance = new Chance("kills");
  let work: string;
  let small: Scene;
  let large: Scene;

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "kills-"));
    small = await setScene(join(work, "small"), 30, chance);
    large = await setScene(join(work, "large"), repetitions(300, 2_200), chance); // enough for several threads
  });

  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
  });

  it.each(["capture", "forget", "restore"] as const)("is before or after at every step of %s", async (action) => {
    const steps = countSteps(small, action);
    expect(steps).toBeGreaterThan(isLong ? 10 : 5);
    const chosen = isLong ? range(steps) : range(Math.min(steps, 4)).map(() => chance.below(steps));
    for (const step of chosen)
      await withCopy(small, async (scene) => {
        const completed = actInProcess(inputOf(scene, action), { KILL_AT: String(step + 1) });
        expect(completed.signal).toBe("SIGKILL");
        await expectIntact(scene, action);
      });
    report(`kills at steps of ${action}`, { steps, kills: chosen.length });
  });

  it("is before or after at any moment", async () => {
    const kills = repetitions(4, 450);
    const ended = { capture: 0, forget: 0, restore: 0, "before the kill": 0 };
    for (let count = 0; count < kills; count += 1) {
      const action = chance.pick(["capture", "capture", "forget", "restore"] as const);
      await withCopy(large, async (scene) => {
        const child = startAction(inputOf(scene, action));
        const exit = once(child, "exit");
        await Promise.race([delay(40 + chance.below(900)), exit]);
        if (child.exitCode === null) ended[action] += 1;
        else ended["before the kill"] += 1;
        child.kill("SIGKILL");
        await exit;
        await expectIntact(scene, action);
      });
      reportSoFar("kills at any moment", count + 1, { kills: count + 1, ...ended });
    }
    report("kills at any moment", { kills, ...ended });
  });

  it("has swept what was being written", async () => {
    await withCopy(small, async ({ store, points }) => {
      const unfinished = [".quarantine.0.tmp", "points/.a.json.0.tmp", "packs/.a.moved.0.tmp"].map((name) =>
        join(store, name),
      );
      for (const path of unfinished) writeFileSync(path, "");
      await openAt(store).forget([...points.keys()].slice(0, 1), {}, signal);
      expect(unfinished.filter((path) => existsSync(path))).toEqual([]);
    });
  });

  it("makes everything durable before it says that a point exists", () => {
    const log = join(work, "steps");
    expect(actInProcess(inputOf(small, "capture"), { STEP_LOG: log }).status).toBe(0);
    const steps = readFileSync(log, "utf8").split("\n");
    const at = (pattern: RegExp): number => {
      const found = steps.findIndex((step) => pattern.test(step));
      expect([pattern, found]).not.toEqual([pattern, -1]);
      return found;
    };
    const order = [
      at(/^sync .*\.pack$/),
      at(/^rename .*\/packs\//),
      at(/^sync .*\/packs$/),
      at(/^sync .*\/manifest$/),
      at(/^rename .*\.manifest$/),
      at(/^sync .*\/points$/),
      at(/^sync .*\.json\..*\.tmp$/),
      at(/^rename .*\.json$/),
    ];
    expect(order).toEqual([...order].sort((one, other) => one - other));
    expect(steps.lastIndexOf(steps.find((step) => /^sync .*\/points$/.test(step)) ?? "")).toBeGreaterThan(
      order.at(-1) ?? 0,
    );
  });

  function countSteps(scene: Scene, action: "capture" | "forget" | "restore"): number {
    const log = join(work, `log-${action}`);
    let count = 0;
    const copied = join(work, "counted");
    copyTree(scene.store, copied);
    const completed = actInProcess(inputOf({ ...scene, store: copied }, action), { STEP_LOG: log });
    expect(completed.stderr).toBe("");
    count = readFileSync(log, "utf8").trim().split("\n").length;
    rmSync(copied, { recursive: true });
    rmSync(`${copied}-to`, { recursive: true, force: true });
    return count;
  }

  async function withCopy(scene: Scene, use: (scene: Scene) => Promise<void>): Promise<void> {
    const store = join(work, "copy");
    copyTree(scene.store, store);
    try {
      await use({ ...scene, store });
    } finally {
      rmSync(store, { recursive: true, force: true });
      rmSync(`${store}-to`, { recursive: true, force: true });
    }
  }

  /** All earlier points are there, whole, or forgotten as asked; a new one is whole; the next run goes on and cleans up. */
  async function expectIntact(scene: Scene, action: "capture" | "forget" | "restore"): Promise<void> {
    const store = openAt(scene.store);
    const points = await store.list({}, signal);
    const ids = points.map(({ id }) => id);
    const [first, second, third] = [...scene.points.keys()];
    const mustStay = action === "forget" ? [third] : [first, second, third];
    expect(ids).toEqual(expect.arrayContaining(mustStay));
    expect(ids.filter((id) => !scene.points.has(id)).length).toBeLessThanOrEqual(action === "capture" ? 1 : 0);
    const now = lookAt(scene.tree);
    for (const { id, damage } of points) {
      expect(damage).toBeNull();
      expect(await store.verify(id, "content", signal)).toMatchObject({ damagedFiles: 0 });
      if (isLong || !scene.points.has(id))
        expect(await lookAtPoint(store, id, work)).toEqual(scene.points.get(id) ?? now);
    }
    const next = await store.capture(requestFor(scene.tree, "2026-12-01T01:00:00Z"), signal);
    expect(await lookAtPoint(store, next.id, work)).toEqual(now);
    await store.forget([...ids, next.id], {}, signal);
    expect(listLeftovers(scene.store)).toEqual([]);
  }
});

async function setScene(place: string, files: number, chance: Chance): Promise<Scene> {
  const tree = join(place, "tree");
  const path = join(place, "store");
  plant(tree, chance, files);
  const store = await makeStore(path);
  const points = new Map<string, Look>();
  const { now } = Date;
  // An hour later, so that captures keep directories in which nothing changed.
  jest.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
  for (const day of [1, 2, 3]) {
    points.set((await store.capture(requestFor(tree, `2026-11-0${day}T01:00:00Z`), signal)).id, lookAt(tree));
    changeSome(tree, chance);
  }
  jest.restoreAllMocks();
  return { store: path, tree, points };
}

function inputOf(scene: Scene, action: "capture" | "forget" | "restore"): readonly string[] {
  const [first = "", second = ""] = [...scene.points.keys()];
  if (action === "capture") return ["capture", scene.store, scene.tree, "2026-11-04T01:00:00Z"];
  if (action === "forget") return ["forget", scene.store, first, second];
  return ["restore", scene.store, second, `${scene.store}-to`];
}

function range(length: number): readonly number[] {
  return Array.from({ length }, (_, index) => index);
}
