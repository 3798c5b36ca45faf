import { chmod, link, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { comparePoints } from "../../../provider/runner/compare-points";
import { openStore } from "../../../provider/snapshot/stores";
import type { Store } from "../../../provider/snapshot/stores/store";
import { makeScratchFolder } from "../../fixtures/scratch";

const { signal } = new AbortController();
let root: string;
let tree: string;
let from: Store;
let to: Store;

beforeEach(async () => {
  root = await makeScratchFolder();
  tree = join(root, "tree");
  await mkdir(join(tree, "folder"), { recursive: true });
  await writeFile(join(tree, "folder", "file"), "content");
  await writeFile(join(tree, "same"), "content");
  await writeFile(join(tree, "empty"), "");
  await writeFile(join(tree, "big"), Buffer.alloc(500_000, "posture"));
  await writeFile(join(tree, "holes"), "");
  await truncate(join(tree, "holes"), 2_000_000);
  await link(join(tree, "big"), join(tree, "another name"));
  await symlink("folder/file", join(tree, "link"));
  await chmod(join(tree, "same"), 0o640);
  from = await open("from");
  to = await open("to");
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function open(name: string): Promise<Store> {
  const store = openStore({ kind: "directory", path: join(root, name) });
  await store.initialise(signal);
  return store;
}

const capture = (set = "set") =>
  from.capture(
    {
      schedule: "shares",
      source: "files",
      set: { id: set, sources: ["files"] },
      owner: "urn:x",
      startedAt: new Date("2026-11-19T01:00:00Z"),
      tree: { root: tree, exclude: [] },
    },
    signal,
  );
const packsOf = async (name: string) =>
  (await readdir(join(root, name, "packs"))).filter((each) => each.endsWith(".pack")).sort();
const packPath = async (name: string) => join(root, name, "packs", (await packsOf(name))[0] ?? "");

describe("a directory store that takes over a point of another", () => {
  it("holds the same point, content and all, and stands by itself", async () => {
    const point = await capture();
    const adopted = await to.adopt?.(from, point.id, signal);
    expect({ ...adopted, addedBytes: 0 }).toEqual({ ...point, addedBytes: 0 });
    await rm(join(root, "from"), { recursive: true });
    expect(await to.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
    await to.restore(point.id, { to: join(root, "restored") }, signal);
    expect(await readFile(join(root, "restored", "big"))).toEqual(await readFile(join(tree, "big")));
    expect((await stat(join(root, "restored", "same"))).mode & 0o777).toBe(0o640);
    expect((await stat(join(root, "restored", "big"))).nlink).toBe(2);
  });

  it("moves only what is not there yet, and leaves holes holes", async () => {
    const first = await capture("one");
    await to.adopt?.(from, first.id, signal);
    await writeFile(join(tree, "new"), "something new");
    const second = await capture("two");
    const adopted = await to.adopt?.(from, second.id, signal);
    expect(adopted?.addedBytes).toBeLessThan(10_000);
    expect(await packsOf("to")).toEqual(await packsOf("from"));
    for (const name of await packsOf("from")) {
      const [here, there] = await Promise.all(["from", "to"].map((store) => stat(join(root, store, "packs", name))));
      expect(there!.blocks).toBeLessThanOrEqual(here!.blocks + 256);
    }
    await to.forget([first.id], {}, signal);
    expect(await to.verify(second.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
  });

  it("leaves to others what it cannot take over: damaged contents, packs that are gone, stores of another kind, and what it has", async () => {
    const point = await capture();
    expect(await to.adopt?.({ ...from, kind: "other" }, point.id, signal)).toBeUndefined();
    const pack = await packPath("from");
    const bytes = await readFile(pack);
    for (const at of [0, bytes.length >> 1, bytes.length - 20]) {
      const changed = Buffer.from(bytes);
      changed[at] = changed[at]! ^ 1;
      await chmod(pack, 0o600);
      await writeFile(pack, changed);
      expect(await to.adopt?.(from, point.id, signal)).toBeUndefined();
    }
    await writeFile(pack, bytes.subarray(0, bytes.length - 100));
    expect(await to.adopt?.(from, point.id, signal)).toBeUndefined();
    await rm(pack);
    expect(await to.adopt?.(from, point.id, signal)).toBeUndefined();
    expect([await to.list({}, signal), await packsOf("to"), await readdir(join(root, "to", "tmp"))]).toEqual([
      [],
      [],
      [],
    ]);
    await writeFile(pack, bytes);
    expect(await to.adopt?.(from, point.id, signal)).toMatchObject({ id: point.id });
    expect(await to.adopt?.(from, point.id, signal)).toBeUndefined();
  });

  it("is not led astray by what is in quarantine", async () => {
    const point = await capture();
    const pack = await packPath("from");
    const bytes = await readFile(pack);
    const changed = Buffer.from(bytes);
    changed[0] = changed[0]! ^ 1;
    await writeFile(pack, changed);
    await from.verify(point.id, "content", signal);
    await writeFile(pack, bytes);
    expect(await to.adopt?.(from, point.id, signal)).toBeUndefined();
  });

  it("is stopped in good order", async () => {
    const point = await capture();
    await expect(to.adopt?.(from, point.id, AbortSignal.abort())).rejects.toThrow();
    expect(await readdir(join(root, "to", "tmp"))).toEqual([]);
    expect(await to.adopt?.(from, point.id, signal)).toMatchObject({ id: point.id });
  });

  it("takes over trees of any shape, after prunes and changes", async () => {
    const change = fc.record({
      name: fc.constantFrom("a", "b", "c", "folder/d"),
      size: fc.nat(100_000),
      fill: fc.nat(3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 5 }),
        fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
        async (changes, forget) => {
          for (const [index, { name, size, fill }] of changes.entries()) {
            await writeFile(join(tree, name), Buffer.alloc(size, fill === 0 ? 0 : `${fill}${index}`));
            const point = await capture(`set-${index}`);
            const adopted = await to.adopt?.(from, point.id, signal);
            if (adopted !== undefined) {
              expect(await comparePoints(from.entries(point.id, signal), to.entries(point.id, signal))).toEqual({
                content: 0,
                attributes: 0,
              });
              expect(await to.verify(point.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
            }
            if (forget[index] === true) await from.forget([point.id], {}, signal);
            else if (index > 0 && adopted !== undefined) await to.forget([adopted.id], {}, signal);
          }
          for (const { id } of await to.list({}, signal))
            expect(await to.verify(id, "content", signal)).toMatchObject({ damagedFiles: 0 });
        },
      ),
      { numRuns: 4 },
    );
  }, 120_000);
});
