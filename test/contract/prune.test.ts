import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../provider/snapshot/stores/store";
import { Chance } from "../fault/harness/campaign";
import { lookAtPoint, makeStore, requestFor } from "../fault/harness/store-work";
import { lookAt } from "../fault/harness/tree-look";

describe("pruning a directory store", () => {
  const { signal } = new AbortController();
  const chance = new Chance("prune");
  let work: string;
  let tree: string;
  let place: string;
  let store: Store;
  let day = 0;

  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), "prune-"));
    tree = join(work, "tree");
    place = join(work, "store");
    mkdirSync(tree);
    store = await makeStore(place);
  });

  afterEach(() => {
    rmSync(work, { recursive: true, force: true });
  });

  const write = (from: number, to: number) => {
    for (let count = from; count < to; count += 1) writeFileSync(join(tree, `file ${count}`), chance.bytes(4_000));
  };
  const capture = async () => {
    day += 1;
    const startedAt = new Date(Date.UTC(2026, 0, day)).toISOString();
    return { point: await store.capture(requestFor(tree, startedAt), signal), look: lookAt(tree) };
  };
  const sizeOfPacks = () =>
    readdirSync(join(place, "packs")).reduce((sum, name) => sum + statSync(join(place, "packs", name)).size, 0);

  it("moves what is needed out of packs that mostly are not, again and again, and loses nothing", async () => {
    write(0, 100);
    let last = await capture();
    const first = last;
    for (let round = 0; round < 6; round += 1) {
      write(0, 60 - round * 5);
      const next = await capture();
      await store.forget([last.point.id], {}, signal);
      expect(sizeOfPacks()).toBeLessThan(100 * 4_200 * 1.9);
      last = next;
      for (const depth of ["metadata", "content"] as const)
        expect(await store.verify(last.point.id, depth, signal)).toMatchObject({ damagedFiles: 0, files: 100 });
      expect(await lookAtPoint(store, last.point.id, work)).toEqual(last.look);
    }
    expect(last.look).not.toEqual(first.look);
    const unchanged = await capture();
    expect(unchanged.point.addedBytes).toBeLessThan(30_000);
    await store.forget([last.point.id], {}, signal);
    expect(await lookAtPoint(store, unchanged.point.id, work)).toEqual(unchanged.look);
    await store.forget([unchanged.point.id], {}, signal);
    expect(readdirSync(join(place, "packs"))).toEqual([]);
  });

  it("keeps the good copy of what is damaged in a pack that is still needed", async () => {
    write(0, 30);
    const { point, look } = await capture();
    const [pack = ""] = readdirSync(join(place, "packs"));
    const path = join(place, "packs", pack);
    const bytes = Buffer.alloc(1, 0x55);
    const { open } = await import("node:fs/promises");
    const file = await open(path, "r+");
    await file.write(bytes, 0, 1, 10_001);
    await file.write(bytes, 0, 1, 10_002);
    await file.close();
    expect((await store.verify(point.id, "content", signal)).damagedFiles).toBe(1);
    const healed = await capture();
    expect(await store.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
    await store.forget([healed.point.id], {}, signal);
    expect(await store.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
    expect(await lookAtPoint(store, point.id, work)).toEqual(look);
  });
});
