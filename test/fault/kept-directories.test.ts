import fs, {
  appendFileSync,
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { layOut } from "../../provider/snapshot/stores/directory/layout";
import { openManifest } from "../../provider/snapshot/stores/directory/manifest";
import { manifestPath } from "../../provider/snapshot/stores/directory/point-header";
import type { CaptureRequest, Store } from "../../provider/snapshot/stores/store";
import { Chance, repetitions, report, reportSoFar } from "./harness/campaign";
import { actLater, lookAtPoint, makeStore, plant, requestFor } from "./harness/store-work";
import { lookAt } from "./harness/tree-look";

const { signal } = new AbortController();

jest.setTimeout(2 * 60 * 60 * 1_000);

/** What a capture knows of each directory that it listed is used by the next one, instead of listing it again. */
describe("a directory in which nothing changed", () => {
  let work: string;
  let tree: string;
  let store: Store;
  let day = 0;

  beforeEach(async () => {
    work = mkdtempSync(join(tmpdir(), "kept-"));
    tree = join(work, "tree");
    mkdirSync(join(tree, "outer", "inner"), { recursive: true });
    writeFileSync(join(tree, "outer", "inner", "file"), "content");
    store = await makeStore(join(work, "store"));
  });

  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(work, { recursive: true, force: true });
  });

  it("is not listed again", async () => {
    anHourLater();
    expect(listedBy(await capture())).toEqual({ unlisted: 3 });
    const list = jest.spyOn(fs, "readdirSync");
    const point = await capture();
    const listed = list.mock.calls.filter(([path]) => String(path).startsWith("/proc/self/fd/"));
    expect(listed.length).toBe(1); // the root, of which nobody knows yet what it is
    expect(listedBy(point)).toEqual({ unlisted: 3 });
    expect(await lookAtPoint(store, point.id, work)).toEqual(lookAt(tree));
  });

  it("is listed again when it was changed just before it was listed", async () => {
    expect(listedBy(await capture())).toEqual({ unlisted: 0 });
  });

  it("is listed again where something was left out of it", async () => {
    anHourLater();
    writeFileSync(join(tree, "outer", "inner", "left out"), "so far");
    const excluding = { tree: { root: tree, exclude: ["left out"] } };
    await capture(excluding);
    expect(listedBy(await capture(excluding))).toEqual({ unlisted: 2 });
    const point = await capture();
    expect(await lookAtPoint(store, point.id, work)).toEqual(lookAt(tree));
    const less = await capture(excluding);
    rmSync(join(tree, "outer", "inner", "left out"));
    expect([...(await lookAtPoint(store, less.id, work)).keys()]).toEqual([...lookAt(tree).keys()]);
  });

  it("does not hide what is in one that took its place by way of those above it", async () => {
    anHourLater();
    const [inner, twin] = [join(tree, "outer", "inner"), join(tree, "other", "inner")];
    rmSync(join(inner, "file"));
    mkdirSync(twin, { recursive: true });
    writeFileSync(join(twin, "file"), "more");
    haveSameTimes(inner, twin);
    await capture();
    exchange(join(tree, "outer"), join(tree, "other"));
    const point = await capture();
    expect(await lookAtPoint(store, point.id, work)).toEqual(lookAt(tree));
  });

  it("does not lead out of the tree when one above it is replaced by a symlink meanwhile", async () => {
    anHourLater();
    mkdirSync(join(work, "secret", "inner"), { recursive: true });
    writeFileSync(join(work, "secret", "inner", "password"), "hunter2");
    await capture();
    writeFileSync(join(tree, "outer", "inner", "new"), "of today");
    const { lstatSync: look } = fs;
    let swapped = false;
    jest.spyOn(fs, "lstatSync").mockImplementation((path, ...rest) => {
      if (!swapped && String(path).endsWith("/tree/outer/inner")) {
        swapped = true;
        renameSync(join(tree, "outer"), join(work, "aside"));
        symlinkSync(join(work, "secret"), join(tree, "outer"));
      }
      return look(path, ...rest);
    });
    const point = await capture();
    jest.restoreAllMocks();
    expect(swapped).toBe(true);
    const paths: string[] = [];
    for await (const entry of store.entries(point.id, signal)) paths.push(entry.path.toString());
    expect(paths).toEqual(["", "outer", "outer/inner"]);
    expect(point.fidelity.warnings.map(({ path }) => path)).toEqual(["outer/inner"]);
  });

  it("hides no change, whatever is done to a tree", async () => {
    anHourLater();
    const chance = new Chance("kept directories");
    plant(tree, chance, 30);
    const rounds = repetitions(12, 1_000);
    let unlisted = 0;
    for (let round = 0; round < rounds; round += 1) {
      for (let changes = chance.below(4); changes > 0; changes -= 1) changeTree(tree, chance);
      const point = await capture();
      unlisted += listedBy(point).unlisted;
      expect(await lookAtPoint(store, point.id, work)).toEqual(lookAt(tree));
      reportSoFar("changed trees", round + 1, { rounds: round + 1, "directories kept unlisted": unlisted });
      await store.forget(
        [point.id].filter(() => round % 5 !== 0),
        {},
        signal,
      );
    }
    report("changed trees", { rounds, "directories kept unlisted": unlisted });
    expect(unlisted).toBeGreaterThan(rounds);
  });

  it("hides no change from several threads either", async () => {
    const chance = new Chance("threads");
    plant(tree, chance, 2_500);
    const rounds = repetitions(2, 100);
    let unlisted = 0;
    actLater(["capture", join(work, "store"), tree, "2026-10-01T01:00:00Z"]);
    for (let round = 0; round < rounds; round += 1) {
      for (let changes = chance.below(20); changes > 0; changes -= 1) changeTree(tree, chance);
      const id = actLater(["capture", join(work, "store"), tree, `2026-10-01T01:00:00.${100 + round}Z`]);
      unlisted += listedBy({ id }).unlisted;
      expect(await lookAtPoint(store, id, work)).toEqual(lookAt(tree));
    }
    report("trees changed for several threads", { rounds, "directories kept unlisted": unlisted });
    expect(unlisted).toBeGreaterThan(rounds);
  });

  async function capture(changes: Partial<CaptureRequest> = {}) {
    day += 1;
    return store.capture(requestFor(tree, new Date(Date.UTC(2026, 0, day)).toISOString(), changes), signal);
  }

  /** How many directories need not be listed next time. */
  function listedBy({ id }: { readonly id: string }): { readonly unlisted: number } {
    const manifest = openManifest(manifestPath(layOut(join(work, "store")), id));
    let unlisted = 0;
    for (let number = 0; number < manifest.directoryCount; number += 1) if (manifest.inodeOf(number) > 0) unlisted += 1;
    manifest.close();
    return { unlisted };
  }
});

function anHourLater(): void {
  const { now } = Date;
  jest.spyOn(Date, "now").mockImplementation(() => now() + 3_600_000);
}

/** Does one thing to a tree that changes what is in it, or at least could. */
function changeTree(root: string, chance: Chance): void {
  const all = [...lookAt(root)].filter(([path]) => path !== "");
  const pick = (kind: string): string => {
    const paths = all.filter(([, look]) => look.startsWith(kind)).map(([path]) => path);
    return paths.length === 0 ? root : join(root, Buffer.from(chance.pick(paths), "latin1").toString());
  };
  const file = pick("file");
  const directory = pick("directory");
  const other = pick("directory");
  const fresh = join(other, `new ${chance.below(1_000_000)}`);
  if (file === root || directory === root) {
    mkdirSync(join(root, `new ${chance.below(1_000_000)}`));
    writeFileSync(join(root, `new ${chance.below(1_000_000)}`), "new");
    return;
  }
  const changes: readonly (() => void)[] = [
    () => writeFileSync(fresh, chance.bytes(20)),
    () => mkdirSync(fresh),
    () => appendFileSync(file, "more"),
    () => rmSync(file),
    () => renameSync(file, fresh),
    () => renameSync(file, pick("file")),
    () => chmodSync(directory, chance.pick([0o700, 0o755, 0o711])),
    () => chmodSync(file, chance.pick([0o600, 0o644])),
    () => symlinkSync("anywhere", fresh),
    () => {
      const { atime, mtime } = lstatSync(directory);
      writeFileSync(join(directory, `hidden ${chance.below(1_000_000)}`), "added, and the time put back");
      utimesSync(directory, atime, mtime);
    },
    () => {
      if (!fresh.startsWith(`${directory}/`)) renameSync(directory, fresh);
    },
    () => {
      if (!`${other}/`.startsWith(`${directory}/`) && !`${directory}/`.startsWith(`${other}/`))
        exchange(directory, other);
    },
    () => {
      if (all.length > 40) rmSync(directory, { recursive: true });
    },
  ];
  chance.pick(changes)();
}

/** Changes both until that was at the same moment, as precisely as the file system tells. */
function haveSameTimes(one: string, other: string): void {
  do {
    for (const path of [one, other]) chmodSync(path, 0o755);
    for (const path of [one, other]) utimesSync(path, 1, 1);
  } while (lstatSync(one).ctimeMs !== lstatSync(other).ctimeMs);
}

function exchange(one: string, other: string): void {
  const aside = `${one} aside`;
  if (existsSync(aside)) return;
  renameSync(one, aside);
  renameSync(other, one);
  renameSync(aside, other);
}
