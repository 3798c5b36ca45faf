import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../provider/snapshot/stores/store";
import { Chance, repetitions, report } from "./harness/campaign";
import { changeSome, copyTree, lookAtPoint, makeStore, openAt, plant, requestFor } from "./harness/store-work";
import { lookAt } from "./harness/tree-look";

type Look = ReadonlyMap<string, string>;

const { signal } = new AbortController();

jest.setTimeout(2 * 60 * 60 * 1_000);

describe("a store that was damaged at one point", () => {
  const chance = new Chance("damages");
  let work: string;
  let place: string;
  let tree: string;
  const points = new Map<string, Look>();

  beforeAll(async () => {
    work = mkdtempSync(join(tmpdir(), "damages-"));
    place = join(work, "store");
    tree = join(work, "tree");
    plant(tree, chance, 60);
    const store = await makeStore(place);
    for (const day of [1, 2]) {
      points.set((await store.capture(requestFor(tree, `2026-11-0${day}T01:00:00Z`), signal)).id, lookAt(tree));
      changeSome(tree, chance);
    }
  });

  afterAll(() => {
    rmSync(work, { recursive: true, force: true });
  });

  it("is found damaged, whatever it is", async () => {
    const count = repetitions(40, 1_000);
    const kinds = new Map<string, number>();
    let found = 0;
    for (let index = 0; index < count; index += 1) {
      const damage = pickDamage(place, chance);
      const undo = damage.apply();
      kinds.set(damage.kind, (kinds.get(damage.kind) ?? 0) + 1);
      if (await isFound(openAt(place))) found += 1;
      else process.stderr.write(`not found: ${damage.kind} of ${damage.path}\n`);
      undo();
      rmSync(join(place, "quarantine"), { force: true });
    }
    report("damages", { damages: count, found, ...Object.fromEntries(kinds) });
    expect(found).toBe(count);
    expect(await isFound(openAt(place))).toBe(false);
  });

  it("by another point's manifest in its place gives back nothing, and says why", async () => {
    const copy = join(work, "swapped");
    copyTree(place, copy);
    const [one = "", two = ""] = [...points.keys()].map((id) => join(copy, "points", `${id}.manifest`));
    swap(one, two);
    for (const id of points.keys()) {
      const to = join(work, "nothing");
      await expect(openAt(copy).restore(id, { to }, signal)).rejects.toThrow(/manifest/);
      expect(() => lookAt(to)).toThrow("ENOENT");
    }
    rmSync(copy, { recursive: true });
  });

  it("still gives back all that is not damaged, and is healed by the next capture", async () => {
    const count = repetitions(8, 200);
    let restored = 0;
    for (let index = 0; index < count; index += 1) {
      const copy = join(work, "copy");
      copyTree(place, copy);
      pickDamage(copy, chance).apply();
      const store = openAt(copy);
      const listed = new Set((await store.list({}, signal)).map(({ id }) => id));
      for (const [id, expected] of points) {
        if (!listed.has(id)) continue;
        const { damaged } = await store.verify(id, "content", signal);
        restored += await expectRestOfPoint(store, id, expected, damaged);
      }
      const now = lookAt(tree);
      const next = await store.capture(requestFor(tree, "2026-11-09T01:00:00Z"), signal);
      expect(await store.verify(next.id, "content", signal)).toMatchObject({ damagedFiles: 0 });
      expect(await lookAtPoint(store, next.id, work)).toEqual(now);
      rmSync(copy, { recursive: true });
    }
    report("damages healed", { damages: count, "undamaged files compared": restored });
  });

  async function isFound(store: Store): Promise<boolean> {
    const listed = await store.list({}, signal);
    if (listed.length < points.size || listed.some(({ damage }) => damage !== null)) return true;
    for (const { id } of listed) if ((await store.verify(id, "content", signal)).damagedFiles > 0) return true;
    return false;
  }

  /** What is not named as damaged, nor below a directory that is, comes back as it was. */
  async function expectRestOfPoint(
    store: Store,
    id: string,
    expected: Look,
    damaged: readonly { readonly path: string }[],
  ): Promise<number> {
    const to = join(work, "rest");
    const failure = await store.restore(id, { to }, signal).then(
      () => null,
      (error: unknown) => error,
    );
    if (damaged.every(({ path }) => path === ".") && failure !== null) {
      rmSync(to, { recursive: true, force: true });
      return 0;
    }
    const found = lookAt(to);
    rmSync(to, { recursive: true, force: true });
    const names = damaged.map(({ path }) => path).filter((path) => path !== ".");
    const isNamed = (path: string) => names.some((name) => path === name || path.startsWith(`${name}/`));
    let compared = 0;
    for (const [path, look] of expected) {
      if (isNamed(path) || look.startsWith("directory")) continue;
      expect([path, withoutNames(found.get(path))]).toEqual([path, withoutNames(look)]);
      compared += 1;
    }
    return compared;
  }
});

/** Of several names of a file, some may be in a directory that is lost. */
function withoutNames(look: string | undefined): string | undefined {
  return look?.replace(/ = .*/, "");
}

interface Damage {
  readonly kind: string;
  readonly path: string;
  /** Does it, and gives back how to undo it. */
  apply(): () => void;
}

function pickDamage(place: string, chance: Chance): Damage {
  const files = ["points", "packs"].flatMap((folder) =>
    readdirSync(join(place, folder)).map((name) => join(place, folder, name)),
  );
  const path = chance.pick(files);
  const other = chance.pick(files.filter((file) => file !== path));
  const { size } = statSync(path);
  const position = chance.below(size);
  const bit = 1 << chance.below(8);
  const kinds: readonly (readonly [string, () => void])[] = [
    ["bits flipped", () => change(path, position, (byte) => byte ^ bit)],
    ["bits flipped", () => change(path, position, (byte) => byte ^ bit)],
    ["bytes changed", () => change(path, position, (byte) => (byte + 1) % 256)],
    ["files cut short", () => truncateSync(path, position)],
    ["files removed", () => rmSync(path)],
    ["files made longer", () => truncateSync(path, size + 1 + position)],
    ["files swapped", () => swap(path, other)],
  ];
  const [kind, apply] = chance.pick(kinds);
  return {
    kind,
    path: path.slice(place.length + 1),
    apply: () => {
      const before = [path, other].map((file) => [file, readFileSync(file)] as const);
      apply();
      return () => {
        for (const [file, content] of before) writeFileSync(file, content);
      };
    },
  };
}

function change(path: string, position: number, to: (byte: number) => number): void {
  const byte = readFileSync(path)[position] ?? 0;
  const file = openSync(path, "r+");
  writeSync(file, Buffer.from([to(byte)]), 0, 1, position);
  closeSync(file);
}

function swap(one: string, other: string): void {
  renameSync(one, `${one}.swap`);
  renameSync(other, one);
  renameSync(`${one}.swap`, other);
}
